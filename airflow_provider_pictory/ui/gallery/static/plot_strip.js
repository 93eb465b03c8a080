// The plot above the images, which can be folded, and remembers it.

import { boundsOf } from "./days.js";
import { button, dayOf, make } from "./dom.js";
import { plot } from "./plot.js";
import { rank, totals } from "./sums.js";
import { MEASURES } from "./view.js";

const FOLDED = "pictory-gallery-plot";
const place = document.getElementById("plot");
const body = place.querySelector(".body");
const drawn = make("div", {});
let plotted = "";
let acts;

// These stay: a button that is made anew between press and release takes no click.
const pick = (name) => () => acts.choose({ show: name, page: acts.page() });
const measures = Object.entries(MEASURES).map(([name, text]) => button(text, pick(name), { "data-show": name }));

// acted: {choose(changes), resized(), page()}, where page() returns the page of images that is shown.
export function setUp(acted) {
  acts = acted;
  const group = make("div", { className: "measures", role: "group", "aria-label": "What is summed up" }, ...measures);
  body.replaceChildren(group, drawn);
  place.open = localStorage.getItem(FOLDED) !== "folded";
  place.addEventListener("toggle", () => {
    localStorage.setItem(FOLDED, place.open ? "open" : "folded");
    plotted = "";
    acts.resized();
  });
  new ResizeObserver(() => acts.resized()).observe(place);
}

// items: those of all days. all: also those that do not fit, for the colours.
export function render(items, all, view, now, hidden) {
  place.hidden = hidden || !items.length;
  if (place.hidden || !place.open) {
    plotted = "";
    return;
  }
  const amount = view.show === "credits" ? ({ cost }) => cost.credits ?? 0 : () => 1;
  const counted = items.map((item) => ({ dag: item.at.dag, day: item.day, amount: amount(item) }));
  const oldest = counted.at(-1).day;
  const bounds = boundsOf(view.range, now, dayOf);
  const first = bounds.first && bounds.first < oldest ? bounds.first : oldest;
  const sums = totals(counted, first, bounds.last ?? dayOf(now));
  const ranks = rank(all.map(({ at }) => at.dag));
  const width = body.clientWidth;
  const source = JSON.stringify([sums.steps, [...sums.rows], view.show, view.day, width, ranks]);
  if (source === plotted) return;
  plotted = source;
  const refocus = body.querySelector("svg")?.contains(document.activeElement);
  const [chart, ...rest] = plot(sums, {
    names: new Map(all.map(({ at }) => [at.dag, at.dagName])),
    ranks,
    noun: MEASURES[view.show],
    day: view.day,
    pick: (day) => acts.choose({ day }),
    width,
    open: Boolean(body.querySelector("details")?.open),
  });
  place.querySelector("summary").textContent = `By Dag and ${sums.steps[0].length === 7 ? "month" : "day"}`;
  for (const one of measures) one.setAttribute("aria-pressed", String(one.dataset.show === view.show));
  drawn.replaceChildren(chart, ...rest);
  if (refocus) chart.querySelector("[tabindex='0']").focus();
}
