// Sums of each DAG and day: bars that are buttons, a legend, and the same as a table.

import { draw, figure, make } from "./dom.js";
import { roundUp, series, sum } from "./sums.js";

const HEIGHT = 104;
const LEFT = 40;
const BOTTOM = 20;

function label(step) {
  const [date, month] = [new Date(step), step.length === 7];
  const form = month ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat("en-GB", { ...form, timeZone: "UTC" }).format(date);
}

function bars(steps, shown, { noun, day, width, pick }) {
  const step = (width - LEFT) / steps.length;
  const top = roundUp(Math.max(1, ...steps.map((_, place) => sum(shown.map((one) => one.amounts[place])))));
  const y = (amount) => (HEIGHT - BOTTOM) * (1 - amount / top);
  const chart = draw("svg", { width, height: HEIGHT, role: "group", "aria-label": `${noun} of each day` });
  for (const amount of [top, top / 2, 0]) {
    chart.append(
      draw("line", { class: "rule", x1: LEFT, x2: width, y1: y(amount) + 0.5, y2: y(amount) + 0.5 }),
      draw("text", { x: LEFT - 6, y: Math.max(9, y(amount) + 4), "text-anchor": "end" }, figure(amount)),
    );
  }
  const every = Math.ceil(64 / step);
  const breadth = Math.min(48, step * 0.7);
  const columns = steps.map((name, place) => {
    const x = LEFT + step * place;
    const parts = shown.filter((one) => one.amounts[place]).map((one) => `${one.name} ${figure(one.amounts[place])}`);
    const said = `${label(name)}: ${parts.join(", ") || "none"}`;
    const column = draw("g", { class: "column", role: "button", tabindex: -1, "aria-label": said });
    column.setAttribute("aria-pressed", String(name === day));
    const reach = draw("rect", { class: "reach", x, y: 0, width: step, height: HEIGHT - BOTTOM });
    column.append(draw("title", {}, said), reach);
    let below = 0;
    for (const { colour, amounts } of shown) {
      const above = below + amounts[place];
      const box = { x: x + (step - breadth) / 2, y: y(above), width: breadth, height: y(below) - y(above) };
      if (amounts[place]) column.append(draw("rect", { class: colour, ...box }));
      below = above;
    }
    if ((steps.length - 1 - place) % every === 0) {
      column.append(draw("text", { x: x + step / 2, y: HEIGHT - 5, "text-anchor": "middle" }, label(name)));
    }
    column.addEventListener("click", () => pick(name === day ? "" : name));
    return column;
  });
  columns[Math.max(0, steps.indexOf(day))].setAttribute("tabindex", 0);
  chart.addEventListener("keydown", (event) => {
    const place = columns.indexOf(document.activeElement);
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: columns.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") pick(steps[place] === day ? "" : steps[place]);
    else if (columns[to]) columns[to].focus();
    else return;
    event.preventDefault();
  });
  chart.append(...columns);
  return chart;
}

function legend(shown) {
  const entry = (one) =>
    make("li", {}, make("span", { className: `swatch ${one.colour}` }), one.name, make("b", {}, figure(one.total)));
  return make("ul", { className: "legend" }, ...shown.map(entry));
}

function table(steps, shown, noun) {
  const cells = (kind, items) => items.map((item) => make(kind, {}, item));
  const head = make("tr", {}, ...cells("th", ["Day", ...shown.map((one) => one.name), "Sum"]));
  const lines = steps.map((step, place) => {
    const amounts = shown.map((one) => one.amounts[place]);
    return make("tr", {}, make("th", { scope: "row" }, step), ...cells("td", [...amounts, sum(amounts)].map(figure)));
  });
  return make("table", {}, make("caption", {}, noun), make("thead", {}, head), make("tbody", {}, ...lines.reverse()));
}

// sums: of totals(). names and ranks: of the DAGs. day: the one that is picked, or "". pick: called with the day to
// pick. open: whether the table is. Returns the elements to show.
export function plot(sums, { names, ranks, noun, day, pick, width, open }) {
  const shown = series(sums, names, ranks);
  const details = make("details", { open }, make("summary", {}, "As a table"), table(sums.steps, shown, noun));
  return [bars(sums.steps, shown, { noun, day, width, pick }), legend(shown), details];
}
