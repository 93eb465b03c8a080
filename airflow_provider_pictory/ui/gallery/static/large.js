// The large view: one image of those that the page has, and the way to the next; or several variants of one prompt.

import { MOST, compare } from "./compare.js";
import { details } from "./details.js";
import { button, figure, make } from "./dom.js";
import { looksOf } from "./items.js";
import { titleOf } from "./pictures.js";

const dialog = document.getElementById("large");
let source = "";
let shown = ""; // the id of the item
let acts;

// acted: {go(id), close(), compare(on)}; what is shown then is said with render().
export function setUp(acted) {
  acts = acted;
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    acts.close();
  });
}

function hide() {
  [source, shown] = ["", ""];
  if (dialog.open) dialog.close();
}

function bar(position, ...buttons) {
  const close = button("Close", acts.close, { className: "close" });
  return make("div", { className: "bar" }, make("span", {}, position), ...buttons, close);
}

function show(content, name, kind) {
  const focused = document.activeElement?.className;
  dialog.className = kind;
  dialog.replaceChildren(...content);
  dialog.setAttribute("aria-label", name);
  if (!dialog.open) dialog.showModal();
  const buttons = [...dialog.querySelectorAll(".bar button:enabled")];
  (buttons.find(({ className }) => className === focused) ?? buttons.at(-1)).focus();
}

// Shows anew if there is something new. Returns what is near, to be read before it is asked for.
// id: of the item, or "". items: those on the page. variants: of its prompt. context: of details().
export function render(id, items, variants, comparing, context) {
  const place = id ? items.findIndex((item) => item.id === id) : -1;
  if (place < 0) {
    hide();
    return [];
  }
  const item = items[place];
  const compared = [item, ...variants.filter((one) => one !== item)].slice(0, MOST);
  const near = comparing ? compared : items.slice(Math.max(0, place - 1), place + 3);
  const looks = (comparing ? near : [item]).map(looksOf);
  const now = JSON.stringify([comparing, looks, place, items.length, variants.length]);
  const asks = shown === id && !comparing && dialog.querySelector(".confirm")?.childElementCount > 0;
  if (now === source || asks) return near;
  [source, shown] = [now, id];
  if (comparing) {
    const all = `${variants.length} variants`;
    const one = button("One image", () => acts.compare(false));
    const head = bar(`Compare ${variants.length > MOST ? `${MOST} of ${all}` : all}`, one);
    show([head, ...compare(near)], "Compare", "compare");
    return near;
  }
  const position = `${figure(place + 1)} of ${figure(items.length)}`;
  const step = (text, name, to) => button(text, () => acts.go(items[to].id), { className: name, disabled: !items[to] });
  const content = [
    bar(position, step("Previous", "previous", place - 1), step("Next", "next", place + 1)),
    ...details(item, { ...context, variants: variants.length, compare: () => acts.compare(true) }),
  ];
  show(content, `${position}: ${titleOf(item).slice(0, 300)}`, "one");
  return near;
}

dialog.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const key = `[data-key="${CSS.escape(event.key.toLowerCase())}"]`;
  const name = { ArrowLeft: ".previous", ArrowRight: ".next" }[event.key] ?? key;
  const target = dialog.querySelector(name);
  if (!target) return;
  event.preventDefault();
  target.click();
});

// Beside the dialog is its backdrop.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) acts.close();
});
