// Airflow's public REST API, asked with the viewer's own session: what comes back is what this viewer may see, and what
// is changed is what this viewer may change.

import { API } from "./addresses.js";
import { OPERATORS, approvalOf, placeOf, taskOf } from "./parse_tasks.js";

const PAGE = 100; // the most that Airflow lists at a time
const AHEAD = 2; // pages of a list that are asked for together
const PATIENCE = 30_000; // ms

export const IMAGES = "pictory_image";
export const POSTS = "posteverywhere_post";
export const REQUESTS = "pictory_request";
export const PREVIEWS = "pictory_preview";
export const FIELDS = "rendered fields"; // of a task, which are no XCom

// kind: "login", "forbidden", "gone", "conflict", "server" or "network"
export class Refusal extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

const KINDS = { 401: "login", 403: "forbidden", 404: "gone", 409: "conflict" };

async function call(path, query, signal, options = {}) {
  const url = new URL(path, API);
  url.search = new URLSearchParams(query);
  let answer;
  try {
    answer = await fetch(url, {
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(options.body && { "Content-Type": "application/json" }) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
      ...options,
    });
    if (answer.ok) return await answer.json();
  } catch {
    signal.throwIfAborted();
    throw new Refusal("network");
  }
  throw new Refusal(KINDS[answer.status] ?? "server");
}

const part = (name) => (name === undefined ? "~" : encodeURIComponent(name));
const runPath = ({ dag, run }) => `dags/${part(dag)}/dagRuns/${part(run)}`;
const xcomPath = (of) => `${runPath(of)}/taskInstances/${part(of.task)}/xcomEntries`;

// Yields {entries, total} page after page; the first one says how many there are. Stops where `enough` holds of a page.
async function* pages(path, name, query, signal, enough = () => false) {
  const page = (offset) => call(path, [...query, ["limit", PAGE], ["offset", offset]], signal);
  const first = await page(0);
  const total = first.total_entries;
  yield { entries: first[name], total };
  if (enough(first[name])) return;
  for (let offset = first[name].length; offset && offset < total; offset += AHEAD * PAGE) {
    const offsets = Array.from({ length: AHEAD }, (_, at) => offset + at * PAGE).filter((at) => at < total);
    const asked = offsets.map(page);
    asked.forEach((one) => one.catch(() => {})); // each is awaited below, unless an earlier one ends the loop
    for (const one of asked) {
      const { [name]: entries } = await one;
      yield { entries, total };
      if (!entries.length || enough(entries)) return;
    }
  }
}

function record(key, entry) {
  const from = placeOf(entry);
  return {
    ...from,
    id: JSON.stringify([key, ...JSON.parse(from.place)]),
    key,
    stamp: entry.timestamp,
    time: Date.parse(entry.timestamp),
    state: "unread",
    value: undefined,
  };
}

let version;

// Airflow 3.1 lists XComs by their names, whatever order is asked for.
async function listsNewestFirst(signal) {
  version ??= (await call("version", {}, signal)).version;
  return !version.startsWith("3.1.");
}

// Yields page after page of what a key names, newest first, back to the time `since` (in ms). `reached` is the time since
// which all are listed by then, if that is known.
export async function* list(key, { dag, run, since, signal }) {
  const query = [["xcom_key", key], ["order_by", "-timestamp"]];
  const ordered = await listsNewestFirst(signal);
  const enough = (entries) => ordered && entries.length > 0 && Date.parse(entries.at(-1).timestamp) < since;
  for await (const { entries, total } of pages(xcomPath({ dag, run }), "xcom_entries", query, signal, enough)) {
    const records = entries.map((entry) => record(key, entry));
    const reached = (ordered && records.at(-1)?.time) || Infinity;
    yield { records: records.filter(({ time }) => time >= since), total, reached };
  }
}

// Yields page after page of the tasks of this package that were touched since a time, with what they were asked to do.
// kind: what they do, if not all of them are asked for.
export async function* listTasks(states, { dag, run, since, signal }, kind) {
  const query = [["order_by", "-start_date"], ...states.map((state) => ["state", state])];
  const operators = Object.keys(OPERATORS).filter((operator) => !kind || OPERATORS[operator] === kind);
  query.push(...operators.map((operator) => ["operator", operator]));
  if (since > 0) query.push(["updated_at_gte", new Date(since).toISOString()]);
  for await (const { entries } of pages(`${runPath({ dag, run })}/taskInstances`, "task_instances", query, signal)) {
    yield entries.map(taskOf);
  }
}

// Yields page after page of what people were asked to approve.
export async function* listApprovals({ dag, run, since, signal }) {
  const query = [["order_by", "-created_at"]];
  if (since > 0) query.push(["created_at_gte", new Date(since).toISOString()]);
  for await (const { entries } of pages(`${runPath({ dag, run })}/hitlDetails`, "hitl_details", query, signal)) {
    yield entries.map(approvalOf).filter(Boolean);
  }
}

// A task alone: Airflow 3.1 and 3.2 list them without their rendered fields.
function readTask({ dag, run, task, mapIndex, region }, signal) {
  const index = mapIndex >= 0 ? `/${mapIndex}` : "";
  return call(`${runPath({ dag, run })}/taskInstances/${part(task)}${index}`, region ?? {}, signal);
}

export async function read({ key, mapIndex, region, ...place }, signal) {
  if (key === FIELDS) return readTask({ mapIndex, region, ...place }, signal);
  return (await call(`${xcomPath(place)}/${key}`, region ?? { map_index: mapIndex }, signal)).value;
}

const forever = new AbortController().signal;

// Answers an approval as its form would.
export function answer({ dag, run, task, mapIndex, region, params }, choice) {
  const path = `${runPath({ dag, run })}/taskInstances/${part(task)}/${mapIndex}/hitlDetails`;
  const body = JSON.stringify({ chosen_options: [choice], params_input: params });
  return call(path, region ?? {}, forever, { method: "PATCH", body });
}

// What to clear: of a loop, the name of a task would mean all of its iterations, each of which may cost credits.
async function selection(at) {
  const { task, mapIndex, region } = at;
  if (!region) return { task_ids: [mapIndex >= 0 ? [task, mapIndex] : task] };
  const { id } = await readTask(at, forever);
  return { task_instance_ids: [id], include_later_loop_iterations: false };
}

// Clears a task, or those of it and of what follows that have failed; with dryRun, says only which these are.
export async function clear(at, following, dryRun) {
  const { dag, run } = at;
  const body = JSON.stringify({
    dry_run: dryRun,
    dag_run_id: run,
    ...(await selection(at)),
    only_failed: following,
    include_downstream: following,
    reset_dag_runs: true,
  });
  const answered = await call(`dags/${part(dag)}/clearTaskInstances`, {}, forever, { method: "POST", body });
  return answered.task_instances.map(taskOf);
}

// The tags of DAGs, by DAG.
export async function listTags(signal) {
  const tags = new Map();
  for await (const { entries } of pages("dags", "dags", [["order_by", "dag_id"]], signal)) {
    for (const { dag_id: dag, tags: named } of entries) tags.set(dag, (named ?? []).map(({ name }) => name));
  }
  return tags;
}
