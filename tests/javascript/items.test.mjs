import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { byPrompt, fits, join, openOf, spent } = await import(`${GALLERY}/items.js`);
const { placeOf } = await import(`${GALLERY}/parse_tasks.js`);
const { readImage } = await import(`${GALLERY}/parse_xcom.js`);

const NOW = Date.UTC(2026, 0, 10);
const PRICES = { "": 2, "flux-schnell": 0.6 };

function place(task, mapIndex = -1) {
  return placeOf({ dag_id: "d", run_id: "r", task_id: task, map_index: mapIndex });
}

function image(task, value, mapIndex) {
  const state = value === undefined ? "unread" : "read";
  return { ...place(task, mapIndex), key: "pictory_image", time: NOW, state, value: value && readImage(value) };
}

function task(name, kind, state, fields = {}, mapIndex = -1) {
  const nothing = { prompt: null, model: null, jobId: null, style: null, reference: null };
  return { ...place(name, mapIndex), kind, state, known: true, time: NOW, ...nothing, ...fields };
}

function items({ images = [], tasks = [], requests = {} } = {}) {
  const data = {
    images,
    posts: [],
    postsListed: true,
    approvals: new Map(),
    tasks: new Map(tasks.map((one) => [one.place, one])),
    request: (at) => requests[at],
  };
  return join(data, { prices: PRICES, now: NOW, dayOf: () => "2026-01-10" });
}

test("a sum may change by what is not read: what matches without a price, or may match", () => {
  const [priced, unpriced, read] = items({
    images: [image("a"), image("b"), image("c", { job_id: "1" })],
    tasks: [task("a", "make", "success", { model: "flux-schnell" }), task("b", "make", "success", { model: "new" })],
  });
  const all = [priced, unpriced, read];
  assert.deepEqual(openOf(all, new Set(all), false), [unpriced]);
  assert.deepEqual(openOf(all, new Set([priced]), true), [unpriced]);
  assert.deepEqual(openOf(all, new Set([unpriced]), true), [priced, unpriced]);
  assert.deepEqual(openOf(all, new Set([priced]), false), []);
});

const view = { dag: "", tag: "", model: "", state: "", attention: "", words: [] };

describe("each generation is an item", () => {
  test("also those that failed or go on, by their tasks alone", () => {
    const tasks = [
      task("a", "make", "failed", { prompt: "A fox" }),
      task("b", "make", "running"),
      task("c", "wait", "deferred"),
      task("d", "make", "up_for_retry"),
      task("e", "make", "success"),
      task("f", "post", "failed"),
      task("g", "wait", "skipped"),
    ];
    const found = items({ tasks }).map(({ at, making }) => [at.task, making]);
    assert.deepEqual(found, [["a", "failed"], ["b", "running"], ["c", "running"], ["d", "retrying"]]);
  });

  test("once, where its task and its XCom are listed", () => {
    const found = items({ images: [image("a", { prompt: "A fox", error: "too dark" })], tasks: [task("a", "make", "failed")] });
    assert.deepEqual(found.map(({ making, error }) => [making, error]), [["failed", "too dark"]]);
  });

  test("that failed is known as such before its value is read", () => {
    const [found] = items({ images: [image("a")], tasks: [task("a", "make", "failed")] });
    assert.deepEqual([found.making, found.attention], ["failed", "generation"]);
  });

  test("whose picture could not be stored needs attention, and is an image all the same", () => {
    const value = { job_id: "1", url: "https://pictures.example/1.png", not_stored: "no such bucket" };
    const [found] = items({ images: [image("a", value)], tasks: [task("a", "make", "failed")] });
    assert.deepEqual([found.making, found.attention, found.image.notStored], ["made", "storing", "no such bucket"]);
  });

  test("that failed on a try and is tried again", () => {
    const [found] = items({ images: [image("a", { error: "x" })], tasks: [task("a", "make", "up_for_retry")] });
    assert.deepEqual([found.making, found.attention], ["retrying", null]);
  });

  test("is an image where a value is of another kind, or nothing is known of its task", () => {
    assert.deepEqual(items({ images: [image("a", "no object"), image("b")] }).map(({ making }) => making), ["made", "made"]);
  });

  test("that is waited for has the prompt of its request", () => {
    const wait = task("wait", "wait", "deferred");
    const requests = { [wait.place]: { value: { jobId: "1", prompt: "A fox", model: "flux-schnell" } } };
    const [found] = items({ tasks: [wait], requests });
    assert.deepEqual([found.prompt, found.model, found.jobId], ["A fox", "flux-schnell", "1"]);
  });

  test("has the prompt of the task that stands beside it until its value is read, if it is the only one", () => {
    const beside = [task("g.submit", "make", "success", { prompt: "A fox" }, 3), task("h.submit", "make", "success", {}, 3)];
    assert.equal(items({ images: [image("g.wait", undefined, 3)], tasks: beside })[0].prompt, "A fox");
    const two = [...beside, task("g.other", "make", "success", { prompt: "A cat" }, 3)];
    assert.equal(items({ images: [image("g.wait", undefined, 3)], tasks: two })[0].prompt, null);
  });
});

