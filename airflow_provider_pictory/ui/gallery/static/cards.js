// One image: as a card among others, and large.

import { dagAddress, runAddress, taskAddress } from "./airflow_api.js";
import { STATES } from "./parse_xcom.js";
import { count, inside, make, outside, when } from "./dom.js";
import { PLATFORMS } from "./platforms.js"; // written by static_files.py

function platform({ platform, account }) {
  if (Object.hasOwn(PLATFORMS, platform)) return PLATFORMS[platform];
  return platform ?? `Account ${account ?? "unknown"}`;
}

function badge(state) {
  return make("span", { className: `badge ${state ?? "unknown"}` }, STATES[state] ?? "Unknown");
}

function size({ width, height }) {
  return width && height ? `${width} × ${height}` : null;
}

function facts(image) {
  const { model, credits } = image;
  return [model, size(image), credits === null ? null : count(credits, "credit")].filter(Boolean).join(" · ");
}

export function title(image) {
  return image?.prompt ?? "No prompt is known";
}

function taskName({ taskName, mapIndex }) {
  return mapIndex >= 0 ? `${taskName} [${mapIndex}]` : taskName;
}

// Shows a picture, or says why there is none.
function picture(record, properties) {
  const missing = (text) => make("span", { className: "missing" }, text);
  if (record.state === "failed") return missing("Airflow could not say what this is");
  const image = record.value;
  if (record.state !== "read") return make("span", { className: "skeleton" });
  if (!image) return missing("Its value is not kept in Airflow's database");
  if (image.error) return missing(`No picture: ${image.error}`);
  if (image.strange) return missing("Its address is not one of the web");
  if (!image.url) return missing(image.mediaId ? "Shown by PostEverywhere alone, in its media library" : "No address is known");
  const shown = make("img", {
    alt: title(image).slice(0, 300),
    referrerPolicy: "no-referrer",
    decoding: "async",
    ...properties,
  });
  if (image.width < image.height) shown.classList.add("upright");
  shown.addEventListener("error", () => shown.replaceWith(missing("No longer at its address")));
  shown.src = image.url;
  return shown;
}

function destinationLink(destination) {
  return destination.url ? outside(destination.url, platform(destination)) : platform(destination);
}

// fate: {state, posts}, where state is undefined until it is known.
export function card(record, fate, open) {
  const image = record.value;
  const tile = make("button", { className: "tile", type: "button" }, picture(record, { loading: "lazy" }));
  tile.setAttribute("aria-label", `Large view: ${title(image).slice(0, 300)}`);
  tile.addEventListener("click", open);
  const prompt = make("p", { className: "prompt", dir: "auto" });
  const about = make("p", { className: "facts" });
  if (image) {
    prompt.append(title(image));
    about.append(facts(image));
  } else if (record.state !== "read" && record.state !== "failed") {
    prompt.append(make("span", { className: "skeleton" }));
    about.append(make("span", { className: "skeleton" }));
  }
  const origin = make("p", { className: "origin" }, inside(dagAddress(record), record.dagName), when(record.time));
  const posted = make("p", { className: "posted" });
  if (fate.state !== undefined) posted.append(badge(fate.state));
  const [post] = fate.posts;
  if (post?.value) {
    for (const destination of post.value.destinations) {
      const failed = destination.error || destination.status === "failed";
      posted.append(make("span", { className: failed ? "place failed" : "place" }, destinationLink(destination)));
    }
  }
  return make("li", { className: "card" }, tile, prompt, about, origin, posted);
}

function row(name, ...value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
}

function destinationItem(destination) {
  const failed = destination.error || destination.status === "failed";
  const account = destination.platform && destination.account;
  return make(
    "li",
    {},
    make("span", {}, destinationLink(destination), account && make("span", { className: "muted" }, ` ${account}`)),
    make("span", { className: failed ? "failed" : "muted" }, destination.error ?? destination.status ?? ""),
  );
}

function postItem(record) {
  const post = record.value;
  if (!post) return null;
  const item = make("article", { className: "post" }, make("p", {}, badge(post.state)));
  if (post.scheduledFor !== null) item.firstChild.append(" for ", when(post.scheduledFor));
  if (post.error) item.append(make("p", { className: "failed", dir: "auto" }, post.error));
  const task = inside(taskAddress(record), taskName(record));
  item.append(
    make("ul", {}, ...post.destinations.map(destinationItem)),
    make("p", { className: "muted" }, "As ", task, " saw it, ", when(record.time)),
  );
  return item;
}

// Returns the picture and what is to be said of it.
export function large(record, fate) {
  const image = record.value;
  const shown = make("figure", {}, picture(record, {}));
  const details = make("dl", {});
  if (image?.model) details.append(row("Model", image.model));
  if (image && size(image)) details.append(row("Size", `${size(image)} pixels`));
  if (image?.credits != null) details.append(row("Cost", count(image.credits, "credit")));
  details.append(
    row("Made", when(record.time)),
    row("DAG", inside(dagAddress(record), record.dagName)),
    row("Run", inside(runAddress(record), record.run)),
    row("Task", inside(taskAddress(record), taskName(record))),
  );
  if (image?.jobId) details.append(row("Job", make("code", {}, image.jobId)));
  if (image?.mediaId) details.append(row("Media", make("code", {}, image.mediaId)));
  const posts = make("section", { className: "posts" }, make("h3", {}, "Posts"));
  if (fate.state === undefined) posts.append(make("p", { className: "muted" }, "Reading…"));
  else if (!fate.posts.length) posts.append(make("p", { className: "muted" }, fate.nowhere));
  else posts.append(...fate.posts.map(postItem).filter(Boolean));
  const prompt = make("p", { className: "prompt", dir: "auto" }, title(image));
  const about = make("div", { className: "about" }, prompt, details, posts);
  if (image?.url) about.append(make("p", {}, outside(image.url, "Open the picture by itself")));
  return [shown, about];
}
