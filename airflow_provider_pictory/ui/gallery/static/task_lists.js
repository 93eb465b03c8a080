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
  #since;
  #succeeded; // since when those that have succeeded are to be listed; undefined if they are not
  #listing = null; // those that have succeeded
  #runs = new Set(); // of which all are listed

  constructor(scope, changed, signal) {
    this.#scope = { ...scope, signal };
    this.#since = scope.since;
    this.#changed = changed;
    if (scope.run) this.#succeeded = scope.since;
  }

  // Lists also those that have succeeded, which are many: of use are their rendered fields, for what is not read yet.
  wantAll() {
    if (this.#succeeded !== undefined) return;
    this.#succeeded = this.#scope.since;
    if (this.listed) this.#listAgain({ ...this.#scope, since: this.#succeeded });
  }

  // Lists also those of one run that have succeeded.
  wantRun({ dag, run }) {
    const key = `${dag} ${run}`;
    if (this.#succeeded !== undefined || this.#runs.has(key) || !this.listed) return;
    this.#runs.add(key);
    this.#listAgain({ ...this.#scope, dag, run, since: 0 });
  }

  // Whether something is being listed beside list().
  get isBusy() {
    return this.#listing !== null;
  }

  async #listAgain(scope) {
    try {
      this.#listing = this.#listSucceeded(scope);
      await this.#listing;
    } catch {
      // The next list() says what is wrong, if it still is.
    } finally {
      this.#listing = null;
      this.#changed();
    }
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
    for (const task of former) {
      if (found && !found.has(task.place) && this.tasks.get(task.place) === task) this.tasks.delete(task.place);
    }
    if (this.#succeeded === undefined) return;
    const before = this.listed ? since : this.#succeeded;
    await this.#listSucceeded({ ...this.#scope, since: before });
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
