// What is chosen, and how it stands in the address. Framed by Airflow, it is the address of the page around, so that it
// can be reloaded, linked and gone back to.

import { RANGES } from "./days.js";
import { ATTENTION, STATES } from "./states.js";

export const DEFAULTS = {
  tab: "images",
  range: "7",
  dag: "",
  tag: "",
  model: "",
  state: "",
  attention: "",
  search: "",
  group: "",
  day: "",
  show: "images",
  page: "1",
  image: "",
  compare: "",
};
export const TABS = { images: "Images", schedule: "Schedule", spending: "Spending" };
export const MEASURES = { images: "Images", credits: "Credits" };
const CHOICES = {
  tab: TABS,
  range: RANGES,
  show: MEASURES,
  state: { "": "", ...STATES },
  attention: { "": "", any: "", ...ATTENTION },
  group: { "": "", prompt: "" },
};
export const FILTERS = ["dag", "tag", "model", "state", "attention", "search", "day"];

// Decodes what Airflow put into the tab's address: a plus sign is one, there is none of forms' encoding.
export function readQuery(search) {
  const query = {};
  for (const part of search.slice(1).split("&")) {
    const [name, value = ""] = part.split(/=(.*)/s);
    try {
      query[name] = decodeURIComponent(value);
    } catch {
      query[name] = value;
    }
  }
  return query;
}

export function writeQuery(query) {
  const parts = Object.entries(query).filter(([, value]) => value);
  return parts.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

// What is asked for, as far as it is known.
export function viewOf(query) {
  const view = { ...DEFAULTS };
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const allowed = Object.hasOwn(query, name) && (!CHOICES[name] || Object.hasOwn(CHOICES[name], query[name]));
    view[name] = allowed ? query[name] : value;
  }
  return view;
}

// Only what differs from the defaults.
export function chosenOf(view) {
  return Object.fromEntries(Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]));
}

const own = readQuery(location.search);
export const scope = { dag: own.dag_id, run: own.run_id };
const framed = parent !== window;
const host = framed ? parent : window;

// The page around has an address and a query of its own.
export function readAddress() {
  return viewOf(readQuery(framed ? host.location.hash : location.search));
}

function addressOf(view) {
  const query = writeQuery({ ...(!framed && { dag_id: scope.dag, run_id: scope.run }), ...chosenOf(view) });
  if (!framed) return `?${query}`;
  const { pathname, search } = host.location;
  return `${pathname}${search}${query && `#${query}`}`;
}

// step: whether going back shall lead to what was seen before.
export function writeAddress(view, step) {
  const address = addressOf(view);
  if (step) host.history.pushState(host.history.state, "", address);
  else host.history.replaceState(host.history.state, "", address);
}

// changed: called with what is asked for when somebody goes back or forward.
export function onReturn(changed) {
  const act = () => changed(readAddress());
  host.addEventListener("popstate", act);
  addEventListener("pagehide", () => host.removeEventListener("popstate", act));
}

// One step back: to what was seen before the last writeAddress(…, true).
export function back() {
  host.history.back();
}
