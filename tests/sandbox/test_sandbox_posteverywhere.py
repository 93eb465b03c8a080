"""PostEverywhere's API as the sandbox serves it, against what is known of the vendor's."""

from __future__ import annotations

import hashlib
import hmac
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

PNG = b"\x89PNG\r\n\x1a\n" + b"\r\n--not-the-boundary\r\n\x00\xff" * 20
AS_JSON = {"Content-Type": "application/json"}


def error_of(answer: requests.Response) -> dict[str, Any]:
    body = answer.json()
    assert body["data"] is None
    error: dict[str, Any] = body["error"]
    return error


def data_of(answer: requests.Response) -> Any:
    body = answer.json()
    assert body["error"] is None, body
    return body["data"]


def utc(seconds_from_now: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds_from_now, timezone.utc).isoformat()


@pytest.fixture
def media(posteverywhere: Any) -> str:
    answer = posteverywhere.post("/media/upload-from-url", {"url": "https://example.com/lake.jpg"})
    media_id: str = data_of(answer)["media_id"]
    return media_id


class TestEnvelope:
    def test_success(self, posteverywhere: Any) -> None:
        body = posteverywhere.get("/me").json()
        assert body.keys() == {"data", "error", "meta"}
        assert body["error"] is None
        assert re.fullmatch(r"[0-9a-f]{8}", body["meta"]["request_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["meta"]["timestamp"])

    def test_error(self, posteverywhere: Any) -> None:
        answer = posteverywhere.get("/posts/none")
        assert answer.status_code == 404
        assert error_of(answer) == {"message": "Post not found", "code": "not_found", "retryable": False}

    def test_request_ids_differ(self, posteverywhere: Any) -> None:
        assert len({posteverywhere.get("/me").json()["meta"]["request_id"] for _ in range(5)}) == 5

    def test_unknown_paths(self, posteverywhere: Any) -> None:
        answer = posteverywhere("PUT", "/posts", {})
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")
        assert "X-RateLimit-Limit" in answer.headers

    @pytest.mark.parametrize("data", ["{", ""])
    def test_invalid_json(self, posteverywhere: Any, data: str) -> None:
        answer = posteverywhere("POST", "/posts", data=data, headers=AS_JSON)
        assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_json")

    def test_a_body_that_is_no_object(self, posteverywhere: Any) -> None:
        assert error_of(posteverywhere.post("/posts", [1]))["code"] == "validation_error"


class TestKeys:
    @pytest.mark.parametrize("authorization", [None, "Bearer pe_live_0", "pe_live_raw", "Basic eDp5"])
    def test_refused(self, sandbox: Sandbox, authorization: str | None) -> None:
        headers = {"Authorization": authorization} if authorization else {}
        answer = requests.get(sandbox.posteverywhere_url + "/me", headers=headers, timeout=10)
        assert (answer.status_code, error_of(answer)["code"]) == (401, "invalid_api_key")
        assert "X-RateLimit-Limit" in answer.headers

    def test_the_raw_key_is_refused(self, sandbox: Sandbox) -> None:
        headers = {"Authorization": sandbox.posteverywhere_key}
        assert requests.get(sandbox.posteverywhere_url + "/me", headers=headers, timeout=10).status_code == 401

    def test_form(self, sandbox: Sandbox) -> None:
        assert re.fullmatch(r"pe_live_[0-9a-f]{32}", sandbox.posteverywhere_key)

    @pytest.mark.parametrize(
        ("scopes", "method", "path", "lacking"),
        [
            (["read"], "POST", "/posts", "write"),
            (["read"], "POST", "/media/upload", "write"),
            (["write"], "GET", "/posts", "read"),
            (["read", "write"], "POST", "/ai/generate-image", "ai"),
        ],
    )
    def test_scopes(self, sandbox: Sandbox, scopes: list[str], method: str, path: str, lacking: str) -> None:
        created = requests.post(f"{sandbox.url}/sandbox/keys", json={"scopes": scopes}, timeout=10)
        assert created.status_code == 201
        headers = {"Authorization": f"Bearer {created.json()['key']}"}
        answer = requests.request(method, sandbox.posteverywhere_url + path, headers=headers, timeout=10)
        assert answer.status_code == 403
        assert error_of(answer)["details"] == {"required_scope": lacking}
        if "read" in scopes:
            me = requests.get(sandbox.posteverywhere_url + "/me", headers=headers, timeout=10)
            assert data_of(me)["api_key"]["scopes"] == scopes


class TestRateLimits:
    def test_headers_while_off(self, posteverywhere: Any) -> None:
        answers = [posteverywhere.get("/me") for _ in range(70)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"60"}
        assert time.time() <= int(answers[-1].headers["X-RateLimit-Reset"]) <= time.time() + 60

    @pytest.mark.parametrize(("setting", "period"), [("posteverywhere_rate", 60), ("posteverywhere_hourly_rate", 3600)])
    def test_exceeded(
        self, sandbox: Sandbox, posteverywhere: Any, settings: Callable[..., None], setting: str, period: int
    ) -> None:
        settings(**{setting: 2})
        sandbox.world.clock = lambda: 1_800_000_000.0 + 15
        answers = [posteverywhere.get("/me") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        refused = answers[2]
        assert error_of(refused)["retryable"] is True
        assert refused.headers["Retry-After"] == str(period - 15)
        assert refused.headers["X-RateLimit-Reset"] == str(1_800_000_000 + period)
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert "Retry-After" not in answers[1].headers
        sandbox.world.clock = lambda: 1_800_000_000.0 + period
        assert posteverywhere.get("/me").status_code == 200

    def test_whoever_waits_as_told_is_not_refused_again(
        self, sandbox: Sandbox, posteverywhere: Any, settings: Callable[..., None]
    ) -> None:
        settings(posteverywhere_rate=1)
        now = 1_800_000_000.0 + 15.6
        sandbox.world.clock = lambda: now
        assert [posteverywhere.get("/me").status_code for _ in range(2)] == [200, 429]
        now += int(posteverywhere.get("/me").headers["Retry-After"])
        assert posteverywhere.get("/me").status_code == 200

    def test_remaining_counts_down(self, posteverywhere: Any, settings: Callable[..., None]) -> None:
        settings(posteverywhere_rate=60)
        headers = [posteverywhere.get("/me").headers for _ in range(3)]
        assert [int(entry["X-RateLimit-Remaining"]) for entry in headers] == [59, 58, 57]

    def test_is_per_key(self, sandbox: Sandbox, posteverywhere: Any, settings: Callable[..., None]) -> None:
        settings(posteverywhere_rate=1)
        assert [posteverywhere.get("/me").status_code for _ in range(2)] == [200, 429]
        key = requests.post(f"{sandbox.url}/sandbox/keys", json={"scopes": ["read"]}, timeout=10).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        assert requests.get(sandbox.posteverywhere_url + "/me", headers=headers, timeout=10).status_code == 200


class TestGenerateImage:
    def test_answer(self, posteverywhere: Any) -> None:
        answer = posteverywhere.post("/ai/generate-image", {"prompt": "An office", "aspect_ratio": "16:9"})
        assert answer.status_code == 201
        data = data_of(answer)
        assert uuid.UUID(data["media_id"])
        assert data == {
            "media_id": data["media_id"],
            "media_ids": [data["media_id"]],
            "type": "image",
            "width": 1920,
            "height": 1080,
            "aspect_ratio": "16:9",
            "ai": {"model": "nano-banana-pro", "prompt": "An office"},
            "credits_used": 15,
            "credits_remaining": 485,
            "created_at": data["created_at"],
            "next_step": data["next_step"],
        }
        assert data["media_id"] in data["next_step"]

    @pytest.mark.parametrize(
        ("model", "credits"),
        [("nano-banana-pro", 15), ("ideogram-v2", 8), ("gemini-3-pro", 5), ("flux-schnell", 1)],
    )
    def test_models(self, posteverywhere: Any, model: str, credits: int) -> None:
        data = data_of(posteverywhere.post("/ai/generate-image", {"prompt": "An office", "model": model}))
        assert (data["ai"]["model"], data["credits_used"], data["aspect_ratio"]) == (model, credits, "1:1")

    @pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "4:3", "3:4", "4:5", "5:4"])
    def test_ratios(self, posteverywhere: Any, ratio: str) -> None:
        data = data_of(posteverywhere.post("/ai/generate-image", {"prompt": "An office", "aspect_ratio": ratio}))
        wide, high = map(int, ratio.split(":"))
        assert data["width"] * high == data["height"] * wide

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"prompt": None}, "Prompt is required"),
            ({"prompt": " "}, "Prompt is required"),
            ({"prompt": "x" * 2001}, "Prompt must be at most 2000 characters"),
            (
                {"aspect_ratio": "2:1"},
                "Invalid aspect ratio. Must be one of: 1:1, 16:9, 9:16, 4:3, 3:4, 4:5, 5:4",
            ),
            ({"aspect_ratio": ["1:1"]}, "Invalid aspect ratio. Must be one of: 1:1, 16:9, 9:16, 4:3, 3:4, 4:5, 5:4"),
            (
                {"model": "seedream3.0"},
                "Invalid model. Must be one of: nano-banana-pro, ideogram-v2, gemini-3-pro, flux-schnell",
            ),
        ],
    )
    def test_refused(self, sandbox: Sandbox, posteverywhere: Any, fields: dict[str, Any], message: str) -> None:
        answer = posteverywhere.post("/ai/generate-image", {"prompt": "An office", **fields})
        assert answer.status_code == 400
        assert error_of(answer) == {"message": message, "code": "validation_error"}
        assert sandbox.world.media_credits_used == 0

    def test_insufficient_credits(self, posteverywhere: Any, settings: Callable[..., None]) -> None:
        settings(media_credits=3)
        answer = posteverywhere.post("/ai/generate-image", {"prompt": "An office"})
        assert answer.status_code == 402
        assert error_of(answer) == {
            "message": "Not enough credits. This model costs 15 credits but you have 3 available.",
            "code": "insufficient_credits",
            "details": {"credits_required": 15, "credits_available": 3, "model": "nano-banana-pro"},
        }

    def test_takes_its_time(self, posteverywhere: Any, settings: Callable[..., None]) -> None:
        settings(generate_latency=0.1)
        began = time.monotonic()
        posteverywhere.post("/ai/generate-image", {"prompt": "An office"})
        assert time.monotonic() - began >= 0.1


