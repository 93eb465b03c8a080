import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { rank, roundUp, series, sum, table, totals } from "../../airflow_provider_pictory/ui/gallery/static/sums.js";

const item = (dag, day, amount = 1) => ({ dag, day, amount });

describe("sum", () => {
  test("of nothing is 0", () => {
    assert.equal(sum([]), 0);
  });

  test("adds up", () => {
    assert.equal(sum([1, 2.5, 4]), 7.5);
  });
});

describe("totals", () => {
  test("are of each DAG and day, days without images included", () => {
    const items = [item("a", "2026-03-03"), item("b", "2026-03-01", 4), item("a", "2026-03-03", 2)];
    const { steps, rows } = totals(items, "2026-03-01", "2026-03-03");
    assert.deepEqual(steps, ["2026-03-01", "2026-03-02", "2026-03-03"]);
    assert.deepEqual([...rows], [["a", [0, 0, 3]], ["b", [4, 0, 0]]]);
  });

  test("of one day are one step", () => {
    assert.deepEqual(totals([item("a", "2026-03-01")], "2026-03-01", "2026-03-01").steps, ["2026-03-01"]);
  });

  test("skip no day where clocks, months or years change", () => {
    const days = totals([], "2027-12-30", "2028-03-02").steps;
    assert.equal(days.length, 64);
    assert.ok(days.includes("2028-01-01") && days.includes("2028-02-29"));
    assert.equal(totals([], "2026-03-28", "2026-03-30").steps.length, 3);
  });

  test("are of days up to 92 days, and of months beyond", () => {
    assert.equal(totals([], "2026-01-01", "2026-04-02").steps.length, 92);
    const items = [item("a", "2026-01-31"), item("a", "2026-01-01"), item("a", "2026-04-03")];
    const { steps, rows } = totals(items, "2026-01-01", "2026-04-03");
    assert.deepEqual(steps, ["2026-01", "2026-02", "2026-03", "2026-04"]);
    assert.deepEqual(rows.get("a"), [2, 0, 0, 1]);
  });

  test("leave out days outside the time, and what is no day", () => {
    const items = ["2026-02-28", "2026-03-03", "", "yesterday", "__proto__"].map((day) => item("a", day));
    assert.deepEqual([...totals(items, "2026-03-01", "2026-03-02").rows], []);
  });

  test("keep DAGs apart whose names objects have by themselves", () => {
    const { rows } = totals([item("__proto__", "2026-03-01"), item("constructor", "2026-03-01")], "2026-03-01", "2026-03-01");
    assert.deepEqual([...rows], [["__proto__", [1]], ["constructor", [1]]]);
  });
});

describe("roundUp", () => {
  test("goes to the next of 1, 2, 5, 10, 20 and so on", () => {
    const expected = { 1: 1, 1.1: 2, 2: 2, 3: 5, 5: 5, 6: 10, 10: 10, 11: 20, 50: 50, 51: 100, 999: 1000, 1000: 1000 };
    for (const [number, bound] of Object.entries(expected)) assert.equal(roundUp(Number(number)), bound, number);
  });

  test("is never below the number, and less than two and a half times as high", () => {
    for (let number = 1; number < 1e12; number *= 1.01) {
      assert.ok(roundUp(number) >= number && roundUp(number) <= 2.5 * number, String(number));
    }
  });

  test("takes every power of ten for round", () => {
    for (let power = 0; power < 16; power += 1) assert.equal(roundUp(10 ** power), 10 ** power);
  });
});

describe("series", () => {
  const rows = (count) => new Map(Array.from({ length: count }, (_, at) => [`dag${at}`, [at + 1, 1]]));
  const names = new Map(Array.from({ length: 9 }, (_, at) => [`dag${at}`, `DAG ${at}`]));

  const ranks = (count) => Array.from({ length: count }, (_, at) => `dag${count - 1 - at}`);

  test("are none where there are no sums", () => {
    assert.deepEqual(series({ rows: new Map() }, names, []), []);
  });

  test("have a colour each, up to six DAGs, in the order of their ranks", () => {
    const six = series({ rows: rows(6) }, names, ranks(6));
    assert.deepEqual(six.map(({ colour }) => colour), ["c0", "c1", "c2", "c3", "c4", "c5"]);
    assert.deepEqual(six[0], { dag: "dag5", name: "DAG 5", amounts: [6, 1], total: 7, rank: 0, colour: "c0" });
  });

  test("keep the colours of the DAGs, whatever is summed up and whatever is filtered", () => {
    const two = new Map([["dag1", [9, 9]], ["dag4", [1, 0]]]);
    const colours = series({ rows: two }, names, ranks(6)).map(({ dag, colour }) => [dag, colour]);
    assert.deepEqual(colours, [["dag4", "c1"], ["dag1", "c4"]]);
  });

  test("sum up what is beyond the first five of more DAGs", () => {
    const seven = series({ rows: rows(7) }, names, ranks(7));
    assert.deepEqual(seven.map(({ colour }) => colour), ["c0", "c1", "c2", "c3", "c4", "rest"]);
    assert.deepEqual(seven.at(-1), { name: "2 others", amounts: [3, 2], total: 5, colour: "rest" });
    assert.equal(series({ rows: rows(9) }, names, ranks(9)).at(-1).name, "4 others");
    assert.equal(series({ rows: new Map([["dag0", [1]]]) }, names, ranks(9)).at(-1).name, "DAG 0");
  });

  test("lose nothing of the sums", () => {
    const all = rows(9);
    assert.equal(sum(series({ rows: all }, names, ranks(9)).map(({ total }) => total)), sum([...all.values()].map(sum)));
  });
});

describe("rank", () => {
  test("puts the DAGs with the most first, and by name where two are equal", () => {
    assert.deepEqual(rank(["b", "c", "c", "a"]), ["c", "a", "b"]);
    assert.deepEqual(rank([]), []);
  });
});

describe("table", () => {
  const item = (dag, model, credits, ...within) => ({ dag, model, credits, within });

  test("sums up images and credits by DAG and model, the highest first", () => {
    const items = [item("a", "m", 1, true, true), item("b", "m", 2, false, true), item("b", "m", 2, false, true)];
    const { rows, all } = table(items, ["week", "month"]);
    assert.deepEqual(rows.map(({ dag, model }) => [dag, model]), [["b", "m"], ["a", "m"]]);
    assert.deepEqual(rows[0].amounts, [{ images: 0, credits: 0 }, { images: 2, credits: 4 }]);
    assert.deepEqual(all, [{ images: 1, credits: 1 }, { images: 3, credits: 5 }]);
  });

  test("leaves out what is in none of the periods", () => {
    assert.deepEqual(table([item("a", "m", 1, false)], ["week"]).rows, []);
  });
});
