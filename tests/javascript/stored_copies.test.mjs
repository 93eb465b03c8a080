import assert from "node:assert/strict";
import { beforeEach, describe, mock, test } from "node:test";

import { GALLERY, IMAGES, Status, serve, settle } from "./airflow.mjs";

const { Reader } = await import(`${GALLERY}/load_data.js`);
const { StoredCopies } = await import(`${GALLERY}/stored_copies.js`);

const PREVIEWS = "pictory_preview";
const SOURCE = "data:image/webp;base64,UklGRg==";
const PATH = "s3://bucket/fox.png";

let airflow;
let copies;
let made;
let inView;

beforeEach(() => {
  airflow = serve();
  inView = [];
  copies = new StoredCopies(want, ({ place }) => made.images.some((image) => image.place === place));
});

// As the page does whenever there is something new.
function want() {
  copies.settle();
  made.want([...inView, ...copies.pending], [], false);
}

// Lists the images, and returns an item of each with what its value says of where it is stored.
async function items() {
  made = new Reader({ since: 0 }, want);
  made.start();
  await settle();
  inView = made.images;
  want();
  await settle();
  await settle();
  airflow.reads.length = 0;
  airflow.listings.length = 0;
  return made.images.map((record) => ({ id: record.place, at: record, record, image: record.value }));
}

const preview = (job, more = {}) => ({ job_id: job, media_id: null, path: PATH, preview: SOURCE, ...more });

// Adds an image, and the copy of a task: its own, or that of another.
function add(task, job, { path, copyBy, copy, ...more } = {}) {
  airflow.add({ task, value: { job_id: job, path }, ...more });
  if (copyBy) airflow.add({ key: PREVIEWS, task: copyBy, value: copy ?? preview(job), ...more });
}

async function found(item) {
  const promise = copies.of(item);
  await settle();
  return promise;
}

