// Lists the tasks that make and post images, with what they were asked to do, what people were asked to approve, and the
// tags of DAGs. None of it needs a call for each task.

import { listApprovals, listTags, listTasks } from "./airflow_api.js";
import { UNFINISHED } from "./parse_tasks.js";

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

  constructor(scope, changed, signal) {
    this.#scope = { ...scope, signal };
    this.#since = scope.since;
    this.#changed = changed;
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
    const former = [...this.tasks.values()].filter(({ state }) => UNFINISHED.includes(state));
    const unfinished = this.#put("tasks", listTasks(UNFINISHED, { ...this.#scope, since: 0 }));
    const failed = this.#put("tasks", listTasks(["failed"], { ...this.#scope, since }));
    const [found] = await Promise.all([unfinished, failed]);
    for (const task of former) {
      if (found && !found.has(task.place) && this.tasks.get(task.place) === task) this.tasks.delete(task.place);
    }
    await this.#put("tasks", listTasks(["success", "skipped"], { ...this.#scope, since }), MOST);
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
