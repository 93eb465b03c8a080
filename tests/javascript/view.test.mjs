import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GALLERY } from "./airflow.mjs";

const { DEFAULTS, chosenOf, readQuery, viewOf, writeQuery } = await import(`${GALLERY}/view.js`);

describe("readQuery and writeQuery", () => {
  test("give back what was written", () => {
    const texts = ["nightly_content", "manual__2026-01-01T00:00:00+00:00", "a b&c=d?e#f%g", "100%", "ü 😀", "__proto__"];
    for (const dag of texts) {
      assert.deepEqual(readQuery(`?${writeQuery({ dag, run_id: dag })}`), { dag, run_id: dag });
    }
  });

  test("write neither what is empty nor what is not defined", () => {
    assert.equal(writeQuery({ dag: "a", model: "", run_id: undefined }), "dag=a");
    assert.equal(writeQuery({}), "");
  });

  test("take a plus sign for one", () => {
    assert.equal(readQuery("?run_id=2026-01-01T00:00:00+00:00").run_id, "2026-01-01T00:00:00+00:00");
    assert.equal(readQuery("?run_id=a%2Bb%20c").run_id, "a+b c");
  });

  test("keep a value with a percent error as it stands, and the others", () => {
    const query = readQuery("?dag=%zz&model=50%&state=%C3&range=30&day=%32");
    assert.deepEqual(query, { dag: "%zz", model: "50%", state: "%C3", range: "30", day: "2" });
    assert.deepEqual(readQuery(`?${writeQuery(query)}`), query);
  });

  test("split at the first equals sign, and take a name alone for an empty value", () => {
    assert.deepEqual(readQuery("?dag=a=b=c&model"), { dag: "a=b=c", model: "" });
  });

  test("read nothing from an address without a query", () => {
    assert.deepEqual(Object.values(readQuery("")).filter(Boolean), []);
    assert.deepEqual(Object.values(readQuery("?")).filter(Boolean), []);
  });

  test("let an address change no prototype", () => {
    const query = readQuery("?__proto__=x&constructor=y&dag=z");
    assert.equal(query.dag, "z");
    assert.equal(Object.getPrototypeOf(query), Object.prototype);
    assert.equal({}.constructor, Object);
  });
});

describe("viewOf", () => {
  test("takes what is asked for, and the defaults for the rest", () => {
    assert.deepEqual(viewOf({}), DEFAULTS);
    const view = viewOf({ dag: "nightly", attention: "any", tab: "schedule", search: "fox" });
    assert.deepEqual(chosenOf(view), { dag: "nightly", attention: "any", tab: "schedule", search: "fox" });
  });

  test("takes no choice that is not offered", () => {
    const asked = { range: "12", state: "nonsense", tab: "constructor", attention: "__proto__", show: "", group: "day" };
    assert.deepEqual(viewOf(asked), DEFAULTS);
  });
});