describe("what images have cost", () => {
  test("is what was charged, with the jobs that failed", () => {
    const images = [
      image("a", { job_id: "1", ai_credits_used: 2 }),
      image("b", { job_id: "2", ai_credits_used: null, ai_credits_expected: 4, error: "x" }),
      image("c", { job_id: "3", ai_credits_used: 1, failed_jobs: [{ ai_credits_expected: 1, error: "y" }] }),
    ];
    assert.deepEqual(spent(items({ images })), { credits: 8, estimated: 5, missing: 0, prices: 0 });
  });

  test("is the price of the model until it is read, and is marked so", () => {
    const tasks = [task("a", "make", "success", { model: "flux-schnell" }), task("b", "make", "success")];
    const images = [image("a"), image("b"), image("c")];
    assert.deepEqual(spent(items({ images, tasks })), { credits: 2.6, estimated: 2.6, missing: 1, prices: 2 });
  });

  test("is nothing where a task has failed before it submitted a job", () => {
    assert.deepEqual(spent(items({ tasks: [task("a", "make", "failed")] })), { credits: 0, estimated: 0, missing: 0, prices: 0 });
  });
});

describe("fits", () => {
  const [item] = items({ images: [image("a", { job_id: "job-7", prompt: "A red FOX", model: "m" })] });
  const asked = (changes, tags = new Map()) => fits(item, { ...view, ...changes }, tags);

  test("by DAG, tag, model and what needs attention", () => {
    assert.ok(asked({}));
    assert.deepEqual([asked({ dag: "d" }), asked({ dag: "e" })], [true, false]);
    assert.deepEqual([asked({ tag: "x" }, new Map([["d", ["x"]]])), asked({ tag: "x" })], [true, false]);
    assert.deepEqual([asked({ model: "m" }), asked({ model: "n" })], [true, false]);
    assert.deepEqual([asked({ attention: "any" }), asked({ state: "none" }), asked({ state: "failed" })], [false, true, false]);
  });

  test("by words of prompt and ids, whatever their case and order", () => {
    assert.ok(asked({ words: ["fox", "red"] }));
    assert.ok(asked({ words: ["job-7"] }));
    assert.ok(!asked({ words: ["fox", "blue"] }));
  });
});

test("byPrompt groups variants, whatever their blanks and case", () => {
  const prompts = ["A fox", "A cat", "a  FOX ", undefined, undefined];
  const found = items({ images: prompts.map((prompt, at) => image(`t${at}`, { prompt })) });
  assert.deepEqual(byPrompt(found).map(({ length }) => length), [2, 1, 1, 1]);
});
