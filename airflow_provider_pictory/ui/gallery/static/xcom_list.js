// The XComs of one key, as far as Airflow has listed them, the newest first. Their values are read by value_queue.js.

import { list } from "./airflow_api.js";
import { find } from "./kept_values.js";
import { PARSE } from "./value_queue.js";

export const MOST = 5000; // records that are listed
const SKEW = 60_000; // ms by which clocks may differ

export class XComList {
  listed = false; // once; it may be listed again for what is new
  since = Infinity; // the time since which all are listed
  total = 0; // how many Airflow has, where all of them are being listed
  cut = false; // whether there are more than MOST

  #key;
  #records = new Map();
  #newestFirst = null;
  #known = new Map();

  // known: another list, whose values need not be read again.
  constructor(key, known) {
    this.#key = key;
    if (known) this.#known = known.#records;
  }

  get newestFirst() {
    return (this.#newestFirst ??= [...this.#records.values()].sort((a, b) => b.time - a.time));
  }

  // Lists all of a scope, or what is new since the last time. changed: called when a page of it is there.
  async list(scope, changed) {
    const newest = this.listed ? (this.newestFirst[0]?.time ?? 0) : 0;
    const since = Math.max(scope.since, newest - SKEW);
    for await (const { records, total, reached } of list(this.#key, { ...scope, since })) {
      if (!this.listed && since === 0) this.total = total;
      await this.#take(records);
      this.since = Math.min(this.since, reached);
      if (!this.listed && this.#records.size >= MOST) {
        this.cut = true;
        break;
      }
      changed();
    }
    if (!this.cut) this.since = scope.since;
    this.listed = true;
    this.#known = new Map();
    changed();
  }

  // Lets the value of a task that has failed be read again, which a later try may have removed.
  doubt({ place }) {
    const record = this.newestFirst.find((one) => one.place === place);
    if (record?.value?.error) record.state = "unread";
  }

  drop({ id }) {
    this.#records.delete(id);
    this.#newestFirst = null;
  }

  // A record whose value another list has, or the browser has kept, comes with it.
  async #take(records) {
    const fresh = records.filter(({ id, stamp }) => this.#records.get(id)?.stamp !== stamp);
    const taken = fresh.map((record) => {
      const former = this.#known.get(record.id);
      return former?.stamp === record.stamp && former.state === "read" ? former : record;
    });
    for (const record of taken) this.#records.set(record.id, record);
    const unread = taken.filter(({ state }) => state === "unread");
    const values = await find(unread);
    unread.forEach((record, at) => {
      if (values[at] !== undefined && record.state === "unread") {
        Object.assign(record, { value: PARSE[this.#key](values[at]), state: "read" });
      }
    });
    this.#newestFirst = null;
  }
}