class TestUploadFromUrl:
    def test_a_picture_of_the_sandbox(
        self, sandbox: Sandbox, posteverywhere: Any, submit: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        job_id = submit()
        url = f"{sandbox.url}/pictures/{job_id}.png"
        assert posteverywhere.post("/media/upload-from-url", {"url": url}).status_code == 400
        travel(11)
        answer = posteverywhere.post("/media/upload-from-url", {"url": url})
        assert answer.status_code == 201
        data = data_of(answer)
        assert data.keys() == {
            "media_id",
            "media_ids",
            "media_status",
            "type",
            "url",
            "filename",
            "size",
            "content_type",
            "source_url",
            "next_step",
        }
        assert (data["media_ids"], data["media_status"], data["type"]) == ([data["media_id"]], "ready", "image")
        assert (data["source_url"], data["filename"]) == (url, f"{job_id}.png")
        picture, copy = (requests.get(address, timeout=10) for address in (url, data["url"]))
        assert picture.content == copy.content
        assert copy.headers["content-type"] == "image/png"

    def test_a_public_address_gets_a_stand_in(self, posteverywhere: Any) -> None:
        body = {"url": "https://example.com/lake.webp", "filename": "mine.webp"}
        data = data_of(posteverywhere.post("/media/upload-from-url", body))
        assert data["filename"] == "mine.webp"
        assert requests.get(data["url"], timeout=10).content.startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        "url",
        [
            None,
            7,
            "",
            "lake.png",
            "http://example.com/lake.png",
            "ftp://example.com/lake.png",
            "https://localhost/lake.png",
            "https://localhost./lake.png",
            "https://127.0.0.1/lake.png",
            "https://127.0.0.1./lake.png",
            "https://127.1/lake.png",
            "https://[::1]/lake.png",
            "https://10.0.0.8/lake.png",
            "https://192.168.1.4/lake.png",
            "https://169.254.169.254/latest/meta-data",
            "https://intranet/lake.png",
            "https://printer.local/lake.png",
            "https://[broken/lake.png",
            "http://127.0.0.1:9/pictures/x.png",
        ],
    )
    def test_refused_addresses(self, sandbox: Sandbox, posteverywhere: Any, url: object) -> None:
        answer = posteverywhere.post("/media/upload-from-url", {"url": url})
        assert (answer.status_code, error_of(answer)["code"]) == (400, "validation_error")
        assert not sandbox.world.media

    @pytest.mark.parametrize("path", ["/nothing", "/pictures/none.png", "/media/none", "/sandbox/ledger"])
    def test_other_addresses_of_the_sandbox(self, sandbox: Sandbox, posteverywhere: Any, path: str) -> None:
        assert posteverywhere.post("/media/upload-from-url", {"url": sandbox.url + path}).status_code == 400

    @pytest.mark.parametrize("name", ["film.mp4", "page.html", "drawing.svg"])
    def test_unsupported_types(self, posteverywhere: Any, name: str) -> None:
        answer = posteverywhere.post("/media/upload-from-url", {"url": f"https://example.com/{name}"})
        assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_media_type")


