// The picture of an item, or why there is none, and what is said in few words of it and of its posts.

import { MAKING, STATES, isUnread } from "./states.js";
import { clockOf, count, dayOf, make, outside, shortDay, skeleton, when } from "./dom.js";
import { PLATFORMS } from "./constants.js"; // written by static_files.py

export function titleOf({ prompt, jobId, making }) {
  return prompt ?? (making === "made" || !jobId ? "No prompt is known" : `Job ${jobId}`);
}

export function badge(state, text = STATES[state]) {
  return make("span", { className: `badge ${state ?? "unknown"}` }, text ?? "Unknown");
}

export function makingBadge(making) {
  return badge({ failed: "failed", retrying: "partially_failed", running: "publishing" }[making], MAKING[making]);
}

export function sizeOf(image) {
  return image?.width && image?.height ? `${image.width} × ${image.height}` : null;
}

export function costOf({ credits, estimated }) {
  if (credits === null) return null;
  return `${estimated ? "about " : ""}${count(credits, "credit")}`;
}

export function factsOf({ model, image, cost, record }) {
  const price = record?.state === "read" ? costOf(cost) : null;
  return [model, sizeOf(image), price].filter(Boolean).join(" · ");
}

let acts;

// acted: {copyOf(item)}, which promises the stored copy of an item's picture, or null.
export function setUp(acted) {
  acts = acted;
}

const missing = (...parts) => make("span", { className: "missing" }, ...parts);
const altOf = (item) => titleOf(item).slice(0, 300);

// Calls the function of an element once the element is seen.
const awaited = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      awaited.get(target)();
    }
  },
  { rootMargin: "200px" },
);

// Shows a stored copy in place of an element, or the reason why the picture itself cannot be shown.
async function showCopy(element, item, reason, said) {
  const { path } = item.image;
  const failed = missing(path ? `${reason}; stored at ${path}` : reason);
  const copy = await acts.copyOf(item);
  if (!copy) return element.replaceWith(failed);
  const shown = make("img", { alt: altOf(item) });
  const place = make("span", { className: "copied" }, shown, make("span", { className: "mark" }, "Small stored copy"));
  if (copy.path) place.title = copy.path;
  shown.addEventListener("error", () => place.replaceWith(failed));
  shown.src = copy.source;
  element.replaceWith(place);
  return said(copy);
}

// Shows a picture, or says why there is none. said: called with the stored copy if that is shown instead.
export function picture(item, properties, said = () => {}) {
  const { record, image, making, error } = item;
  if (record?.state === "failed" && making === "made") return missing("Airflow could not say what this is");
  if (isUnread(record) && making !== "failed") return skeleton();
  if (making === "running") return missing(make("span", { className: "turning" }), makingBadge(making));
  if (making !== "made") return missing(makingBadge(making), error && make("span", {}, error));
  if (!image) return missing("Its value is not kept in Airflow's database");
  if (image.strange) return missing("Its address is not one of the web");
  if (!image.url) {
    const reason = image.mediaId ? "Shown by PostEverywhere alone, in its media library" : "No address is known";
    const waiting = skeleton();
    awaited.set(waiting, () => showCopy(waiting, item, reason, said));
    observer.observe(waiting);
    return waiting;
  }
  const shown = make("img", {
    alt: altOf(item),
    referrerPolicy: "no-referrer",
    decoding: "async",
    ...properties,
  });
  shown.addEventListener("error", () => {
    const waiting = skeleton();
    shown.replaceWith(waiting);
    showCopy(waiting, item, "No longer at its address", said);
  });
  shown.src = image.url;
  return shown;
}

export function platformOf({ platform, account }) {
  if (Object.hasOwn(PLATFORMS, platform)) return PLATFORMS[platform];
  return platform ?? `Account ${account ?? "unknown"}`;
}

export function destinationLink(destination) {
  return destination.url ? outside(destination.url, platformOf(destination)) : platformOf(destination);
}

export function hasFailed({ error, status }) {
  return Boolean(error) || status === "failed";
}

// Where a post went, with the names of the accounts.
export function destinationsOf({ destinations }) {
  return destinations.flatMap((destination) => {
    const className = hasFailed(destination) ? "place failed" : "place";
    const name = destination.name ? [make("span", { className: "muted" }, destination.name)] : [];
    return [make("span", { className }, destinationLink(destination)), ...name];
  });
}

// Why a post has failed, in one line: the platform's own words if there are any.
export function faultOf({ state, destinations, error }) {
  const failed = destinations.find((destination) => destination.error);
  if (failed) return `${platformOf(failed)}: ${failed.error}`;
  return state === "failed" || state === "partially_failed" ? error : null;
}

// Why a picture is not stored.
export function notStored({ image }) {
  return image?.notStored ? `Not stored: ${image.notStored}` : null;
}

// When a post is due, and when that was last looked at.
export function dueOf({ state, due, time, of }) {
  if (due === null || !["scheduled", "overdue"].includes(state)) return null;
  const verb = state === "overdue" ? "Was due" : "Due";
  const ago = dayOf(time) === dayOf(Date.now()) ? "" : `${dayOf(time)} `;
  const checked = `, last checked ${ago}${clockOf(time)} by ${of.task}`;
  const moment = make("b", {}, shortDay(dayOf(due)), " ", clockOf(due));
  return make("span", { className: "due" }, `${verb} `, moment, checked);
}

// Who has answered, where somebody was asked.
export function approvalText({ state, choice, by, at }) {
  const who = by ? ` by ${by}, ` : " by nobody in time, ";
  if (choice) return ["Answered with ", make("b", {}, choice), who, at ? when(at) : ""];
  if (["success", "skipped", "failed"].includes(state)) return ["Nobody has answered in time"];
  return ["Waiting for somebody's approval"];
}

