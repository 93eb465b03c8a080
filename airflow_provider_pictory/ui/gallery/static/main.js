// What is chosen, what is read, and what is shown of it.

import * as list from "./card_list.js";
import { DEFAULT_MODEL, PRICES } from "./constants.js"; // written by static_files.py
import { timesOf } from "./days.js";
import { dayOf } from "./dom.js";
import * as filters from "./filters.js";
import { byPrompt, countAttention, fits, fitsDag, join, openOf, troubled } from "./items.js";
import * as large from "./large.js";
import { Reader } from "./load_data.js";
import * as notice from "./notice.js";
import * as pictures from "./pictures.js";
import * as plotStrip from "./plot_strip.js";
import * as schedule from "./schedule.js";
import * as spending from "./spending.js";
import { StoredCopies } from "./stored_copies.js";
import * as summary from "./summary.js";
import { DEFAULTS, back, onReturn, readAddress, scope, writeAddress } from "./view.js";

const ANEW = 15_000; // ms between looks for new images
const prices = { ...PRICES, "": PRICES[DEFAULT_MODEL] };
const $ = (id) => document.getElementById(id);

let view = readAddress();
let reader;
let read; // what the reader was made for
let everything = false; // whether to read also what nothing in view needs
let steps = 0; // that lead back to the view without a large one

const whatToRead = (now) => `${view.range} ${view.tab === "spending"} ${dayOf(now)}`;

function readAll() {
  const former = reader;
  const now = Date.now();
  read = whatToRead(now);
  const costs = view.tab === "spending";
  const { since } = timesOf(view, scope, now, dayOf);
  reader = new Reader({ ...scope, since, costs }, renderSoon, former);
  former?.stop();
  reader.start();
  render();
}

// Choosing

function show(next) {
  view = next;
  refresh(render);
}

// Reads all anew where another time is chosen, or another day has begun.
function refresh(otherwise) {
  if (read === whatToRead(Date.now())) otherwise();
  else readAll();
}

function choose(changes, step = false) {
  const next = { ...view, page: DEFAULTS.page, ...changes };
  writeAddress(next, step);
  show(next);
}

function open({ id }) {
  steps += 1;
  choose({ image: id, page: view.page }, true);
}

function close() {
  const id = view.image;
  if (steps) back();
  else choose({ image: "", compare: "", page: view.page });
  list.focus(id);
}

function goTo(id) {
  const place = shownItems.findIndex((item) => item.id === id);
  choose({ image: id, page: view.group ? view.page : list.pageWith(place) });
}

onReturn((next) => {
  const { image } = view;
  steps = Math.max(0, steps - 1);
  show(next);
  if (image && !next.image) list.focus(image);
});
filters.setUp((changes) => choose(changes, "tab" in changes));
large.setUp({ go: goTo, close, compare: (on) => choose({ compare: on ? "1" : "", page: view.page }) });
list.setUp({
  open,
  turn: (page) => choose({ page }),
  compare: ([{ id }]) => {
    steps += 1;
    choose({ image: id, compare: "1", page: view.page }, true);
  },
  seen: renderSoon,
});
plotStrip.setUp({ choose, resized: renderSoon, page: () => view.page });
const copies = new StoredCopies(renderSoon, (task) => reader.images.some(({ place }) => place === task.place));
pictures.setUp({ copyOf: (item) => copies.of(item) });

// Showing

let waiting = null;
let took = 0; // ms: with many images, showing what is new must not take all the time
function renderSoon() {
  waiting ??= setTimeout(render, Math.max(100, 4 * took));
}

let shownItems = [];