class TestUpload:
    FILE: dict[str, Any] = {"filename": "a.png", "content_type": "image/png", "size": len(PNG)}  # noqa: RUF012

    def test_three_steps(self, posteverywhere: Any) -> None:
        answer = posteverywhere.post("/media/upload", self.FILE)
        assert answer.status_code == 201
        data = data_of(answer)
        assert data.keys() == {
            "media_id",
            "media_ids",
            "upload_url",
            "upload_method",
            "expires_in",
            "max_size",
        }
        assert data["upload_method"] == "POST"
        path = f"/media/{data['media_id']}"
        assert data_of(posteverywhere.get(path))["media_status"] == "uploading"
        early = posteverywhere.post(f"{path}/complete")
        assert (early.status_code, error_of(early)["code"]) == (400, "file_not_uploaded")
        # The address is presigned: no key goes with it.
        uploaded = requests.post(data["upload_url"], files={"file": ("a.png", PNG)}, timeout=10)
        assert uploaded.status_code == 204
        completed = posteverywhere.post(f"{path}/complete")
        assert (completed.status_code, data_of(completed)["media_status"]) == (200, "ready")
        shown = data_of(posteverywhere.get(path))
        assert (shown["media_status"], shown["size"]) == ("ready", len(PNG))
        assert requests.get(shown["url"], timeout=10).content == PNG

    def test_what_is_no_image_fails(self, posteverywhere: Any) -> None:
        data = data_of(posteverywhere.post("/media/upload", self.FILE))
        requests.post(data["upload_url"], files={"file": ("a.png", b"<html>")}, timeout=10)
        assert data_of(posteverywhere.post(f"/media/{data['media_id']}/complete"))["media_status"] == "failed"

    def test_the_field_must_be_named_file(self, posteverywhere: Any) -> None:
        data = data_of(posteverywhere.post("/media/upload", self.FILE))
        assert requests.post(data["upload_url"], files={"image": PNG}, timeout=10).status_code == 400
        assert requests.post(data["upload_url"], data=PNG, timeout=10).status_code == 400

    def test_an_expired_address(self, posteverywhere: Any, travel: Callable[[float], None]) -> None:
        data = data_of(posteverywhere.post("/media/upload", self.FILE))
        travel(data["expires_in"] + 1)
        assert requests.post(data["upload_url"], files={"file": PNG}, timeout=10).status_code == 403

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"filename": ""}, 400, "validation_error"),
            ({"content_type": None}, 400, "validation_error"),
            ({"content_type": "video/mp4"}, 415, "unsupported_media_type"),
            ({"size": 0}, 400, "validation_error"),
            ({"size": "12"}, 400, "validation_error"),
            ({"size": 25 * 1024 * 1024 + 1}, 400, "validation_error"),
        ],
    )
    def test_refused(self, posteverywhere: Any, fields: dict[str, Any], status: int, code: str) -> None:
        answer = posteverywhere.post("/media/upload", {**self.FILE, **fields})
        assert (answer.status_code, error_of(answer)["code"]) == (status, code)

    def test_unknown_media(self, posteverywhere: Any) -> None:
        assert posteverywhere.get("/media/none").status_code == 404
        assert posteverywhere.post("/media/none/complete").status_code == 404


