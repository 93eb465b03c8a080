import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  STATES,
  postsByImage,
  readImage,
  readPost,
  readQuery,
  webAddress,
  writeQuery,
} from "../../airflow_provider_pictory/ui/gallery/static/parse_xcom.js";

const NOTHING = {
  jobId: null,
  mediaId: null,
  url: null,
  strange: false,
  width: null,
  height: null,
  credits: null,
  prompt: null,
  model: null,
  error: null,
};
const IMAGE = {
  job_id: "job-1",
  media_id: "media-1",
  url: "https://pictures.example/1.png",
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
      width: 1536,
      height: 1024,
      credits: 0.6,
      prompt: "A lighthouse",
      model: "flux-schnell",
      error: null,
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
        { account: "2280", platform: "linkedin", status: "published", url: "https://linkedin.example/1", error: null },
      ],
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
    for (const status of Object.keys(STATES).filter((name) => name !== "none")) {
      assert.equal(readPost({ status }).state, status);
    }
    for (const status of ["none", "", "deleted", "constructor", "__proto__", "toString", "hasOwnProperty", ["draft"]]) {
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
    const nothing = { account: null, platform: null, status: null, url: null, error: null };
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

describe("postsByImage", () => {
  const record = (value) => ({ value: readPost(value) });
  const url = "https://pictures.example/1.png";

  test("finds posts by job, by media id and by address", () => {
    const [job, media, address] = [{ job_id: "1" }, { media_ids: ["1", "2"] }, { image_url: url }].map(record);
    const find = postsByImage([job, media, address]);
    assert.deepEqual(find(readImage({ job_id: "1" })), [job]);
    assert.deepEqual(find(readImage({ media_id: "2" })), [media]);
    assert.deepEqual(find(readImage({ url })), [address]);
    assert.deepEqual(find(readImage({ job_id: "another", url })), [address]);
  });

  test("keeps apart a job, a media id and an address that are written alike", () => {
    const find = postsByImage([{ job_id: url }, { media_ids: ["1"] }].map(record));
    assert.deepEqual(find(readImage({ job_id: "1" })), []);
    assert.deepEqual(find(readImage({ url })), []);
  });

  test("goes by the job where there is one: another image may have had the same address", () => {
    const find = postsByImage([record({ job_id: "1", image_url: url })]);
    assert.deepEqual(find(readImage({ job_id: "2", url })), []);
  });

  test("keeps the order of the posts", () => {
    const posts = [{ job_id: "1", post_id: "b" }, { job_id: "2" }, { job_id: "1", post_id: "a" }].map(record);
    assert.deepEqual(postsByImage(posts)(readImage({ job_id: "1" })), [posts[0], posts[2]]);
  });

  test("lists a post once, however often it names the medium", () => {
    const post = record({ media_ids: ["1", "1", "1"] });
    assert.deepEqual(postsByImage([post])(readImage({ media_id: "1" })), [post]);
  });

  test("finds nothing for an image of which nothing is known, nor among values that are not read yet", () => {
    const find = postsByImage([record({}), record(null), { value: undefined }]);
    assert.deepEqual(find(readImage({})), []);
    assert.deepEqual(find(readImage({ job_id: "__proto__", media_id: "constructor" })), []);
  });
});

describe("readQuery and writeQuery", () => {
  test("give back what was written", () => {
    const texts = ["nightly_content", "manual__2026-01-01T00:00:00+00:00", "a b&c=d?e#f%g", "100%", "ü 😀", "__proto__"];
    for (const dag of texts) {
      assert.deepEqual(readQuery(writeQuery({ dag, run_id: dag })), { dag, run_id: dag });
    }
  });

  test("write neither what is empty nor what is not defined", () => {
    assert.equal(writeQuery({ dag: "a", model: "", run_id: undefined }), "?dag=a");
    assert.equal(writeQuery({}), "?");
  });

  test("take a plus sign for one", () => {
    assert.equal(readQuery("?run_id=2026-01-01T00:00:00+00:00").run_id, "2026-01-01T00:00:00+00:00");
    assert.equal(readQuery("?run_id=a%2Bb%20c").run_id, "a+b c");
  });

  test("keep a value with a percent error as it stands, and the others", () => {
    const query = readQuery("?dag=%zz&model=50%&state=%C3&range=30&day=%32");
    assert.deepEqual(query, { dag: "%zz", model: "50%", state: "%C3", range: "30", day: "2" });
    assert.deepEqual(readQuery(writeQuery(query)), query);
  });

  test("split at the first equals sign, and take a name alone for an empty value", () => {
    assert.deepEqual(readQuery("?dag=a=b=c&model"), { dag: "a=b=c", model: "" });
  });

  test("read nothing from an address without a query", () => {
    assert.deepEqual(Object.values(readQuery("")).filter(Boolean), []);
    assert.deepEqual(Object.values(readQuery("?")).filter(Boolean), []);
  });

  test("let an address change no prototype", () => {
    const query = readQuery("?__proto__=x&constructor=y&dag=z");
    assert.equal(query.dag, "z");
    assert.equal(Object.getPrototypeOf(query), Object.prototype);
    assert.equal({}.constructor, Object);
  });
});
