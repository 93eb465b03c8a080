import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { readImage, readPost, readPreview, readRequest, webAddress } from "../../airflow_provider_pictory/ui/gallery/static/parse_xcom.js";
import { STATES } from "../../airflow_provider_pictory/ui/gallery/static/states.js";

const NOTHING = {
  jobId: null,
  mediaId: null,
  url: null,
  strange: false,
  path: null,
  width: null,
  height: null,
  credits: null,
  estimated: 0,
  failedJobs: 0,
  prompt: null,
  model: null,
  error: null,
  notStored: null,
};
const IMAGE = {
  job_id: "job-1",
  media_id: "media-1",
  url: "https://pictures.example/1.png",
  path: "s3://aws_default@bucket/1.png",
  width: 1536,
  height: 1024,
  ai_credits_used: 0.6,
  prompt: "A lighthouse",
  model: "flux-schnell",
};
const NO_OBJECTS = [null, undefined, true, 7, NaN, "", "text", "7", "null", "[1]", '"{}"', "{", [], [{}], () => ({})];
const WRONG_TYPES = [null, true, false, {}, [], ["x"], { toString: null }, NaN, Infinity, -1];
// As it comes out of JSON: an own property, not a prototype.
const PROTOTYPE = JSON.parse('{"__proto__": {"prompt": "inherited", "status": "failed"}}');

describe("readImage", () => {
  test("takes what a task pushed", () => {
    assert.deepEqual(readImage(IMAGE), {
      jobId: "job-1",
      mediaId: "media-1",
      url: "https://pictures.example/1.png",
      strange: false,
      path: "s3://aws_default@bucket/1.png",
      width: 1536,
      height: 1024,
      credits: 0.6,
      estimated: 0,
      failedJobs: 0,
      prompt: "A lighthouse",
      model: "flux-schnell",
      error: null,
      notStored: null,
    });
  });

  test("takes the same as JSON text", () => {
    assert.deepEqual(readImage(JSON.stringify(IMAGE)), readImage(IMAGE));
  });

  test("is null for what is no object", () => {
    for (const value of NO_OBJECTS) assert.equal(readImage(value), null);
  });

  test("knows nothing of an empty object, nor of what stands under __proto__", () => {
    assert.deepEqual(readImage({}), NOTHING);
    assert.deepEqual(readImage(PROTOTYPE), NOTHING);
  });

  test("leaves out every field of a wrong type", () => {
    for (const wrong of WRONG_TYPES) {
      const value = Object.fromEntries(Object.keys(IMAGE).map((name) => [name, wrong]));
      assert.deepEqual(readImage({ ...value, error: wrong }), { ...NOTHING, strange: wrong !== null });
    }
  });

  test("leaves out sizes that no picture has, and credits that no job costs", () => {
    for (const width of [0, -1, 1.5, 1e6, 1e99, "1024"]) assert.equal(readImage({ width }).width, null);
    for (const credits of [-0.1, 1e9, 1e300, "2"]) assert.equal(readImage({ ai_credits_used: credits }).credits, null);
    assert.equal(readImage({ ai_credits_used: 0 }).credits, 0);
  });

  test("cuts huge texts", () => {
    const huge = "o".repeat(5_000_000);
    const image = readImage({ job_id: huge, media_id: huge, prompt: huge, model: huge, error: huge });
    const lengths = Object.values(image).filter(Boolean).map(({ length }) => length);
    assert.deepEqual(lengths, [200, 200, 20_000, 100, 2000]);
  });

  test("takes a text of nothing to see for none", () => {
    for (const prompt of ["", " \n\t", "\0\0", "\u202e\u2066", `${" ".repeat(20_000)}far away`]) {
      assert.equal(readImage({ prompt }).prompt, null);
    }
  });

  test("keeps lines and joined emoji, and blanks controls, half characters and turns of direction", () => {
    const joined = "\u{1f3f4}\u{e0067}\u{e007f} می\u200cخواهم 7\ufe0f\u20e3";
    assert.equal(readImage({ prompt: `one\n\ttwo ${joined}` }).prompt, `one\n\ttwo ${joined}`);
    assert.equal(readImage({ prompt: "a\0b\x1bc\x7fd\u2028e\u202ef\u2066g\ud83dh" }).prompt, "a b c d e f g h");
    assert.equal(readImage({ model: `${"m".repeat(99)}😀` }).model, `${"m".repeat(99)} `);
  });

  test("keeps markup as the text that it is", () => {
    assert.equal(readImage({ prompt: "<img src=x onerror=alert(1)>" }).prompt, "<img src=x onerror=alert(1)>");
  });

  test("calls an address strange that is there but not one of the web", () => {
    for (const url of ["javascript:alert(1)", "data:image/png,x", "", 7, {}, ["https://a.example"]]) {
      const image = readImage({ url });
      assert.deepEqual([image.url, image.strange], [null, true]);
    }
  });
});

