// Two to four variants of one prompt, side by side, with what differs marked.

import { inside, make, when } from "./dom.js";
import { taskAddress } from "./addresses.js";
import { badge, costOf, makingBadge, picture, sizeOf, titleOf } from "./pictures.js";

export const MOST = 4;

const ROWS = {
  Model: ({ model }) => model,
  Style: ({ style }) => style,
  Size: ({ image }) => sizeOf(image),
  Cost: ({ cost }) => costOf(cost),
  Dag: ({ at }) => at.dagName,
  Reference: ({ reference }) => reference,
};

// Rows of [name, values, whether they differ], without those that nobody knows.
export function differences(items) {
  const rows = Object.entries(ROWS).map(([name, of]) => [name, items.map((item) => of(item) ?? "–")]);
  const known = rows.filter(([, values]) => values.some((value) => value !== "–"));
  return known.map(([name, values]) => [name, values, new Set(values).size > 1]);
}

export function compare(items) {
  const rows = differences(items);
  const columns = items.map((item, place) => {
    const facts = rows.map(([name, values, differ]) =>
      make("div", { className: differ ? "differs" : "" }, make("dt", {}, name), make("dd", {}, values[place])),
    );
    const state = item.making === "made" ? item.state && badge(item.state) : makingBadge(item.making);
    const link = inside(taskAddress(item.at), item.at.taskName);
    const task = make("p", { className: "muted" }, link, " ", when(item.time));
    return make("article", {}, make("figure", {}, picture(item, {})), make("dl", {}, ...facts), state || null, task);
  });
  const prompt = make("p", { className: "prompt", dir: "auto" }, titleOf(items[0]));
  return [prompt, make("div", { className: "variants" }, ...columns)];
}
