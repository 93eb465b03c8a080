// Airflow's public REST API, asked with the viewer's own session: what comes back is what this viewer may see.

const API = new URL("../api/v2/", document.baseURI);
const PAGE = 100; // the most that Airflow lists at a time
const PATIENCE = 30_000; // ms

export const IMAGES = "pictory_image";
export const POSTS = "posteverywhere_post";

// kind: "login", "forbidden", "gone", "server" or "network"
export class Refusal extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

const KINDS = { 401: "login", 403: "forbidden", 404: "gone" };

async function get(path, query, signal) {
  const url = new URL(path, API);
  url.search = new URLSearchParams(query);
  let answer;
  try {
    answer = await fetch(url, {
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    if (answer.ok) return await answer.json();
  } catch {
    signal.throwIfAborted();
    throw new Refusal("network");
  }
  throw new Refusal(KINDS[answer.status] ?? "server");
}

function path(dag, run, task) {
  const [d, r, t] = [dag, run, task].map((part) => (part === undefined ? "~" : encodeURIComponent(part)));
  return `dags/${d}/dagRuns/${r}/taskInstances/${t}/xcomEntries`;
}

function record(key, entry) {
  return {
    id: JSON.stringify([key, entry.dag_id, entry.run_id, entry.task_id, entry.map_index]),
    key,
    dag: entry.dag_id,
    dagName: entry.dag_display_name ?? entry.dag_id,
    run: entry.run_id,
    task: entry.task_id,
    taskName: entry.task_display_name ?? entry.task_id,
    mapIndex: entry.map_index,
    time: Date.parse(entry.timestamp),
    state: "unread",
    value: undefined,
  };
}

let version;

// Airflow 3.1 lists XComs by their names, whatever order is asked for.
async function listsNewestFirst(signal) {
  version ??= (await get("version", {}, signal)).version;
  return !version.startsWith("3.1.");
}

// Yields page after page of what a key names, newest first, back to the time `since` (in ms).
export async function* list(key, { dag, run, since, signal }) {
  let offset = 0;
  for (;;) {
    const query = { xcom_key: key, limit: PAGE, offset, order_by: "-timestamp" };
    const answer = await get(path(dag, run), query, signal);
    const records = answer.xcom_entries.map((entry) => record(key, entry));
    yield records.filter(({ time }) => time >= since);
    offset += records.length;
    if (!records.length || offset >= answer.total_entries) return;
    if (records.at(-1).time < since && (await listsNewestFirst(signal))) return;
  }
}

export async function read({ key, dag, run, task, mapIndex }, signal) {
  return (await get(`${path(dag, run, task)}/${key}`, { map_index: mapIndex }, signal)).value;
}

export function loginAddress(next) {
  const url = new URL("auth/login", API);
  url.searchParams.set("next", next);
  return url.href;
}

// Pages of Airflow's own UI.
export function dagAddress({ dag }) {
  return new URL(`../dags/${encodeURIComponent(dag)}`, document.baseURI).href;
}

export function runAddress({ dag, run }) {
  return `${dagAddress({ dag })}/runs/${encodeURIComponent(run)}`;
}

export function taskAddress({ dag, run, task, mapIndex }) {
  const mapped = mapIndex >= 0 ? `/mapped/${mapIndex}` : "";
  return `${runAddress({ dag, run })}/tasks/${encodeURIComponent(task)}${mapped}`;
}
