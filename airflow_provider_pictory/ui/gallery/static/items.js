// What the page shows: an item for each image that was made, is being made, or could not be made. Pure functions.

import { UNFINISHED } from "./parse_tasks.js";
import { fates } from "./posts_of_images.js";
import { attentionOf, isUnread } from "./states.js";

const groupOf = ({ beside, task }) => `${beside} ${task.replace(/[^.]*$/, "")}`;

// The task that submits a job stands beside the one that waits for it. Where there are several, the prompt tells which.
function submits(tasks) {
  const found = new Map();
  for (const task of tasks.values()) {
    if (task.kind !== "make") continue;
    const group = groupOf(task);
    found.set(group, [...(found.get(group) ?? []), task]);
  }
  return (place, prompt) => {
    const beside = found.get(groupOf(place)) ?? [];
    const [task, ...others] = beside.length > 1 && prompt ? beside.filter((one) => one.prompt === prompt) : beside;
    return task && !others.length ? task : null;
  };
}

function makingOf(record, task) {
  const { value } = record ?? {};
  const hasImage = value ? !value.error : record && record.state !== "failed" && task?.state !== "failed";
  if (hasImage) return "made";
  if (!UNFINISHED.includes(task?.state)) return record && !value?.error && task?.state !== "failed" ? "made" : "failed";
  return task.state === "up_for_retry" || value?.error ? "retrying" : "running";
}

// The price of the model, where it is not known yet what an image has cost.
function costOf(record, making, model, prices) {
  const { value } = record ?? {};
  if (value) {
    const { credits, estimated, jobId } = value;
    return { credits, estimated, known: credits !== null || !jobId };
  }
  if (making !== "made" || record.state === "read") return { credits: null, estimated: 0, known: true };
  const price = prices[model] ?? null;
  return { credits: price, estimated: price ?? 0, known: false };
}

const NOTHING = { posts: [], approval: null, state: undefined, elsewhere: false };

// data: a reader, or what else has its fields. prices: the models' credits, with that of the default model under "".
// dayOf: names the day of a time.
export function join(data, { prices, now, dayOf }) {
  const { images, tasks } = data;
  const submitOf = submits(tasks);
  const fateOf = fates(data, now);
  const item = (record, task) => {
    const at = record ?? task;
    const { value } = record ?? {};
    const request = record ? null : data.request?.(at.place)?.value;
    const asked = task?.kind === "make" ? task : submitOf(at, value?.prompt ?? request?.prompt);
    const making = makingOf(record, task);
    const model = value?.model ?? request?.model ?? asked?.model ?? null;
    const fate = value && making === "made" ? fateOf(value, at) : NOTHING;
    const price = asked?.known && !asked.media ? (model ?? "") : model;
    const shown = {
      id: at.place,
      at,
      record,
      task,
      time: at.time,
      day: (at.day ??= dayOf(at.time)),
      image: value ?? null,
      making,
      prompt: value?.prompt ?? request?.prompt ?? (value ? null : asked?.prompt) ?? null,
      model,
      style: asked?.style ?? null,
      reference: asked?.reference ?? null,
      submit: asked && asked !== task ? asked : null,
      jobId: value?.jobId ?? request?.jobId ?? task?.jobId ?? null,
      error: value?.error ?? null,
      cost: costOf(record, making, price, prices),
      ...fate,
    };
    shown.attention = attentionOf(shown);
    return shown;
  };
  const places = new Set(images.map(({ place }) => place));
  const others = [...tasks.values()].filter(
    ({ kind, state, place }) =>
      (kind === "make" || kind === "wait") && (state === "failed" || UNFINISHED.includes(state)) && !places.has(place),
  );
  const items = images.map((record) => item(record, tasks.get(record.place)));
  items.push(...others.map((task) => item(null, task)));
  return items.sort((a, b) => b.time - a.time);
}

function looksOfPost({ state, due, content, destinations, error, time, postId }) {
  return [state, due, content, destinations, error, time, postId];
}

// What an item looks like depends on this alone: it is shown anew if it has changed.
export function looksOf({ record, image, posts, ...item }) {
  const read = [record?.stamp, record?.state === "failed", Boolean(image)];
  const { id, making, prompt, model, style, reference, error, cost, state, elsewhere, approval, submit } = item;
  const facts = [id, making, prompt, model, style, reference, error, cost, state, elsewhere, approval, Boolean(submit)];
  return [read, facts, posts.map(looksOfPost)];
}

// Everything that somebody may look for in an item.
export function wordsOf({ prompt, jobId, error, image, posts }) {
  const parts = [prompt, jobId, error, image?.mediaId];
  for (const { content, postId, error: fault } of posts) parts.push(content, postId, fault);
  return parts.filter(Boolean).join("\n").toLowerCase();
}

// Whether a DAG is asked for. tags: of the DAGs.
export function fitsDag(dag, asked, tags) {
  return (!asked.dag || dag === asked.dag) && (!asked.tag || (tags.get(dag) ?? []).includes(asked.tag));
}

// Whether an item has all that is asked for.
export function fits(item, { model, state, attention, words, ...asked }, tags) {
  return (
    fitsDag(item.at.dag, asked, tags) &&
    (!model || item.model === model) &&
    (!state || item.state === state) &&
    (!attention || (attention === "any" ? item.attention !== null : item.attention === attention)) &&
    words.every((word) => wordsOf(item).includes(word))
  );
}

// Items that are not read yet beside whose tasks a post has failed, or somebody is waited for: these are of the same
// run and map index, or iteration.
export function troubled(items, { tasks, approvals }) {
  const ended = ["success", "skipped"];
  const posts = [...tasks.values()].filter(({ kind, state }) => kind === "post" && !ended.includes(state));
  const asked = [...approvals.values()].filter(({ choice }) => !choice);
  const places = new Set([...posts, ...asked].map(({ beside }) => beside));
  return items.filter(({ record, at }) => record?.state === "unread" && places.has(at.beside));
}

// Items that are not read yet, and may change a sum of those that match. filtered: whether values decide which these are.
export function openOf(items, matching, filtered) {
  return items.filter((item) => isUnread(item.record) && (matching.has(item) ? item.cost.credits === null : filtered));
}

// How many items need attention, by its kind.
export function countAttention(items) {
  const counts = {};
  for (const { attention } of items) if (attention) counts[attention] = (counts[attention] ?? 0) + 1;
  return counts;
}

// What all items have cost together: `credits` with `estimated` among it, and how many items are not in it.
export function spent(items) {
  const all = { credits: 0, estimated: 0, missing: 0, prices: 0 };
  for (const { cost } of items) {
    all.credits += cost.credits ?? 0;
    all.estimated += cost.estimated;
    if (cost.credits === null && !cost.known) all.missing += 1;
    if (cost.credits !== null && !cost.known) all.prices += 1;
  }
  return all;
}

// Groups items by their prompt, in the order of their first ones.
export function byPrompt(items) {
  const groups = new Map();
  for (const item of items) {
    const key = item.prompt?.trim().replace(/\s+/g, " ").toLowerCase() ?? item.id;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}