class TestCreatePost:
    def test_publish_now(self, posteverywhere: Any, media: str, travel: Callable[[float], None]) -> None:
        body = {"content": "Hello", "account_ids": [2280, 2282], "media_ids": [media]}
        answer = posteverywhere.post("/posts", body)
        assert answer.status_code == 201
        data = data_of(answer)
        assert data == {
            "post_id": data["post_id"],
            "status": "publishing",
            "scheduled_for": None,
            "accounts_count": 2,
            "message": data["message"],
        }
        travel(6)
        shown = data_of(posteverywhere.get(f"/posts/{data['post_id']}"))
        assert shown["status"] == "published"
        assert (shown["content"], shown["account_ids"], shown["media_ids"]) == ("Hello", [2280, 2282], [media])
        assert shown["media"][0]["media_id"] == media
        assert len(shown["destinations"]) == 2
        assert {"scheduled_for", "timezone", "created_at"} <= shown.keys()

    def test_scheduled(self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]) -> None:
        post_id = publish(scheduled_for=utc(3600), timezone="Europe/Berlin")
        shown = data_of(posteverywhere.get(f"/posts/{post_id}"))
        assert (shown["status"], shown["timezone"]) == ("scheduled", "Europe/Berlin")
        travel(3602)
        assert data_of(posteverywhere.get(f"/posts/{post_id}"))["status"] == "publishing"
        travel(6)
        assert data_of(posteverywhere.get(f"/posts/{post_id}"))["status"] == "published"

    def test_draft(self, sandbox: Sandbox, posteverywhere: Any, travel: Callable[[float], None]) -> None:
        answer = posteverywhere.post("/posts", {"content": "Later", "draft": True})
        assert data_of(answer)["status"] == "draft"
        travel(3600)
        post_id = data_of(answer)["post_id"]
        assert data_of(posteverywhere.get(f"/posts/{post_id}"))["status"] == "draft"
        assert sandbox.world.ledger()["publications"] == []

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"content": None}, "validation_error"),
            ({"content": "  "}, "validation_error"),
            ({"account_ids": []}, "validation_error"),
            ({"account_ids": "2280"}, "validation_error"),
            ({"account_ids": [1]}, "invalid_accounts"),
            ({"account_ids": ["2280"]}, "invalid_accounts"),
            ({"account_ids": [2280.0]}, "invalid_accounts"),
            ({"media": ["x"]}, "invalid_field_name"),
            ({"media_id": "x"}, "invalid_field_name"),
            ({"url": "https://example.com/a.png"}, "invalid_field_name"),
            ({"text": "x"}, "invalid_field_name"),
            ({"media_ids": "x"}, "validation_error"),
            ({"media_ids": [str(uuid.uuid4())]}, "file_not_uploaded"),
            ({"timezone": "Mars/Olympus"}, "invalid_timezone"),
            ({"timezone": 7}, "invalid_timezone"),
            ({"timezone": "../etc/passwd"}, "invalid_timezone"),
            ({"scheduled_for": "tomorrow"}, "invalid_datetime"),
            ({"scheduled_for": 1800000000}, "invalid_datetime"),
            ({"scheduled_for": "2199-01-01T08:00:00"}, "invalid_datetime"),
            ({"scheduled_for": "2199-01-01T08:00:00+02:00"}, "invalid_datetime"),
            ({"scheduled_for": "2020-01-01T08:00:00Z"}, "past_schedule_time"),
            ({"account_ids": [2282], "content": "x" * 281}, "content_too_long"),
            ({"platform_content": {"x": {"content": "x" * 281}}}, "content_too_long"),
            ({"platform_content": {"myspace": {}}}, "validation_error"),
            ({"platform_content": {"x": "text"}}, "validation_error"),
            ({"draft": "yes"}, "validation_error"),
        ],
    )
    def test_refused(self, sandbox: Sandbox, posteverywhere: Any, fields: dict[str, Any], code: str) -> None:
        answer = posteverywhere.post("/posts", {"content": "Hello", "account_ids": [2280, 2282], **fields})
        assert (answer.status_code, error_of(answer)["code"]) == (400, code)
        assert not sandbox.world.posts

    def test_content_too_long_tells_the_platform(self, posteverywhere: Any) -> None:
        answer = posteverywhere.post("/posts", {"content": "x" * 300, "account_ids": [2280, 2282]})
        assert error_of(answer)["details"] == {"platform": "x", "limit": 280, "length": 300}

    def test_a_platform_may_have_a_shorter_text(self, publish: Callable[..., str]) -> None:
        assert publish("x" * 300, platform_content={"x": {"content": "short"}})

    def test_media_still_uploading(self, posteverywhere: Any) -> None:
        file = {"filename": "a.png", "content_type": "image/png", "size": 3}
        media_id = data_of(posteverywhere.post("/media/upload", file))["media_id"]
        answer = posteverywhere.post("/posts", {"content": "x", "account_ids": [2280], "media_ids": [media_id]})
        assert error_of(answer)["code"] == "file_not_uploaded"

    @pytest.mark.parametrize("suffix", ["Z", "+00:00", ".500Z"])
    def test_spellings_of_utc(self, publish: Callable[..., str], suffix: str) -> None:
        assert publish(scheduled_for=f"2199-01-01T08:00:00{suffix}")


