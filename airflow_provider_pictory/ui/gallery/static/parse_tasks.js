// What Airflow's lists of task instances and of required actions say of images and posts. Pure functions.

import { object, text, webAddress } from "./parse_xcom.js";

// What the tasks of an operator do: make an image, wait for one, or post one. Those of subclasses are known by their
// XComs alone.
export const OPERATORS = {
  GenerateImageOperator: "make",
  RegenerateImageOperator: "make",
  GenerateMediaOperator: "make",
  _DecoratedImageOperator: "make",
  _DecoratedMediaOperator: "make",
  ImageJobSensor: "wait",
  PostImageOperator: "post",
  _DecoratedPostOperator: "post",
};

// Of tasks that make, wait or post. Below Airflow 3.3, asking for an unknown state is an error.
export const GOING_ON = [
  "running", "queued", "scheduled", "deferred", "restarting", "up_for_retry", "up_for_reschedule",
];
export const NOT_STARTED = ["queued", "scheduled"]; // nothing is rendered yet
export const UNFINISHED = [...GOING_ON, "awaiting_input"];

const CUT = /^Truncated\. You can change this behaviour in [^.]*\. ?(.*)$/s;

// Rendered fields that are too long are a text with a notice before it and an ellipsis behind.
function field(value) {
  const [, cut] = (typeof value === "string" && CUT.exec(value)) || [];
  return cut === undefined ? value : cut.replace(/^['"]/, "").replace(/['"]?\.\.\. ?$/, "…");
}

// Of the image that a task was given: a dict, its text where it was too long, or an address.
export function sourceOf(value, mediaIds) {
  const it = object(value);
  const cut = typeof value === "string" && !it ? value : "";
  const [, jobId] = /["']job_id["']: ["']([^"']+)["']/.exec(cut) ?? [];
  const [, url] = /["']url["']: ["']([^"']+)["']/.exec(cut) ?? [];
  const ids = Array.isArray(mediaIds) ? mediaIds : Array.isArray(it?.media_ids) ? it.media_ids : [it?.media_id];
  return {
    jobId: text(it?.job_id ?? jobId, 200),
    imageUrl: webAddress(it?.url ?? url ?? value),
    mediaIds: ids.map((id) => text(id, 200)).filter(Boolean),
  };
}

const moment = (value) => (value ? Date.parse(value) : null);

// Where something is from: of a task instance, or of what one has pushed. Iterations of a loop, which Airflow has from
// 3.4, all have the map index -1: a region and an index in it tell them apart.
export function placeOf(row) {
  const run = row.dag_run_id ?? row.run_id;
  const region = row.region_id ? [row.region_id, row.region_index] : [];
  return {
    place: JSON.stringify([row.dag_id, run, row.task_id, row.map_index, ...region]),
    beside: JSON.stringify([row.dag_id, run, row.map_index, ...region]), // the same for tasks that belong together
    dag: row.dag_id,
    dagName: row.dag_display_name ?? row.dag_id,
    run,
    task: row.task_id,
    taskName: row.task_display_name ?? row.task_id,
    mapIndex: row.map_index,
    region: region.length ? { region_id: row.region_id, region_index: row.region_index } : null,
  };
}

// A task with its index among those that were made of it, if it is one of several.
export function nameOf({ taskName, mapIndex, region }) {
  const index = mapIndex >= 0 ? mapIndex : region?.region_index;
  return index >= 0 ? `${taskName} [${index}]` : taskName;
}

export function taskOf(row) {
  const fields = row.rendered_fields ?? {};
  const known = Object.keys(fields).length > 0; // Airflow keeps them for the newest runs of a DAG
  const kind = OPERATORS[row.operator];
  const due = Date.parse(fields.scheduled_for);
  return {
    ...placeOf(row),
    state: row.state,
    kind,
    known,
    time: moment(row.end_date) ?? moment(row.start_date) ?? moment(row.queued_when) ?? moment(row.run_after),
    tries: row.try_number,
    media: row.operator?.includes("Media") ?? false,
    prompt: kind === "make" ? text(field(fields.prompt), 20_000) : null,
    model: kind === "make" ? text(field(fields.model), 100) : null,
    style: kind === "make" ? text(field(fields.style), 100) : null,
    reference: kind === "make" ? webAddress(fields.reference_image_url) : null,
    jobId: kind === "wait" ? text(fields.job_id, 200) : null,
    content: kind === "post" ? text(field(fields.content), 2000) : null,
    draft: fields.draft === true,
    due: kind === "post" && !Number.isNaN(due) ? due : null,
    source: kind === "post" && known ? sourceOf(fields.image, fields.media_ids) : null,
  };
}

const PICTURE = /^!\[The image\]\(<([^>\s]+)>\)/;

// Null where a person is asked about something other than an image.
export function approvalOf(detail) {
  const row = detail.task_instance;
  const source = sourceOf(row.rendered_fields?.image);
  const [, url] = PICTURE.exec(detail.body ?? "") ?? [];
  source.imageUrl ??= webAddress(url?.replaceAll("&amp;", "&"));
  if (!detail.options?.includes("Approve") || !(source.jobId || source.imageUrl)) return null;
  const params = Object.entries(detail.params ?? {}).map(([name, param]) => [name, param?.value]);
  return {
    ...placeOf(row),
    state: row.state,
    ...source,
    options: detail.options,
    params: Object.fromEntries(params),
    time: Date.parse(detail.created_at),
    choice: text(detail.chosen_options?.[0], 100),
    by: text(detail.responded_by_user?.name, 100),
    at: moment(detail.responded_at),
  };
}
