// Lists the images and posts that the page shows, which are XComs. Their values are read by value_queue.js;
// task_lists.js has the tasks that make and post them.

import { FIELDS, IMAGES, POSTS, REQUESTS } from "./airflow_api.js";
import { NOT_STARTED } from "./parse_tasks.js";
import { TaskLists } from "./task_lists.js";
import { ValueQueue } from "./value_queue.js";
import { XComList } from "./xcom_list.js";

const SOON_READ = 100; // values, which are read sooner than the tasks are listed that say the same
const LISTED_AS_SOON = 20; // records whose tasks are listed as soon as one value is read

// What says what a task without an image was asked to do, where its own entry in the list does not.
function requestOf({ kind, known, state }) {
  if (kind === "wait") return REQUESTS;
  return kind === "make" && !known && !NOT_STARTED.includes(state) ? FIELDS : null;
}

const runOf = ({ dag, run }) => `${dag} ${run}`;

export class Reader {
  problem = null; // the kind of a refusal that ended the listing, or of a login that is missing

  #scope;
  #changed;
  #abort = new AbortController();
  #images;
  #posts;
  #requests = new Map(); // by place
  #queue;
  #listing = false;
  #tasks;

  // scope: {dag, run, since, costs}, where dag and run may be undefined, since is a time in ms, and costs says that it is
  // for what images have cost.
  // changed: called when there is something new to show.
  // known: a reader whose values need not be read again.
  constructor(scope, changed, known) {
    const { signal } = this.#abort;
    this.#scope = { ...scope, signal };
    this.#changed = changed;
    this.#images = new XComList(IMAGES, known?.#images);
    this.#posts = new XComList(POSTS, known?.#posts);
    const ended = (task) => this.#images.doubt(task);
    this.#tasks = new TaskLists({ ...scope, kind: scope.costs && "make" }, signal, { changed, ended });
    this.#queue = new ValueQueue(signal, {
      changed,
      gone: (record) => this.#drop(record),
      ended: (error) => this.#end(error),
    });
  }

  get images() {
    return this.#images.newestFirst;
  }

  get posts() {
    return this.#posts.newestFirst;
  }

  get imagesListed() {
    return this.#images.listed;
  }

  get postsListed() {
    return this.#posts.listed;
  }

  // The time since which all images are listed.
  get imagesSince() {
    return this.#images.since;
  }

  // How many images Airflow has, if all of them are being listed.
  get total() {
    return this.#images.total;
  }

  // Whether there are more images or posts than are listed.
  get cut() {
    return this.#images.cut || this.#posts.cut;
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
    return this.imagesListed && this.postsListed && this.#tasks.listed && !this.#tasks.isBusy;
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
      await Promise.all([this.#listXComs(), this.#tasks.list()]);
    } catch (error) {
      return this.#end(error);
    } finally {
      this.#listing = false;
    }
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
      if (key) this.#requests.set(task.place, { ...task, key, state: "unread" });
    }
    const requests = [...this.#requests.values()];
    this.#queue.all = all;
    if (!this.problem) this.#queue.want([...inView.filter(({ key }) => key), ...near, ...requests], [...rest]);
  }

  // Lists also the tasks of a run that have succeeded, for what they were asked to do.
  wantTasks(run) {
    this.#tasks.wantRun(run);
  }

  // The same of all runs, unless nearly all values are read, which say it too.
  wantAllTasks() {
    const records = this.#scope.costs ? this.images : [...this.images, ...this.posts];
    const unread = records.filter(({ state }) => state !== "read").length;
    if (unread > (this.allListed ? records.length / LISTED_AS_SOON : SOON_READ)) this.#tasks.wantAll();
  }

  // What a task was asked to do, or the request that it waits for, if it is known.
  request(place) {
    return this.#requests.get(place);
  }

  stop() {
    this.#abort.abort();
  }

  async #listXComs() {
    const list = (xcoms) => xcoms.list(this.#scope, this.#changed);
    const images = list(this.#images);
    await Promise.all([images, this.#scope.costs ? images.then(() => list(this.#posts)) : list(this.#posts)]);
  }

  #drop(record) {
    if (record.stamp) (record.key === IMAGES ? this.#images : this.#posts).drop(record);
    else record.state = "failed";
  }

  #end(error) {
    if (this.#abort.signal.aborted) return;
    this.problem = error.kind ?? "server";
    this.#changed();
  }
}
