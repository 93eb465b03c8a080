// The small copies of stored pictures, which are asked for where a picture itself cannot be shown: that of the task
// that stored it as it made it, or that of a SaveImageOperator's task beside it.

import { PREVIEWS, list } from "./airflow_api.js";

const forever = new AbortController().signal;

function isOf({ jobId, mediaId }, image) {
  return (jobId !== null && jobId === image.jobId) || (mediaId !== null && mediaId === image.mediaId);
}

// Nothing keeps what is read without a stamp: it is the largest of all values, and needed seldom.
const unread = (at) => ({ ...at, key: PREVIEWS, stamp: null, state: "unread", value: undefined });

export class StoredCopies {
  #changed;
  #hasImage;
  #found = new Map(); // promises of copies, by the ids and stamps of their items
  #lists = new Map(); // promises of what is to be read of a run, by the run
  #values = new Map(); // promises of values, by what is to be read
  #waiting = new Map(); // what to call with a value, by what is to be read
  #turn = Promise.resolve(); // runs are listed one after another

  // changed: called when there is something to read. hasImage: says whether a task has made an image: its copy is of that.
  constructor(changed, hasImage) {
    this.#changed = changed;
    this.#hasImage = hasImage;
  }

  // What is to be read.
  get pending() {
    return [...this.#waiting.keys()];
  }

  // Promises the copy of an item's picture: {source, path}, or null.
  of({ id, at, record, image }) {
    const key = `${id} ${record.stamp}`;
    if (!this.#found.has(key)) this.#found.set(key, this.#find(at, image));
    return this.#found.get(key);
  }

  // Tells those who wait what has been read since.
  settle() {
    for (const [record, tell] of this.#waiting) {
      if (record.state !== "read" && record.state !== "failed") continue;
      this.#waiting.delete(record);
      tell(record.value ?? null);
    }
  }

  async #find(at, image) {
    if (!image.jobId && !image.mediaId) return null;
    const records = image.path ? [unread(at)] : await this.#beside(at);
    const copies = await Promise.all(records.map((record) => this.#read(record)));
    return copies.find((copy) => copy && isOf(copy, image)) ?? null;
  }

  async #beside({ beside, ...run }) {
    return (await this.#list(run)).filter((one) => one.beside === beside && !this.#hasImage(one));
  }

  #list({ dag, run }) {
    const key = JSON.stringify([dag, run]);
    if (!this.#lists.has(key)) {
      this.#turn = this.#turn.then(() => listAll(dag, run));
      this.#lists.set(key, this.#turn);
    }
    return this.#lists.get(key);
  }

  #read(record) {
    if (!this.#values.has(record)) {
      this.#values.set(record, new Promise((tell) => this.#waiting.set(record, tell)));
      this.#changed();
    }
    return this.#values.get(record);
  }
}

async function listAll(dag, run) {
  const found = [];
  try {
    for await (const { records } of list(PREVIEWS, { dag, run, since: 0, signal: forever })) {
      found.push(...records.map(unread));
    }
  } catch {
    // What is not listed is not shown.
  }
  return found;
}
