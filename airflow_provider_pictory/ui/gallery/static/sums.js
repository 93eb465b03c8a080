// Sums of each DAG and day, and how they are to be shown. Pure functions.

import { daysBetween } from "./days.js";

const COLOURS = 6; // the DAGs with the most images have one each, the rest share one

export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// Sums of each DAG and day, or month where there are too many days to show. Each item is {dag, day, amount}.
export function totals(items, first, last, most = 92) {
  let steps = daysBetween(first, last);
  const length = steps.length > most ? "YYYY-MM".length : "YYYY-MM-DD".length;
  steps = [...new Set(steps.map((day) => day.slice(0, length)))];
  const places = new Map(steps.map((step, place) => [step, place]));
  const rows = new Map();
  for (const { dag, day, amount } of items) {
    const place = places.get(day.slice(0, length));
    if (place === undefined) continue;
    if (!rows.has(dag)) rows.set(dag, steps.map(() => 0));
    rows.get(dag)[place] += amount;
  }
  return { steps, rows };
}

// The next of 1, 2, 5, 10, 20, … that is not below a number.
export function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].map((times) => times * power).find((bound) => bound >= number);
}

// ranks: all DAGs in the order in which they get their colours, so that these stay whatever is summed up.
export function series({ rows }, names, ranks) {
  const own = ranks.length > COLOURS ? COLOURS - 1 : COLOURS;
  const all = [...rows].map(([dag, amounts]) => ({ dag, name: names.get(dag), amounts, total: sum(amounts) }));
  for (const one of all) one.rank = ranks.indexOf(one.dag);
  all.sort((a, b) => a.rank - b.rank);
  const shown = all.filter(({ rank }) => rank < own);
  const rest = all.filter(({ rank }) => rank >= own);
  for (const one of shown) one.colour = `c${one.rank}`;
  if (!rest.length) return shown;
  const amounts = rest[0].amounts.map((_, place) => sum(rest.map((one) => one.amounts[place])));
  const name = rest.length === 1 ? rest[0].name : `${rest.length} others`;
  return [...shown, { name, amounts, total: sum(amounts), colour: "rest" }];
}

// The DAGs, those with the most items first.
export function rank(dags) {
  const counts = new Map();
  for (const dag of dags) counts.set(dag, (counts.get(dag) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)).map(([dag]) => dag);
}

// Credits and images by DAG and model, with their sums, the highest first. Each item is {dag, model, periods, credits},
// where periods says for each period whether the item is in it.
export function table(items, periods) {
  const rows = new Map();
  const nothing = () => periods.map(() => ({ images: 0, credits: 0 }));
  const all = nothing();
  for (const { dag, model, within, credits } of items) {
    const key = JSON.stringify([dag, model]);
    if (!rows.has(key)) rows.set(key, { dag, model, amounts: nothing() });
    for (const amounts of [rows.get(key).amounts, all]) {
      amounts.forEach((amount, place) => {
        if (!within[place]) return;
        amount.images += 1;
        amount.credits += credits;
      });
    }
  }
  const last = periods.length - 1;
  const order = (a, b) => b.amounts[last].credits - a.amounts[last].credits || a.dag.localeCompare(b.dag);
  return { rows: [...rows.values()].filter(({ amounts }) => amounts.some(({ images }) => images)).sort(order), all };
}
