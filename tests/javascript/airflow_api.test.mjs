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

async function pages(options = {}) {
  const found = [];
  const scope = { dag: undefined, run: undefined, since: 0, signal: new AbortController().signal, ...options };
  for await (const page of api.list(IMAGES, scope)) found.push(page);
  return found;
}

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
      key: IMAGES,
      dag: "d",
      dagName: "d",
      run: "r",
      task: "t",
      taskName: "t",
      mapIndex: 3,
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
    const found = await pages({ since });
    assert.deepEqual(found.map(({ length }) => length), [0, 0, 30]);
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
});

describe("addresses", () => {
  const place = { dag: "d/ü", run: "manual__2026-01-01T00:00:00+00:00", task: "t?" };
  const run = "http://localhost/dags/d%2F%C3%BC/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00";

  test("of Airflow's pages stand beside the gallery's", () => {
    assert.equal(api.dagAddress(place), "http://localhost/dags/d%2F%C3%BC");
    assert.equal(api.runAddress(place), run);
    assert.equal(api.taskAddress({ ...place, mapIndex: -1 }), `${run}/tasks/t%3F`);
    assert.equal(api.taskAddress({ ...place, mapIndex: 0 }), `${run}/tasks/t%3F/mapped/0`);
  });

  test("of the login lead back", () => {
    const address = new URL(api.loginAddress("http://localhost/pictory-gallery/?dag=a&state=failed"));
    assert.equal(address.origin + address.pathname, "http://localhost/api/v2/auth/login");
    assert.equal(address.searchParams.get("next"), "http://localhost/pictory-gallery/?dag=a&state=failed");
  });
});
