// The filters, what needs attention, and the tabs.

import { RANGES } from "./days.js";
import { button, figure, make } from "./dom.js";
import { ATTENTION, STATES } from "./states.js";
import { FILTERS, TABS } from "./view.js";

const $ = (id) => document.getElementById(id);
const form = $("filters");
const filled = {};
let choose;

function pause(act, time) {
  let waiting = null;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(act, time);
  };
}

// chosen: called with what somebody chooses.
export function setUp(chosen) {
  choose = chosen;
  form.addEventListener("change", ({ target }) => target.name !== "search" && choose({ [target.name]: target.value }));
  form.addEventListener("submit", (event) => event.preventDefault());
  const { search } = form.elements;
  search.addEventListener("input", pause(() => choose({ search: search.value }), 250));
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    clear();
  });
  $("group").addEventListener("change", ({ target }) => choose({ group: target.checked ? "prompt" : "" }));
  const go = (name) => () => choose({ tab: name, day: "" });
  const tabs = Object.entries(TABS).map(([name, text]) => button(text, go(name), { "data-tab": name }));
  $("tabs").replaceChildren(...tabs);
}

export function clear() {
  choose(Object.fromEntries(FILTERS.map((name) => [name, ""])));
}

function fill(view, name, options) {
  const select = form.elements[name];
  const source = JSON.stringify(options);
  if (filled[name] !== source) select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  filled[name] = source;
  select.value = view[name];
}

// counts: of what needs attention, by its kind. partly: whether there may be more.
function renderAttention(view, counts, partly) {
  const all = Object.values(counts).reduce((total, number) => total + number, 0);
  const source = JSON.stringify([view.attention, counts, partly]);
  if (filled.attention === source) return;
  filled.attention = source;
  const place = $("attention");
  const focused = place.contains(document.activeElement) && document.activeElement.dataset.kind;
  const chip = (kind, text, number) =>
    button("", () => choose({ attention: view.attention === kind ? "" : kind }), {
      className: `chip ${number ? kind : "zero"}`,
      "aria-pressed": String(view.attention === kind),
      "data-kind": kind,
    });
  const chips = Object.entries(ATTENTION).filter(([kind]) => counts[kind] || view.attention === kind);
  const shown = [["any", "Needs attention", all], ...chips.map(([kind, text]) => [kind, text, counts[kind] ?? 0])];
  place.replaceChildren(
    ...shown.map(([kind, text, number]) => {
      const made = chip(kind, text, number);
      const title = partly ? "So far: not everything is read" : "";
      made.append(text, make("b", { title }, figure(number) + (partly ? "+" : "")));
      return made;
    }),
  );
  if (focused) place.querySelector(`[data-kind="${focused}"]`)?.focus();
}

export function render(view, { dags, models, tags, counts, partly }) {
  const names = new Map(dags);
  if (view.dag && !names.has(view.dag)) names.set(view.dag, view.dag);
  if (view.model) models.add(view.model);
  if (view.tag) tags.add(view.tag);
  fill(view, "range", Object.entries(RANGES));
  fill(view, "dag", [["", "All Dags"], ...[...names].sort(([, a], [, b]) => a.localeCompare(b))]);
  fill(view, "tag", [["", "All tags"], ...[...tags].sort().map((tag) => [tag, tag])]);
  fill(view, "model", [["", "All models"], ...[...models].sort().map((model) => [model, model])]);
  fill(view, "state", [["", "Any status"], ...Object.entries(STATES)]);
  form.elements.tag.closest("label").hidden = !tags.size;
  form.elements.range.closest("label").hidden = view.tab === "spending"; // its table has times of its own
  const { search } = form.elements;
  if (document.activeElement !== search) search.value = view.search;
  form.querySelector("[type=reset]").hidden = !FILTERS.some((name) => view[name]);
  $("group").checked = view.group === "prompt";
  for (const tab of $("tabs").children) {
    if (tab.dataset.tab === view.tab) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  renderAttention(view, counts, partly);
}