describe("the copy of a picture", () => {
  test("that its own task has stored takes one call, and none the second time", async () => {
    add("a", "1", { path: PATH, copyBy: "a" });
    const [item] = await items();
    assert.deepEqual(await found(item), { jobId: "1", mediaId: null, path: PATH, source: SOURCE });
    await found(item);
    assert.deepEqual([airflow.reads, airflow.listings], [["a"], []]);
  });

  test("of a mapped task is that of its index", async () => {
    add("a", "1", { path: PATH, copyBy: "a", mapIndex: 0 });
    add("a", "2", { path: PATH, copyBy: "a", mapIndex: 1 });
    for (const item of await items()) assert.equal((await found(item)).jobId, item.image.jobId);
  });

  test("that another task has stored is found beside the image, by its job", async () => {
    add("a", "1", { copyBy: "save_a" });
    add("b", "2", { copyBy: "save_b" });
    const [a, b] = await items();
    assert.equal((await found(a)).jobId, "1");
    assert.equal((await found(b)).jobId, "2");
    assert.deepEqual([airflow.listings.length, airflow.reads], [1, ["save_a", "save_b"]]);
    assert.match(airflow.listings[0].path, /dags\/dag\/dagRuns\/run\//);
  });

  test("of the media library is found by its media", async () => {
    airflow.add({ task: "a", value: { job_id: null, media_id: "m", path: PATH } });
    airflow.add({ key: PREVIEWS, task: "a", value: preview(null, { media_id: "m" }) });
    const [item] = await items();
    assert.equal((await found(item)).mediaId, "m");
  });

  test("is not that of another map index, or of another job", async () => {
    add("a", "1", { copyBy: "save", mapIndex: 0, copy: preview("9") });
    airflow.add({ key: PREVIEWS, task: "save", mapIndex: 1, value: preview("1") });
    const [item] = await items();
    assert.equal(await found(item), null);
    assert.deepEqual(airflow.reads, ["save"]);
  });

  test("of another job under its own task is not shown: it was run again since", async () => {
    add("a", "1", { path: PATH, copyBy: "a", copy: preview("2") });
    const [item] = await items();
    assert.equal(await found(item), null);
  });

  test("of another time of the same task is asked for again", async () => {
    add("a", "1", { path: PATH, copyBy: "a", copy: preview("2") });
    const [item] = await items();
    await found(item);
    airflow.entries.at(-1).value = preview("1");
    assert.equal((await found({ ...item, record: { ...item.record, stamp: "later" } })).source, SOURCE);
  });

  test("of another image is not asked for", async () => {
    add("a", "1");
    add("b", "2", { path: PATH, copyBy: "b" });
    const [a] = await items();
    assert.equal(await found(a), null);
    assert.deepEqual(airflow.reads, []);
  });

  test("is missing where none was stored, or nothing says of what it is", async () => {
    add("a", "1");
    airflow.add({ task: "b", value: { job_id: null } });
    const [a, b] = await items();
    assert.equal(await found(a), null);
    assert.equal(await found(b), null);
    assert.deepEqual([airflow.reads, airflow.listings.length], [[], 1]);
  });

  test("is missing where its value is gone, is no picture, or cannot be listed", async () => {
    add("a", "1", { path: PATH, copyBy: "a" });
    add("b", "2", { path: PATH, copyBy: "b", copy: preview("2", { preview: "data:text/html,x" }) });
    add("c", "3");
    const [a, b, c] = await items();
    const refuse = (status) => () => {
      throw new Status(status);
    };
    airflow.onRead = refuse(404);
    assert.equal(await found(a), null);
    airflow.onRead = ({ value }) => value;
    assert.equal(await found(b), null);
    airflow.onList = refuse(403);
    assert.equal(await found(c), null);
  });

  test("is missing where it cannot be read however often it is asked for", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    add("a", "1", { path: PATH, copyBy: "a" });
    const [item] = await items();
    airflow.onRead = () => {
      throw new Status(500);
    };
    const promise = copies.of(item);
    for (const pause of [0, 1000, 4000]) {
      mock.timers.tick(pause);
      await settle();
    }
    mock.timers.reset();
    assert.equal(await promise, null);
    assert.equal(airflow.reads.length, 3);
  });

  test("is read by the next reader where the time that is shown changes meanwhile", async () => {
    add("a", "1", { path: PATH, copyBy: "a" });
    const [item] = await items();
    let go;
    airflow.onRead = ({ value }) => new Promise((done) => (go = () => done(value)));
    const promise = copies.of(item);
    await settle();
    const former = made;
    made = new Reader({ since: 0 }, want, former);
    former.stop();
    airflow.onRead = ({ value }) => value;
    go();
    await settle();
    assert.equal((await promise).source, SOURCE);
  });

  test("is asked for through the queue of values: six at a time, runs one after another", async () => {
    for (let at = 0; at < 20; at += 1) {
      const own = { copyBy: `t${at}`, path: PATH };
      add(`t${at}`, String(at), { run: `r${at}`, ...(at % 2 ? own : { copyBy: "save" }) });
    }
    const all = await items();
    airflow.atOnce = 0;
    let [listing, most] = [0, 0];
    airflow.onList = async ({ key }) => {
      assert.equal(key, PREVIEWS);
      listing += 1;
      most = Math.max(most, listing);
      await settle();
      listing -= 1;
    };
    const promises = all.map((item) => copies.of(item));
    for (let at = 0; at < 40; at += 1) await settle();
    assert.ok((await Promise.all(promises)).every((copy) => copy));
    assert.ok(airflow.atOnce <= 6, String(airflow.atOnce));
    assert.deepEqual([most, airflow.listings.length], [1, 10]);
  });
});

test("images alone are listed before anybody asks for a copy", async () => {
  add("a", "1", { path: PATH, copyBy: "a" });
  const seen = [];
  airflow.onList = ({ key }) => seen.push(key);
  await items();
  assert.ok(seen.includes(IMAGES) && !seen.includes(PREVIEWS));
});
