"""The sandbox itself: its ledger, settings and records, starting and stopping."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sandbox.settings import Settings, Spread


class TestLedger:
    def test_everything_that_costs_or_is_seen(
        self,
        sandbox: Sandbox,
        posteverywhere: Any,
        submit: Callable[..., str],
        publish: Callable[..., str],
        travel: Callable[[float], None],
    ) -> None:
        job_id = submit("A quiet lake", model="flux-schnell")
        travel(11)
        media = posteverywhere.post("/media/upload-from-url", {"url": f"{sandbox.url}/pictures/{job_id}.png"}).json()[
            "data"
        ]["media_id"]
        posteverywhere.post("/ai/generate-image", {"prompt": "An office"})
        post_id = publish("Look", media_ids=[media])
        travel(6)
        ledger = requests.get(f"{sandbox.url}/sandbox/ledger", timeout=10).json()
        assert ledger["requests"] == {
            "pictory.submit_image": 1,
            "posteverywhere.upload_media_from_url": 1,
            "posteverywhere.generate_image": 1,
            "posteverywhere.create_post": 1,
        }
        assert ledger["connections"] >= 1
        (image,) = ledger["images"]
        assert image == {
            "job_id": job_id,
            "prompt": "A quiet lake",
            "model": "flux-schnell",
            "credits": 0.6,
            "submitted_at": image["submitted_at"],
            "status": "completed",
        }
        assert (ledger["ai_credits_used"], ledger["media_credits_used"]) == (0.6, 15)
        assert [entry["credits"] for entry in ledger["media"]] == [0, 15]
        assert ledger["posts"] == [
            {
                "post_id": post_id,
                "status": "published",
                "content": "Look",
                "scheduled_for": None,
                "media_ids": [media],
                "account_ids": [2280, 2282],
            }
        ]
        assert [(entry["post_id"], entry["account_id"]) for entry in ledger["publications"]] == [
            (post_id, 2280),
            (post_id, 2282),
        ]
        assert ledger["deliveries"] == []

    def test_refused_requests_cost_nothing(self, sandbox: Sandbox, pictory: Any) -> None:
        pictory.post("/v1/aistudio/images", {})
        ledger = sandbox.world.ledger()
        assert (ledger["requests"], ledger["images"]) == ({"pictory.submit_image": 1}, [])

    def test_connections_are_counted(self, sandbox: Sandbox) -> None:
        before = sandbox.world.traffic.connections
        for _ in range(3):
            socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))).close()
        assert requests.get(f"{sandbox.url}/sandbox/ledger", timeout=10).json()["connections"] == before + 4


class TestRecords:
    def test_what_is_kept(self, sandbox: Sandbox, pictory: Any) -> None:
        pictory.post("/v1/aistudio/images?a=b", {"prompt": "A quiet lake"}, headers={"X-Mine": "1"})
        (request,) = sandbox.world.requests
        assert (request.call, request.method, request.status) == ("pictory.submit_image", "POST", 200)
        assert (request.path, request.query) == ("/pictoryapis/v1/aistudio/images", "a=b")
        assert request.body == '{"prompt": "A quiet lake"}'
        assert request.headers["x-mine"] == "1"

    def test_no_key_is_kept_or_told(self, sandbox: Sandbox, pictory: Any, posteverywhere: Any) -> None:
        pictory.get("/v1/quota")
        posteverywhere.get("/me")
        first, second = sandbox.world.requests
        assert (first.headers["authorization"], second.headers["authorization"]) == ("***", "Bearer ***")
        for path in ("/sandbox/ledger", "/sandbox/settings", "/sandbox/faults", "/sandbox/feed.json", "/"):
            text = requests.get(sandbox.url + path, timeout=10).text
            assert sandbox.pictory_key not in text
            assert sandbox.posteverywhere_key not in text

    def test_a_long_body_is_cut(self, sandbox: Sandbox, pictory: Any) -> None:
        pictory.post("/v1/aistudio/images", {"prompt": "x" * 200_000})
        assert len(sandbox.world.requests[-1].body) == 65_536


class TestSettings:
    def test_defaults_can_be_read_and_written_back(self, sandbox: Sandbox) -> None:
        url = f"{sandbox.url}/sandbox/settings"
        told = requests.get(url, timeout=10).json()
        assert requests.post(url, json=told, timeout=10).json() == told

    def test_changes_last_until_the_reset(self, sandbox: Sandbox, settings: Callable[..., None]) -> None:
        settings(ai_credits="7.5", latency="1-2", retention="off")
        assert sandbox.world.settings.ai_credits == Decimal("7.5")
        assert sandbox.world.settings.latency == Spread(1, 2)
        assert requests.post(f"{sandbox.url}/sandbox/reset", timeout=10).status_code == 204
        assert sandbox.world.settings.latency == Spread(10, 10)

    @pytest.mark.parametrize(
        "values",
        [
            {"colour": 1},
            {"latency": "x"},
            {"latency": -1},
            {"latency": [2, 1]},
            {"failure_rate": 1.5},
            {"media_credits": 1.5},
            {"ai_credits": "NaN"},
            {"pictory_rate": "fast"},
            {"seed": True},
            [],
        ],
    )
    def test_refused(self, sandbox: Sandbox, values: object) -> None:
        before = sandbox.world.settings
        answer = requests.post(f"{sandbox.url}/sandbox/settings", json=values, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["message"]
        assert sandbox.world.settings == before

    def test_in_python(self) -> None:
        with pytest.raises(ValueError, match="unknown setting 'colour'"):
            Sandbox(colour="red")
        with pytest.raises(ValueError, match="latency: "):
            Sandbox(latency="soon")
        assert Settings().updated({"latency": (0.5, 1.5)}).latency == Spread(0.5, 1.5)

    @pytest.mark.parametrize(
        ("spelling", "text"),
        [
            (2, "2"),
            ("2", "2"),
            (0.001, "0.001"),
            ("1e-3", "0.001"),
            ((1, 2), "1-2"),
            ("0.5-1.5", "0.5-1.5"),
            ("8~0.5", "8~0.5"),
        ],
    )
    def test_spellings_of_a_duration(self, spelling: object, text: str) -> None:
        assert str(Spread.parse(spelling)) == text
        assert Spread.parse(text) == Spread.parse(spelling)

    def test_durations_are_drawn_as_described(self) -> None:
        random = Random(1)
        assert Spread.parse(3).draw(random) == 3
        assert all(1 <= Spread.parse("1-2").draw(random) <= 2 for _ in range(100))
        drawn = sorted(Spread.parse("8~0.5").draw(random) for _ in range(1001))
        assert drawn[500] == pytest.approx(8, rel=0.1)


class TestKeys:
    @pytest.mark.parametrize("body", [{}, {"scopes": "read"}, {"scopes": ["everything"]}, {"scopes": [1]}])
    def test_refused(self, sandbox: Sandbox, body: object) -> None:
        assert requests.post(f"{sandbox.url}/sandbox/keys", json=body, timeout=10).status_code == 400


class TestLife:
    def test_several_at_once_and_none_left_behind(self) -> None:
        with Sandbox() as first, Sandbox() as second:
            assert first.url != second.url
            for sandbox in (first, second):
                assert requests.get(sandbox.url, timeout=10).status_code == 200
        assert not [thread for thread in threading.enumerate() if thread.name == "sandbox" and not thread.daemon]
        for sandbox in (first, second):
            with pytest.raises(requests.ConnectionError):
                requests.get(sandbox.url, timeout=10)

    def test_a_port_of_ones_own(self) -> None:
        with Sandbox() as sandbox:
            port = int(sandbox.url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                Sandbox(port=port).__enter__()
        with Sandbox(port=port) as again:
            assert again.url.endswith(f":{port}")

    def test_reset(self, sandbox: Sandbox, submit: Callable[..., str], publish: Callable[..., str]) -> None:
        submit()
        publish()
        sandbox.reset()
        ledger = sandbox.world.ledger()
        assert not any(ledger[name] for name in ("requests", "images", "posts", "ai_credits_used"))