class TestResults:
    def test_queued_then_published(
        self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        post_id = publish()
        data = data_of(posteverywhere.get(f"/posts/{post_id}/results"))
        assert (data["post_id"], data["post_status"]) == (post_id, "publishing")
        assert data["results"][0] == {
            "account_id": 2280,
            "account_name": "Northwind Studio",
            "platform": "linkedin",
            "status": "queued",
            "published_at": None,
            "platform_post_id": None,
            "platform_post_url": None,
            "error": None,
            "attempts": 0,
            "next_retry_at": None,
        }
        travel(6)
        data = data_of(posteverywhere.get(f"/posts/{post_id}/results"))
        first = data["results"][0]
        assert (data["post_status"], first["status"], first["attempts"]) == ("published", "published", 1)
        assert first["published_at"]
        assert first["platform_post_id"] in first["platform_post_url"]

    def test_partial_failure_and_retry(
        self,
        sandbox: Sandbox,
        posteverywhere: Any,
        publish: Callable[..., str],
        travel: Callable[[float], None],
    ) -> None:
        def statuses() -> tuple[str, list[str]]:
            data = data_of(posteverywhere.get(f"/posts/{post_id}/results"))
            return data["post_status"], [result["status"] for result in data["results"]]

        post_id = publish("Hello [partial]")
        travel(6)
        assert statuses() == ("partially_failed", ["published", "failed"])
        answer = posteverywhere.post(f"/posts/{post_id}/retry")
        assert (answer.status_code, data_of(answer)["retried"]) == (200, 1)
        assert statuses() == ("publishing", ["published", "queued"])
        travel(6)
        assert statuses() == ("published", ["published", "published"])
        published = [(entry["account_id"], entry["attempts"]) for entry in sandbox.world.ledger()["publications"]]
        assert published == [(2280, 1), (2282, 2)]
        assert posteverywhere.post(f"/posts/{post_id}/retry").status_code == 409

    def test_unpublishable(
        self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        post_id = publish("Hello [unpublishable]")
        for _ in range(2):
            travel(6)
            data = data_of(posteverywhere.get(f"/posts/{post_id}/results"))
            assert data["post_status"] == "failed"
            assert all(result["error"] for result in data["results"])
            assert posteverywhere.post(f"/posts/{post_id}/retry").status_code == 200

    def test_an_inactive_account_fails(
        self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        post_id = publish(account_ids=[2280, 2285])
        travel(6)
        assert data_of(posteverywhere.get(f"/posts/{post_id}"))["status"] == "partially_failed"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("GET", "/results"),
            ("POST", "/retry"),
            ("POST", "/schedule"),
            ("PATCH", ""),
            ("DELETE", ""),
        ],
    )
    def test_unknown_post(self, posteverywhere: Any, method: str, path: str) -> None:
        assert posteverywhere(method, f"/posts/{uuid.uuid4()}{path}", {}).status_code == 404


class TestSchedule:
    def test_publish_a_draft_now(
        self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        post_id = publish(draft=True)
        answer = posteverywhere.post(f"/posts/{post_id}/schedule", {"publish_now": True})
        assert data_of(answer)["status"] == "publishing"
        travel(6)
        assert data_of(posteverywhere.get(f"/posts/{post_id}"))["status"] == "published"

    def test_schedule_a_draft(self, posteverywhere: Any, publish: Callable[..., str]) -> None:
        post_id = publish(draft=True)
        answer = posteverywhere.post(f"/posts/{post_id}/schedule", {"scheduled_for": utc(60)})
        assert data_of(answer)["status"] == "scheduled"
        again = posteverywhere.post(f"/posts/{post_id}/schedule", {"publish_now": True})
        assert (again.status_code, error_of(again)["code"]) == (409, "conflict")

    @pytest.mark.parametrize("saved", [[], [2280]])
    def test_accounts_chosen_late(self, posteverywhere: Any, publish: Callable[..., str], saved: list[int]) -> None:
        post_id = publish(draft=True, account_ids=saved)
        body = {"scheduled_for": utc(60), "account_ids": [2281, 2282], "timezone": "Europe/Berlin"}
        assert data_of(posteverywhere.post(f"/posts/{post_id}/schedule", body))["accounts_count"] == 2
        post = data_of(posteverywhere.get(f"/posts/{post_id}"))
        assert (post["account_ids"], post["timezone"]) == ([2281, 2282], "Europe/Berlin")
        assert [entry["account_id"] for entry in post["destinations"]] == [2281, 2282]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "validation_error"),
            ({"publish_now": True, "scheduled_for": "2199-01-01T00:00:00Z"}, "validation_error"),
            ({"scheduled_for": "2020-01-01T00:00:00Z"}, "past_schedule_time"),
            ({"publish_now": True, "account_ids": []}, "invalid_accounts"),
            ({"publish_now": True, "account_ids": [1]}, "invalid_accounts"),
            ({"publish_now": True, "account_ids": [2282]}, "content_too_long"),
            ({"publish_now": True, "timezone": "Mars/Base"}, "invalid_timezone"),
        ],
    )
    def test_refused(self, posteverywhere: Any, publish: Callable[..., str], body: dict[str, Any], code: str) -> None:
        post_id = publish("x" * 300, draft=True, account_ids=[2280])
        assert error_of(posteverywhere.post(f"/posts/{post_id}/schedule", body))["code"] == code
        post = data_of(posteverywhere.get(f"/posts/{post_id}"))
        assert (post["status"], post["account_ids"], post["timezone"]) == ("draft", [2280], "UTC")

    def test_a_draft_without_accounts(self, posteverywhere: Any, publish: Callable[..., str]) -> None:
        post_id = publish(draft=True, account_ids=[])
        answer = posteverywhere.post(f"/posts/{post_id}/schedule", {"publish_now": True})
        assert error_of(answer)["code"] == "invalid_accounts"


