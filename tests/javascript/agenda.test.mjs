import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { agenda, byDay, inOrder, weeks, worstOf } = await import(`${GALLERY}/agenda.js`);
const { readPost } = await import(`${GALLERY}/parse_xcom.js`);

const NOW = Date.UTC(2026, 0, 10, 12);
const dayOf = (time) => new Date(time).toISOString().slice(0, 10);
const post = (place, time, value) => ({ place, time, state: "read", dag: "d", run: "r", task: "post", value: readPost(value) });

test("the agenda has posts by the time at which they are due, or were made", () => {
  const posts = [
    post("a", NOW, { status: "scheduled", scheduled_for: "2026-01-12T09:00:00Z", content: "Later" }),
    post("b", NOW - 1000, { status: "published" }),
  ];
  const item = { id: "image", posts: [{ place: "a" }] };
  const found = agenda({ posts, tasks: new Map() }, [item], { now: NOW, dayOf });
  assert.deepEqual(found.map(({ place, day, item: of }) => [place, day, of?.id]), [["b", "2026-01-10", undefined], ["a", "2026-01-12", "image"]]);
});

describe("byDay", () => {
  test("has every day from the first post to the last, and a week to come: a gap is a day without posts", () => {
    const days = byDay([{ day: "2026-01-08" }, { day: "2026-01-20" }], "2026-01-10");
    assert.equal(days.size, 13);
    assert.deepEqual([days.get("2026-01-08").length, days.get("2026-01-09").length], [1, 0]);
    const none = [...byDay([], "2026-01-10").keys()];
    assert.deepEqual([none[0], none.at(-1)], ["2026-01-10", "2026-01-17"]);
  });
});

describe("inOrder", () => {
  const hour = 60 * 60 * 1000;
  const many = (day, count) => Array.from({ length: count }, (_, at) => ({ at: Date.parse(day) + (at * 24 * hour) / count, day }));
  const [before, today, after] = ["2026-01-09", "2026-01-10", "2026-01-11"];
  const days = byDay([...many(before, 48), ...many(today, 48), ...many(after, 48), { day: "2026-01-08", at: 0 }], today);

  test("has today and what is to come, then what was before", () => {
    const names = inOrder(days, { now: NOW, today, picked: "" }).map(({ name }) => name);
    assert.deepEqual([names[0], names[1], names[7]], [today, after, "2026-01-17"]);
    assert.deepEqual(names.slice(8), [before, "2026-01-08"]);
  });

  test("shows of each day those nearest to now, and all of a day that is picked", () => {
    const found = Object.fromEntries(inOrder(days, { now: NOW, today, picked: "" }).map((one) => [one.name, one]));
    const hours = (name) => found[name].shown.map(({ at }) => (at - Date.parse(name)) / hour);
    assert.deepEqual([found[before].posts.length, hours(before).length, hours(before).at(-1)], [48, 20, 23.5]);
    assert.deepEqual([hours(today)[0], hours(today).at(-1)], [12, 21.5]);
    assert.deepEqual([hours(after)[0], hours(after).at(-1)], [0, 9.5]);
    assert.equal(found["2026-01-08"].shown.length, 1);
    const [picked, ...others] = inOrder(days, { now: NOW, today, picked: before });
    assert.deepEqual([picked.shown.length, others.length], [48, 0]);
  });
});

test("the worst state of posts is what a calendar marks", () => {
  const of = (...states) => worstOf(states.map((state) => ({ state })));
  assert.deepEqual([of("published", "overdue", "failed"), of("overdue"), of("scheduled"), of()], ["failed", "overdue", "", ""]);
});

test("weeks go from Monday to Sunday", () => {
  const found = weeks(["2026-01-08", "2026-01-09", "2026-01-12"]);
  assert.deepEqual(found.map((week) => [week[0], week.at(-1)]), [["2026-01-05", "2026-01-11"], ["2026-01-12", "2026-01-18"]]);
});
