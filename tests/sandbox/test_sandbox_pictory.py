"""Pictory's API as the sandbox serves it, against what is known of the vendor's."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox

IMAGES = "/v1/aistudio/images"


class TestAuthentication:
    @pytest.mark.parametrize("authorization", [None, "", "wrong", "Bearer pictai_sandbox", "pictai_sandbox "])
    def test_anything_but_the_raw_key_is_refused(self, sandbox: Sandbox, authorization: str | None) -> None:
        headers = {} if authorization is None else {"Authorization": authorization.strip("\n")}
        if authorization == "pictai_sandbox ":
            headers["Authorization"] = "pictai_sandbox x"
        answer = requests.get(sandbox.pictory_url + "/v1/quota", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", IMAGES),
            ("GET", "/v1/jobs/x"),
            ("GET", "/v1/jobs"),
            ("GET", "/v1/quota"),
            ("GET", "/v1/aicredits/usage"),
        ],
    )
    def test_every_endpoint_asks_for_it(self, sandbox: Sandbox, method: str, path: str) -> None:
        assert requests.request(method, sandbox.pictory_url + path, timeout=10).status_code == 401

    def test_the_edge_blocks_urllib(self, pictory: Any) -> None:
        answer = pictory.get("/v1/quota", headers={"User-Agent": "Python-urllib/3.12"})
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("text/html")
        assert "1010" in answer.text


class TestSubmit:
    def test_answer(self, pictory: Any) -> None:
        answer = pictory.post(IMAGES, {"prompt": "A quiet lake"})
        assert answer.status_code == 200
        body = answer.json()
        assert body == {"success": True, "data": {"jobId": body["data"]["jobId"]}}
        assert uuid.UUID(body["data"]["jobId"])

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({}, "prompt", '"prompt" is required'),
            ({"prompt": 7}, "prompt", '"prompt" must be a string'),
            ({"prompt": None}, "prompt", '"prompt" must be a string'),
            ({"prompt": ""}, "prompt", '"prompt" is not allowed to be empty'),
            ({"prompt": "four"}, "prompt", '"prompt" length must be at least 5 characters long'),
            (
                {"prompt": "x" * 5001},
                "prompt",
                '"prompt" length must be less than or equal to 5000 characters long',
            ),
            (
                {"model": "dall-e"},
                "model",
                '"model" must be one of [seedream3.0, flux-schnell, nanobanana, nanobanana-pro]',
            ),
            ({"model": ["seedream3.0"]}, "model", '"model" must be a string'),
            ({"aspectRatio": "4:3"}, "aspectRatio", '"aspectRatio" must be one of [1:1, 16:9, 9:16]'),
            (
                {"style": "baroque"},
                "style",
                '"style" must be one of [photorealistic, artistic, cartoon, minimalist, vintage, futuristic]',
            ),
            ({"referenceImageUrl": "picture.png"}, "referenceImageUrl", '"referenceImageUrl" must be a valid uri'),
            ({"webhook": "http://[broken"}, "webhook", '"webhook" must be a valid uri'),
            ({"aspect_ratio": "1:1"}, "aspect_ratio", '"aspect_ratio" is not allowed'),
        ],
    )
    def test_refused_fields(
        self, sandbox: Sandbox, pictory: Any, body: dict[str, Any], field: str, message: str
    ) -> None:
        complete = body if field == "prompt" else {"prompt": "A quiet lake", **body}
        answer = pictory.post(IMAGES, complete)
        assert answer.status_code == 400
        assert answer.json() == {
            "code": "INVALID_REQUEST_BODY",
            "message": "Request body validation failed.",
            "fields": [{"field": field, "message": message}],
        }
        assert not sandbox.world.jobs

    def test_all_problems_are_told_at_once(self, pictory: Any) -> None:
        answer = pictory.post(IMAGES, {"model": "x", "style": "y"})
        assert [problem["field"] for problem in answer.json()["fields"]] == ["prompt", "model", "style"]

    @pytest.mark.parametrize("prompt", ["x" * 5, "x" * 5000])
    def test_the_bounds_of_a_prompt_are_allowed(self, submit: Callable[..., str], prompt: str) -> None:
        assert submit(prompt)

    @pytest.mark.parametrize("data", ["{", "", "[]", "null", '"text"'])
    def test_bodies_that_are_no_object(self, pictory: Any, data: str) -> None:
        answer = pictory("POST", IMAGES, data=data, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")

    def test_the_content_type_must_be_json(self, pictory: Any) -> None:
        answer = pictory("POST", IMAGES, data=json.dumps({"prompt": "A quiet lake"}))
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_BODY")

    def test_out_of_credits(self, sandbox: Sandbox, pictory: Any, settings: Callable[..., None]) -> None:
        settings(ai_credits=2.5)
        first, second = (pictory.post(IMAGES, {"prompt": "A quiet lake"}) for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 402)
        assert list(second.json()) == ["message"]
        assert sandbox.world.ai_credits_used == 2


class TestPoll:
    def test_in_progress_then_completed(
        self, sandbox: Sandbox, pictory: Any, submit: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        job_id = submit(aspectRatio="16:9")
        answer = pictory.get(f"/v1/jobs/{job_id}")
        assert answer.json() == {"job_id": job_id, "success": True, "data": {"status": "in-progress"}}
        travel(11)
        answer = pictory.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200
        assert answer.json() == {
            "job_id": job_id,
            "success": True,
            "data": {
                "status": "completed",
                "url": f"{sandbox.url}/pictures/{job_id}.png",
                "width": 1280,
                "height": 720,
                "aiCreditsUsed": 2,
            },
        }

    @pytest.mark.parametrize(
        ("model", "credits"),
        [(None, "2"), ("seedream3.0", "2"), ("flux-schnell", "0.6"), ("nanobanana", "4"), ("nanobanana-pro", "14")],
    )
    def test_credits_per_model(
        self,
        pictory: Any,
        submit: Callable[..., str],
        travel: Callable[[float], None],
        model: str | None,
        credits: str,
    ) -> None:
        job_id = submit(**({"model": model} if model else {}))
        travel(11)
        assert f'"aiCreditsUsed":{credits}}}' in pictory.get(f"/v1/jobs/{job_id}").text

    @pytest.mark.parametrize(
        ("ratio", "size"),
        [(None, (1024, 1024)), ("1:1", (1024, 1024)), ("16:9", (1280, 720)), ("9:16", (720, 1280))],
    )
    def test_sizes(
        self,
        pictory: Any,
        submit: Callable[..., str],
        travel: Callable[[float], None],
        ratio: str | None,
        size: tuple[int, int],
    ) -> None:
        job_id = submit(**({"aspectRatio": ratio} if ratio else {}))
        travel(11)
        data = pictory.get(f"/v1/jobs/{job_id}").json()["data"]
        assert (data["width"], data["height"]) == size

    @pytest.mark.parametrize(
        ("marker", "code"),
        [("[fail]", "IMAGE_GENERATION_FAILED"), ("[policy]", "CONTENT_POLICY_VIOLATION")],
    )
    def test_failed_jobs_are_told_with_status_200(
        self, pictory: Any, submit: Callable[..., str], travel: Callable[[float], None], marker: str, code: str
    ) -> None:
        job_id = submit(f"A lake {marker}")
        travel(11)
        answer = pictory.get(f"/v1/jobs/{job_id}")
        body = answer.json()
        assert (answer.status_code, body["success"], body["data"]["status"]) == (200, False, "failed")
        assert body["data"]["error_code"] == code
        assert body["data"]["error_message"]

    def test_a_marked_job_is_cleaned_once_completed(
        self, sandbox: Sandbox, pictory: Any, submit: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        job_id = submit("A lake [cleaned]")
        assert pictory.get(f"/v1/jobs/{job_id}").json()["data"] == {"status": "in-progress"}
        travel(11)
        assert pictory.get(f"/v1/jobs/{job_id}").json()["data"] == {"status": "cleaned"}
        assert requests.get(f"{sandbox.url}/pictures/{job_id}.png", timeout=10).status_code == 404

    def test_retention(
        self,
        pictory: Any,
        submit: Callable[..., str],
        travel: Callable[[float], None],
        settings: Callable[..., None],
    ) -> None:
        settings(retention=60)
        job_id = submit()
        travel(11)
        assert pictory.get(f"/v1/jobs/{job_id}").json()["data"]["status"] == "completed"
        travel(60)
        assert pictory.get(f"/v1/jobs/{job_id}").json()["data"]["status"] == "cleaned"

    def test_unknown_job(self, pictory: Any) -> None:
        answer = pictory.get(f"/v1/jobs/{uuid.uuid4()}")
        assert answer.status_code == 404
        assert answer.json()["data"] == {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}

    def test_polls_can_be_limited(
        self, sandbox: Sandbox, pictory: Any, submit: Callable[..., str], settings: Callable[..., None]
    ) -> None:
        settings(pictory_rate=2)
        sandbox.world.clock = lambda: 1_800_000_000.0
        job_id = submit()
        answers = [pictory.get(f"/v1/jobs/{job_id}") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["Retry-After"] == "60"
        sandbox.world.clock = lambda: 1_800_000_000.6
        assert pictory.get(f"/v1/jobs/{job_id}").headers["Retry-After"] == "60"
        sandbox.world.clock = lambda: 1_800_000_060.0
        assert pictory.get(f"/v1/jobs/{job_id}").status_code == 200


def test_failure_rate_is_decided_by_the_seed(
    submit: Callable[..., str], sandbox: Sandbox, settings: Callable[..., None]
) -> None:
    def fates(seed: int) -> list[bool]:
        sandbox.reset()
        settings(failure_rate=0.5, seed=seed)
        return [sandbox.world.jobs[submit()].failure is not None for _ in range(20)]

    first = fates(1)
    assert 0 < sum(first) < 20
    assert fates(1) == first != fates(2)


class TestList:
    def test_shape_and_order(self, pictory: Any, submit: Callable[..., str]) -> None:
        older, newer = submit(), submit()
        body = pictory.get("/v1/jobs").json()
        assert [item["data"]["jobId"] for item in body["items"][:2]] == [newer, older]
        assert body["items"][0] == {"success": True, "data": {"jobId": newer, "status": "in-progress"}}
        assert body["nextPageKey"] is None
        # An account also holds jobs of other kinds.
        assert any("videoURL" in item["data"] for item in body["items"])
        assert any("transcript" in item["data"] for item in body["items"])

    def test_pages(self, pictory: Any, submit: Callable[..., str]) -> None:
        submitted = [submit() for _ in range(45)]
        seen, key = [], None
        while True:
            body = pictory.get("/v1/jobs", params={"nextPageKey": key} if key else {}).json()
            seen += [item["data"]["jobId"] for item in body["items"]]
            key = body["nextPageKey"]
            if key is None:
                break
            assert len(body["items"]) == 20
            assert re.fullmatch(r"[A-Za-z0-9+/]+=*", key)
            # What is submitted meanwhile neither shifts nor repeats anything.
            submit()
        assert seen[:45] == submitted[::-1]
        assert len(seen) == len(set(seen)) == 48

    @pytest.mark.parametrize("key", ["!", "e30=", "bm9wZQ=="])
    def test_a_broken_page_key(self, pictory: Any, key: str) -> None:
        assert pictory.get("/v1/jobs", params={"nextPageKey": key}).status_code == 400

    def test_other_jobs_can_be_polled_too(self, pictory: Any, sandbox: Sandbox) -> None:
        for job in sandbox.world.other_jobs.values():
            assert pictory.get(f"/v1/jobs/{job.id}").json()["data"] == job.data


class TestCredits:
    def test_quota(self, pictory: Any, submit: Callable[..., str]) -> None:
        submit(model="flux-schnell")
        submit(model="flux-schnell")
        submit(model="flux-schnell")
        quota = pictory.get("/v1/quota").json()
        assert set(quota) == {
            "videoMinutes",
            "transcriptionMinutes",
            "elevenLabsVoiceOverMinutes",
            "aiCredits",
        }
        # Three times 0.6 is 1.8, also where floating point would say otherwise.
        assert quota["aiCredits"] == {"used": 1.8, "limit": 22000}

    def test_usage(self, pictory: Any, submit: Callable[..., str]) -> None:
        job_id = submit(model="flux-schnell")
        usage = pictory.get("/v1/aicredits/usage").json()
        assert [entry["type"] for entry in usage] == ["debit", "credit"]
        assert usage[0].keys() == {
            "transactionId",
            "type",
            "amount",
            "source",
            "description",
            "plan",
            "transactionDate",
        }
        assert (usage[0]["transactionId"], usage[0]["amount"], usage[0]["source"]) == (
            job_id,
            0.6,
            "Text-to-Image",
        )

    def test_usage_of_a_month(self, pictory: Any, submit: Callable[..., str]) -> None:
        submit()
        now = datetime.now(timezone.utc)
        this = {"year": now.year, "month": now.month}
        last = {"year": now.year - (now.month == 1), "month": (now.month - 2) % 12 + 1}
        assert len(pictory.get("/v1/aicredits/usage", params=this).json()) == 2
        assert pictory.get("/v1/aicredits/usage", params=last).json() == []

    @pytest.mark.parametrize(
        "params",
        [
            {"year": "2026"},
            {"year": "2020", "month": "1"},
            {"year": "2026", "month": "13"},
            {"year": "x", "month": "1"},
            {"month": "-1"},
        ],
    )
    def test_refused_months(self, pictory: Any, params: dict[str, str]) -> None:
        answer = pictory.get("/v1/aicredits/usage", params=params)
        assert answer.status_code == 400
        assert answer.json()["message"]


class TestWebhook:
    def test_gets_the_body_of_a_poll_and_no_signature(
        self,
        sandbox: Sandbox,
        pictory: Any,
        submit: Callable[..., str],
        settings: Callable[..., None],
        receiver: Any,
    ) -> None:
        settings(latency=0.05)
        job_id = submit(webhook=receiver.url)
        headers, body = receiver.next()
        assert json.loads(body) == pictory.get(f"/v1/jobs/{job_id}").json()
        assert json.loads(body)["data"]["status"] == "completed"
        assert not [name for name in headers if "signature" in name or name == "authorization"]

    def test_a_timer_that_rings_early(
        self, sandbox: Sandbox, submit: Callable[..., str], settings: Callable[..., None], receiver: Any
    ) -> None:
        settings(latency=0.02)
        start = time.time()
        sandbox.world.clock = lambda: start + (time.time() - start) / 2
        submit(webhook=receiver.url)
        assert json.loads(receiver.next()[1])["data"]["status"] == "completed"

    @pytest.mark.parametrize(
        ("url", "error"), [("https://example.com/hook", "loopback"), ("http://127.0.0.1:9/hook", "refused")]
    )
    def test_failures_are_noted(
        self,
        sandbox: Sandbox,
        submit: Callable[..., str],
        settings: Callable[..., None],
        eventually: Callable[[Callable[[], bool]], None],
        url: str,
        error: str,
    ) -> None:
        settings(latency=0)
        job_id = submit(webhook=url)
        eventually(lambda: bool(sandbox.world.deliveries))
        (delivery,) = requests.get(f"{sandbox.url}/sandbox/ledger", timeout=10).json()["deliveries"]
        assert (delivery["url"], delivery["subject"], delivery["status"]) == (url, job_id, None)
        assert error in delivery["error"].lower()


def test_unknown_paths(pictory: Any) -> None:
    answer = pictory.get("/v1/nothing")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
