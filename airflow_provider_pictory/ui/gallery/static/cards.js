// One image, or one that could not be made, among others.

import { dagAddress, formAddress, taskAddress } from "./addresses.js";
import { badge, destinationsOf, dueOf, factsOf, faultOf, notStored, picture, titleOf } from "./pictures.js";
import { inside, make, skeleton, when } from "./dom.js";
import { isUnread } from "./states.js";
import { scope } from "./view.js";

// Where it was posted, when it will be, or why not.
function posted({ at, state, posts, approval, elsewhere, making, record }) {
  const line = make("p", { className: "posted" });
  if (making !== "made") {
    line.append(inside(taskAddress(at), "Log"));
    return line;
  }
  if (state === undefined) {
    if (record.state !== "failed" && record.value !== null) line.append(skeleton());
    return line;
  }
  const partly = elsewhere || scope.run; // other posts are not read, or not listed
  line.append(badge(state, state === "none" && partly ? "Not posted in this run" : undefined));
  const [post] = posts;
  if (post) line.append(...destinationsOf(post));
  if (post && dueOf(post)) line.append(dueOf(post));
  if (!post && approval?.by) line.append(make("span", {}, `by ${approval.by}`));
  if (!post && state === "waiting") line.append(inside(formAddress(approval), "Open the form"));
  return line;
}

export function card(item, open) {
  const reading = isUnread(item.record) && item.making === "made";
  const tile = make("button", { className: "tile", type: "button" }, picture(item, { loading: "lazy" }));
  tile.setAttribute("aria-label", `Large view: ${titleOf(item).slice(0, 300)}`);
  tile.addEventListener("click", open);
  const hint = reading && !item.prompt;
  const prompt = make("p", { className: "prompt", dir: "auto" }, hint ? skeleton() : titleOf(item));
  const about = make("p", { className: "facts" }, reading ? skeleton() : factsOf(item));
  const origin = make("p", { className: "origin" }, inside(dagAddress(item.at), item.at.dagName), when(item.time));
  const shown = make("li", { className: `card is-${item.making}` }, tile, prompt, about, origin, posted(item));
  const [post] = item.posts;
  if (post?.content) shown.append(make("p", { className: "content", dir: "auto" }, post.content));
  const fault = post ? faultOf(post) : notStored(item);
  if (fault) shown.append(make("p", { className: "fault", dir: "auto" }, fault));
  return shown;
}

export function blank() {
  const line = () => make("p", {}, skeleton());
  const tile = make("div", { className: "tile" }, skeleton());
  return make("li", { className: "card blank", "aria-hidden": "true" }, tile, line(), line());
}
