// An Airflow that lists XComs, tasks and approvals, and hands out values: as much of its REST API as the page asks for,
// without a server.

// addresses.js and view.js read the page's address when they are imported.
globalThis.document = { baseURI: "http://localhost/pictory-gallery/", hidden: false };
Object.assign(globalThis, { window: globalThis, parent: globalThis, location: { search: "", hash: "" } });

const XCOMS = /^\/api\/v2\/dags\/([^/]+)\/dagRuns\/([^/]+)\/taskInstances\/([^/]+)\/xcomEntries(?:\/([^/]+))?$/;

const TASK = /^\/api\/v2\/dags\/[^/]+\/dagRuns\/[^/]+\/taskInstances\/([^/]+)$/;

const TASKS = /^\/api\/v2\/dags\/([^/]+)\/dagRuns\/([^/]+)\/(taskInstances|hitlDetails)$/;

export const GALLERY = "../../airflow_provider_pictory/ui/gallery/static";
export const IMAGES = "pictory_image";
export const POSTS = "posteverywhere_post";

// Lets everything run that waits for no timer.
export const settle = () => new Promise(setImmediate);

// What an answer other than 200 is thrown as.
export class Status extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

// Of an iteration of a loop, Airflow takes no map index.
function isAt({ mapIndex, region }, query) {
  if (!region) return String(mapIndex) === query.get("map_index");
  if (!query.has("region_id")) throw new Status(400);
  return region.region_id === query.get("region_id") && String(region.region_index) === query.get("region_index");
}

export class Airflow {
  version = "3.3.2";
  unlisted = 0; // how many more entries it counts than it lists
  entries = []; // newest first
  listings = []; // {key, path, offset, order} of each call for a list
  reads = []; // the task of each call for a value
  tasks = []; // rows as Airflow lists them
  approvals = [];
  dags = [];
  asked = []; // {name, query} of each call for a list other than of XComs
  changes = []; // {method, path, body} of each call that changes something
  atOnce = 0; // the most calls for values that were under way together

  // What tests put something else into: each may be slow, or throw.
  onList = () => {};
  onRead = ({ value }) => value;
  onAsk = () => {};
  onChange = () => ({ task_instances: [] });

  #reading = 0;

  // Takes {key, task, time, value} and what else differs. Those that are added later are older.
  add(...entries) {
    for (const entry of entries) {
      const time = entry.time ?? Date.UTC(2026, 0, 31) - this.entries.length * 1000;
      this.entries.push({ key: IMAGES, dag: "dag", run: "run", mapIndex: -1, value: {}, ...entry, time });
    }
    return this;
  }

  addMany(count, entry = {}) {
    const before = this.entries.length;
    return this.add(...Array.from({ length: count }, (_, at) => ({ task: `task${before + at}`, ...entry })));
  }

  fetch = async (url, { signal, method, body: sent }) => {
    signal.throwIfAborted();
    let [status, body] = [200, null];
    try {
      body = await (method ? this.#change(method, url.pathname, JSON.parse(sent)) : this.#answer(url));
    } catch (error) {
      if (!(error instanceof Status)) throw error;
      ({ status } = error);
    }
    signal.throwIfAborted();
    return { ok: status === 200, status, json: async () => structuredClone(body) };
  };

  #answer({ pathname, searchParams }) {
    if (pathname === "/api/v2/version") return { version: this.version };
    if (pathname === "/api/v2/dags") return this.#others("dags", searchParams);
    const [, alone] = TASK.exec(pathname) ?? [];
    if (alone) return this.#task(alone, searchParams);
    const [, , , name] = TASKS.exec(pathname) ?? [];
    if (name) return this.#others(name, searchParams);
    const [dag, run, task, key] = XCOMS.exec(pathname).slice(1).map((part) => part && decodeURIComponent(part));
    const named = ({ dag: d, run: r, task: t }) =>
      [[dag, d], [run, r], [task, t]].every(([asked, name]) => asked === "~" || asked === name);
    if (!key) return this.#list(pathname, Object.fromEntries(searchParams), named);
    return this.#read(this.entries.filter(named).find((one) => one.key === key && isAt(one, searchParams)));
  }

  #change(method, path, body) {
    this.changes.push({ method, path, body });
    return this.onChange({ method, path, body });
  }

  #task(name, query) {
    this.asked.push({ name, query });
    const index = query.get("region_index");
    return this.tasks.find(({ task_id: id, region_index: at }) => id === name && String(at ?? null) === String(index));
  }

  async #others(name, query) {
    this.asked.push({ name, query });
    await this.onAsk({ name, query });
    const [states, offset] = [query.getAll("state"), Number(query.get("offset"))];
    const rows = { taskInstances: this.tasks, hitlDetails: this.approvals, dags: this.dags }[name];
    const found = rows.filter(({ state }) => !states.length || states.includes(state));
    const field = { taskInstances: "task_instances", hitlDetails: "hitl_details", dags: "dags" }[name];
    return { total_entries: found.length, [field]: found.slice(offset, offset + Number(query.get("limit"))) };
  }

  async #list(path, { xcom_key: key, limit, offset, order_by: order }, named) {
    const call = { key, path, offset: Number(offset), order };
    this.listings.push(call);
    await this.onList(call);
    const found = this.entries.filter((entry) => entry.key === key && named(entry));
    const page = found.slice(call.offset, call.offset + Number(limit));
    return {
      total_entries: found.length + this.unlisted,
      xcom_entries: page.map(({ dag, run, task, mapIndex, region, time }) => ({
        key,
        dag_id: dag,
        run_id: run,
        task_id: task,
        map_index: mapIndex,
        ...region,
        timestamp: new Date(time).toISOString(),
      })),
    };
  }

  async #read(entry) {
    if (!entry) throw new Status(404);
    this.reads.push(entry.task);
    this.#reading += 1;
    this.atOnce = Math.max(this.atOnce, this.#reading);
    try {
      return { value: await this.onRead(entry) };
    } finally {
      this.#reading -= 1;
    }
  }
}

// Puts an Airflow where the page looks for one.
export function serve(airflow = new Airflow()) {
  globalThis.fetch = airflow.fetch;
  return airflow;
}
