// What images have cost this week and this month, by Dag and model, as a table that can be copied.

import { monthOf, startOf, weekOf } from "./days.js";
import { copyButton, count, dayOf, figure, make } from "./dom.js";
import { spent } from "./items.js";
import { table } from "./sums.js";

const place = document.getElementById("spending");
let source = "";

const about = ({ credits, estimated }) => `${estimated ? "≈ " : ""}${figure(credits)}`;

// listedSince: the time since which all images are listed. unread: items whose values may yet belong to it.
export function render(items, now, { listedSince, unread }) {
  const today = dayOf(now);
  const periods = { Today: today, "This week": weekOf(today), "This month": monthOf(today) };
  const firsts = Object.values(periods);
  const counted = items.map(({ at, model, day, cost }) => ({
    dag: at.dagName,
    model: model ?? "not known",
    within: firsts.map((first) => day >= first),
    credits: cost.credits ?? 0,
  }));
  const { rows, all } = table(counted, firsts);
  const sums = firsts.map((first) => spent(items.filter(({ day }) => day >= first)));
  const names = Object.keys(periods).map((name, at) => {
    const isWhole = listedSince <= startOf(firsts[at], now, dayOf) && !unread.some(({ day }) => day >= firsts[at]);
    return isWhole ? name : `${name} so far`;
  });
  const drawn = JSON.stringify([rows, all, sums, names]);
  if (drawn === source) return;
  source = drawn;
  const head = ["Dag", "Model", ...names.flatMap((name) => [`${name}: images`, `${name}: credits`])];
  const pairs = (amounts) => amounts.flatMap(({ images, credits }) => [images, credits]);
  const lines = rows.map(({ dag, model, amounts }) => [dag, model, ...pairs(amounts)]);
  const total = ["Sum", "", ...all.flatMap(({ images }, at) => [images, sums[at].credits])];
  const plain = [head, ...lines, total].map((line) => line.map(plainCell).join("\t")).join("\n");
  const cell = (value, at) => (at < 2 ? make("th", { scope: "row" }, value) : make("td", {}, figure(value)));
  const foot = total.map((value, at) => {
    const sum = sums[(at - 3) / 2];
    return make(at < 2 ? "th" : "td", {}, sum ? about(sum) : at < 2 ? value : figure(value));
  });
  const top = names.map((name) => make("th", { colSpan: 2, scope: "colgroup" }, name));
  const below = names.flatMap(() => ["Images", "Credits"]).map((name) => make("th", { scope: "col" }, name));
  const shown = make(
    "table",
    {},
    make("caption", {}, "AI credits by Dag and model"),
    make("thead", {}, make("tr", {}, ...["Dag", "Model"].map(tall), ...top), make("tr", {}, ...below)),
    make("tbody", {}, ...lines.map((line) => make("tr", {}, ...line.map(cell)))),
    make("tfoot", {}, make("tr", {}, ...foot)),
  );
  const scroll = make("div", { className: "scroll" }, shown);
  const notes = make("p", { className: "muted" }, note(sums.at(-1)));
  place.replaceChildren(scroll, copyButton(plain, "table", "Copy table"), notes);
}

const tall = (name) => make("th", { rowSpan: 2 }, name);

// In one line, and not to be taken for a formula.
function plainCell(value) {
  const text = String(value).replace(/\s+/g, " ");
  return typeof value === "string" && /^[=+@-]/.test(text) ? `'${text}` : text;
}

function note({ estimated, prices, missing }) {
  const parts = [];
  const failed = `${count(estimated, "credit")} are of failed jobs, by the price of their model`;
  if (prices) parts.push(`${count(prices, "image")} counted by the price of the model, as they are not read yet.`);
  else if (estimated) parts.push(`${failed}: the service does not say what they cost.`);
  if (missing) parts.push(`${count(missing, "image")} whose cost is not known: not counted.`);
  parts.push("Jobs of tries that a clear has removed are not counted.");
  return parts.join(" ");
}
