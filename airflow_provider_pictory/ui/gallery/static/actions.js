// What a viewer may do: answer an approval, or let a task run again. Each asks before it changes anything, and Airflow
// decides whether the viewer may.

import { answer, clear } from "./airflow_api.js";
import { formAddress } from "./addresses.js";
import { button, count, inside, make } from "./dom.js";
import { nameOf } from "./parse_tasks.js";

const REFUSALS = {
  login: "You are not logged in any more: load the page again.",
  forbidden: "You may not do this: it needs permission to edit, or is asked of other people.",
  gone: "Airflow does not know this task any more.",
  conflict: "Somebody else was faster: it is answered already.",
  server: "Airflow refused it with an error. Its api-server's log tells more.",
  network: "Airflow cannot be reached. Look whether it was done before you try again.",
};

// place: where to ask. text: what is going to happen. yes: the button that does it. act: does it, and returns what to
// say.
function confirm(place, text, yes, act, changed) {
  const said = make("p", { role: "status" });
  const run = async () => {
    go.disabled = true;
    try {
      said.replaceChildren(await act());
      place.replaceChildren(said);
      changed();
    } catch (error) {
      place.replaceChildren(refusal(error));
    }
  };
  const go = button(yes, run, { className: "primary" });
  const cancel = button("Cancel", () => place.replaceChildren());
  place.replaceChildren(make("p", {}, text), make("div", { className: "buttons" }, go, cancel), said);
  go.focus();
}

const FINAL = "A post cannot be taken back.";
const FORM = {
  Approve: ["Approve", "a", `Approve this image? The tasks after it run then, and may post it. ${FINAL}`],
  Reject: ["Reject", "r", "Reject this image? It is not posted, and the tasks after it are skipped."],
};

function approve(approval, place, changed) {
  const act = (choice) => async () => {
    await answer(approval, choice);
    return `${choice}: Airflow has taken the answer.`;
  };
  const buttons = Object.entries(FORM).map(([choice, [text, key, question]]) =>
    button(text, () => confirm(place, question, `Yes, ${text.toLowerCase()}`, act(choice), changed), {
      "data-key": key,
      title: `Key: ${key.toUpperCase()}`,
    }),
  );
  const another = approval.options.includes("Make another");
  const form = inside(formAddress(approval), another ? "Make another…" : "Open the form");
  form.className = "button";
  return [...buttons, form];
}

const OLD =
  "This publishes where it has failed. On Airflow below 3.3, look into PostEverywhere first: it may post twice.";

// Each way to try again: its name, what it costs, and the steps: [task, whether to clear what has failed of it and of
// those that follow it, and not the task alone].
function ways({ making, image, task, at, posts, submit }) {
  const found = [];
  const hasFailed = making === "failed" || image?.notStored;
  if (hasFailed && task?.kind === "wait") {
    found.push(["Wait again…", "This waits for the same job, and costs nothing.", [[at, true]]]);
    if (submit && making === "failed") {
      const text = "This submits a new job, which costs credits again.";
      found.push(["Generate again…", text, [[submit, false], [at, true]]]);
    }
  } else if (hasFailed) {
    const text = "This submits a job, which costs credits, or resumes that of an earlier try if it is still known.";
    found.push(["Retry…", text, [[at, true]]]);
  }
  const [post] = posts;
  if (["failed", "partially_failed"].includes(post?.state)) {
    const text = `${OLD} ${FINAL} No image is paid for.`;
    found.push(["Retry the post…", text, [[post.of, true]]]);
  }
  return found;
}

function refusal({ kind }) {
  return make("p", { className: "failed", role: "status" }, REFUSALS[kind] ?? REFUSALS.server);
}

function retry([name, price, steps], place, changed) {
  return button(name, async () => {
    place.replaceChildren(make("p", { className: "muted" }, "Asking Airflow what would run again…"));
    const dry = [];
    try {
      for (const [task, following] of steps) dry.push(...(await clear(task, following, true)));
    } catch (error) {
      place.replaceChildren(refusal(error));
      return;
    }
    const names = [...new Set(dry.map((one) => nameOf({ ...one, taskName: one.task })))];
    if (!names.length) {
      place.replaceChildren(make("p", { role: "status" }, "Airflow finds nothing there that has failed."));
      return;
    }
    const text = `${price} It clears ${count(names.length, "task")}: ${names.join(", ")}.`;
    const act = async () => {
      for (const [task, following] of steps) await clear(task, following, false);
      return "Cleared: Airflow runs it again.";
    };
    confirm(place, text, "Clear", act, changed);
  });
}

// The buttons for an item, and the place where they ask; null if there is nothing to do.
export function actionsOf(item, changed) {
  const place = make("div", { className: "confirm" });
  const waiting = item.approval && item.state === "waiting" ? approve(item.approval, place, changed) : [];
  const retries = ways(item).map((way) => retry(way, place, changed));
  const buttons = [...waiting, ...retries];
  if (!buttons.length) return null;
  return make("section", { className: "actions" }, make("div", { className: "buttons" }, ...buttons), place);
}