class TestChange:
    def test_update(self, posteverywhere: Any, publish: Callable[..., str]) -> None:
        post_id = publish(scheduled_for=utc(3600))
        answer = posteverywhere("PATCH", f"/posts/{post_id}", {"content": "Better", "account_ids": [2283]})
        data = data_of(answer)
        assert (data["post_id"], data["content"], data["account_ids"]) == (post_id, "Better", [2283])
        assert data["status"] == "scheduled"
        assert data_of(posteverywhere.get(f"/posts/{post_id}")) == data

    def test_what_is_published_stays(
        self, posteverywhere: Any, publish: Callable[..., str], travel: Callable[[float], None]
    ) -> None:
        post_id = publish()
        travel(6)
        assert posteverywhere("PATCH", f"/posts/{post_id}", {"content": "No"}).status_code == 409
        assert posteverywhere("DELETE", f"/posts/{post_id}").status_code == 409

    def test_delete(self, posteverywhere: Any, publish: Callable[..., str]) -> None:
        post_id = publish(draft=True)
        assert posteverywhere("DELETE", f"/posts/{post_id}").status_code == 200
        assert posteverywhere.get(f"/posts/{post_id}").status_code == 404

    def test_refused_changes(self, posteverywhere: Any, publish: Callable[..., str]) -> None:
        post_id = publish(draft=True)
        for changes in ({"content": ""}, {"draft": False}, {"media": []}):
            assert posteverywhere("PATCH", f"/posts/{post_id}", changes).status_code == 400


