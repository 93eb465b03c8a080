import assert from "node:assert/strict";
import { test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const addresses = await import(`${GALLERY}/addresses.js`);
const place = { dag: "d/ü", run: "manual__2026-01-01T00:00:00+00:00", task: "t?" };
const run = "http://localhost/dags/d%2F%C3%BC/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00";

test("Airflow's pages stand beside the gallery's", () => {
  assert.equal(addresses.dagAddress(place), "http://localhost/dags/d%2F%C3%BC");
  assert.equal(addresses.runAddress(place), run);
  assert.equal(addresses.taskAddress({ ...place, mapIndex: -1 }), `${run}/tasks/t%3F`);
  assert.equal(addresses.taskAddress({ ...place, mapIndex: 0 }), `${run}/tasks/t%3F/mapped/0`);
  const region = { region_id: "c0ffee", region_index: 1 };
  const iteration = `${run}/tasks/t%3F?region_id=c0ffee&region_index=1`;
  assert.equal(addresses.taskAddress({ ...place, mapIndex: -1, region }), iteration);
  assert.equal(addresses.formAddress({ ...place, mapIndex: 0 }), `${run}/tasks/t%3F/mapped/0/required_actions`);
});

test("the login leads back", () => {
  const address = new URL(addresses.loginAddress("http://localhost/pictory-gallery/?dag=a&state=failed"));
  assert.equal(address.origin + address.pathname, "http://localhost/api/v2/auth/login");
  assert.equal(address.searchParams.get("next"), "http://localhost/pictory-gallery/?dag=a&state=failed");
});
