// Lists the tasks that make and post images, with what they were asked to do, what people were asked to approve, and
// the tags of DAGs. None of it needs a call for each task.

import { listApprovals, listTags, listTasks } from "./airflow_api.js";
import { GOING_ON } from "./parse_tasks.js";

const MOST = 5000; // of the tasks that have succeeded
const SKEW = 60_000; // ms by which clocks may differ

export class TaskLists {
  tasks = new Map(); // by place
  approvals = new Map(); // by place
  tags = new Map(); // by DAG
  forbidden = new Set(); // which of them this viewer may not list
  listed = false;

  #scope;
  #changed;
  #ended;
  #since;
  #wanted; // whether those that have succeeded are to be listed, of all runs
  #complete = false; // whether they were
  #busy = 0; // lists of those that have succeeded, beside list()
  #runs = new Set(); // of which all are listed

  // ended: called with each task that went on at the last look and does not any more.
  constructor(scope, signal, { changed, ended }) {
    this.#scope = { ...scope, signal };
    this.#since = scope.since;
    this.#changed = changed;
    this.#ended = ended;
    this.#wanted = Boolean(scope.run);
  }

  // Lists also those that have succeeded, which are many: of use are their rendered fields, for what is not read yet.
  wantAll() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#listBeside(this.#listAllSucceeded(0));
  }

  // Lists also those of one run that have succeeded.
  wantRun({ dag, run }) {
    const key = `${dag} ${run}`;
    if (this.#wanted || this.#runs.has(key) || !this.listed) return;
    this.#runs.add(key);
    this.#listBeside(this.#listSucceeded({ ...this.#scope, dag, run, since: 0 }));
  }

  // Whether something is being listed beside list().
  get isBusy() {
    return this.#busy > 0;
  }

  async #listBeside(listing) {
    this.#busy += 1;
    try {
      await listing;
    } catch {
      // The next list() says what is wrong, if it still is.
    } finally {
      this.#busy -= 1;
      this.#changed();
    }
  }

  // All of them until that has succeeded once, then those that were touched since a time.
  async #listAllSucceeded(since) {
    await this.#listSucceeded({ ...this.#scope, since: this.#complete ? since : this.#scope.since });
    this.#complete = true;
  }

  #listSucceeded(scope) {
    return this.#put("tasks", listTasks(["success", "skipped"], scope, scope.kind), MOST);
  }

  // Lists all, or what has changed since the last time. What has failed or goes on comes first.
  async list() {
    const since = this.#since;
    const now = Date.now();
    const tags = this.listed ? [] : [this.#listTags()];
    await Promise.all([this.#listTasks(since), this.#put("approvals", listApprovals(this.#scope)), ...tags]);
    this.#since = Math.max(this.#scope.since, now - SKEW);
    this.listed = true;
    this.#changed();
  }

  async #listTasks(since) {
    const former = [...this.tasks.values()].filter(({ state }) => GOING_ON.includes(state));
    const unfinished = this.#put("tasks", listTasks(GOING_ON, { ...this.#scope, since: 0 }));
    const failed = this.#put("tasks", listTasks(["failed"], { ...this.#scope, since }));
    const [found] = await Promise.all([unfinished, failed]);
    for (const task of former.filter(({ place }) => found && !found.has(place))) {
      if (this.tasks.get(task.place) === task) this.tasks.delete(task.place);
      this.#ended(task);
    }
    if (this.#wanted && !this.isBusy) await this.#listAllSucceeded(since);
  }

  // What a viewer may not list is missing from the page, which says so.
  async #put(name, pages, most = Infinity) {
    const found = new Map();
    try {
      for await (const entries of pages) {
        for (const entry of entries) {
          found.set(entry.place, entry);
          this[name].set(entry.place, entry);
        }
        this.#changed();
        if (found.size >= most) break;
      }
    } catch (error) {
      if (error.kind !== "forbidden") throw error;
      this.forbidden.add(name);
      return null;
    }
    return found;
  }

  async #listTags() {
    try {
      this.tags = await listTags(this.#scope.signal);
    } catch (error) {
      if (error.kind !== "forbidden") throw error;
    }
  }
}
