// Lists the images and posts that the page shows, which are XComs. Their values are read by value_queue.js;
// task_lists.js has the tasks that make and post them.

import { FIELDS, IMAGES, POSTS, REQUESTS, list } from "./airflow_api.js";
import { find } from "./kept_values.js";
import { NOT_STARTED } from "./parse_tasks.js";
import { TaskLists } from "./task_lists.js";
import { PARSE, ValueQueue } from "./value_queue.js";

export const MOST = 5000; // of images, and of posts

// What says what a task without an image was asked to do, where its own entry in the list does not.
function requestOf({ kind, known, state }) {
  if (kind === "wait") return REQUESTS;
  return kind === "make" && !known && !NOT_STARTED.includes(state) ? FIELDS : null;
}

const runOf = ({ dag, run }) => `${dag} ${run}`;

export class Reader {
  problem = null; // the kind of a refusal that ended the listing, or of a login that is missing
  cut = false; // whether there is more than MOST
  listed = { [IMAGES]: false, [POSTS]: false };
  totals = {}; // how many Airflow has of what is being listed, by key, where all of it is

  #scope;
  #changed;
  #abort = new AbortController();
  #kept = { [IMAGES]: new Map(), [POSTS]: new Map(), [REQUESTS]: new Map() };
  #known;
  #sorted = {};
  #queue;
  #listing = false;
  #tasks;

  // scope: {dag, run, since}, where dag and run may be undefined and since is a time in ms.
  // changed: called when there is something new to show.
  // known: a reader whose values need not be read again.
  constructor(scope, changed, known) {
    this.#scope = scope;
    this.#changed = changed;
    this.#known = known?.#kept;
    this.#tasks = new TaskLists(scope, changed, this.#abort.signal);
    this.#queue = new ValueQueue(this.#abort.signal, {
      changed,
      gone: (record) => this.#drop(record),
      ended: (error) => this.#end(error),
    });
  }

  get images() {
    return this.#newestFirst(IMAGES);
  }

  get posts() {
    return this.#newestFirst(POSTS);
  }

  get postsListed() {
    return this.listed[POSTS];
  }

  get tasks() {
    return this.#tasks.tasks;
  }

  get approvals() {
    return this.#tasks.approvals;
  }

  get tags() {
    return this.#tasks.tags;
  }

  // Which of tasks and approvals this viewer may not list.
  get forbidden() {
    return this.#tasks.forbidden;
  }

  get allListed() {
    return this.listed[IMAGES] && this.listed[POSTS] && this.#tasks.listed && !this.#tasks.isBusy;
  }

  // Whether there are values that could not be read, however often they were asked for.
  get failed() {
    return [...this.images, ...this.posts].some(({ state }) => state === "failed");
  }

  get done() {
    return Boolean(this.problem) || (this.allListed && !this.#queue.goesOn);
  }

  // Reads all, or what is new since the last time.
  async start() {
    if (this.#listing) return;
    this.#listing = true;
    try {
      await Promise.all([this.#list(IMAGES), this.#list(POSTS), this.#tasks.list()]);
    } catch (error) {
      return this.#end(error);
    } finally {
      this.#listing = false;
    }
    this.#known = null;
    this.problem = null;
    this.#queue.paused = false;
    this.#queue.again();
    this.#changed();
  }

  // Reads again what could not be read.
  retry() {
    for (const record of [...this.images, ...this.posts]) {
      if (record.state === "failed") record.state = "unread";
    }
    this.problem = null;
    this.#changed();
    this.start();
  }

  // inView: what the page shows first: records, or tasks without one. rest: records to read after it. all: whether to
  // read all of the rest.
  want(inView, rest, all) {
    const runs = new Set(inView.map(runOf));
    const near = this.posts.filter((post) => runs.has(runOf(post)));
    for (const task of inView.filter((one) => !one.key && !this.request(one.place))) {
      const key = requestOf(task);
      if (key) this.#kept[REQUESTS].set(task.place, { ...task, key, state: "unread" });
    }
    const requests = [...this.#kept[REQUESTS].values()];
    this.#queue.all = all;
    if (!this.problem) this.#queue.want([...inView.filter(({ key }) => key), ...near, ...requests], [...rest]);
  }

  // Lists also the tasks that have succeeded, of all or of one run, for what they were asked to do.
  wantTasks(place) {
    if (place) this.#tasks.wantRun(place);
    else this.#tasks.wantAll();
  }

  // What a task was asked to do, or the request that it waits for, if it is known.
  request(place) {
    return this.#kept[REQUESTS].get(place);
  }

  stop() {
    this.#abort.abort();
  }

  async #list(key) {
    const newest = this.listed[key] ? (this.#newestFirst(key)[0]?.time ?? 0) : 0;
    const since = Math.max(this.#scope.since, newest);
    for await (const { records, total } of list(key, { ...this.#scope, since, signal: this.#abort.signal })) {
      if (!this.listed[key] && since === 0) this.totals[key] = total;
      await this.#keep(key, records);
      this.#changed();
      if (this.#kept[key].size >= MOST) {
        this.cut = true;
        break;
      }
    }
    this.listed[key] = true;
    this.#changed();
  }

  async #keep(key, records) {
    const [kept, known] = [this.#kept[key], this.#known?.[key]];
    const fresh = records.filter(({ id, stamp }) => kept.get(id)?.stamp !== stamp);
    for (const record of fresh) {
      const former = known?.get(record.id);
      kept.set(record.id, former?.stamp === record.stamp && former.state === "read" ? former : record);
    }
    const unread = fresh.map(({ id }) => kept.get(id)).filter(({ state }) => state === "unread");
    const values = await find(unread);
    unread.forEach((record, at) => {
      if (values[at] !== undefined && record.state === "unread") {
        Object.assign(record, { value: PARSE[key](values[at]), state: "read" });
      }
    });
    this.#sorted[key] = null;
  }

  #newestFirst(key) {
    return (this.#sorted[key] ??= [...this.#kept[key].values()].sort((a, b) => b.time - a.time));
  }

  #drop(record) {
    if (!record.stamp) return Object.assign(record, { state: "failed" });
    this.#kept[record.key].delete(record.id);
    this.#sorted[record.key] = null;
    return undefined;
  }

  #end(error) {
    if (this.#abort.signal.aborted) return;
    this.problem = error.kind ?? "server";
    this.#changed();
  }
}