describe("what an image has cost", () => {
  const cost = (value) => {
    const { credits, estimated, failedJobs } = readImage(value);
    return [credits, estimated, failedJobs];
  };

  test("is what the service says, or not known", () => {
    assert.deepEqual(cost({ ai_credits_used: 2, ai_credits_expected: 4 }), [2, 0, 0]);
    assert.deepEqual(cost({ ai_credits_used: 0, error: "x", ai_credits_expected: 4 }), [0, 0, 0]);
    assert.deepEqual(cost({}), [null, 0, 0]);
  });

  test("of a job that failed is the price of its model, where the service does not say it", () => {
    assert.deepEqual(cost({ ai_credits_used: null, ai_credits_expected: 4, error: "failed" }), [4, 4, 0]);
    assert.deepEqual(cost({ ai_credits_used: null, ai_credits_expected: 4 }), [null, 0, 0]);
  });

  test("counts the jobs before it that failed", () => {
    const failed_jobs = [{ ai_credits_used: 1, error: "a" }, { ai_credits_expected: 2, error: "b" }, { error: "c" }, 7];
    assert.deepEqual(cost({ ai_credits_used: 2, failed_jobs }), [5, 2, 3]);
    assert.deepEqual(cost({ ai_credits_used: 2, failed_jobs: "none" }), [2, 0, 0]);
  });
});

describe("readPreview", () => {
  const start = "data:image/webp;base64,";
  const value = (preview) => ({ job_id: "1", media_id: null, path: "s3://bucket/1.png", preview });

  test("takes what a task pushed, also as JSON text", () => {
    const expected = { jobId: "1", mediaId: null, path: "s3://bucket/1.png", source: `${start}UklGRg==` };
    assert.deepEqual(readPreview(value(`${start}UklGRg==`)), expected);
    assert.deepEqual(readPreview(JSON.stringify(value(`${start}UklGRg==`))), expected);
  });

  test("takes 24,000 characters, and no more", () => {
    const most = start + "A".repeat(24_000 - start.length);
    assert.equal(readPreview(value(most)).source, most);
    assert.equal(readPreview(value(`${most}A`)), null);
  });

  test("takes no address of any other kind", () => {
    const others = [
      "https://pictures.example/1.png",
      "javascript:alert(1)",
      "data:text/html;base64,UklGRg==",
      "data:image/svg+xml;base64,UklGRg==",
      "data:image/webp,UklGRg==",
      `${start}`,
      `${start}<svg>`,
      `${start}UklGRg==#x`,
      `${start}UklGRg==\n`,
      ` ${start}UklGRg==`,
      `${start.toUpperCase()}UklGRg==`,
    ];
    for (const preview of [...others, ...WRONG_TYPES, undefined]) assert.equal(readPreview(value(preview)), null);
    for (const nothing of [...NO_OBJECTS, {}]) assert.equal(readPreview(nothing), null);
  });

  test("shows without ids and path what has none", () => {
    const { jobId, mediaId, path } = readPreview({ preview: `${start}UklGRg==`, job_id: 7, media_id: {}, path: [] });
    assert.deepEqual([jobId, mediaId, path], [null, null, null]);
  });
});

describe("readRequest", () => {
  test("takes what a task pushed, and nothing of another type", () => {
    const request = { job_id: "1", prompt: "A fox", model: "m", submitted_at: 1 };
    assert.deepEqual(readRequest(request), { jobId: "1", prompt: "A fox", model: "m" });
    assert.deepEqual(readRequest({ job_id: 1, prompt: {} }), { jobId: null, prompt: null, model: null });
    for (const value of NO_OBJECTS) assert.equal(readRequest(value), null);
  });
});

describe("webAddress", () => {
  test("takes http and https, written as browsers write them", () => {
    assert.equal(webAddress("http://a.example"), "http://a.example/");
    assert.equal(webAddress(" HTTPS://A.Example/b c?d=<e>"), "https://a.example/b%20c?d=%3Ce%3E");
  });

  test("takes no other scheme, however it is written", () => {
    const schemes = ["javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)"];
    schemes.push("data:text/html,x", "blob:https://a.example/1", "file:///etc/passwd", "ftp://a.example", "about:blank");
    for (const address of schemes) assert.equal(webAddress(address), null, address);
  });

  test("takes nothing that is no whole address", () => {
    for (const address of ["", "a.example/b.png", "//a.example", "/b.png", "https://", "https://[", "http://a b/"]) {
      assert.equal(webAddress(address), null, address);
    }
    for (const value of [...WRONG_TYPES, new URL("https://a.example")]) assert.equal(webAddress(value), null);
  });
});