function render() {
  clearTimeout(waiting);
  waiting = null;
  copies.settle();
  const now = Date.now();
  const { since, last } = timesOf(view, scope, now, dayOf);
  const all = join(reader, { prices, now, dayOf }).filter(({ day }) => !last || day <= last);
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const inDays = all.filter((item) => fits(item, { ...view, words }, reader.tags));
  const items = inDays.filter(({ day }) => view.tab !== "images" || day.startsWith(view.day));
  shownItems = items;
  const filtered = Boolean(view.model || view.state || view.attention || words.length);
  const images = reader.images.filter(({ dag }) => fitsDag(dag, view, reader.tags));
  summary.render(reader, items, { images, filtered, readAll: loadRest });
  renderFilters(all);
  plotStrip.render(inDays, all, view, now, Boolean(scope.run) || view.tab !== "images");
  notice.render(reader, all, items, { run: scope.run, range: view.range, widen, clear: filters.clear });
  for (const name of ["schedule", "spending"]) $(name).hidden = view.tab !== name;
  const needed = [...renderTab(all, items, { filtered, now, since })];
  const item = items.find(({ id }) => id === view.image);
  const variants = item ? byPrompt(items).find((group) => group.includes(item)) : [];
  const context = { run: scope.run, forbidden: reader.forbidden, changed: () => reader.start() };
  const enlarged = large.render(view.image, items, variants, Boolean(view.compare), context);
  needed.unshift(...enlarged);
  const whole = everything || filtered || view.show === "credits" || view.tab === "spending";
  if (whole || view.group || view.tab === "schedule") reader.wantAllTasks();
  for (const { at } of enlarged) reader.wantTasks(at);
  needed.push(...troubled(all, reader));
  const inView = needed.map(({ record, task, of }) => record ?? task ?? of);
  const rest = view.tab === "spending" && !filtered ? images : [...images, ...reader.posts];
  reader.want([...inView, ...copies.pending], rest, whole);
  took = Date.now() - now;
}

const widen = () => choose({ range: "all" });

function loadRest() {
  everything = true;
  render();
}

// Returns what is in view: items, or posts.
function renderTab(all, items, { filtered, now, since }) {
  const images = view.tab === "images";
  $("images").hidden = !images;
  $("group").closest("label").hidden = !images;
  if (!images) {
    list.render([], 0);
    list.renderPages(0, list.pageOf(0, 1));
  }
  const matching = new Set(items);
  if (view.tab === "spending") {
    const unread = openOf(all, matching, filtered);
    spending.render(items, now, { listedSince: reader.imagesSince, unread });
    return unread.filter(({ making }) => making === "failed"); // the price of its model is not what it has cost
  }
  if (view.tab === "schedule") {
    const fitting = ({ item, of }) => (item ? matching.has(item) : !filtered && fitsDag(of.dag, view, reader.tags));
    const pick = (day) => choose({ day });
    return schedule.render(reader, all, { now, since, day: view.day, pick, open, fits: fitting });
  }
  if (!images) return [];
  const groups = view.group ? byPrompt(items).sort((a, b) => b.length - a.length) : items.map((item) => [item]);
  const page = list.pageOf(groups.length, view.page);
  const shown = groups.slice(page.first, page.end);
  list.render(shown, !reader.done && (filtered || !reader.allListed) && shown.length < 12 ? 12 - shown.length : 0);
  list.renderPages(groups.length, page);
  return list.byNeed(shown.flat());
}

function renderFilters(all) {
  const isAsked = ({ dag }) => fitsDag(dag, view, reader.tags);
  const records = [...reader.images, ...reader.posts].filter(isAsked);
  filters.render(view, {
    dags: all.map(({ at }) => [at.dag, at.dagName]),
    models: new Set(all.map(({ model }) => model).filter(Boolean)),
    tags: new Set(all.flatMap(({ at }) => reader.tags.get(at.dag) ?? [])),
    counts: countAttention(all.filter(({ at }) => isAsked(at))),
    partly: !reader.allListed || records.some(({ state }) => state === "unread"),
  });
}

document.addEventListener("visibilitychange", renderSoon);
setInterval(() => {
  if (document.visibilityState === "visible" && reader.done) refresh(() => reader.start());
}, ANEW);
document.body.classList.toggle("run", Boolean(scope.run));
readAll();
