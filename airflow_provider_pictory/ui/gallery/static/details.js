// All that is known of one image, beside the picture at large.

import { actionsOf } from "./actions.js";
import { dagAddress, runAddress, taskAddress } from "./addresses.js";
import { button, copyButton, inside, make, outside, when } from "./dom.js";
import { nameOf } from "./parse_tasks.js";
import {
  approvalText, badge, costOf, destinationLink, dueOf, hasFailed, makingBadge, notStored, picture, platformOf, sizeOf,
  titleOf,
} from "./pictures.js";

function row(name, ...value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
}

function code(name, text, what = `the ${name.toLowerCase()} id`) {
  return row(name, make("code", {}, text), " ", copyButton(text, what));
}

function destinationItem(destination) {
  const account = destination.name ?? (destination.platform && destination.account);
  return make(
    "li",
    { title: platformOf(destination) },
    make("span", {}, destinationLink(destination), account && make("span", { className: "muted" }, ` ${account}`)),
    make("span", { className: hasFailed(destination) ? "failed" : "muted" }, destination.error ?? destination.status),
  );
}

function postItem(post) {
  const item = make("article", { className: "post" }, make("p", {}, badge(post.state)));
  const due = dueOf(post);
  if (due) item.firstChild.append(" ", due);
  if (post.content) item.append(make("p", { className: "text", dir: "auto" }, post.content));
  if (post.error) item.append(make("p", { className: "failed", dir: "auto" }, post.error));
  const task = inside(taskAddress(post.of), nameOf(post.of));
  item.append(make("ul", {}, ...post.destinations.map(destinationItem)));
  item.append(make("p", { className: "muted" }, "Last checked ", when(post.time), " by ", task));
  if (post.postId) {
    const copy = copyButton(post.postId, "the post id");
    item.append(make("p", { className: "muted" }, make("code", {}, post.postId), " ", copy));
  }
  return item;
}

function whyNot({ state, elsewhere, approval }, { run, forbidden }) {
  if (state === undefined) return "Its posts are not read yet.";
  if (approval) return null;
  if (run) return "Not posted in this run.";
  const partly = "Not posted in its run; other posts are not read yet.";
  const known = elsewhere ? partly : "Not posted by a Dag that you may see.";
  if (!forbidden.has("approvals")) return known;
  return `${known} You may not see whether it was held back: that needs permission to read HITL Detail.`;
}

function postsOf(item, context) {
  const posts = make("section", { className: "posts" }, make("h3", {}, "Posts"));
  if (item.making !== "made") return null;
  if (item.approval) {
    const form = inside(taskAddress(item.approval), nameOf(item.approval));
    posts.append(make("p", {}, ...approvalText(item.approval), " (", form, ")"));
  }
  const reason = item.posts.length ? null : whyNot(item, context);
  if (reason) posts.append(make("p", { className: "muted" }, reason));
  posts.append(...item.posts.map(postItem));
  return posts;
}

// Returns the picture and what is to be said of it. context: {run, forbidden, variants, compare(), changed()}.
export function details(item, context) {
  const { image, at, cost } = item;
  const facts = make("dl", {});
  if (item.model) facts.append(row("Model", item.model));
  if (item.style) facts.append(row("Style", item.style));
  if (sizeOf(image)) facts.append(row("Size", `${sizeOf(image)} pixels`));
  if (costOf(cost)) facts.append(row("Cost", costOf(cost), cost.estimated ? " by the model's price" : ""));
  if (image?.failedJobs) facts.append(row("", `with ${image.failedJobs} that failed before`));
  facts.append(
    row(item.making === "made" ? "Made" : "Time", when(item.time)),
    row("Dag", inside(dagAddress(at), at.dagName)),
    row("Run", inside(runAddress(at), at.run)),
    row("Task", inside(taskAddress(at), nameOf(at)), item.making === "made" ? "" : ": its log"),
  );
  if (item.jobId) facts.append(code("Job", item.jobId));
  if (image?.mediaId) facts.append(code("Media", image.mediaId));
  const stored = (path) => facts.append(code("Stored", path, "where it is stored"));
  if (image?.path) stored(image.path);
  if (item.reference) facts.append(row("From", outside(item.reference, "the reference image")));
  const prompt = make("p", { className: "prompt", dir: "auto" }, titleOf(item));
  const about = make("div", { className: "about" }, prompt);
  const line = make("p", { className: "links" });
  if (item.prompt) line.append(copyButton(item.prompt, "prompt", "Copy prompt"));
  if (image?.url) line.append(outside(image.url, "Open original"));
  if (context.variants > 1) {
    line.append(button(`Compare ${context.variants} variants`, context.compare, { className: "plain" }));
  }
  about.append(line);
  if (item.making !== "made") about.append(make("p", {}, makingBadge(item.making)));
  const fault = item.error ?? notStored(item);
  if (fault) about.append(make("p", { className: "failed", dir: "auto" }, fault));
  about.append(...[actionsOf(item, context.changed), facts, postsOf(item, context)].filter(Boolean));
  const shown = picture(item, {}, ({ path }) => !image.path && path && stored(path));
  return [make("figure", {}, shown), about];
}