const POST = {
  job_id: "job-1",
  image_url: "https://pictures.example/1.png",
  media_ids: ["media-1"],
  post_id: "post-1",
  status: "published",
  scheduled_for: "2026-01-02T03:04:05Z",
  destinations: [
    { account_id: 2280, platform: "linkedin", status: "published", url: "https://linkedin.example/1", error: null },
  ],
  error: null,
};

describe("readPost", () => {
  test("takes what a task pushed, also as JSON text", () => {
    const expected = {
      jobId: "job-1",
      imageUrl: "https://pictures.example/1.png",
      mediaIds: ["media-1"],
      postId: "post-1",
      state: "published",
      scheduledFor: Date.UTC(2026, 0, 2, 3, 4, 5),
      destinations: [
        {
          account: "2280",
          name: null,
          platform: "linkedin",
          status: "published",
          url: "https://linkedin.example/1",
          error: null,
        },
      ],
      content: null,
      error: null,
    };
    assert.deepEqual(readPost(POST), expected);
    assert.deepEqual(readPost(JSON.stringify(POST)), expected);
  });

  test("is null for what is no object", () => {
    for (const value of NO_OBJECTS) assert.equal(readPost(value), null);
  });

  test("leaves out every field of a wrong type", () => {
    const nothing = {
      jobId: null,
      imageUrl: null,
      mediaIds: [],
      postId: null,
      state: null,
      content: null,
      scheduledFor: null,
      destinations: [],
      error: null,
    };
    assert.deepEqual(readPost({}), nothing);
    assert.deepEqual(readPost(PROTOTYPE), nothing);
    for (const wrong of WRONG_TYPES.filter((value) => !Array.isArray(value))) {
      const value = Object.fromEntries(Object.keys(POST).map((name) => [name, wrong]));
      assert.deepEqual(readPost(value), nothing);
    }
  });

  test("knows a state only by the states' own names", () => {
    for (const status of ["draft", "scheduled", "publishing", "published", "partially_failed", "failed"]) {
      assert.equal(readPost({ status }).state, status);
      assert.ok(STATES[status]);
    }
    for (const status of ["none", "waiting", "overdue", "", "deleted", "constructor", "__proto__", "toString", "hasOwnProperty", ["draft"]]) {
      assert.equal(readPost({ status }).state, null, String(status));
    }
  });

  test("leaves out a time that is none", () => {
    for (const scheduled_for of ["never", "", "2026-99-99", "+999999-01-01T00:00:00Z", 0, 1767323045, [], {}]) {
      assert.equal(readPost({ scheduled_for }).scheduledFor, null);
    }
  });

  test("takes media ids that are texts, each once, and a hundred at most", () => {
    const strange = [7, null, ["media-1"], {}, "", "__proto__"];
    assert.deepEqual(readPost({ media_ids: ["a", "a", ...strange, "b"] }).mediaIds, ["a", "__proto__", "b"]);
    const many = Array.from({ length: 100_000 }, (_, number) => String(number));
    assert.equal(readPost({ media_ids: many }).mediaIds.length, 100);
  });

  test("takes destinations that are objects, a hundred at most", () => {
    assert.deepEqual(readPost({ destinations: [5, null, "x", [], ["x"]] }).destinations, []);
    assert.equal(readPost({ destinations: Array(100_000).fill({}) }).destinations.length, 100);
  });

  test("leaves out of a destination every field of a wrong type", () => {
    const nothing = { account: null, name: null, platform: null, status: null, url: null, error: null };
    const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
    for (const wrong of [null, true, {}, [], ["x"], deep, JSON.parse('{"toString": null, "valueOf": 1}')]) {
      const destination = { account_id: wrong, platform: wrong, status: wrong, url: wrong, error: wrong };
      assert.deepEqual(readPost({ destinations: [destination] }).destinations, [nothing]);
    }
  });

  test("takes an account's id as a number or a text, and no link that is script", () => {
    const destinations = [{ account_id: 0 }, { account_id: "acc" }, { account_id: "", url: "javascript:alert(1)" }];
    const read = readPost({ destinations }).destinations;
    assert.deepEqual(read.map(({ account }) => account), ["0", "acc", null]);
    assert.equal(read[2].url, null);
  });
});
