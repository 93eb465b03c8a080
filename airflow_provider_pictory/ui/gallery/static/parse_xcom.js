// What the values mean. Pure functions: anything may stand in a value, nothing is taken on trust.

export function object(value) {
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch {
      return null;
    }
  }
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
}

// Controls, half characters, and what turns the direction of the text that follows. What joins or tags characters is
// not among it: words of many languages need it, and so do emoji.
// oxlint-disable-next-line no-control-regex -- controls are what it looks for
const UNFIT = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\p{Cs}]/gu;

export function text(value, length) {
  const fit = typeof value === "string" ? value.slice(0, length).replace(UNFIT, " ") : "";
  return fit.trim() ? fit : null;
}

function amount(value) {
  return typeof value === "number" && value >= 0 && value < 1e9 ? value : null;
}

function pixels(value) {
  return Number.isInteger(value) && value > 0 && value < 1e6 ? value : null;
}

export function webAddress(value) {
  if (typeof value !== "string" || !URL.canParse(value)) return null;
  const url = new URL(value);
  return ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

// Null where the value is no object, of a custom XCom backend say.
export function readImage(value) {
  const it = object(value);
  return it && {
    jobId: text(it.job_id, 200),
    mediaId: text(it.media_id, 200),
    url: webAddress(it.url),
    strange: it.url != null && !webAddress(it.url),
    path: text(it.path, 2000),
    width: pixels(it.width),
    height: pixels(it.height),
    prompt: text(it.prompt, 20_000),
    model: text(it.model, 100),
    error: text(it.error, 2000),
    notStored: text(it.not_stored, 2000),
    ...charged(it),
  };
}

// What the image and the jobs before it that failed have cost. The service does not say it of every job that failed:
// then it is the price of its model, and `estimated` says how much of `credits` that is.
function charged(it) {
  const failed = Array.isArray(it.failed_jobs) ? it.failed_jobs.slice(0, 100).map(object).filter(Boolean) : [];
  let [credits, estimated] = [null, 0];
  for (const job of [it, ...failed]) {
    const used = amount(job.ai_credits_used);
    const expected = used === null && job.error ? amount(job.ai_credits_expected) : null;
    if (used === null && expected === null) continue;
    credits = (credits ?? 0) + (used ?? expected);
    estimated += expected ?? 0;
  }
  return { credits, estimated, failedJobs: failed.length };
}

const PREVIEW = /^data:image\/webp;base64,[A-Za-z0-9+/]+={0,2}$/;
const LONGEST = 24_000;

// The small copy of a stored picture, and where the picture itself is. Null where it is anything else than a picture.
export function readPreview(value) {
  const it = object(value);
  const { preview: source } = it ?? {};
  if (typeof source !== "string" || source.length > LONGEST || !PREVIEW.test(source)) return null;
  return { jobId: text(it.job_id, 200), mediaId: text(it.media_id, 200), path: text(it.path, 2000), source };
}

// The request of a job that somebody waits for.
export function readRequest(value) {
  const it = object(value);
  return it && { jobId: text(it.job_id, 200), prompt: text(it.prompt, 20_000), model: text(it.model, 100) };
}

function readDestination(value) {
  const it = object(value);
  return it && {
    account: text(typeof it.account_id === "number" ? String(it.account_id) : it.account_id, 100),
    name: text(it.account_name, 200),
    platform: text(it.platform, 50),
    status: text(it.status, 50),
    url: webAddress(it.url),
    error: text(it.error, 2000),
  };
}

const SENT = ["draft", "scheduled", "publishing", "published", "partially_failed", "failed"];

export function readPost(value) {
  const it = object(value);
  if (!it) return null;
  const scheduled = typeof it.scheduled_for === "string" ? Date.parse(it.scheduled_for) : NaN;
  const destinations = Array.isArray(it.destinations) ? it.destinations.slice(0, 100) : [];
  const mediaIds = Array.isArray(it.media_ids) ? it.media_ids.slice(0, 100) : [];
  return {
    jobId: text(it.job_id, 200),
    imageUrl: webAddress(it.image_url),
    mediaIds: [...new Set(mediaIds.map((id) => text(id, 200)).filter(Boolean))],
    postId: text(it.post_id, 200),
    state: SENT.includes(it.status) ? it.status : null,
    content: text(it.content, 2000),
    scheduledFor: Number.isNaN(scheduled) ? null : scheduled,
    destinations: destinations.map(readDestination).filter(Boolean),
    error: text(it.error, 2000),
  };
}
