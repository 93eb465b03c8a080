// What is said where there are no images, or where something went wrong.

import { loginAddress } from "./addresses.js";
import { RANGES } from "./days.js";
import { button, inside, make, pageAddress } from "./dom.js";

const PROBLEMS = {
  login: ["You are not logged in", "Airflow shows images to those who may see them. Log in, and come back here."],
  forbidden: [
    "You may not see these images",
    "An image is for those who may read its Dag and its XComs. Airflow's administrators grant both.",
  ],
  gone: ["There is no such Dag run", "It may have been deleted since this page was linked."],
  values: ["Not everything could be read", "Airflow did not hand over every value. Its api-server's log tells more."],
  server: ["Airflow answered with an error", "Its api-server's log tells more. This page tries again by itself."],
  network: ["Airflow cannot be reached", "The network or the api-server may be gone. This page tries again by itself."],
};

// Each returns a heading, a text and an element to act with, if there is one.
function problem(kind, retry) {
  if (kind !== "login") return [...PROBLEMS[kind], button("Try again", retry)];
  const link = inside(loginAddress(pageAddress()), "Log in");
  link.className = "button";
  return [...PROBLEMS.login, link];
}

function noFit(clear) {
  const text = "Nothing of what was made in this time has all that you filter by.";
  return ["No images match these filters", text, button("Clear filters", clear)];
}

// What is missing where some of the lists are not for this viewer, or not kept any more.
function partly(names) {
  const lists = { tasks: "task instances", approvals: "required actions (HITL Detail)" };
  const missing = "so failed and running images or approvals are missing here.";
  const text = `You may not list ${names.map((name) => lists[name]).join(" or ")}, ${missing}`;
  return ["Some of it is not for you to see", text];
}

function noImages(run, range, widen) {
  if (run) return ["No images in this run", "They show up here as soon as a task of this run submits one."];
  if (range !== "all") {
    const name = RANGES[range].toLowerCase();
    const heading = range === "today" || range === "yesterday" ? `No images ${name}` : `No images in the ${name}`;
    return [heading, "There may be older ones.", button("Show all time", widen)];
  }
  return ["No images yet", "Each shows up here when a task has submitted it, if you may read its Dag and XComs."];
}

const place = document.getElementById("notice");
let shown = "null";

function notice(reader, all, items, { run, range, widen, clear }) {
  const kind = reader.problem ?? (reader.failed ? "values" : null);
  if (kind) return problem(kind, () => reader.retry());
  if (reader.done && !all.length) return noImages(run, range, widen);
  if (reader.done && !items.length) return noFit(clear);
  return reader.forbidden.size ? partly([...reader.forbidden]) : null;
}

// all: items of the chosen time. items: those of them that match the filters. scope: {run, range, widen(), clear()}.
export function render(reader, all, items, scope) {
  const said = notice(reader, all, items, scope);
  place.hidden = !said;
  place.classList.toggle("whole", !items.length);
  const now = JSON.stringify(said?.slice(0, 2) ?? null);
  if (now === shown) return; // an alert is read out each time it changes
  shown = now;
  if (!said) return;
  const [heading, text, action] = said;
  place.replaceChildren(make("h2", {}, heading), make("p", {}, text), ...(action ? [action] : []));
}
