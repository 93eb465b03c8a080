// Reads what the page shows while it shows it. Airflow lists XComs without their values, so each value is a call, which
// the api-server has to work for: those in view are read at once, others only by and by, and not without end unless
// somebody asks for sums or filters that need them. All is kept for as long as the page is open, and no longer.

import { IMAGES, POSTS, list, read } from "./airflow_api.js";
import { readImage, readPost } from "./parse_xcom.js";

const ALONGSIDE = 6; // calls at a time for what is in view
const ASIDE = 2; // calls at a time for the rest
const UNASKED = 500; // values that are read by themselves beside those in view
const PAUSES = [1000, 4000]; // ms before a value that could not be read is asked for again
const PARSE = { [IMAGES]: readImage, [POSTS]: readPost };

export const MOST = 5000; // of images, and of posts

const unread = ({ state }) => state === "unread";
const run = ({ dag, run }) => `${dag} ${run}`;

export class Reader {
  problem = null; // the kind of a refusal that ended the listing, or of a login that is missing
  cut = false; // whether there is more than MOST

  #scope;
  #changed;
  #known;
  #abort = new AbortController();
  #kept = { [IMAGES]: new Map(), [POSTS]: new Map() };
  #listed = { [IMAGES]: false, [POSTS]: false };
  #sorted = {};
  #inView = [];
  #runsInView = new Set();
  #dag = "";
  #all = false;
  #unasked = 0;
  #backlog = null;
  #listing = false;
  #busy = 0;
  #misses = 0;

  // scope: {dag, run, since}, where dag and run may be undefined and since is a time in ms.
  // changed: called when there is something new to show.
  // known: a reader whose values need not be read again.
  constructor(scope, changed, known) {
    this.#scope = scope;
    this.#changed = changed;
    this.#known = known?.#kept;
  }

  get images() {
    return this.#newestFirst(IMAGES);
  }

  get posts() {
    return this.#newestFirst(POSTS);
  }

  get imagesListed() {
    return this.#listed[IMAGES];
  }

  get postsRead() {
    return this.#listed[POSTS] && this.posts.every(({ state }) => state === "read" || state === "failed");
  }

  get listed() {
    return this.#listed[IMAGES] && this.#listed[POSTS];
  }

  // Whether there are values that could not be read, however often they were asked for.
  get failed() {
    return [...this.images, ...this.posts].some(({ state }) => state === "failed");
  }

  get done() {
    return this.listed && !this.#busy;
  }

  // Reads all, or what is new since the last time.
  async start() {
    if (this.#listing) return;
    this.#listing = true;
    try {
      await Promise.all([this.#list(IMAGES), this.#list(POSTS)]);
    } catch (error) {
      return this.#end(error);
    } finally {
      this.#listing = false;
    }
    this.#known = null;
    this.problem = null;
    this.#misses = 0;
    this.#work();
    this.#changed();
  }

  // Reads again what could not be read.
  retry() {
    for (const record of [...this.images, ...this.posts]) {
      if (record.state === "failed") record.state = "unread";
    }
    this.problem = null;
    this.#backlog = null;
    this.#changed();
    this.start();
  }

  // inView: records of images to read first. dag: of which alone to read more, if not "". all: whether to read all.
  want(inView, dag, all) {
    this.#inView = inView;
    this.#runsInView = new Set(inView.map(run));
    if (dag !== this.#dag) this.#backlog = null;
    this.#dag = dag;
    this.#all = all;
    this.#work();
  }

  stop() {
    this.#abort.abort();
  }

  async #list(key) {
    const since = this.#listed[key] ? Math.max(this.#scope.since, ...this.#newestTime(key)) : this.#scope.since;
    for await (const records of list(key, { ...this.#scope, since, signal: this.#abort.signal })) {
      for (const record of records) this.#keep(record);
      this.#sorted[key] = null;
      this.#backlog = null;
      this.#work();
      this.#changed();
      if (this.#kept[key].size >= MOST) {
        this.cut = true;
        break;
      }
    }
    this.#listed[key] = true;
    this.#work();
    this.#changed();
  }

  #newestTime(key) {
    return this.#newestFirst(key).slice(0, 1).map(({ time }) => time);
  }

  #keep(record) {
    const kept = this.#kept[record.key];
    if (kept.get(record.id)?.time === record.time) return;
    const known = this.#known?.[record.key].get(record.id);
    kept.set(record.id, known?.time === record.time && known.state === "read" ? known : record);
  }

  #newestFirst(key) {
    return (this.#sorted[key] ??= [...this.#kept[key].values()].sort((a, b) => b.time - a.time));
  }

  #urgent() {
    return this.#inView.find(unread) ?? this.posts.find((post) => unread(post) && this.#runsInView.has(run(post)));
  }

  #next() {
    if (!this.listed || document.hidden || this.#busy >= ASIDE) return undefined;
    if (this.#unasked >= UNASKED && !this.#all) return undefined;
    const wanted = ({ key, dag }) => key === POSTS || !this.#dag || dag === this.#dag;
    this.#backlog ??= [...this.images.filter(wanted), ...this.posts].filter(unread).sort((a, b) => a.time - b.time);
    while (this.#backlog.length) {
      const record = this.#backlog.pop();
      if (!unread(record)) continue;
      this.#unasked += 1;
      return record;
    }
    return undefined;
  }

  #work() {
    while (this.#busy < ALONGSIDE && this.#misses < ALONGSIDE && !this.problem && !this.#abort.signal.aborted) {
      const record = this.#urgent() ?? this.#next();
      if (!record) return;
      this.#busy += 1;
      record.state = "reading";
      this.#read(record).finally(() => {
        this.#busy -= 1;
        this.#changed();
        this.#work();
      });
    }
  }

  async #read(record) {
    for (const pause of [...PAUSES, null]) {
      try {
        record.value = PARSE[record.key](await read(record, this.#abort.signal));
        record.state = "read";
        this.#misses = 0;
        return;
      } catch (error) {
        if (error.kind === "gone") return this.#drop(record);
        if (error.kind === "login" || this.#abort.signal.aborted) {
          record.state = "unread";
          return this.#end(error);
        }
        if (error.kind === "forbidden" || pause === null) {
          record.state = "failed";
          this.#misses += 1;
          return;
        }
      }
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  #drop(record) {
    this.#kept[record.key].delete(record.id);
    this.#sorted[record.key] = null;
  }

  #end(error) {
    if (this.#abort.signal.aborted) return;
    this.problem = error.kind ?? "server";
    this.#changed();
  }
}
