// What the values mean. Pure functions: anything may stand in a value, nothing is taken on trust.

export const STATES = {
  none: "Not posted",
  draft: "Draft",
  scheduled: "Scheduled",
  publishing: "Publishing",
  published: "Published",
  partially_failed: "Partially failed",
  failed: "Failed",
};

export const DAY = 24 * 60 * 60 * 1000;
export const RANGES = {
  "1": "Last 24 hours",
  "7": "Last 7 days",
  "30": "Last 30 days",
  "90": "Last 90 days",
  all: "All time",
};

function object(value) {
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch {
      return null;
    }
  }
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
}

// Controls, half characters, and what turns the direction of the text that follows. What joins or tags characters is not
// among it: words of many languages need it, and so do emoji.
// oxlint-disable-next-line no-control-regex -- controls are what it looks for
const UNFIT = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\p{Cs}]/gu;

function text(value, length) {
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
    width: pixels(it.width),
    height: pixels(it.height),
    credits: amount(it.ai_credits_used),
    prompt: text(it.prompt, 20_000),
    model: text(it.model, 100),
    error: text(it.error, 2000),
  };
}

function readDestination(value) {
  const it = object(value);
  return it && {
    account: text(typeof it.account_id === "number" ? String(it.account_id) : it.account_id, 100),
    platform: text(it.platform, 50),
    status: text(it.status, 50),
    url: webAddress(it.url),
    error: text(it.error, 2000),
  };
}

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
    state: typeof it.status === "string" && it.status !== "none" && Object.hasOwn(STATES, it.status) ? it.status : null,
    scheduledFor: Number.isNaN(scheduled) ? null : scheduled,
    destinations: destinations.map(readDestination).filter(Boolean),
    error: text(it.error, 2000),
  };
}

// Takes records of posts, newest first, and tells which are of an image: by its job, its media id or its address.
export function postsByImage(records) {
  const index = new Map();
  const add = (key, record) => index.set(key, [...(index.get(key) ?? []), record]);
  for (const record of records) {
    if (!record.value) continue;
    for (const id of record.value.mediaIds) add(`media ${id}`, record);
    if (record.value.jobId) add(`job ${record.value.jobId}`, record);
    else if (record.value.imageUrl) add(`url ${record.value.imageUrl}`, record);
  }
  return ({ jobId, mediaId, url }) =>
    (jobId && index.get(`job ${jobId}`)) ||
    (mediaId && index.get(`media ${mediaId}`)) ||
    (url && index.get(`url ${url}`)) ||
    [];
}

// Decodes what Airflow put into the tab's address: a plus sign is one, there is none of forms' encoding.
export function readQuery(search) {
  const query = {};
  for (const part of search.slice(1).split("&")) {
    const [name, value = ""] = part.split(/=(.*)/s);
    try {
      query[name] = decodeURIComponent(value);
    } catch {
      query[name] = value;
    }
  }
  return query;
}

export function writeQuery(query) {
  const parts = Object.entries(query).filter(([, value]) => value);
  return `?${parts.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
