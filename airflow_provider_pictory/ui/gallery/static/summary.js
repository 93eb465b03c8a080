// How many images there are, what they have cost, and how much of that is known.

import { button, count, figure, make } from "./dom.js";
import { spent } from "./items.js";
import { MOST } from "./xcom_list.js";

const $ = (id) => document.getElementById(id);

// Why the sum is not the whole truth, if it is not.
function doubts({ estimated, prices, missing }) {
  if (missing) return `, without ${count(missing, "image")} whose cost is not known`;
  if (prices) return `, ${count(prices, "image")} by the model's price`;
  return estimated ? `, ${figure(estimated)} of them for failed jobs by the model's price` : "";
}

// How far the reading is.
function progress({ total: ofAirflow, imagesListed, allListed }, images) {
  const total = Math.min(MOST, ofAirflow);
  const read = images.filter(({ state }) => state === "read" || state === "failed").length;
  if (!imagesListed) return `${figure(images.length)} ${total ? `of ${figure(total)} ` : ""}listed`;
  if (!allListed) return "posts and tasks are being listed";
  return read < images.length ? `${figure(read)} of ${figure(images.length)} read` : "";
}

// images: records of those that may be among the items. filtered: whether values decide which items these are.
export function render(reader, items, { images: records, filtered, readAll }) {
  const reading = !reader.done;
  document.body.classList.toggle("reading", reading);
  const sums = spent(items);
  const failed = items.filter(({ making }) => making === "failed").length;
  const running = items.filter(({ making }) => making === "running" || making === "retrying").length;
  const images = items.length - failed - running;
  const parts = [count(images, "image"), failed && `${figure(failed)} failed`, running && `${figure(running)} running`];
  const found = parts.filter(Boolean).join(" · ");
  const credits = `${sums.prices ? "≈ " : ""}${count(Math.round(sums.credits * 100) / 100, "credit")}`;
  const text = reading && filtered ? `${found} found so far` : `${found} · ${credits}`;
  const state = progress(reader, records);
  const cut = reader.cut ? `, of the newest ${figure(MOST)} images` : "";
  const doubt = reading && filtered ? "" : doubts(sums);
  const muted = make("span", { className: "muted" }, doubt, state && `, ${state}`, cut, " ");
  $("sums").replaceChildren(text, muted);
  if (!reading && state) $("sums").append(button("Load the rest", readAll, { className: "plain" }));
  if (!reading && $("said").textContent !== text) $("said").textContent = text;
}
