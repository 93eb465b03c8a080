// Which posts and approvals are of an image, and what became of it. Pure functions.

import { UNFINISHED } from "./parse_tasks.js";
import { BAD, isUnread } from "./states.js";

function index(entries, sourceOf) {
  const found = new Map();
  const add = (key, entry) => found.set(key, [...(found.get(key) ?? []), entry]);
  for (const entry of entries) {
    const source = sourceOf(entry);
    if (!source) continue;
    for (const id of source.mediaIds ?? []) add(`media ${id}`, entry);
    if (source.jobId) add(`job ${source.jobId}`, entry);
    else if (source.imageUrl) add(`url ${source.imageUrl}`, entry);
  }
  return ({ jobId, mediaId, url }) =>
    (jobId && found.get(`job ${jobId}`)) ||
    (mediaId && found.get(`media ${mediaId}`)) ||
    (url && found.get(`url ${url}`)) ||
    [];
}

// A post is {record, task, place, time, …}: its XCom, if there is one, and its task, if it is listed.
export function postsOf(records, tasks) {
  const posts = records.map((record) => {
    const task = tasks.get(record.place);
    return { record, task, place: record.place, time: record.time, source: record.value ?? task?.source };
  });
  const known = new Set(records.map(({ place }) => place));
  for (const task of tasks.values()) {
    const goesOn = UNFINISHED.includes(task.state) || task.state === "failed";
    if (task.kind !== "post" || known.has(task.place) || !goesOn || !task.source) continue;
    posts.push({ record: null, task, place: task.place, time: task.time, source: task.source });
  }
  return posts.sort((a, b) => b.time - a.time);
}

// What is known of a post: `state` is undefined until it is known.
export function describePost({ record, task, place, time }, now) {
  const value = record?.value;
  const due = value?.scheduledFor ?? task?.due ?? null;
  const described = {
    place,
    record,
    of: record ?? task,
    time,
    due,
    content: value?.content ?? task?.content ?? null,
    destinations: value?.destinations ?? [],
    error: value?.error ?? null,
    postId: value?.postId ?? null,
    state: value ? value.state : undefined,
  };
  const goesOn = UNFINISHED.includes(task?.state);
  if (goesOn && (!value || value.state === "failed")) described.state = due > now ? "scheduled" : "publishing";
  else if (record?.state === "failed" || !record) described.state = task?.state === "failed" ? "failed" : null;
  if (described.state === "scheduled" && due !== null && due < now) described.state = "overdue";
  return described;
}

const isBad = ({ state }) => BAD.includes(state);

const CHOICES = { Reject: "rejected", "Make another": "replaced" };

function answered({ choice, state }) {
  if (choice) return CHOICES[choice] ?? "none";
  return UNFINISHED.includes(state) ? "waiting" : "unanswered";
}

// Returns a function from an image to {posts, approval, state, elsewhere}; `elsewhere` says that posts whose image is
// not known yet may change that.
export function fates({ posts: records, tasks, approvals, postsListed }, now) {
  const posts = postsOf(records, tasks);
  const find = index(posts, ({ source }) => source);
  const asked = index([...approvals.values()].sort((a, b) => b.time - a.time), (approval) => approval);
  const open = posts.filter(({ source, record }) => !source && isUnread(record));
  const openRuns = new Set(open.map(({ record }) => `${record.dag} ${record.run}`));
  return (image, { dag, run }) => {
    const own = find(image).map((post) => describePost(post, now));
    own.sort((a, b) => isBad(b) - isBad(a)); // of two tasks that post it, the one that failed says what is to be done
    const [approval = null] = asked(image);
    let state = own[0]?.state;
    if (!own.length && postsListed && !openRuns.has(`${dag} ${run}`)) state = approval ? answered(approval) : "none";
    return { posts: own, approval, state, elsewhere: !own.length && open.length > 0 };
  };
}
