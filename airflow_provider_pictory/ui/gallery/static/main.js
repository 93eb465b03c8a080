// What is chosen, what is read, and what is shown of it.

import { card } from "./cards.js";
import { DAY, RANGES, STATES, postsByImage, readQuery, writeQuery } from "./parse_xcom.js";
import { button, count, dayOf, figure, make } from "./dom.js";
import * as large from "./large.js";
import * as notice from "./notice.js";
import { plot } from "./plot.js";
import { sum, totals } from "./sums.js";
import { MOST, Reader } from "./load_data.js";

const PAGE = 48;
const ANEW = 15_000; // ms between looks for new images
const MEASURES = { images: "Images", credits: "Credits" };
const DEFAULTS = { range: "7", dag: "", model: "", state: "", day: "", show: "images", page: "1" };
const CHOICES = { range: RANGES, show: MEASURES, state: { "": "", ...STATES } };

const $ = (id) => document.getElementById(id);
const filters = $("filters");
const { dag_id: scopeDag, run_id: scopeRun, ...asked } = readQuery(location.search);
const view = { ...DEFAULTS };
for (const [name, value] of Object.entries(DEFAULTS)) {
  const allowed = name in asked && (!CHOICES[name] || Object.hasOwn(CHOICES[name], asked[name]));
  view[name] = allowed ? asked[name] : value;
}

let reader;
let everything = false; // whether to read also what nothing in view needs

// Reading

function read() {
  const since = scopeRun || view.range === "all" ? 0 : Date.now() - view.range * DAY;
  const former = reader;
  reader = new Reader({ dag: scopeDag, run: scopeRun, since }, renderSoon, former);
  former?.stop();
  reader.start();
  render();
}

document.addEventListener("visibilitychange", renderSoon);
setInterval(() => {
  if (document.visibilityState === "visible" && (reader.done || reader.problem)) reader.start();
}, ANEW);

// Choosing

function choose(changes) {
  const { range } = view;
  Object.assign(view, { page: "1" }, changes);
  const chosen = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]);
  const query = { dag_id: scopeDag, run_id: scopeRun, ...Object.fromEntries(chosen) };
  history.replaceState(null, "", writeQuery(query));
  if (view.range === range) render();
  else read();
}

function clear() {
  choose({ dag: "", model: "", state: "", day: "" });
}

filters.addEventListener("change", ({ target }) => choose({ [target.name]: target.value }));
filters.addEventListener("reset", (event) => {
  event.preventDefault();
  clear();
});
large.setUp(
  (place) => choose({ page: String(Math.floor(place / PAGE) + 1) }),
  (record) => cards.get(record)?.element.querySelector(".tile").focus(),
);

// Showing

let waiting = null;
function renderSoon() {
  waiting ??= setTimeout(render, 100);
}

// Each item is {record, fate, day}; a fate is {posts, state, nowhere}, its state undefined until it is known.
function survey() {
  const find = postsByImage(reader.posts);
  const { postsRead } = reader;
  const nowhere = scopeRun ? "Not posted in this run." : "Not posted by a DAG that you may see.";
  const fateOf = ({ value }) => {
    const posts = value ? find(value) : [];
    const state = posts.length ? posts[0].value.state : postsRead && value ? "none" : undefined;
    return { posts, state, nowhere };
  };
  return reader.images.map((record) => ({
    record,
    fate: fateOf(record),
    day: (record.day ??= dayOf(record.time)),
  }));
}

function fits({ record, fate }) {
  return (
    (!view.dag || record.dag === view.dag) &&
    (!view.model || record.value?.model === view.model) &&
    (!view.state || fate.state === view.state)
  );
}

function render() {
  clearTimeout(waiting);
  waiting = null;
  const all = survey();
  const inDays = all.filter(fits);
  const items = inDays.filter(({ day }) => day.startsWith(view.day));
  const pages = Math.max(1, Math.ceil(items.length / PAGE));
  const page = Math.min(Math.max(1, Math.trunc(view.page) || 1), pages);
  const shown = items.slice((page - 1) * PAGE, page * PAGE);
  renderSums(items);
  renderFilters(all);
  renderPlot(inDays);
  renderNotice(all, items);
  renderCards(shown);
  renderPages(items.length, page, pages);
  const near = large.render(items);
  const needed = everything || Boolean(view.model || view.state) || view.show === "credits";
  reader.want([...near, ...shown].map(({ record }) => record), view.dag, needed);
}

function renderSums(items) {
  const reading = !reader.done && !reader.problem;
  document.body.classList.toggle("reading", reading);
  if (!reader.imagesListed && !items.length) {
    $("sums").replaceChildren();
    return;
  }
  const read = items.filter(({ record }) => record.state === "read" || record.state === "failed");
  const credits = sum(read.map(({ record }) => record.value?.credits ?? 0));
  const text = `${count(items.length, "image")} · ${count(credits, "credit")}`;
  const partly = read.length < items.length;
  const progress = partly ? `${reading ? " so far" : ""}, ${figure(read.length)} of ${figure(items.length)} read ` : "";
  const cut = reader.cut ? `, of the newest ${figure(MOST)} images` : "";
  $("sums").replaceChildren(text, make("span", { className: "muted" }, progress + cut));
  if (!reading && partly) $("sums").append(button("Read all", readAll, { className: "plain" }));
  if (!reading && $("said").textContent !== text) $("said").textContent = text;
}

function readAll() {
  everything = true;
  render();
}

const filled = {};
function fill(name, options) {
  const select = filters.elements[name];
  const source = JSON.stringify(options);
  if (filled[name] !== source) select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  filled[name] = source;
  select.value = view[name];
}

