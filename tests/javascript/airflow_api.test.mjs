import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { GALLERY, IMAGES, POSTS, Status, serve } from "./airflow.mjs";

let airflow;
let api;
let imports = 0;

// Each test has a module of its own, since it remembers Airflow's version.
beforeEach(async () => {
  airflow = serve();
  api = await import(`${GALLERY}/airflow_api.js?${(imports += 1)}`);
});

async function answers(options = {}) {
  const found = [];
  const scope = { dag: undefined, run: undefined, since: 0, signal: new AbortController().signal, ...options };
  for await (const page of api.list(IMAGES, scope)) found.push(page);
  return found;
}

const pages = async (options) => (await answers(options)).map(({ records }) => records);

describe("list", () => {
  test("asks for page after page until it has as many as there are in all", async () => {
    airflow.addMany(250).addMany(7, { key: POSTS });
    const found = await pages();
    assert.deepEqual(found.map(({ length }) => length), [100, 100, 50]);
    assert.deepEqual(airflow.listings.map(({ offset }) => offset), [0, 100, 200]);
    assert.equal(new Set(found.flat().map(({ id }) => id)).size, 250);
  });

  test("asks no more than once where all fit on one page, or there is nothing", async () => {
    assert.deepEqual(await pages(), [[]]);
    airflow.addMany(100);
    assert.equal((await pages()).length, 1);
    assert.equal(airflow.listings.length, 2);
  });

  test("ends where Airflow counts more than it lists", async () => {
    airflow.addMany(150);
    airflow.unlisted = 1000;
    assert.deepEqual((await pages()).map(({ length }) => length), [100, 50, 0]);
  });

  test("asks for all DAGs and runs, or for those that are named", async () => {
    await pages();
    await pages({ dag: "a/b", run: "manual__2026-01-01T00:00:00+00:00" });
    assert.deepEqual(
      airflow.listings.map(({ path }) => path),
      [
        "/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries",
        "/api/v2/dags/a%2Fb/dagRuns/manual__2026-01-01T00%3A00%3A00%2B00%3A00/taskInstances/~/xcomEntries",
      ],
    );
    assert.equal(airflow.listings[0].order, "-timestamp");
  });

  test("tells where each comes from, and that its value is unread", async () => {
    airflow.add({ dag: "d", run: "r", task: "t", mapIndex: 3, time: Date.UTC(2026, 0, 2) });
    const [[record]] = await pages();
    assert.deepEqual(record, {
      id: `["${IMAGES}","d","r","t",3]`,
      place: '["d","r","t",3]',
      beside: '["d","r",3]',
      region: null,
      key: IMAGES,
      dag: "d",
      dagName: "d",
      run: "r",
      task: "t",
      taskName: "t",
      mapIndex: 3,
      stamp: "2026-01-02T00:00:00.000Z",
      time: Date.UTC(2026, 0, 2),
      state: "unread",
      value: undefined,
    });
  });

  test("leaves out what is older than was asked for, and goes no further back", async () => {
    airflow.addMany(300);
    const found = await pages({ since: airflow.entries[29].time });
    assert.deepEqual(found.map(({ length }) => length), [30]);
    assert.equal(airflow.listings.length, 1);
  });

  test("goes through all pages on Airflow 3.1, which does not list the newest first", async () => {
    airflow.version = "3.1.8";
    airflow.addMany(300);
    const since = airflow.entries[29].time;
    airflow.entries.reverse();
    const found = await answers({ since });
    assert.deepEqual(found.map(({ records, reached }) => [records.length, reached]), [[0, Infinity], [0, Infinity], [30, Infinity]]);
  });

  test("says since when all are listed by then", async () => {
    airflow.addMany(250);
    const found = await answers({ since: 1 });
    assert.deepEqual(found.map(({ reached }) => reached), [99, 199, 249].map((at) => airflow.entries[at].time));
  });
});

describe("a refusal", () => {
  const kinds = { 401: "login", 403: "forbidden", 404: "gone", 400: "server", 429: "server", 500: "server", 503: "server" };
  for (const [status, kind] of Object.entries(kinds)) {
    test(`with status ${status} is of the kind "${kind}"`, async () => {
      airflow.onList = () => {
        throw new Status(Number(status));
      };
      await assert.rejects(pages(), { kind });
    });
  }

  test('is of the kind "network" where no answer comes', async () => {
    airflow.onList = () => {
      throw new TypeError("fetch failed");
    };
    await assert.rejects(pages(), { kind: "network" });
  });

  test('is of the kind "network" where the answer is no JSON, as of a proxy', async () => {
    globalThis.fetch = async () => new Response("<html>");
    await assert.rejects(pages(), { kind: "network" });
  });

  test("is none where the page itself has ended the call", async () => {
    const abort = new AbortController();
    airflow.addMany(1);
    airflow.onList = () => abort.abort();
    await assert.rejects(pages({ signal: abort.signal }), { name: "AbortError" });
  });
});

