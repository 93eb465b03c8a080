// The schedule: a calendar of posts, and an agenda of each day.

import { agenda, byDay, inOrder, weeks, worstOf } from "./agenda.js";
import { badge, destinationsOf, dueOf, faultOf, picture, titleOf } from "./pictures.js";
import { button, clockOf, count, dayOf, inside, make, nameOfDay, shortDay, skeleton, zoneName } from "./dom.js";
import { taskAddress } from "./addresses.js";
import { looksOf } from "./items.js";
import { isUnread } from "./states.js";

const place = document.getElementById("schedule");
let source = "";

function calendar(days, today, picked, pick) {
  const cell = (day) => {
    const posts = days.get(day) ?? [];
    const label = `${nameOfDay(day)}: ${days.has(day) ? count(posts.length, "post") : "not shown"}`;
    const number = make("span", { className: `posts ${worstOf(posts)}` }, posts.length ? String(posts.length) : "");
    const shown = button("", () => pick(day === picked ? "" : day), {
      className: day === today ? "today" : "",
      disabled: !days.has(day),
      "aria-label": label,
      "aria-pressed": String(day === picked),
    });
    const date = day.endsWith("-01") ? shortDay(day) : String(Number(day.slice(8)));
    shown.append(make("span", { className: "date" }, date), number);
    return make("td", {}, shown);
  };
  const names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].map((name) => make("th", { scope: "col" }, name));
  const rows = weeks([...days.keys()]).map((week) => make("tr", {}, ...week.map(cell)));
  const head = make("thead", {}, make("tr", {}, ...names));
  const caption = make("caption", { className: "unseen" }, "Posts by day");
  return make("table", { className: "calendar" }, caption, head, make("tbody", {}, ...rows));
}

function entry(post, open) {
  const { item, content } = post;
  const tile = item
    ? button("", () => open(item), { className: "tile", "aria-label": `Large view: ${titleOf(item).slice(0, 300)}` })
    : make("span", { className: "tile" });
  if (item) tile.append(picture(item, { loading: "lazy" }));
  const line = make("p", { className: "posted" }, isUnread(post.record) && !post.state ? skeleton() : badge(post.state));
  line.append(...destinationsOf(post));
  const due = dueOf(post);
  if (due) line.append(due);
  const unknown = isUnread(post.record) ? skeleton() : "The text of this post is not known";
  const text = make("p", { className: "text", dir: "auto" }, content ?? unknown);
  const fault = faultOf(post);
  const about = make("div", {}, line, text, fault && make("p", { className: "fault", dir: "auto" }, fault));
  const { dagName, taskName } = post.of;
  about.append(make("p", { className: "muted" }, inside(taskAddress(post.of), `${dagName} · ${taskName}`)));
  return make("li", { className: "entry" }, make("time", {}, clockOf(post.at)), tile, about);
}

// data: a reader. items: those of the page. since: when the posts that it lists begin, or 0. Returns what is to be read: the posts that are shown with their images, then
// the others.
export function render(data, items, { now, since, day, pick, open, fits }) {
  const today = dayOf(now);
  const posts = agenda(data, items, { now, dayOf }).filter(fits);
  const days = byDay(posts, today);
  const order = inOrder(days, { now, today, picked: day });
  const seen = order.flatMap(({ shown }) => shown);
  const looks = seen.map(({ item, place: id, state, at, content, destinations, error, time }) => [
    [id, state, at, content, destinations, error, time],
    item && looksOf(item),
  ]);
  const unread = posts.filter((post) => isUnread(post.record) && post.due === null).length;
  const marks = [...days].map(([name, own]) => [name, own.length, worstOf(own)]);
  const drawn = JSON.stringify([looks, marks, day, today, unread, since]);
  if (drawn !== source) {
    source = drawn;
    const focused = document.activeElement?.getAttribute("aria-label");
    const section = ({ name, posts: own, shown }) => {
      const number = make("span", { className: "muted" }, ` ${count(own.length, "post")}`);
      const title = make("h2", {}, nameOfDay(name), name === today ? " (today)" : "", number);
      const list = make("ul", {}, ...shown.map((post) => entry(post, open)));
      const isCut = shown.length < own.length;
      const all = isCut ? button(`Show all ${count(own.length, "post")}`, () => pick(name)) : null;
      return make("section", { className: own.length ? "day" : "day gap", id: `day-${name}` }, title, list, all);
    };
    const sections = order.map(section);
    const past = order.findIndex(({ name }) => name < today);
    if (past > 0) sections.splice(past, 0, make("h2", { className: "part" }, "Before"));
    const notes = [
      unread && `${count(unread, "post")} not read yet, which may be due on other days.`,
      since && `Posts that tasks made before ${nameOfDay(dayOf(since))} are not shown: choose a longer time.`,
      `Times of ${zoneName()}. What stands here was last asked for by a task, and may have changed since.`,
    ];
    const months = calendar(days, today, day, pick);
    const said = notes.filter(Boolean).map((note) => make("p", { className: "muted" }, note));
    const side = make("div", { className: "side" }, months, ...said);
    place.replaceChildren(side, make("div", { className: "days" }, ...sections));
    if (focused) place.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }
  const others = order.flatMap(({ posts: own }) => own); // one that is not read may be due on another day
  return [...seen.flatMap((post) => (post.item ? [post, post.item] : [post])), ...others];
}
