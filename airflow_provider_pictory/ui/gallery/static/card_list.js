// The cards of a page, and the way to other pages. A card is made anew only if there is something new on it, so that
// pictures do not flicker and focus stays.

import { blank, card } from "./cards.js";
import { button, count, figure, make } from "./dom.js";
import { looksOf } from "./items.js";

const PAGE = 48;

const list = document.getElementById("images");
const nav = document.getElementById("pages");
let cards = new Map(); // by the items' ids
const visible = new Set(); // ids of what is on screen
let acts;

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(target.dataset.item);
      else visible.delete(target.dataset.item);
    }
    acts.seen();
  },
  { rootMargin: "200px" },
);

// acted: {open(item), turn(page), compare(items), seen()}.
export function setUp(acted) {
  acts = acted;
}

export function focus(id) {
  cards.get(id)?.element.querySelector(".tile").focus({ preventScroll: true });
}

function known(former, item) {
  const source = JSON.stringify(looksOf(item));
  if (former?.source === source) return former;
  const element = card(item, () => acts.open(item));
  element.dataset.item = item.id;
  return { source, element };
}

// Which page to show of so many items.
export function pageOf(total, asked) {
  const pages = Math.max(1, Math.ceil(total / PAGE));
  const page = Math.min(Math.max(1, Math.trunc(asked) || 1), pages);
  return { page, pages, first: (page - 1) * PAGE, end: page * PAGE };
}

export const pageWith = (place) => String(Math.floor(place / PAGE) + 1);

function heading(items) {
  const compare = button("Compare", () => acts.compare(items));
  const prompt = make("span", { className: "prompt", dir: "auto" }, items[0].prompt);
  return make("li", { className: "group" }, make("b", {}, count(items.length, "variant")), prompt, compare);
}

// groups: of items. awaited: how many placeholders to show after them.
export function render(groups, awaited) {
  const former = cards;
  const shown = groups.flat();
  cards = new Map(shown.map((item) => [item.id, known(former.get(item.id), item)]));
  const elements = groups.flatMap((items) => {
    const own = items.map(({ id }) => cards.get(id).element);
    return items.length > 1 ? [heading(items), ...own] : own;
  });
  const blanks = [...list.querySelectorAll(".blank")].slice(0, awaited);
  while (blanks.length < awaited) blanks.push(blank());
  elements.push(...blanks);
  const same = elements.length === list.children.length && elements.every((one, at) => one === list.children[at]);
  if (same) return;
  const focused = [...former].find(([, { element }]) => element.contains(document.activeElement))?.[0];
  for (const [id, { element }] of former) if (cards.get(id)?.element !== element) observer.unobserve(element);
  for (const id of visible) if (!cards.has(id)) visible.delete(id);
  list.replaceChildren(...elements);
  for (const [id, { element }] of cards) if (former.get(id)?.element !== element) observer.observe(element);
  if (focused) focus(focused);
}

// Items in the order in which to read them: those on screen first.
export function byNeed(items) {
  return [...items.filter(({ id }) => visible.has(id)), ...items.filter(({ id }) => !visible.has(id))];
}

let paged = "";
export function renderPages(total, { page, pages, first, end }) {
  const source = JSON.stringify([total, page, pages]);
  if (source === paged) return;
  paged = source;
  const turn = (to) => {
    acts.turn(String(to));
    scrollTo(0, 0);
    list.querySelector(".tile")?.focus({ preventScroll: true });
  };
  const step = (text, to, disabled) => button(text, () => turn(to), { disabled });
  nav.hidden = pages < 2;
  nav.replaceChildren(
    step("Newest", 1, page === 1),
    step("Newer", page - 1, page === 1),
    make("span", {}, `${figure(first + 1)}–${figure(Math.min(total, end))} of ${figure(total)}`),
    step("Older", page + 1, page === pages),
    step("Oldest", pages, page === pages),
  );
}
