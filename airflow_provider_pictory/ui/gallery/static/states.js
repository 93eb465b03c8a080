// The states of images and of their posts, and how they are called.

// Of an image's post, in the order in which they are offered.
export const STATES = {
  failed: "Posting failed",
  partially_failed: "Partly failed",
  overdue: "Overdue",
  waiting: "Waiting for approval",
  scheduled: "Scheduled",
  publishing: "Publishing",
  published: "Published",
  draft: "Draft",
  rejected: "Rejected",
  replaced: "Replaced",
  unanswered: "Not answered in time",
  none: "Not posted",
};

// Of the image itself.
export const MAKING = {
  made: "Generated",
  failed: "Generation failed",
  retrying: "Failed, to be retried",
  running: "Generating",
};

// Of posts, what is to be looked at.
export const BAD = ["failed", "partially_failed", "overdue"];

// Whether a record's value is not read yet.
export const isUnread = (record) => record?.state === "unread" || record?.state === "reading";

// What needs somebody's attention.
export const ATTENTION = {
  generation: "Generation failed",
  storing: "Not stored",
  failed: STATES.failed,
  partially_failed: STATES.partially_failed,
  overdue: STATES.overdue,
  waiting: STATES.waiting,
};

export function attentionOf({ making, image, state }) {
  if (making === "failed") return "generation";
  if (state !== "published" && Object.hasOwn(ATTENTION, state)) return state;
  return image?.notStored ? "storing" : null;
}
