import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { boundsOf, dayAfter, daysBetween, monthOf, startOf, startOfDay, timesOf, weekOf } = await import(`${GALLERY}/days.js`);

const inZone = (timeZone) => {
  const format = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeZone });
  return (time) => format.format(time);
};
const berlin = inZone("Europe/Berlin");
const at = (text) => Date.parse(text);

test("Spending has this week and this month, whatever time is chosen, and a run has all", () => {
  const since = (text, tab) => timesOf({ tab, range: "yesterday" }, {}, at(text), berlin);
  assert.deepEqual(since("2026-11-29T12:00Z", "spending"), { since: at("2026-10-31T23:00Z"), last: null });
  assert.deepEqual(since("2026-12-01T12:00Z", "spending"), { since: at("2026-11-29T23:00Z"), last: null });
  assert.equal(since("2026-11-29T12:00Z", "images").last, "2026-11-28");
  assert.deepEqual(timesOf({ tab: "images", range: "7" }, { run: "r" }, 0, berlin), { since: 0, last: null });
});

describe("a day", () => {
  test("begins at midnight of the time zone, also where clocks change", () => {
    assert.equal(startOfDay(at("2026-01-10T12:00Z"), berlin), at("2026-01-09T23:00Z"));
    assert.equal(startOfDay(at("2026-03-29T12:00Z"), berlin), at("2026-03-28T23:00Z"));
    assert.equal(startOfDay(at("2026-10-25T22:30Z"), berlin), at("2026-10-24T22:00Z"));
    assert.equal(startOf("2026-03-20", at("2026-04-02T00:30Z"), berlin), at("2026-03-19T23:00Z"));
    assert.equal(startOf("2026-01-09", at("2026-01-10T05:00Z"), inZone("Pacific/Auckland")), at("2026-01-08T11:00Z"));
  });

  test("has others around it", () => {
    assert.equal(dayAfter("2026-02-28", 1), "2026-03-01");
    assert.equal(dayAfter("2026-01-01", -1), "2025-12-31");
    assert.deepEqual([weekOf("2026-01-11"), weekOf("2026-01-12")], ["2026-01-05", "2026-01-12"]);
    assert.equal(monthOf("2026-01-11"), "2026-01-01");
    assert.deepEqual(daysBetween("2026-02-28", "2026-03-01"), ["2026-02-28", "2026-03-01"]);
  });
});

describe("a range", () => {
  const now = at("2026-01-10T12:00Z");

  test("takes whole days", () => {
    assert.deepEqual(boundsOf("7", now, berlin), { since: at("2026-01-03T23:00Z"), first: "2026-01-04", last: null });
    assert.deepEqual(boundsOf("today", now, berlin), { since: at("2026-01-09T23:00Z"), first: "2026-01-10", last: null });
  });

  test("of yesterday ends with it", () => {
    const { since, last } = boundsOf("yesterday", now, berlin);
    assert.deepEqual([since, last], [at("2026-01-08T23:00Z"), "2026-01-09"]);
  });

  test("of all time has no bounds", () => {
    assert.deepEqual(boundsOf("all", now, berlin), { since: 0, first: null, last: null });
  });
});