class TestListPosts:
    @pytest.fixture
    def posts(self, publish: Callable[..., str], travel: Callable[[float], None]) -> list[str]:
        made = [publish("First lake", account_ids=[2280])]
        travel(10)
        made.append(publish("Second hill", account_ids=[2281, 2282], scheduled_for=utc(7200)))
        travel(10)
        made.append(publish("Third LAKE", draft=True, account_ids=[2283], scheduled_for=utc(3600)))
        return made

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", [2, 1, 0]),
            ("order=asc", [0, 1, 2]),
            ("sort=scheduled_for&order=asc", [0, 2, 1]),
            ("status=published", [0]),
            ("status=scheduled", [1]),
            ("status=draft", [2]),
            ("status=failed", []),
            ("status=failed,published,draft", [2, 0]),
            ("platform=x", [1]),
            ("platform=x,linkedin", [1, 0]),
            ("account_id=2283", [2]),
            ("search=lake", [2, 0]),
            ("search=lake&status=draft", [2]),
            ("limit=1", [2]),
            ("limit=1&offset=1", [1]),
            ("offset=5", []),
        ],
    )
    def test_queries(self, posteverywhere: Any, posts: list[str], query: str, expected: list[int]) -> None:
        data = data_of(posteverywhere.get(f"/posts?{query}"))
        assert [posts.index(entry["post_id"]) for entry in data["posts"]] == expected

    def test_creation_times(self, sandbox: Sandbox, posteverywhere: Any, posts: list[str]) -> None:
        middle = sandbox.world.posts[posts[1]].created_at
        for parameter, expected in (("created_after", posts[:0:-1]), ("created_before", posts[1::-1])):
            offset = -1 if parameter == "created_after" else 1
            moment = datetime.fromtimestamp(middle + offset, timezone.utc).isoformat()
            data = data_of(posteverywhere.get("/posts", params={parameter: moment}))
            assert [entry["post_id"] for entry in data["posts"]] == expected

    def test_pagination(self, posteverywhere: Any, posts: list[str]) -> None:
        pages = [data_of(posteverywhere.get(f"/posts?limit=2&offset={offset}")) for offset in (0, 2)]
        assert pages[0]["pagination"] == {"limit": 2, "offset": 0, "total": 3, "has_more": True}
        assert pages[1]["pagination"] == {"limit": 2, "offset": 2, "total": 3, "has_more": False}

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=101",
            "limit=x",
            "offset=-1",
            "status=lost",
            "status=draft,lost",
            "platform=myspace",
            "sort=name",
            "order=up",
            "created_after=monday",
            "account_id=x",
            "updated_after=2030-01-01T00:00:00Z",
        ],
    )
    def test_refused(self, posteverywhere: Any, query: str) -> None:
        assert posteverywhere.get(f"/posts?{query}").status_code == 400


class TestBulk:
    GOOD: dict[str, Any] = {"content": "Hello", "account_ids": [2280]}  # noqa: RUF012

    @pytest.mark.parametrize(("good", "bad", "status"), [(2, 0, 201), (1, 1, 207), (0, 2, 422)])
    def test_outcomes(self, posteverywhere: Any, good: int, bad: int, status: int) -> None:
        posts = [self.GOOD] * good + [{"content": "No accounts"}] * bad
        answer = posteverywhere.post("/posts/bulk", {"posts": posts})
        assert answer.status_code == status
        data = data_of(answer)
        assert data["summary"] == {"total": 2, "succeeded": good, "failed": bad}
        assert [result["ok"] for result in data["results"]] == [True] * good + [False] * bad
        assert [result["index"] for result in data["results"]] == [0, 1]
        for result in data["results"]:
            assert result["post"]["post_id"] if result["ok"] else result["error"]["code"] == "validation_error"

    @pytest.mark.parametrize("posts", [None, [], [GOOD] * 51])
    def test_refused(self, sandbox: Sandbox, posteverywhere: Any, posts: object) -> None:
        assert posteverywhere.post("/posts/bulk", {"posts": posts}).status_code == 400
        assert not sandbox.world.posts

    def test_counts_once_against_the_rate(self, posteverywhere: Any, settings: Callable[..., None]) -> None:
        settings(posteverywhere_rate=60)
        answer = posteverywhere.post("/posts/bulk", {"posts": [self.GOOD] * 50})
        assert answer.headers["X-RateLimit-Remaining"] == "59"


