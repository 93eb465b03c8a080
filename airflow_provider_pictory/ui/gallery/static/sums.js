// Sums of each DAG and day, and how they are to be shown. Pure functions.

import { DAY } from "./parse_xcom.js";

const COLOURS = 6; // the DAGs with the highest sums have one each, the rest share one

export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function daysBetween(first, last) {
  const days = [];
  for (let time = Date.parse(first); time <= Date.parse(last); time += DAY) {
    days.push(new Date(time).toISOString().slice(0, 10));
  }
  return days;
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

export function series({ rows }, names) {
  const all = [...rows].map(([dag, amounts]) => ({ dag, name: names.get(dag), amounts, total: sum(amounts) }));
  all.sort((a, b) => b.total - a.total || a.dag.localeCompare(b.dag));
  const shown = all.slice(0, all.length > COLOURS ? COLOURS - 1 : COLOURS);
  const rest = all.slice(shown.length);
  shown.forEach((one, index) => (one.colour = `c${index}`));
  if (!rest.length) return shown;
  const amounts = rest[0].amounts.map((_, place) => sum(rest.map((one) => one.amounts[place])));
  return [...shown, { name: `${rest.length} others`, amounts, total: sum(amounts), colour: "rest" }];
}
