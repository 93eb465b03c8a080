"""Faults: what the client sees, and whether the request had its effect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox

IMAGE = {"prompt": "A quiet lake"}


def submit(pictory: Any) -> requests.Response:
    answer: requests.Response = pictory.post("/v1/aistudio/images", IMAGE)
    return answer


@pytest.mark.parametrize(("when", "charged"), [("before", 0), ("after", 1)])
class TestEffect:
    def test_status(self, sandbox: Sandbox, pictory: Any, when: str, charged: int) -> None:
        sandbox.fault("pictory.submit_image", "status", when=when, status=500)
        assert submit(pictory).status_code == 500
        assert len(sandbox.world.jobs) == charged

    def test_reset(self, sandbox: Sandbox, pictory: Any, when: str, charged: int) -> None:
        sandbox.fault("pictory.submit_image", "reset", when=when)
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            submit(pictory)
        assert len(sandbox.world.jobs) == charged
        assert sandbox.world.requests[-1].status is None

    def test_body(self, sandbox: Sandbox, pictory: Any, when: str, charged: int) -> None:
        sandbox.fault("pictory.submit_image", "body", when=when, body='{"success": tr')
        answer = submit(pictory)
        assert (answer.status_code, answer.text) == (200, '{"success": tr')
        assert len(sandbox.world.jobs) == charged

    def test_delay(self, sandbox: Sandbox, pictory: Any, when: str, charged: int) -> None:
        sandbox.fault("pictory.submit_image", "delay", when=when, seconds=0.2)
        with pytest.raises(requests.ReadTimeout):
            pictory.session.post(pictory.base_url + "/v1/aistudio/images", json=IMAGE, timeout=0.05)
        assert len(sandbox.world.jobs) == charged

    def test_hold(self, sandbox: Sandbox, pictory: Any, when: str, charged: int) -> None:
        fault = sandbox.fault("pictory.submit_image", "hold", when=when)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(submit, pictory)
            state = requests.get(f"{sandbox.url}/sandbox/faults/{fault}?wait=5", timeout=10).json()
            assert state["held"] == 1
            assert len(sandbox.world.jobs) == charged
            assert not answer.done()
            sandbox.release(fault)
            assert answer.result(5).status_code == 200
        assert len(sandbox.world.jobs) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_request_that_has_come_takes_effect_though_its_client_has_gone(
    sandbox: Sandbox, pictory: Any, when: str
) -> None:
    fault = sandbox.fault("pictory.submit_image", "hold", when=when)
    with pytest.raises(requests.ReadTimeout):
        pictory.session.post(pictory.base_url + "/v1/aistudio/images", json=IMAGE, timeout=0.2)
    pictory.session.close()
    for _ in range(3):  # the sandbox has seen it go
        assert requests.get(f"{sandbox.url}/sandbox/faults/{fault}?wait=5", timeout=10).json()["held"] == 1
    sandbox.release(fault)
    deadline = time.monotonic() + 10
    while not sandbox.world.jobs:
        assert time.monotonic() < deadline
        assert requests.get(f"{sandbox.url}/sandbox/faults", timeout=10).ok


@pytest.mark.parametrize("client_waits", [True, False])
def test_a_reset_forgets_the_requests_that_are_held(
    sandbox: Sandbox, pictory: Any, client_waits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fault = sandbox.fault("pictory.submit_image", "hold")
    with ThreadPoolExecutor(1) as pool:
        timeout = 10 if client_waits else 0.2
        answer = pool.submit(
            pictory.session.post, f"{pictory.base_url}/v1/aistudio/images", json=IMAGE, timeout=timeout
        )
        assert requests.get(f"{sandbox.url}/sandbox/faults/{fault}?wait=5", timeout=10).json()["held"] == 1
        if not client_waits:
            assert isinstance(answer.exception(5), requests.ReadTimeout)
        sandbox.reset()
        if client_waits:
            assert isinstance(answer.exception(5), requests.ConnectionError)
    pictory.get("/v1/quota")  # what was let go by the reset has had its turn
    assert not sandbox.world.jobs
    assert not caplog.records


class TestAnswers:
    def test_headers_and_content(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault(
            "pictory.get_quota",
            "status",
            status=429,
            headers={"Retry-After": "2"},
            body="<html>slow down</html>",
            content_type="text/html",
        )
        answer = pictory.get("/v1/quota")
        assert (answer.status_code, answer.text) == (429, "<html>slow down</html>")
        assert (answer.headers["Retry-After"], answer.headers["Content-Type"]) == ("2", "text/html")

    def test_defaults(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault("pictory.get_quota", "status")
        answer = pictory.get("/v1/quota")
        assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})

    @pytest.mark.parametrize(
        ("status", "code", "message"),
        [
            (429, "rate_limit_exceeded", "Too Many Requests"),
            (500, "internal_error", "Internal Server Error"),
            (503, "service_unavailable", "Service Unavailable"),
        ],
    )
    def test_defaults_in_an_envelope(
        self, sandbox: Sandbox, posteverywhere: Any, status: int, code: str, message: str
    ) -> None:
        sandbox.fault("posteverywhere.get_me", "status", status=status)
        answer = posteverywhere.get("/me")
        assert answer.status_code == status
        body = answer.json()
        assert (body["data"], body["error"]) == (None, {"message": message, "code": code})
        assert body["meta"].keys() == {"request_id", "timestamp"}

    def test_the_vendors_envelope(self, sandbox: Sandbox, posteverywhere: Any) -> None:
        body = {"data": None, "error": {"code": "internal_error", "retryable": True}, "meta": {"request_id": "r1"}}
        sandbox.fault("posteverywhere.get_me", "status", status=500, body=body)
        assert posteverywhere.get("/me").json() == body

    def test_a_huge_body_is_streamed(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault("pictory.get_quota", "body", body="x" * 65_536, repeat=400)
        with pictory.get("/v1/quota", stream=True) as answer:
            assert "Content-Length" not in answer.headers
            assert sum(map(len, answer.iter_content(1 << 20))) == 65_536 * 400

    def test_truncated(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault("pictory.submit_image", "truncate")
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            submit(pictory)
        assert len(sandbox.world.jobs) == 1

    def test_the_connection_lives_on_after_an_answer(self, sandbox: Sandbox, pictory: Any) -> None:
        before = sandbox.world.traffic.connections
        sandbox.fault("pictory.get_quota", "status", times=5)
        for _ in range(10):
            pictory.get("/v1/quota")
        assert sandbox.world.traffic.connections == before + 1


class TestWhichRequests:
    @pytest.mark.parametrize("pattern", ["pictory.get_quota", "pictory.*", "*"])
    def test_patterns(self, sandbox: Sandbox, pictory: Any, posteverywhere: Any, pattern: str) -> None:
        sandbox.fault(pattern, "status", times=None)
        assert pictory.get("/v1/quota").status_code == 503
        assert pictory.get("/v1/jobs").status_code == (200 if pattern.endswith("quota") else 503)
        assert posteverywhere.get("/me").status_code == (503 if pattern == "*" else 200)

    def test_times(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault("pictory.get_quota", "status", times=2)
        assert [pictory.get("/v1/quota").status_code for _ in range(4)] == [503, 503, 200, 200]

    def test_one_after_the_other(self, sandbox: Sandbox, pictory: Any) -> None:
        sandbox.fault("pictory.get_quota", "status", status=500)
        sandbox.fault("pictory.*", "status", status=502)
        assert [pictory.get("/v1/quota").status_code for _ in range(3)] == [500, 502, 200]

    def test_probability_is_decided_by_the_seed(
        self, sandbox: Sandbox, pictory: Any, settings: Callable[..., None]
    ) -> None:
        def struck(seed: int) -> list[int]:
            sandbox.reset()
            settings(seed=seed)
            sandbox.fault("pictory.get_quota", "status", times=None, probability=0.5)
            return [pictory.get("/v1/quota").status_code for _ in range(20)]

        first = struck(1)
        assert set(first) == {200, 503}
        assert struck(1) == first != struck(2)

    def test_faults_strike_before_the_key_is_looked_at(self, sandbox: Sandbox) -> None:
        sandbox.fault("pictory.get_quota", "status")
        assert requests.get(sandbox.pictory_url + "/v1/quota", timeout=10).status_code == 503

    def test_every_call_has_its_name(self, sandbox: Sandbox, pictory: Any, posteverywhere: Any) -> None:
        calls = {
            "pictory.submit_image": (pictory, "POST", "/v1/aistudio/images"),
            "pictory.get_job": (pictory, "GET", "/v1/jobs/x"),
            "pictory.list_jobs": (pictory, "GET", "/v1/jobs"),
            "pictory.get_quota": (pictory, "GET", "/v1/quota"),
            "pictory.list_credit_usage": (pictory, "GET", "/v1/aicredits/usage"),
            "posteverywhere.generate_image": (posteverywhere, "POST", "/ai/generate-image"),
            "posteverywhere.upload_media_from_url": (posteverywhere, "POST", "/media/upload-from-url"),
            "posteverywhere.upload_media": (posteverywhere, "POST", "/media/upload"),
            "posteverywhere.complete_media": (posteverywhere, "POST", "/media/x/complete"),
            "posteverywhere.get_media": (posteverywhere, "GET", "/media/x"),
            "posteverywhere.create_post": (posteverywhere, "POST", "/posts"),
            "posteverywhere.list_posts": (posteverywhere, "GET", "/posts"),
            "posteverywhere.get_post": (posteverywhere, "GET", "/posts/x"),
            "posteverywhere.get_post_results": (posteverywhere, "GET", "/posts/x/results"),
            "posteverywhere.retry_post": (posteverywhere, "POST", "/posts/x/retry"),
            "posteverywhere.schedule_post": (posteverywhere, "POST", "/posts/x/schedule"),
            "posteverywhere.update_post": (posteverywhere, "PATCH", "/posts/x"),
            "posteverywhere.delete_post": (posteverywhere, "DELETE", "/posts/x"),
            "posteverywhere.bulk_create_posts": (posteverywhere, "POST", "/posts/bulk"),
            "posteverywhere.list_accounts": (posteverywhere, "GET", "/accounts"),
            "posteverywhere.get_account_health": (posteverywhere, "GET", "/accounts/x/health"),
            "posteverywhere.get_me": (posteverywhere, "GET", "/me"),
            "posteverywhere.create_webhook": (posteverywhere, "POST", "/webhooks"),
        }
        for name, (api, method, path) in calls.items():
            sandbox.fault(name, "status", status=418)
            assert api(method, path).status_code == 418, name
        assert [request.call for request in sandbox.world.requests] == list(calls)


class TestHolding:
    def test_several_at_once(self, sandbox: Sandbox, pictory: Any) -> None:
        fault = sandbox.fault("pictory.get_quota", "hold", times=None)
        with ThreadPoolExecutor(3) as pool:
            answers = [
                pool.submit(
                    requests.get,
                    sandbox.pictory_url + "/v1/quota",
                    headers={"Authorization": sandbox.pictory_key},
                    timeout=10,
                )
                for _ in range(3)
            ]
            deadline = time.monotonic() + 5
            while requests.get(f"{sandbox.url}/sandbox/faults/{fault}", timeout=10).json()["held"] < 3:
                assert time.monotonic() < deadline
            requests.post(f"{sandbox.url}/sandbox/faults/{fault}/release", timeout=10)
            assert [answer.result(5).status_code for answer in answers] == [200] * 3
        assert pictory.get("/v1/quota").status_code == 200

    def test_clearing_lets_go_too(self, sandbox: Sandbox, pictory: Any) -> None:
        fault = sandbox.fault("pictory.get_quota", "hold")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(pictory.get, "/v1/quota")
            requests.get(f"{sandbox.url}/sandbox/faults/{fault}?wait=5", timeout=10)
            sandbox.clear_faults()
            assert answer.result(5).status_code == 200

    def test_leaving_lets_go_too(self) -> None:
        with Sandbox() as other:
            fault = other.fault("pictory.get_quota", "hold")
            thread = threading.Thread(target=requests.get, args=(other.pictory_url + "/v1/quota",))
            thread.start()
            requests.get(f"{other.url}/sandbox/faults/{fault}?wait=5", timeout=10)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        thread.join(5)
        assert not thread.is_alive()

    def test_waiting_for_nothing(self, sandbox: Sandbox) -> None:
        fault = sandbox.fault("pictory.get_quota", "hold")
        state = requests.get(f"{sandbox.url}/sandbox/faults/{fault}?wait=0.05", timeout=10).json()
        assert (state["held"], state["hits"]) == (0, 0)

    def test_unknown_faults(self, sandbox: Sandbox) -> None:
        with pytest.raises(KeyError):
            sandbox.release("fault-0")
        assert requests.get(f"{sandbox.url}/sandbox/faults/fault-0", timeout=10).status_code == 404


class TestOverHttp:
    def test_set_list_and_clear(self, sandbox: Sandbox, pictory: Any) -> None:
        url = f"{sandbox.url}/sandbox/faults"
        created = requests.post(url, json={"call": "pictory.*", "kind": "status", "times": None}, timeout=10)
        assert created.status_code == 201
        assert pictory.get("/v1/quota").status_code == 503
        (listed,) = requests.get(url, timeout=10).json()["faults"]
        assert (listed["id"], listed["hits"], listed["spent"]) == (created.json()["id"], 1, False)
        assert requests.delete(url, timeout=10).status_code == 204
        assert pictory.get("/v1/quota").status_code == 200
        assert requests.get(url, timeout=10).json() == {"faults": []}

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ({"kind": "explode"}, "kind must be"),
            ({"when": "later"}, "when must be"),
            ({"call": "pictory.nothing"}, "no call is named"),
            ({"call": None}, "no call is named"),
            ({"status": 99}, "status must be"),
            ({"status": "503"}, "status must be"),
            ({"times": 0}, "times must be"),
            ({"times": "3"}, "times must be"),
            ({"probability": 2}, "probability must be"),
            ({"seconds": -1}, "seconds must be"),
            ({"seconds": "1"}, "seconds must be"),
            ({"repeat": 0}, "repeat must be"),
            ({"headers": {"Retry-After": 2}}, "headers must"),
            ({"hits": 1}, "hits"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_refused(self, sandbox: Sandbox, options: dict[str, Any], complaint: str) -> None:
        body = {"call": "pictory.get_quota", "kind": "status", **options}
        answer = requests.post(f"{sandbox.url}/sandbox/faults", json=body, timeout=10)
        assert answer.status_code == 400
        assert complaint in answer.json()["message"]
