// The picture of an item, or why there is none, and what is said in few words of it and of its posts.

import { MAKING, STATES } from "./states.js";
import { clockOf, count, dayOf, make, outside, shortDay, when } from "./dom.js";
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

export function isReading({ record }) {
  return Boolean(record) && (record.state === "unread" || record.state === "reading");
}

// Shows a picture, or says why there is none.
export function picture(item, properties) {
  const missing = (...parts) => make("span", { className: "missing" }, ...parts);
  const { record, image, making, error } = item;
  if (record?.state === "failed" && making === "made") return missing("Airflow could not say what this is");
  if (isReading(item) && making !== "failed") return make("span", { className: "skeleton" });
  if (making === "running") return missing(make("span", { className: "turning" }), makingBadge(making));
  if (making !== "made") return missing(makingBadge(making), error && make("span", {}, error));
  if (!image) return missing("Its value is not kept in Airflow's database");
  if (image.strange) return missing("Its address is not one of the web");
  if (!image.url && image.mediaId) return missing("Shown by PostEverywhere alone, in its media library");
  if (!image.url) return missing("No address is known");
  const shown = make("img", {
    alt: titleOf(item).slice(0, 300),
    referrerPolicy: "no-referrer",
    decoding: "async",
    ...properties,
  });
  shown.addEventListener("error", () => shown.replaceWith(missing("No longer at its address")));
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

// Why a post has failed, in one line: the platform's own words if there are any.
export function faultOf({ state, destinations, error }) {
  const failed = destinations.find((destination) => destination.error);
  if (failed) return `${platformOf(failed)}: ${failed.error}`;
  return state === "failed" || state === "partially_failed" ? error : null;
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

