// The schedule: a calendar of posts, and an agenda of each day.

import { agenda, byDay, weeks } from "./agenda.js";
import { badge, destinationLink, dueOf, faultOf, hasFailed, picture } from "./pictures.js";
import { button, clockOf, count, dayOf, inside, make, nameOfDay, zoneName } from "./dom.js";
import { taskAddress } from "./addresses.js";
import { looksOf } from "./items.js";

const place = document.getElementById("schedule");
let source = "";

function calendar(days, today, picked, pick) {
  const cell = (day) => {
    const posts = days.get(day);
    const label = `${nameOfDay(day)}: ${posts ? count(posts.length, "post") : "not shown"}`;
    const worst = ["failed", "partially_failed", "overdue"].find((state) => posts?.some((post) => post.state === state));
    const number = make("span", { className: `posts ${worst ?? (posts?.length ? "some" : "none")}` }, posts?.length ? String(posts.length) : "");
    const shown = button("", () => pick(day === picked ? "" : day), {
      className: day === today ? "today" : "",
      disabled: !posts,
      "aria-label": label,
      "aria-pressed": String(day === picked),
    });
    const date = day.endsWith("-01") ? nameOfDay(day).replace(/^\w+ (\d+) (\w{3}).*/, "$1 $2") : String(Number(day.slice(8)));
    shown.append(make("span", { className: "date" }, date), number);
    return make("td", {}, shown);
  };
  const names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].map((name) => make("th", { scope: "col" }, name));
  const rows = weeks([...days.keys()]).map((week) => make("tr", {}, ...week.map(cell)));
  const head = make("thead", {}, make("tr", {}, ...names));
  return make("table", { className: "calendar" }, make("caption", { className: "unseen" }, "Posts by day"), head, make("tbody", {}, ...rows));
}

function entry(post, open) {
  const { item, content, destinations } = post;
  const tile = item
    ? button("", () => open(item), { className: "tile", "aria-label": `Large view: ${item.prompt ?? content ?? "image"}` })
    : make("span", { className: "tile" });
  if (item) tile.append(picture(item, { loading: "lazy" }));
  const line = make("p", { className: "posted" }, badge(post.state));
  for (const destination of destinations) {
    const className = hasFailed(destination) ? "place failed" : "place";
    line.append(make("span", { className, title: destination.name ?? "" }, destinationLink(destination)));
    if (destination.name) line.append(make("span", { className: "muted" }, destination.name));
  }
  const due = dueOf(post);
  if (due) line.append(due);
  const text = make("p", { className: "text", dir: "auto" }, content ?? "The text of this post is not known");
  const fault = faultOf(post);
  const about = make("div", {}, line, text, fault && make("p", { className: "fault", dir: "auto" }, fault));
  about.append(make("p", { className: "muted" }, inside(taskAddress(post.of), `${post.of.dagName} · ${post.of.taskName}`)));
  return make("li", { className: "entry" }, make("time", {}, clockOf(post.at)), tile, about);
}

// data: a reader. items: those of the page. Returns the posts that are shown, to be read.
export function render(data, items, { now, day, pick, open, fits }) {
  const today = dayOf(now);
  const posts = agenda(data, items, { now, dayOf }).filter(fits);
  const days = byDay(posts, today);
  const shown = [...days].filter(([name]) => (day ? name === day : true));
  const looks = posts.map(({ item, place: id, state, at, content, destinations, error, time }) => [
    [id, state, at, content, destinations, error, time],
    item && looksOf(item),
  ]);
  const drawn = JSON.stringify([looks, day, today]);
  if (drawn !== source) {
    source = drawn;
    const focused = document.activeElement?.getAttribute("aria-label");
    const sections = shown.map(([name, own]) => {
      const title = make("h2", {}, nameOfDay(name), name === today ? " (today)" : "", make("span", { className: "muted" }, ` ${count(own.length, "post")}`));
      const list = make("ul", {}, ...own.map((post) => entry(post, open)));
      return make("section", { className: own.length ? "day" : "day gap", id: `day-${name}` }, title, list);
    });
    const order = sections.findIndex(({ id }) => id === `day-${today}`);
    const upcoming = order < 0 ? sections : sections.slice(order);
    const past = order < 0 ? [] : sections.slice(0, order).reverse();
    const zone = make("p", { className: "muted" }, `Times of ${zoneName()}. What stands here was last asked for by a task, and may have changed since.`);
    const before = past.length ? [make("h2", { className: "part" }, "Before"), ...past] : [];
    place.replaceChildren(make("div", { className: "side" }, calendar(days, today, day, pick), zone), make("div", { className: "days" }, ...upcoming, ...before));
    if (focused) place.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }
  return posts.filter((post) => !day || post.day === day);
}