class TestAccounts:
    def test_list(self, posteverywhere: Any) -> None:
        accounts = data_of(posteverywhere.get("/accounts"))["accounts"]
        assert [(account["id"], account["platform"]) for account in accounts] == [
            (2280, "linkedin"),
            (2281, "instagram"),
            (2282, "x"),
            (2283, "facebook"),
            (2284, "pinterest"),
            (2285, "tiktok"),
        ]
        assert accounts[0] == {
            "id": 2280,
            "platform": "linkedin",
            "account_name": "Northwind Studio",
            "is_active": True,
            "health": {"status": "healthy", "can_post": True},
        }
        assert accounts[5]["health"]["can_post"] is False

    def test_health(self, posteverywhere: Any) -> None:
        assert data_of(posteverywhere.get("/accounts/2280/health")) == {
            "account_id": 2280,
            "platform": "linkedin",
            "account_name": "Northwind Studio",
            "is_active": True,
            "status": "healthy",
            "can_post": True,
            "needs_reconnection": False,
        }
        broken = data_of(posteverywhere.get("/accounts/2285/health"))
        assert (broken["status"], broken["can_post"], broken["needs_reconnection"]) == ("broken", False, True)
        assert posteverywhere.get("/accounts/1/health").status_code == 404
        assert posteverywhere.get("/accounts/x/health").status_code == 404

    def test_me(self, posteverywhere: Any) -> None:
        posteverywhere.post("/ai/generate-image", {"prompt": "An office", "model": "flux-schnell"})
        data = data_of(posteverywhere.get("/me"))
        assert data["api_key"]["scopes"] == ["read", "write", "ai"]
        assert data["organization"]["name"]
        assert data["quota"]["ai_credits"] == {"used": 1, "limit": 500, "bonus": 0}


class TestWebhooks:
    EVENTS = ("post.published", "post.failed", "post.partially_failed")

    @pytest.mark.parametrize(
        ("content", "event"),
        [("Hello", EVENTS[0]), ("[unpublishable]", EVENTS[1]), ("[partial]", EVENTS[2])],
    )
    def test_signed_delivery(
        self,
        posteverywhere: Any,
        publish: Callable[..., str],
        settings: Callable[..., None],
        receiver: Any,
        content: str,
        event: str,
    ) -> None:
        settings(publish_latency=0.02)
        answer = posteverywhere.post("/webhooks", {"url": receiver.url, "events": list(self.EVENTS)})
        assert answer.status_code == 201
        secret = data_of(answer)["secret"]
        post_id = publish(content)
        headers, body = receiver.next()
        told = json.loads(body)
        assert (told["event"], told["data"]["post_id"]) == (event, post_id)
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-posteverywhere-signature"] == f"sha256={expected}"
        assert abs(int(headers["x-posteverywhere-timestamp"]) - time.time()) < 5

    def test_a_timer_that_rings_early(
        self,
        sandbox: Sandbox,
        posteverywhere: Any,
        publish: Callable[..., str],
        settings: Callable[..., None],
        receiver: Any,
    ) -> None:
        settings(publish_latency=0.02)
        start = time.time()
        sandbox.world.clock = lambda: start + (time.time() - start) / 2
        posteverywhere.post("/webhooks", {"url": receiver.url, "events": ["post.published"]})
        post_id = publish()
        assert json.loads(receiver.next()[1])["data"] == {"post_id": post_id, "status": "published"}

    def test_only_the_chosen_events(
        self,
        sandbox: Sandbox,
        posteverywhere: Any,
        publish: Callable[..., str],
        settings: Callable[..., None],
        receiver: Any,
    ) -> None:
        settings(publish_latency=0)
        posteverywhere.post("/webhooks", {"url": receiver.url, "events": ["post.published"]})
        publish("[unpublishable]")
        publish("Hello")
        assert json.loads(receiver.next()[1])["event"] == "post.published"
        assert receiver.received.empty()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"url": "http://example.com/hook", "events": ["post.published"]},
            {"url": "http://[broken", "events": ["post.published"]},
            {"url": "https://example.com/hook", "events": []},
            {"url": "https://example.com/hook", "events": ["post.read"]},
        ],
    )
    def test_refused(self, posteverywhere: Any, body: dict[str, Any]) -> None:
        assert error_of(posteverywhere.post("/webhooks", body))["code"] == "validation_error"
