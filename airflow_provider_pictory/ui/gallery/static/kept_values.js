// What the browser keeps of the values that it has read, so that they are not asked for again: the XCom of a finished
// try never changes. A value is found by the entry that Airflow lists for it, so that only those see it who may.

import { API } from "./addresses.js";

const NAME = `pictory-gallery ${API.pathname}`; // Airflows under several paths of an address share its storage
const DAYS = 35;
const MOST = 20_000;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const store = request.result.createObjectStore("values", { keyPath: "id" });
    store.createIndex("kept", "kept");
  };
  return done(request);
}

let opened;

async function store(mode) {
  opened ??= open().then(async (database) => {
    await forget(database.transaction("values", "readwrite").objectStore("values"));
    return database;
  });
  return (await opened).transaction("values", mode).objectStore("values");
}

// Forgets what is old, and the oldest of what is too much.
async function forget(values) {
  const old = IDBKeyRange.upperBound(Date.now() - DAYS * 24 * 60 * 60 * 1000);
  let surplus = (await done(values.count())) - MOST;
  const cursors = values.index("kept").openCursor();
  await new Promise((resolve, reject) => {
    cursors.onerror = () => reject(cursors.error);
    cursors.onsuccess = () => {
      const cursor = cursors.result;
      if (!cursor || (surplus <= 0 && !old.includes(cursor.key))) return resolve();
      surplus -= 1;
      cursor.delete();
      cursor.continue();
    };
  });
}

const idOf = ({ id, stamp }) => `${id} ${stamp}`;

// Returns what is kept of each of the records: undefined where it is nothing.
export async function find(records) {
  if (!records.length || !globalThis.indexedDB) return records.map(() => undefined);
  try {
    const values = await store("readonly");
    return (await Promise.all(records.map((record) => done(values.get(idOf(record)))))).map((kept) => kept?.value);
  } catch {
    return records.map(() => undefined); // some browsers keep nothing in private windows
  }
}

let waiting = [];

// Keeps a value, soon: several at a time.
export function keep(record, value) {
  if (!globalThis.indexedDB) return;
  if (!waiting.length) setTimeout(write, 500);
  waiting.push({ id: idOf(record), kept: Date.now(), value });
}

async function write() {
  const entries = waiting;
  waiting = [];
  try {
    const values = await store("readwrite");
    for (const entry of entries) values.put(entry);
  } catch {
    // as above
  }
}
