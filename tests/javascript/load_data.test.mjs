import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";

import { GALLERY, IMAGES, POSTS, Status, serve, settle } from "./airflow.mjs";

const { Reader } = await import(`${GALLERY}/load_data.js`);
const { MOST } = await import(`${GALLERY}/xcom_list.js`);

const PAUSE_1 = 1000;
const PAUSE_2 = 4000;

let airflow;
let changes;
let inView; // of the page that a reader reads for
let all;

beforeEach(() => {
  airflow = serve();
  [changes, inView, all] = [0, () => [], false];
  document.hidden = false;
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => mock.timers.reset());

// Wants something else, as the page does when somebody scrolls or filters.
function want(made, found = inView, whole = all) {
  [inView, all] = [found, whole];
  made.want(inView(), [...made.images, ...made.posts], all);
}

// Like the page, which says what it needs whenever there is something new.
function reader({ since = 0, known, ...scope } = {}) {
  const changed = () => {
    changes += 1;
    want(made);
  };
  const made = new Reader({ since, ...scope }, changed, known);
  return made;
}

async function started(options) {
  const made = reader(options);
  made.start();
  await settle();
  return made;
}

async function tick(time) {
  mock.timers.tick(time);
  await settle();
}

const tasks = (records) => records.map(({ task }) => task);
const states = (records) => records.map(({ state }) => state);
const refuse = (status) => () => {
  throw new Status(status);
};

// Lets calls for values wait until they are let go, the oldest first.
function held() {
  const waiting = [];
  airflow.onRead = ({ value }) => new Promise((done) => waiting.push(() => done(value)));
  return async (count) => {
    for (const go of waiting.splice(0, count)) go();
    await settle();
  };
}

describe("the listing", () => {
  test("takes all pages of images and of posts, newest first", async () => {
    airflow.addMany(250).addMany(120, { key: POSTS });
    all = true;
    const { images, posts, allListed, done, problem } = await started();
    assert.deepEqual([images.length, posts.length, allListed, done, problem], [250, 120, true, true, null]);
    assert.equal(airflow.listings.length, 3 + 2);
    assert.ok(images.every(({ time }, at) => !at || time < images[at - 1].time));
    assert.ok(changes > 5);
  });

  test("shows each page as soon as it is there, and since when all are there", async () => {
    airflow.addMany(150);
    let list;
    airflow.onList = ({ offset }) => (offset ? new Promise((done) => (list = done)) : undefined);
    const made = await started({ since: 1 });
    assert.deepEqual([made.images.length, made.imagesListed, made.done], [100, false, false]);
    assert.equal(made.imagesSince, made.images.at(-1).time);
    list();
    await settle();
    assert.deepEqual([made.images.length, made.imagesListed, made.imagesSince], [150, true, 1]);
  });

  test("ends at the most images that the page takes, and says so", async () => {
    airflow.addMany(MOST + 150);
    const { images, cut } = await started();
    assert.deepEqual([images.length, cut], [MOST, true]);
  });

  test("is not begun a second time while it goes on", async () => {
    const made = reader();
    await Promise.all([made.start(), made.start()]);
    assert.equal(airflow.listings.length, 2);
  });

  for (const [status, kind] of [[401, "login"], [403, "forbidden"], [404, "gone"], [500, "server"]]) {
    test(`says "${kind}" where Airflow answers with ${status}`, async () => {
      airflow.onList = refuse(status);
      const { problem, imagesListed } = await started();
      assert.deepEqual([problem, imagesListed], [kind, false]);
    });
  }

  test('says "network" where Airflow cannot be reached, and goes on when it can', async () => {
    airflow.addMany(3);
    airflow.onList = () => {
      throw new TypeError("fetch failed");
    };
    const made = await started();
    assert.equal(made.problem, "network");
    airflow.onList = () => {};
    made.retry();
    await settle();
    assert.deepEqual([made.problem, states(made.images)], [null, ["read", "read", "read"]]);
  });

  test("keeps what it has where a later one is refused", async () => {
    airflow.addMany(3);
    const made = await started();
    airflow.onList = refuse(500);
    made.start();
    await settle();
    assert.deepEqual([made.problem, states(made.images)], ["server", ["read", "read", "read"]]);
  });

  test("asks the next time only for what is new, and reads no value again", async () => {
    airflow.addMany(250);
    const made = await started();
    const before = airflow.listings.length;
    airflow.add({ task: "new", time: airflow.entries[0].time + 1000 });
    airflow.entries.unshift(airflow.entries.pop());
    made.start();
    await settle();
    assert.equal(airflow.listings.length - before, 2);
    assert.deepEqual([made.images.length, made.images[0].task, made.images[0].state], [251, "new", "read"]);
    assert.equal(airflow.reads.length, 251);
  });

  test("finds what was listed later than others that are newer, by a clock that is behind", async () => {
    airflow.addMany(3);
    const made = await started();
    airflow.add({ task: "late", time: airflow.entries[0].time - 30_000 });
    made.start();
    await settle();
    assert.deepEqual(tasks(made.images), ["task0", "task1", "task2", "late"]);
  });

  test("takes over what another reader has read, if it is of the same time", async () => {
    airflow.addMany(3, { value: { prompt: "A lake" } });
    const former = await started();
    airflow.entries[0].time += 1000;
    const made = await started({ known: former });
    assert.deepEqual(airflow.reads, ["task0", "task1", "task2", "task0"]);
    assert.deepEqual(made.images.map(({ value }) => value.prompt), ["A lake", "A lake", "A lake"]);
  });

  test("changes nothing any more once the reader is stopped", async () => {
    airflow.addMany(150);
    const made = reader();
    made.start();
    made.stop();
    await settle();
    assert.deepEqual([made.problem, changes, airflow.reads], [null, 0, []]);
  });
});

describe("values", () => {
  test("are parsed as what they are", async () => {
    airflow.add({ task: "a", value: { prompt: "A lake" } }, { task: "b", value: ["no image"] });
    airflow.add({ task: "c", key: POSTS, value: JSON.stringify({ status: "draft" }) });
    const { images, posts } = await started();
    assert.deepEqual([images[0].value.prompt, images[1].value, posts[0].value.state], ["A lake", null, "draft"]);
  });

  test("in view are read first, six at a time, before anything else is even listed", async () => {
    airflow.addMany(20).addMany(1, { key: POSTS });
    const go = held();
    let list;
    airflow.onList = ({ key }) => (key === POSTS ? new Promise((done) => (list = done)) : undefined);
    const made = await started();
    assert.deepEqual(airflow.reads, []);
    const shown = made.images.slice(12);
    want(made, () => shown);
    await settle();
    assert.deepEqual(airflow.reads, tasks(shown.slice(0, 6)));
    await go(6);
    assert.deepEqual(airflow.reads, tasks(shown));
    await go(2);
    assert.equal(airflow.reads.length, 8);
    list();
    await settle();
    assert.equal(airflow.atOnce, 6);
    assert.equal(airflow.reads.length, 10);
  });

  test("of posts in the runs in view come after the images in view, before the rest", async () => {
    airflow.addMany(3);
    airflow.add({ key: POSTS, task: "other", run: "other" }, { key: POSTS, task: "post", run: "run" });
    let list;
    airflow.onList = ({ key }) => (key === POSTS ? new Promise((done) => (list = done)) : undefined);
    const made = await started();
    want(made, () => made.images.slice(2));
    list();
    await settle();
    assert.deepEqual(airflow.reads, ["task2", "post", "task0", "task1", "other"]);
  });

  test("of the rest are read two at a time, newest first", async () => {
    airflow.addMany(5);
    const go = held();
    await started();
    assert.deepEqual(airflow.reads, ["task0", "task1"]);
    await go(1);
    assert.deepEqual(airflow.reads, ["task0", "task1", "task2"]);
    assert.equal(airflow.atOnce, 2);
  });

  test("of the rest wait while the page is hidden", async () => {
    document.hidden = true;
    airflow.addMany(5);
    const made = await started();
    want(made, () => made.images.slice(0, 1));
    await settle();
    assert.deepEqual(airflow.reads, ["task0"]);
    document.hidden = false;
    want(made, () => []);
    await settle();
    assert.equal(airflow.reads.length, 5);
  });

  test("of the rest are read up to five hundred, and all if that is asked for, six at a time", async () => {
    airflow.addMany(600);
    const made = await started();
    assert.equal(airflow.reads.length, 500);
    assert.deepEqual([made.done, airflow.atOnce], [true, 2]);
    want(made, () => [], true);
    assert.equal(made.done, false);
    await settle();
    assert.equal(new Set(airflow.reads).size, 600);
    assert.deepEqual([made.done, airflow.atOnce], [true, 6]);
  });

  test("in view are read even where five hundred others were", async () => {
    airflow.addMany(600);
    const made = await started();
    want(made, () => made.images.slice(-1));
    await settle();
    assert.equal(airflow.reads.at(-1), "task599");
  });

  test("of the request that a task waits for are read where it is in view", async () => {
    const place = JSON.stringify(["dag", "run", "wait", -1]);
    airflow.add({ key: "pictory_request", task: "wait", value: { job_id: "1", prompt: "A fox" } });
    airflow.tasks = [row({ task_id: "wait", operator: "ImageJobSensor", state: "deferred" })];
    const made = await started();
    want(made, () => [...made.tasks.values()]);
    await settle();
    assert.deepEqual([airflow.reads, made.request(place).value.prompt], [["wait"], "A fox"]);
  });

  test("of what a running task was asked to do are read once where the list of Airflow 3.1 lacks them", async () => {
    const make = (task_id, state) => row({ task_id, operator: "GenerateImageOperator", state });
    airflow.tasks = [make("a", "running"), make("b", "queued")];
    const made = await started();
    airflow.tasks = airflow.tasks.map((one) => ({ ...one, rendered_fields: { prompt: "A fox" } }));
    airflow.asked = [];
    for (const _ of [1, 2]) {
      want(made, () => [...made.tasks.values()]);
      await settle();
    }
    assert.deepEqual(airflow.asked.map(({ name }) => name), ["a"]);
    assert.equal(made.request(JSON.stringify(["dag", "run", "a", -1])).value.prompt, "A fox");
  });
});

function row(fields) {
  return { dag_id: "dag", dag_run_id: "run", task_id: "task", map_index: -1, run_after: "2026-01-01T00:00:00Z", ...fields };
}

const succeeded = () => airflow.asked.filter(({ query }) => query.getAll("state").includes("success"));

// Of which a value cannot be read.
function startedUnread() {
  airflow.addMany(1);
  airflow.onRead = refuse(403);
  return started();
}

describe("tasks and approvals", () => {
  test("are listed: what goes on and what failed, and what has succeeded if it is asked for", async () => {
    airflow.tasks = [
      row({ task_id: "a", operator: "GenerateImageOperator", state: "failed" }),
      row({ task_id: "b", operator: "GenerateImageOperator", state: "running" }),
      row({ task_id: "c", operator: "GenerateImageOperator", state: "success" }),
    ];
    const made = await startedUnread();
    assert.deepEqual(tasks([...made.tasks.values()]).sort(), ["a", "b"]);
    made.wantAllTasks();
    assert.equal(made.done, false);
    await settle();
    assert.deepEqual(tasks([...made.tasks.values()]).sort(), ["a", "b", "c"]);
    assert.equal(made.done, true);
  });

  test("are not asked for by a state that Airflow 3.1 does not know", async () => {
    await started();
    assert.ok(!airflow.asked.some(({ query }) => query.getAll("state").includes("awaiting_input")));
  });

  test("that have succeeded are listed only where they are asked for, of one run or of all, and once", async () => {
    const made = await startedUnread();
    assert.equal(succeeded().length, 0);
    for (const _ of [1, 2]) made.wantTasks({ dag: "d", run: "r" });
    await settle();
    for (const _ of [1, 2]) made.wantAllTasks();
    await settle();
    assert.equal(succeeded().length, 2);
  });

  for (const [unread, listed] of [[5, 0], [6, 1]]) {
    test(`that have succeeded are ${listed ? "" : "not "}listed where ${unread} values of 100 are unread`, async () => {
      airflow.addMany(100);
      const made = await started();
      made.images.slice(0, unread).forEach((image) => (image.state = "unread"));
      made.wantAllTasks();
      assert.equal(succeeded().length, listed);
    });
  }

  for (const [size, listed] of [[100, 0], [101, 1]]) {
    test(`that have succeeded are ${listed ? "" : "not "}listed beside ${size} images`, async () => {
      airflow.addMany(size);
      airflow.onList = ({ key }) => (key === POSTS ? new Promise(() => {}) : undefined);
      const made = await started();
      made.wantAllTasks();
      await settle();
      assert.deepEqual([made.imagesListed, succeeded().length], [true, listed]);
    });
  }

  test("that have succeeded are listed for what images have cost if they make any, and posts after the images", async () => {
    airflow.addMany(201).addMany(1, { key: POSTS });
    const made = await started({ costs: true });
    made.images.forEach((image) => (image.state = "unread"));
    made.wantAllTasks();
    assert.deepEqual(airflow.listings.map(({ key }) => key), [IMAGES, IMAGES, IMAGES, POSTS]);
    const operators = succeeded()[0].query.getAll("operator");
    assert.deepEqual([operators.includes("GenerateImageOperator"), operators.includes("PostImageOperator")], [true, false]);
  });

  for (const name of ["hitlDetails", "dags"]) {
    test(`that have succeeded are listed if they are asked for while others still are: ${name}`, async () => {
      let answer;
      airflow.onAsk = (asked) => (asked.name === name ? new Promise((done) => (answer = done)) : undefined);
      airflow.tasks = [row({ task_id: "c", operator: "GenerateImageOperator", state: "success" })];
      airflow.addMany(201);
      const made = await started();
      document.hidden = true;
      made.wantAllTasks();
      await settle();
      answer();
      await settle();
      made.start();
      answer();
      await settle();
      assert.deepEqual(tasks([...made.tasks.values()]), ["c"]);
      assert.deepEqual(succeeded().map(({ query }) => query.has("updated_at_gte")), [false, true]);
    });
  }

  test("that have succeeded are listed whole the next time where that failed", async () => {
    const made = await startedUnread();
    airflow.tasks = [row({ task_id: "c", operator: "GenerateImageOperator", state: "success" })];
    airflow.onAsk = refuse(500);
    made.wantAllTasks();
    await settle();
    airflow.onAsk = () => {};
    made.start();
    await settle();
    assert.deepEqual(tasks([...made.tasks.values()]), ["c"]);
  });

  test("whose retry has succeeded have failed no more", async () => {
    const failed = { task: "submit", value: { error: "no answer" } };
    airflow.add(failed);
    airflow.tasks = [row({ task_id: "submit", operator: "GenerateImageOperator", state: "up_for_retry" })];
    const made = await started();
    assert.deepEqual(made.images.map(({ value }) => value.error), ["no answer"]);
    airflow.entries = [];
    airflow.tasks = [];
    made.start();
    await settle();
    assert.deepEqual(made.images, []);
  });

  test("that have ended since are listed anew, and those that went on and are gone are dropped", async () => {
    const [a, b] = ["a", "b"].map((task_id) => row({ task_id, operator: "ImageJobSensor", state: "deferred" }));
    airflow.tasks = [a, b];
    const made = await startedUnread();
    made.wantAllTasks();
    airflow.tasks = [{ ...a, state: "success" }];
    made.start();
    await settle();
    assert.deepEqual([...made.tasks.values()].map(({ task, state }) => [task, state]), [["a", "success"]]);
  });

  for (const name of ["taskInstances", "hitlDetails"]) {
    test(`that a viewer may not list are missing, and nothing else: ${name}`, async () => {
      airflow.addMany(2);
      airflow.onAsk = (asked) => (asked.name === name ? refuse(403)() : undefined);
      const made = await started();
      assert.deepEqual([made.problem, states(made.images)], [null, ["read", "read"]]);
      assert.deepEqual([...made.forbidden], [name === "taskInstances" ? "tasks" : "approvals"]);
    });
  }

  test("that cannot be listed are a problem", async () => {
    airflow.onAsk = refuse(500);
    assert.equal((await started()).problem, "server");
  });
});

describe("a value that cannot be read", () => {
  test("is asked for again after one second and after four more, then marked", async () => {
    airflow.addMany(1);
    airflow.onRead = refuse(500);
    const made = await started();
    const [image] = made.images;
    await tick(PAUSE_1 - 1);
    assert.deepEqual([airflow.reads.length, image.state], [1, "reading"]);
    await tick(1);
    assert.equal(airflow.reads.length, 2);
    await tick(PAUSE_2 - 1);
    assert.deepEqual([airflow.reads.length, image.state, made.done], [2, "reading", false]);
    await tick(1);
    assert.deepEqual([airflow.reads.length, image.state, made.failed, made.done], [3, "failed", true, true]);
    assert.equal(made.problem, null);
    await tick(60_000);
    assert.equal(airflow.reads.length, 3);
  });

  test("counts as any other if a later try succeeds", async () => {
    airflow.addMany(1, { value: { prompt: "A lake" } });
    airflow.onRead = () => {
      throw new TypeError("fetch failed");
    };
    const made = await started();
    airflow.onRead = ({ value }) => value;
    await tick(PAUSE_1);
    assert.deepEqual([made.images[0].value.prompt, made.failed, made.done], ["A lake", false, true]);
  });

  test("is read again when somebody asks for it", async () => {
    airflow.addMany(1);
    airflow.onRead = refuse(500);
    const made = await started();
    await tick(PAUSE_1);
    await tick(PAUSE_2);
    assert.equal(made.failed, true);
    airflow.onRead = ({ value }) => value;
    made.retry();
    await settle();
    assert.deepEqual([made.failed, states(made.images)], [false, ["read"]]);
  });

  test("is marked at once where the viewer may not read it", async () => {
    airflow.addMany(1);
    airflow.onRead = refuse(403);
    const made = await started();
    assert.deepEqual([airflow.reads.length, states(made.images), made.problem], [1, ["failed"], null]);
  });

  test("is dropped where it was deleted since it was listed", async () => {
    airflow.addMany(2);
    airflow.onRead = ({ task, value }) => (task === "task0" ? refuse(404)() : value);
    const made = await started();
    assert.deepEqual([tasks(made.images), made.failed], [["task1"], false]);
  });

  test("ends the reading where the viewer is logged out, and stays unread", async () => {
    airflow.addMany(10);
    airflow.onRead = refuse(401);
    const made = await started();
    assert.deepEqual([made.problem, airflow.reads.length], ["login", 2]);
    assert.ok(made.images.every(({ state }) => state === "unread"));
  });

  test("does not keep others from being read, but six in a row do, until the next listing", async () => {
    airflow.addMany(20);
    airflow.onRead = refuse(403);
    const made = await started();
    // One call more is under way when the sixth fails.
    assert.ok(airflow.reads.length <= 7, String(airflow.reads.length));
    assert.deepEqual([made.failed, made.done], [true, true]); // or the page would not list again by itself
    airflow.onRead = ({ value }) => value;
    made.start();
    await settle();
    assert.deepEqual(new Set(states(made.images)), new Set(["failed", "read"]));
    assert.equal(airflow.reads.length, 20);
  });

  test("is not asked for again once the reader is stopped", async () => {
    airflow.addMany(1);
    airflow.onRead = refuse(500);
    const made = await started();
    made.stop();
    await tick(PAUSE_1);
    assert.deepEqual([airflow.reads.length, made.problem, made.images[0].state], [1, null, "unread"]);
  });
});