describe("read", () => {
  test("asks for the value of one entry, of a mapped task too", async () => {
    const place = { key: IMAGES, dag: "d", run: "a+b", task: "t" };
    airflow.add({ ...place, mapIndex: 0, value: "first" }, { ...place, mapIndex: 1, value: "second" });
    const { signal } = new AbortController();
    assert.equal(await api.read({ ...place, mapIndex: 1 }, signal), "second");
  });

  test("asks for the value of one iteration of a loop", async () => {
    const iteration = (index) => ({ region: { region_id: "c0ffee", region_index: index }, task: "t", value: index });
    airflow.add(iteration(0), iteration(1));
    const [records] = await pages();
    assert.equal(new Set(records.map(({ id }) => id)).size, 2);
    assert.equal(new Set(records.map(({ place }) => place)).size, 2);
    const { signal } = new AbortController();
    assert.deepEqual(await Promise.all(records.map((record) => api.read(record, signal))), [0, 1]);
  });
});

const place = { dag: "d", run: "r 1", task: "t", mapIndex: 2 };

describe("listTasks", () => {
  test("asks for this package's tasks in some states, touched since a time", async () => {
    const scope = { since: Date.UTC(2026, 0, 2), signal: new AbortController().signal };
    for await (const rows of api.listTasks(["failed", "running"], scope)) assert.deepEqual(rows, []);
    const [{ name, query }] = airflow.asked;
    assert.equal(name, "taskInstances");
    assert.deepEqual(query.getAll("state"), ["failed", "running"]);
    assert.ok(query.getAll("operator").includes("ImageJobSensor"));
    assert.equal(query.get("updated_at_gte"), "2026-01-02T00:00:00.000Z");
  });
});

describe("what changes something", () => {
  test("answers an approval with the form's own values", async () => {
    await api.answer({ ...place, params: { prompt: "A fox" } }, "Reject");
    assert.deepEqual(airflow.changes, [
      {
        method: "PATCH",
        path: "/api/v2/dags/d/dagRuns/r%201/taskInstances/t/2/hitlDetails",
        body: { chosen_options: ["Reject"], params_input: { prompt: "A fox" } },
      },
    ]);
  });

  test("clears one task, or with what follows it only what has failed", async () => {
    await api.clear(place, false, true);
    await api.clear({ ...place, mapIndex: -1 }, true, false);
    const common = { dag_run_id: "r 1", reset_dag_runs: true };
    assert.deepEqual(
      airflow.changes.map(({ method, path, body }) => [method, path, body]),
      [
        [
          "POST",
          "/api/v2/dags/d/clearTaskInstances",
          { ...common, dry_run: true, task_ids: [["t", 2]], only_failed: false, include_downstream: false },
        ],
        [
          "POST",
          "/api/v2/dags/d/clearTaskInstances",
          { ...common, dry_run: false, task_ids: ["t"], only_failed: true, include_downstream: true },
        ],
      ],
    );
  });

  test("clears one iteration of a loop alone", async () => {
    airflow.tasks = ["beef", "f00d"].map((id, index) => ({ id, task_id: "t", region_index: index }));
    await api.clear({ ...place, mapIndex: -1, region: { region_id: "c0ffee", region_index: 1 } }, true, true);
    const [{ name, query }] = airflow.asked;
    assert.deepEqual([name, query.toString()], ["t", "region_id=c0ffee&region_index=1"]);
    const [{ body }] = airflow.changes;
    assert.deepEqual(body.task_instance_ids, ["f00d"]);
    assert.equal(body.include_later_loop_iterations, false);
    assert.equal(body.task_ids, undefined);
  });

  test("says that the viewer may not, or that somebody was faster", async () => {
    for (const [status, kind] of [[403, "forbidden"], [409, "conflict"]]) {
      airflow.onChange = () => {
        throw new Status(status);
      };
      await assert.rejects(api.answer({ ...place, params: {} }, "Approve"), { kind });
    }
  });
});
