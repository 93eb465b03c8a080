import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { describePost, fates } = await import(`${GALLERY}/posts_of_images.js`);
const { readImage, readPost } = await import(`${GALLERY}/parse_xcom.js`);

const NOW = Date.UTC(2026, 0, 10);
const HOUR = 3_600_000;
const AT = { dag: "d", run: "r" };
const url = "https://pictures.example/1.png";
let number = 0;

function record(value, fields = {}) {
  number += 1;
  const state = value === undefined ? "unread" : "read";
  return { ...AT, place: `post ${number}`, time: NOW - number, task: "post", state, value: value && readPost(value), ...fields };
}

function fateOf(image, { posts = [], tasks = [], approvals = [], postsListed = true } = {}, at = AT) {
  const byPlace = (all) => new Map(all.map((one, place) => [one.place ?? `place ${place}`, one]));
  return fates({ posts, tasks: byPlace(tasks), approvals: byPlace(approvals), postsListed }, NOW)(readImage(image), at);
}

const ids = ({ posts }) => posts.map(({ postId }) => postId);

describe("the posts of an image", () => {
  const posts = [
    record({ post_id: "a", job_id: "1" }),
    record({ post_id: "b", media_ids: ["1", "2", "2"] }),
    record({ post_id: "c", image_url: url }),
    record({ post_id: "d", job_id: "1", image_url: url }),
  ];

  test("are found by job, by media id and by address, newest first", () => {
    assert.deepEqual(ids(fateOf({ job_id: "1" }, { posts })), ["a", "d"]);
    assert.deepEqual(ids(fateOf({ media_id: "2" }, { posts })), ["b"]);
    assert.deepEqual(ids(fateOf({ url }, { posts })), ["c"]);
    assert.deepEqual(ids(fateOf({ job_id: "another", url }, { posts })), ["c"]);
  });

  test("that have failed come first: one of two tasks that post it may have failed", () => {
    const both = [record({ post_id: "x", job_id: "1", status: "published" }), record({ post_id: "y", job_id: "1", status: "failed" })];
    const found = fateOf({ job_id: "1" }, { posts: both });
    assert.deepEqual([ids(found), found.state], [["y", "x"], "failed"]);
  });

  test("are none of an image of which nothing is known", () => {
    assert.deepEqual(ids(fateOf({}, { posts })), []);
    assert.deepEqual(ids(fateOf({ job_id: "__proto__", media_id: "constructor" }, { posts })), []);
  });

  test("are known by their tasks before their values are read", () => {
    const unread = record(undefined);
    const task = { place: unread.place, kind: "post", state: "failed", source: { jobId: "1" }, content: "Hi", due: null };
    const { posts: [post], state } = fateOf({ job_id: "1" }, { posts: [unread], tasks: [task] });
    assert.deepEqual([post.content, state], ["Hi", undefined]);
  });

  test("are underway while their tasks are, also without a value", () => {
    const task = { place: "x", kind: "post", state: "deferred", source: { jobId: "1" }, time: NOW, due: NOW + HOUR };
    assert.equal(fateOf({ job_id: "1" }, { tasks: [task] }).state, "scheduled");
    assert.equal(fateOf({ job_id: "1" }, { tasks: [{ ...task, due: null }] }).state, "publishing");
    assert.equal(fateOf({ job_id: "1" }, { tasks: [{ ...task, due: null, state: "failed" }] }).state, "failed");
    assert.equal(fateOf({ job_id: "1" }, { tasks: [{ ...task, state: "success" }] }).state, "none");
  });
});

describe("what became of an image", () => {
  test("is overdue once its time has passed and nobody has looked since", () => {
    const of = (hours) => record({ job_id: "1", status: "scheduled", scheduled_for: new Date(NOW + hours * HOUR).toISOString() });
    assert.equal(fateOf({ job_id: "1" }, { posts: [of(1)] }).state, "scheduled");
    assert.equal(fateOf({ job_id: "1" }, { posts: [of(-1)] }).state, "overdue");
  });

  test("is said by the people who were asked", () => {
    const asked = { jobId: "1", time: NOW, by: "ann" };
    const of = (approval) => fateOf({ job_id: "1" }, { approvals: [{ ...asked, ...approval }] }).state;
    assert.equal(of({ choice: null, state: "awaiting_input" }), "waiting");
    assert.equal(of({ choice: null, state: "deferred" }), "waiting");
    assert.equal(of({ choice: null, state: "skipped" }), "unanswered");
    assert.equal(of({ choice: "Reject", state: "skipped" }), "rejected");
    assert.equal(of({ choice: "Make another", state: "skipped" }), "replaced");
    assert.equal(of({ choice: "Approve", state: "success" }), "none");
  });

  test("is not known before the posts are listed, and those of its run are read", () => {
    assert.equal(fateOf({ job_id: "1" }, { postsListed: false }).state, undefined);
    assert.equal(fateOf({ job_id: "1" }, { posts: [record(undefined)] }).state, undefined);
    assert.equal(fateOf({ job_id: "1" }).state, "none");
  });

  test("may change by posts of other runs that are not read: it says so", () => {
    const fate = fateOf({ job_id: "1" }, { posts: [record(undefined, { run: "another" })] });
    assert.deepEqual([fate.state, fate.elsewhere], ["none", true]);
    assert.equal(fateOf({ job_id: "1" }).elsewhere, false);
  });

  test("does not wait for a post that cannot be read", () => {
    assert.equal(fateOf({ job_id: "1" }, { posts: [record(undefined, { state: "failed" })] }).state, "none");
  });
});

describe("a post that failed and is tried again", () => {
  test("is being published", () => {
    const failed = record({ job_id: "1", status: "failed", error: "x" });
    assert.equal(describePost({ record: failed, task: { state: "failed" } }, NOW).state, "failed");
    assert.equal(describePost({ record: failed, task: { state: "up_for_retry" } }, NOW).state, "publishing");
  });
});
