// Elements, and what Airflow's page around this one means for them.

const SVG = "http://www.w3.org/2000/svg";
const around = parent === window ? null : parent.document;

// Text is always a text node, never markup.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// What stands where something is not read yet.
export const skeleton = () => make("span", { className: "skeleton" });

export function button(text, act, properties = {}) {
  const element = make("button", { type: "button", ...properties }, text);
  element.addEventListener("click", act);
  return element;
}

// To a page of Airflow's.
export function inside(href, text) {
  return make("a", { href }, text);
}

// To anywhere else.
export function outside(href, text) {
  return make("a", { href, target: "_blank", rel: "noopener noreferrer", referrerPolicy: "no-referrer" }, text);
}

// Airflow shows the page in a frame whose sandbox keeps links inside it, so a link is followed by the page around.
if (around) {
  const follow = (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.button > 1) return;
    event.preventDefault();
    const twin = around.createElement("a");
    const apart = link.target === "_blank" || event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1;
    Object.assign(twin, { href: link.href, rel: "noopener noreferrer", referrerPolicy: "no-referrer" });
    if (apart) twin.target = "_blank";
    twin.click();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", follow);
}

// The address that shows what is seen now: what to come back to after logging in.
export function pageAddress() {
  return (around ?? document).location.href;
}

// The time zone chosen in Airflow's UI, else the browser's.
function timeZone() {
  const chosen = localStorage.getItem("timezone")?.replaceAll('"', "");
  try {
    return new Intl.DateTimeFormat("sv", { timeZone: chosen }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

// Swedish writes dates as ISO and Airflow do.
const moments = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short", timeZone: timeZone() });
const days = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeZone: timeZone() });
const clocks = new Intl.DateTimeFormat("sv", { timeStyle: "short", timeZone: timeZone() });
const dayNames = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
const shortDays = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

// Text to the clipboard. Without https there is no other way than to select it.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = make("textarea", { value: text, className: "unseen" });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  return area.remove();
}

export function copyButton(text, name, label = "Copy") {
  const act = async () => {
    await copy(text);
    made.textContent = "Copied";
    setTimeout(() => (made.textContent = label), 2000);
  };
  const made = button(label, act, { className: "plain copy", "aria-label": `Copy ${name}` });
  return made;
}

export function when(time) {
  return make("time", { dateTime: new Date(time).toISOString() }, moments.format(time));
}

// A moment in words: with the hour alone where the day is clear.
export function clockOf(time) {
  return clocks.format(time);
}

export function nameOfDay(day) {
  return dayNames.format(new Date(day));
}

export function shortDay(day) {
  return shortDays.format(new Date(day));
}

export function zoneName() {
  return days.resolvedOptions().timeZone;
}

export function dayOf(time) {
  return days.format(time);
}

export function figure(number) {
  return numbers.format(number);
}

export function count(number, noun) {
  return `${figure(number)} ${noun}${number === 1 ? "" : "s"}`;
}
