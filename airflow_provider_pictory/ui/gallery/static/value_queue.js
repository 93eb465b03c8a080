// Reads values while the page shows them. Each is a call, which the api-server has to work for: those in view are read
// at once, others only by and by, and not without end unless somebody asks for what needs them.

import { FIELDS, IMAGES, POSTS, PREVIEWS, REQUESTS, read } from "./airflow_api.js";
import { keep } from "./kept_values.js";
import { taskOf } from "./parse_tasks.js";
import { readImage, readPost, readPreview, readRequest } from "./parse_xcom.js";

const ALONGSIDE = 6; // calls at a time for what is in view, or was asked for
const ASIDE = 2; // calls at a time for the rest
const UNASKED = 500; // values that are read by themselves beside those in view
const PAUSES = [1000, 4000]; // ms before a value that could not be read is asked for again

export const PARSE = {
  [IMAGES]: readImage,
  [POSTS]: readPost,
  [REQUESTS]: readRequest,
  [PREVIEWS]: readPreview,
  [FIELDS]: taskOf,
};

const isUnread = ({ state }) => state === "unread";

export class ValueQueue {
  busy = 0;
  paused = true; // until everything is listed: what is in view is read nevertheless
  all = false; // whether somebody has asked for everything

  #signal;
  #events;
  #urgent = [];
  #rest = [];
  #unasked = 0;
  #misses = 0;

  // events: {changed(), gone(record), ended(error)}.
  constructor(signal, events) {
    this.#signal = signal;
    this.#events = events;
  }

  // Whether it will read on by itself.
  get goesOn() {
    return this.busy > 0 || Boolean(!this.#givenUp && this.#mayReadRest() && this.#rest.some(isUnread));
  }

  // urgent: records to read first. rest: others, the first ones first.
  want(urgent, rest) {
    this.#urgent = urgent;
    this.#rest = rest;
    this.work();
  }

  // Takes up again what was given up.
  again() {
    this.#misses = 0;
    this.work();
  }

  // Whether it waits for the next listing, since Airflow hands over nothing now.
  get #givenUp() {
    return this.#misses >= ALONGSIDE;
  }

  #mayReadRest() {
    return !this.paused && !document.hidden && (this.all || this.#unasked < UNASKED);
  }

  #next() {
    const urgent = this.#urgent.find(isUnread);
    if (urgent || !this.#mayReadRest() || this.busy >= (this.all ? ALONGSIDE : ASIDE)) return urgent;
    const place = this.#rest.findIndex(isUnread);
    const [record] = this.#rest.splice(0, place < 0 ? this.#rest.length : place + 1).slice(-1);
    if (place < 0) return undefined;
    this.#unasked += 1;
    return record;
  }

  work() {
    while (this.busy < ALONGSIDE && !this.#givenUp && !this.#signal.aborted) {
      const record = this.#next();
      if (!record) return;
      this.busy += 1;
      record.state = "reading";
      this.#read(record).finally(() => {
        this.busy -= 1;
        this.#events.changed();
        this.work();
      });
    }
  }

  async #read(record) {
    for (const pause of [...PAUSES, null]) {
      try {
        const value = await read(record, this.#signal);
        record.value = PARSE[record.key](value);
        record.state = "read";
        this.#misses = 0;
        if (record.stamp) keep(record, value);
        return;
      } catch (error) {
        if (error.kind === "gone") return this.#events.gone(record);
        if (error.kind === "login" || this.#signal.aborted) {
          record.state = "unread";
          this.#misses = ALONGSIDE;
          return this.#events.ended(error);
        }
        if (error.kind === "forbidden" || pause === null) {
          record.state = "failed";
          this.#misses += 1;
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