function renderFilters(all) {
  const names = new Map(all.map(({ record }) => [record.dag, record.dagName]));
  const models = new Set(all.map(({ record }) => record.value?.model).filter(Boolean));
  if (view.dag && !names.has(view.dag)) names.set(view.dag, view.dag);
  if (view.model) models.add(view.model);
  fill("range", Object.entries(RANGES));
  fill("dag", [["", "All DAGs"], ...[...names].sort(([, a], [, b]) => a.localeCompare(b))]);
  fill("model", [["", "All models"], ...[...models].sort().map((model) => [model, model])]);
  fill("state", [["", "Any state"], ...Object.entries(STATES)]);
  filters.querySelector("[type=reset]").hidden = !(view.dag || view.model || view.state || view.day);
}

let plotted = "";
function renderPlot(items) {
  const place = $("plot");
  place.hidden = Boolean(scopeRun) || !items.length;
  if (place.hidden) {
    plotted = "";
    return;
  }
  const amount = view.show === "credits" ? (image) => image?.credits ?? 0 : () => 1;
  const counted = items.map(({ record, day }) => ({ dag: record.dag, day, amount: amount(record.value) }));
  const oldest = counted.at(-1).day;
  const first = view.range === "all" ? oldest : dayOf(Date.now() - (view.range - 1) * DAY);
  const sums = totals(counted, first < oldest ? first : oldest, dayOf(Date.now()));
  const width = place.clientWidth - 32;
  const source = JSON.stringify([sums.steps, [...sums.rows], view.show, view.day, width]);
  if (source === plotted) return;
  plotted = source;
  const refocus = place.querySelector("svg")?.contains(document.activeElement);
  const [chart, ...rest] = plot(sums, {
    names: new Map(items.map(({ record }) => [record.dag, record.dagName])),
    noun: MEASURES[view.show],
    day: view.day,
    pick: (day) => choose({ day }),
    width,
    open: Boolean(place.querySelector("details")?.open),
  });
  const heading = `By DAG and ${sums.steps[0].length === 7 ? "month" : "day"}`;
  place.replaceChildren(make("div", { className: "top" }, make("h2", {}, heading), measures()), chart, ...rest);
  if (refocus) chart.querySelector("[tabindex='0']").focus();
}

function measures() {
  const chosen = (name) => ({ "aria-pressed": String(name === view.show) });
  const pick = (name) => {
    choose({ show: name, page: view.page });
    $("plot").querySelector(".measures [aria-pressed=true]").focus();
  };
  const buttons = Object.entries(MEASURES).map(([name, text]) => button(text, () => pick(name), chosen(name)));
  return make("div", { className: "measures", role: "group", "aria-label": "What is summed up" }, ...buttons);
}

new ResizeObserver(renderSoon).observe($("plot"));

function renderNotice(all, items) {
  let said = null;
  const problem = reader.problem ?? (reader.failed ? "values" : null);
  if (problem) said = notice.problem(problem, () => reader.retry());
  else if (reader.done && !all.length) said = notice.noImages(scopeRun, view.range, () => choose({ range: "all" }));
  else if (reader.done && !items.length) said = notice.noFit(clear);
  notice.render(said, !items.length);
}

// A card is made anew only if there is something new on it, so that pictures do not flicker and focus stays.
let cards = new Map(); // by record
function renderCards(shown) {
  const list = $("images");
  if (!shown.length && !reader.imagesListed && !reader.problem) {
    if (!list.children.length) list.append(...Array.from({ length: 12 }, blank));
    return;
  }
  const former = cards;
  cards = new Map(shown.map(({ record, fate }) => [record, known(former.get(record), record, fate)]));
  const elements = [...cards.values()].map(({ element }) => element);
  const same = elements.length === list.children.length && elements.every((one, at) => one === list.children[at]);
  if (same) return;
  const focused = [...former].find(([, { element }]) => element.contains(document.activeElement))?.[0];
  list.replaceChildren(...elements);
  if (focused) cards.get(focused)?.element.querySelector(".tile").focus({ preventScroll: true });
}

function known(former, record, fate) {
  const { state } = record;
  const posts = fate.posts.map(({ value }) => value);
  const source = JSON.stringify([state === "reading" ? "unread" : state, fate.state, posts]);
  if (former?.source === source) return former;
  const open = () => {
    large.open(record);
    render();
  };
  return { source, element: card(record, fate, open) };
}

function blank() {
  const line = () => make("p", {}, make("span", { className: "skeleton" }));
  const tile = make("div", { className: "tile" }, make("span", { className: "skeleton" }));
  return make("li", { className: "card blank", "aria-hidden": "true" }, tile, line(), line());
}

let paged = "";
function renderPages(total, page, pages) {
  const source = JSON.stringify([total, page, pages]);
  if (source === paged) return;
  paged = source;
  const turn = (to) => {
    choose({ page: String(to) });
    scrollTo(0, 0);
    $("images").querySelector(".tile").focus({ preventScroll: true });
  };
  const step = (text, to, disabled) => button(text, () => turn(to), { disabled });
  const first = (page - 1) * PAGE + 1;
  $("pages").hidden = pages < 2;
  $("pages").replaceChildren(
    step("Newest", 1, page === 1),
    step("Newer", page - 1, page === 1),
    make("span", {}, `${figure(first)}–${figure(Math.min(total, first + PAGE - 1))} of ${figure(total)}`),
    step("Older", page + 1, page === pages),
    step("Oldest", pages, page === pages),
  );
}

document.body.classList.toggle("run", Boolean(scopeRun));
read();
