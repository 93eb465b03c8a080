"use strict";

const LABELS = {
  draft: "Draft", scheduled: "Scheduled", publishing: "Publishing", published: "Published",
  partially_failed: "Partially failed", failed: "Failed",
  "in-progress": "In progress", completed: "Completed", cleaned: "Cleaned",
};

// All text goes in through textContent: prompts and posts are written by anybody.
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function localTime(iso) {
  const time = make("time", "", new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  time.dateTime = iso;
  return time;
}

function heading(status, iso) {
  const row = make("div", "top");
  row.append(localTime(iso), make("span", `badge ${status}`, LABELS[status] || status));
  return row;
}

function picture(url, alt, ratio) {
  const box = make("div", "picture");
  const image = make("img");
  image.src = url;
  image.alt = alt;
  image.loading = "lazy";
  if (ratio) image.style.aspectRatio = ratio;
  box.append(image);
  return box;
}

function copied(className, text) {
  const row = make("div", className);
  row.append(make("p", "", text));
  if (navigator.clipboard && text) {
    const button = make("button", "copy", "Copy");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    });
    row.append(button);
  }
  return row;
}

function post(entry) {
  const card = make("article");
  card.append(heading(entry.status, entry.scheduled_for || entry.created_at));
  for (const url of entry.pictures.filter(Boolean)) card.append(picture(url, ""));
  card.append(copied("text", entry.content));
  const chips = make("ul", "chips");
  for (const account of entry.accounts) {
    const settled = ["published", "failed", "partially_failed", "publishing"].includes(entry.status);
    const chip = make("li", settled ? account.status : "", account.platform_name || account.platform);
    chip.append(make("span", "", account.name));
    chips.append(chip);
  }
  if (!entry.accounts.length) chips.append(make("li", "plain", "No accounts chosen"));
  card.append(chips);
  return card;
}

function image(entry) {
  const card = make("article");
  const ratio = `${entry.width} / ${entry.height}`;
  card.append(heading(entry.status, entry.submitted_at));
  if (entry.url) {
    card.append(picture(entry.url, entry.prompt, ratio));
  } else {
    const working = entry.status === "in-progress";
    const box = make("div", working ? "picture blank working" : "picture blank");
    box.textContent = working ? "Being drawn" : entry.error || "The picture is no longer there";
    box.style.aspectRatio = ratio;
    card.append(box);
  }
  card.append(copied("text prompt", entry.prompt));
  const chips = make("ul", "chips");
  chips.append(make("li", "plain", entry.model));
  if (entry.style) chips.append(make("li", "plain", entry.style));
  chips.append(make("li", "plain", count(entry.credits, "credit")));
  card.append(chips);
  return card;
}

const shown = new Map();

// A card is built anew only if its entry has changed, so that pictures do not flicker and selections stay.
function fill(name, entries, key, build) {
  const section = document.getElementById(name);
  document.querySelector(`#tab-${name} .count`).textContent = entries.length || "";
  if (!entries.length) {
    section.replaceChildren(document.getElementById(`no-${name}`).content.cloneNode(true));
    return;
  }
  const cards = entries.map((entry) => {
    const source = JSON.stringify(entry);
    const known = shown.get(entry[key]);
    if (known && known.source === source) return known.card;
    const card = build(entry);
    shown.set(entry[key], { source, card });
    return card;
  });
  const same = cards.length === section.children.length && cards.every((card, i) => card === section.children[i]);
  if (!same) section.replaceChildren(...cards);
}

function show(feed) {
  fill("posts", feed.posts, "post_id", post);
  fill("images", feed.images, "job_id", image);
  if (feed.images.length || feed.posts.length) {
    const parts = [count(feed.images.length, "image"), count(feed.credits, "credit"), count(feed.posts.length, "post")];
    document.getElementById("summary").textContent = `${parts.join(", ")}: nothing of it left this machine`;
  }
}

function select(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
}

for (const name of ["posts", "images"]) {
  document.getElementById(`tab-${name}`).addEventListener("click", () => {
    history.replaceState(null, "", `#${name}`);
    select(name);
  });
}
if (location.hash === "#images") select("images");

async function update() {
  try {
    const answer = await fetch("sandbox/feed.json");
    if (answer.ok) show(await answer.json());
  } catch {
    document.getElementById("summary").textContent = "The sandbox has stopped";
  }
  setTimeout(update, 2000);
}

const snapshot = document.getElementById("snapshot");
if (snapshot) show(JSON.parse(snapshot.textContent));
else update();
