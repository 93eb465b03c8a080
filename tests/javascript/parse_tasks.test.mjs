import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { approvalOf, sourceOf, taskOf } = await import(`${GALLERY}/parse_tasks.js`);

const ROW = {
  dag_id: "d",
  dag_run_id: "r",
  task_id: "t",
  map_index: 2,
  state: "failed",
  operator: "GenerateImageOperator",
  run_after: "2026-01-01T00:00:00Z",
  start_date: "2026-01-01T01:00:00Z",
  end_date: "2026-01-01T02:00:00Z",
  try_number: 2,
};
const CUT = "Truncated. You can change this behaviour in [core]max_templated_field_length. ";

describe("taskOf", () => {
  test("knows what a task was asked to make", () => {
    const fields = { prompt: "A fox", model: "m", style: "vintage", reference_image_url: "https://a.example/1.png" };
    const task = taskOf({ ...ROW, rendered_fields: fields });
    assert.deepEqual(
      [task.kind, task.prompt, task.model, task.style, task.reference, task.known],
      ["make", "A fox", "m", "vintage", "https://a.example/1.png", true],
    );
    assert.deepEqual([task.place, task.time], ['["d","r","t",2]', Date.UTC(2026, 0, 1, 2)]);
  });

  test("knows nothing where Airflow keeps no rendered fields any more", () => {
    for (const rendered_fields of [undefined, null, {}]) {
      const task = taskOf({ ...ROW, rendered_fields });
      assert.deepEqual([task.known, task.prompt, task.source, task.due], [false, null, null, null]);
    }
  });

  test("takes the time at which it ended, started, was queued or may run", () => {
    const times = ["end_date", "start_date", "queued_when", "run_after"].map((name, at) => {
      const row = { ...ROW, queued_when: "2026-01-01T00:30:00Z" };
      for (const later of ["end_date", "start_date", "queued_when"].slice(0, at)) row[later] = null;
      return [Date.parse(row[name]), taskOf(row).time];
    });
    for (const [expected, time] of times) assert.equal(time, expected);
  });

  test("knows what a task posts, and when", () => {
    const fields = { content: "Hello", scheduled_for: "2026-01-02T07:03:00+01:00", image: { job_id: "1", url: "no" } };
    const task = taskOf({ ...ROW, operator: "PostImageOperator", rendered_fields: fields });
    assert.deepEqual([task.kind, task.content, task.due, task.prompt], ["post", "Hello", Date.UTC(2026, 0, 2, 6, 3), null]);
    assert.deepEqual(task.source, { jobId: "1", imageUrl: null, mediaIds: [] });
  });

  test("takes the notice off texts that Airflow has cut", () => {
    const task = taskOf({ ...ROW, rendered_fields: { prompt: `${CUT}'A fox in the...` } });
    assert.equal(task.prompt, "A fox in the…");
  });

  test("takes nothing on trust", () => {
    for (const wrong of [null, 7, true, [], {}, ["x"]]) {
      const fields = { prompt: wrong, model: wrong, style: wrong, reference_image_url: wrong };
      const task = taskOf({ ...ROW, rendered_fields: fields });
      assert.deepEqual([task.prompt, task.model, task.style, task.reference], [null, null, null, null]);
    }
    assert.equal(taskOf({ ...ROW, rendered_fields: { reference_image_url: "javascript:alert(1)" } }).reference, null);
  });
});

describe("sourceOf", () => {
  test("finds the image in a dict, its text, a text that was cut, or an address", () => {
    const url = "https://a.example/1.png";
    const image = { job_id: "job 1", url, prompt: "x" };
    for (const value of [image, JSON.stringify(image), `${CUT}{'job_id': 'job 1', 'url': '${url}', 'prompt': 'x...`]) {
      assert.deepEqual(sourceOf(value), { jobId: "job 1", imageUrl: url, mediaIds: [] });
    }
    assert.deepEqual(sourceOf(url), { jobId: null, imageUrl: url, mediaIds: [] });
    assert.deepEqual(sourceOf({ media_id: "m", media_ids: ["m", "n"] }).mediaIds, ["m", "n"]);
    assert.deepEqual(sourceOf(null, ["a", 7]), { jobId: null, imageUrl: null, mediaIds: ["a"] });
  });
});

describe("approvalOf", () => {
  const DETAIL = {
    task_instance: { ...ROW, operator: "ApproveImageOperator", rendered_fields: { image: { job_id: "1" } } },
    options: ["Approve", "Reject"],
    params: { prompt: { value: "A fox", schema: {}, description: null } },
    created_at: "2026-01-01T00:00:00Z",
    body: "",
  };

  test("knows the image, and who answered what", () => {
    const answer = { chosen_options: ["Reject"], responded_by_user: { id: "1", name: "ann" }, responded_at: "2026-01-02T00:00:00Z" };
    const { jobId, choice, by, at, params } = approvalOf({ ...DETAIL, ...answer });
    assert.deepEqual([jobId, choice, by, at, params], ["1", "Reject", "ann", Date.UTC(2026, 0, 2), { prompt: "A fox" }]);
    assert.deepEqual([approvalOf(DETAIL).choice, approvalOf(DETAIL).by], [null, null]);
  });

  test("finds the image by its address in the form where the rendered fields are gone", () => {
    const task_instance = { ...DETAIL.task_instance, rendered_fields: {} };
    const body = "![The image](<https://a.example/1.png?a=1&amp;b=2>)\n\n> A fox";
    assert.equal(approvalOf({ ...DETAIL, task_instance, body }).imageUrl, "https://a.example/1.png?a=1&b=2");
  });

  test("is null for other forms", () => {
    assert.equal(approvalOf({ ...DETAIL, options: ["Yes", "No"] }), null);
    assert.equal(approvalOf({ ...DETAIL, task_instance: { ...ROW }, body: "Approve the budget?" }), null);
  });
});
