// The large view: one image of those that the page has, and the way to the next.

import { large, title } from "./cards.js";
import { button, figure, make } from "./dom.js";

const dialog = document.getElementById("large");
let opened = null; // the record that is shown
let source = "";
let items = [];
let turned = () => {};

// turn: called with the place of the image to go to. closed: called with the record that was shown last.
export function setUp(turn, closed) {
  turned = turn;
  dialog.addEventListener("close", () => {
    const record = opened;
    opened = null;
    closed(record);
  });
}

export function open(record) {
  opened = record;
  source = "";
  dialog.showModal();
}

// Shows the image anew if there is something new. Returns what is near it, to be read before it is asked for.
export function render(all) {
  items = all;
  const place = opened ? items.findIndex(({ record }) => record.id === opened.id) : -1;
  if (place < 0) {
    dialog.close();
    return [];
  }
  const { record, fate } = items[place];
  const near = items.slice(Math.max(0, place - 1), place + 3);
  const now = JSON.stringify([record, fate, place, items.length]);
  opened = record;
  if (now === source) return near;
  source = now;
  const focused = document.activeElement.className;
  const position = `${figure(place + 1)} of ${figure(items.length)}`;
  const step = (text, name, to) => button(text, () => go(to), { className: name, disabled: !items[to] });
  const bar = make(
    "div",
    { className: "bar" },
    make("span", {}, position),
    step("Previous", "previous", place - 1),
    step("Next", "next", place + 1),
    button("Close", () => dialog.close(), { className: "close" }),
  );
  dialog.replaceChildren(bar, ...large(record, fate));
  dialog.setAttribute("aria-label", `${position}: ${title(record.value).slice(0, 300)}`);
  const buttons = [...bar.querySelectorAll("button:enabled")];
  (buttons.find(({ className }) => className === focused) ?? buttons.at(-1)).focus();
  return near;
}

function go(place) {
  opened = items[place].record;
  turned(place);
}

dialog.addEventListener("keydown", (event) => {
  const name = { ArrowLeft: "previous", ArrowRight: "next" }[event.key];
  if (!name || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  dialog.querySelector(`.${name}`).click();
});

// Beside the dialog is its backdrop.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
