"""Both hooks of both services, sync and async alike, over real HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.pictory import GET_QUOTA
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook, PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook, PostEverywhereHook
from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.caller import Caller

PROMPT = "A red fox at dawn"
ACCOUNTS = [2280, 2282]


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def use_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def pictory(connections: Any, use_async: bool, no_sleep: list[float]) -> Caller:
    return Caller(PictoryHook, PictoryAsyncHook, "pictory_default", use_async)


@pytest.fixture
def posteverywhere(connections: Any, use_async: bool, no_sleep: list[float]) -> Caller:
    return Caller(PostEverywhereHook, PostEverywhereAsyncHook, "posteverywhere_default", use_async)


def requests_to(sandbox: Sandbox, call: str) -> list[Any]:
    return [request for request in sandbox.world.requests if request.call == call]


class TestPictory:
    def test_submit_poll_and_finish(self, pictory: Caller, sandbox: Sandbox, travel: Callable[[float], None]):
        job_id = pictory(
            "submit_image",
            PROMPT,
            model="flux-schnell",
            aspect_ratio="9:16",
            style="vintage",
            reference_image_url="https://pictures.example/a.png",
            webhook="https://hooks.example/done",
        )
        job = pictory("get_job", job_id)
        assert (job.job_id, job.status, job.url) == (job_id, "in-progress", None)
        travel(60)
        job = pictory("get_job", job_id)
        assert job.as_xcom() == {
            "job_id": job_id,
            "status": "completed",
            "url": f"{sandbox.url}/pictures/{job_id}.png",
            "width": 720,
            "height": 1280,
            "ai_credits_used": 0.6,
        }
        assert job.raw["data"]["aiCreditsUsed"] == 0.6

    def test_only_what_is_given_is_sent(self, pictory: Caller, sandbox: Sandbox):
        pictory("submit_image", PROMPT)
        [request] = requests_to(sandbox, "pictory.submit_image")
        assert request.body == '{"prompt": "A red fox at dawn"}'

    def test_every_request_says_who_asks(self, pictory: Caller, sandbox: Sandbox):
        pictory("get_quota")
        [request] = requests_to(sandbox, "pictory.get_quota")
        assert request.headers["user-agent"].startswith("airflow-provider-pictory/")

    def test_failed_job(self, pictory: Caller, travel: Callable[[float], None]):
        job_id = pictory("submit_image", "[fail] a red fox")
        travel(60)
        job = pictory("get_job", job_id)
        assert job.status == "failed"
        assert job.error_code
        assert job.error_message

    def test_unknown_job(self, pictory: Caller):
        with pytest.raises(e.NotFoundError, match="returned 404 for get job: 5000: JOB_NOT_FOUND"):
            pictory("get_job", "4d82d040-4394-4371-867d-72ae1dd62b6d")

    def test_a_job_id_cannot_lead_elsewhere(self, pictory: Caller, sandbox: Sandbox):
        with pytest.raises(e.NotFoundError):
            pictory("get_job", "../quota")
        assert not requests_to(sandbox, "pictory.get_quota")

    def test_jobs_of_all_pages(self, pictory: Caller, sandbox: Sandbox):
        submitted = [pictory("submit_image", f"{PROMPT} {number}") for number in range(25)]
        listed = [job.job_id for job in pictory("list_jobs")]
        assert [job_id for job_id in listed if job_id in submitted] == submitted[::-1]
        assert len(requests_to(sandbox, "pictory.list_jobs")) > 1

    def test_quota_and_usage(self, pictory: Caller):
        before = pictory("get_quota").ai_credits
        pictory("submit_image", PROMPT, model="nanobanana-pro")
        after = pictory("get_quota").ai_credits
        assert (after.used - before.used, after.limit) == (14, before.limit)
        newest = pictory("list_credit_usage")[0]
        assert (newest.type, newest.amount, newest.source) == ("debit", 14, "Text-to-Image")
        year, month = map(int, newest.transaction_date.split("-")[:2])
        assert pictory("list_credit_usage", year=year, month=month)[0] == newest
        with pytest.raises(e.InvalidRequestError, match="year, month"):
            pictory("list_credit_usage", year=2026)

    def test_no_credits(self, pictory: Caller, settings: Callable[..., None]):
        settings(ai_credits=1)
        with pytest.raises(e.InsufficientCreditsError):
            pictory("submit_image", PROMPT)

    def test_the_vendors_words_on_a_wrong_input(self, pictory: Caller, sandbox: Sandbox):
        with pytest.raises(e.InvalidRequestError, match=r"400 for submit image: INVALID_REQUEST_BODY: .*\[model: "):
            pictory("submit_image", PROMPT, model="seedream9")
        assert not sandbox.world.ledger()["images"]


class TestPostEverywhere:
    def test_generate_and_post(self, posteverywhere: Caller, travel: Callable[[float], None]):
        media = posteverywhere("generate_image", PROMPT, model="ideogram-v2", aspect_ratio="4:5")
        assert media.media_ids == (media.media_id,)
        assert (media.type, media.model, media.prompt, media.credits_used) == ("image", "ideogram-v2", PROMPT, 8)
        post = posteverywhere("create_post", "Hello", account_ids=ACCOUNTS, media_ids=media.media_ids)
        assert post.status == "publishing"
        travel(60)
        results = posteverywhere("get_post_results", post.post_id)
        assert [(d.account_id, d.status) for d in results.destinations] == [(2280, "published"), (2282, "published")]
        assert all(d.url.startswith("https://") for d in results.destinations)
        found = posteverywhere("get_post", post.post_id)
        assert (found.status, found.content, found.media_ids) == ("published", "Hello", media.media_ids)
        assert [item.post_id for item in posteverywhere("list_posts")] == [post.post_id]

    def test_upload(self, posteverywhere: Caller):
        media = posteverywhere("upload_media_from_url", "https://pictures.example/a.png", filename="fox.png")
        assert media.media_id
        assert media.raw["filename"] == "fox.png"
        with pytest.raises(e.InvalidRequestError, match=r"returned 415 for .*: unsupported_media_type"):
            posteverywhere("upload_media_from_url", "https://pictures.example/a.pdf")

    def test_scheduled_and_draft(self, posteverywhere: Caller):
        post = posteverywhere(
            "create_post",
            "Later",
            account_ids=ACCOUNTS,
            scheduled_for="2999-01-01T08:00:00+01:00",
            timezone="Europe/Berlin",
            platform_content={"x": {"content": "Later!"}},
        )
        assert (post.status, post.scheduled_for[:19]) == ("scheduled", "2999-01-01T07:00:00")
        assert posteverywhere("create_post", "Maybe", draft=True).status == "draft"

    def test_partial_failure_and_retry(self, posteverywhere: Caller, travel: Callable[[float], None]):
        post = posteverywhere("create_post", "[partial] hello", account_ids=ACCOUNTS)
        travel(60)
        results = posteverywhere("get_post_results", post.post_id)
        assert results.status == "partially_failed"
        assert [(d.status, bool(d.error)) for d in results.destinations] == [("published", False), ("failed", True)]
        posteverywhere("retry_post", post.post_id)
        travel(60)
        assert posteverywhere("get_post_results", post.post_id).status == "published"

    def test_posts_of_all_pages(self, posteverywhere: Caller, sandbox: Sandbox):
        made = [posteverywhere("create_post", f"Post {n}", draft=True).post_id for n in range(101)]
        assert {post.post_id for post in posteverywhere("list_posts", status="draft")} == set(made)
        assert len(requests_to(sandbox, "posteverywhere.list_posts")) == 2

    def test_accounts_and_me(self, posteverywhere: Caller):
        assert ACCOUNTS[0] in [account.account_id for account in posteverywhere("list_accounts")]
        me = posteverywhere("get_me")
        assert set(me.scopes) == {"read", "write", "ai"}
        assert me.ai_credits.left > 0

    def test_no_credits(self, posteverywhere: Caller, settings: Callable[..., None]):
        settings(media_credits=3)
        with pytest.raises(e.InsufficientCreditsError) as caught:
            posteverywhere("generate_image", PROMPT)
        assert (caught.value.credits_required, caught.value.credits_available) == (15, 3)
        assert caught.value.request_id
        assert caught.value.request_id in str(caught.value)

    def test_the_vendors_words_on_a_wrong_input(self, posteverywhere: Caller):
        with pytest.raises(e.InvalidRequestError, match="400 for create post: invalid_accounts: "):
            posteverywhere("create_post", "Hello", account_ids=[1])

    def test_missing_scope(self, posteverywhere: Caller, sandbox: Sandbox, connections: Callable[..., None]):
        key = sandbox.world.add_key(("read",))
        connections("posteverywhere_default", host=sandbox.posteverywhere_url, password=key)
        with pytest.raises(e.PermissionDeniedError, match="403 for generate image"):
            posteverywhere("generate_image", PROMPT)


class TestFaults:
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_read_is_repeated_by_the_sync_hook_alone(
        self, pictory: Caller, sandbox: Sandbox, use_async: bool, status: int, no_sleep: list[float]
    ):
        sandbox.fault("pictory.get_quota", "status", status=status, times=2)
        if use_async:
            with pytest.raises(e.TransientError):
                pictory("get_quota")
        else:
            assert pictory("get_quota").ai_credits
            assert len(no_sleep) == 2

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ({"kind": "status", "status": 503}, e.OutcomeUnknownError),
            ({"kind": "status", "status": 503, "headers": {"Retry-After": "1"}}, e.TransientError),
            ({"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}, e.RateLimitedError),
            ({"kind": "status", "status": 500}, e.OutcomeUnknownError),
            ({"kind": "status", "status": 502}, e.OutcomeUnknownError),
            ({"kind": "reset"}, e.OutcomeUnknownError),
            ({"kind": "reset", "when": "after"}, e.OutcomeUnknownError),
            ({"kind": "body", "body": "<html>", "when": "after"}, e.OutcomeUnknownError),
            ({"kind": "body", "body": '{"success": true, "data": null}', "when": "after"}, e.OutcomeUnknownError),
            ({"kind": "truncate", "when": "after"}, e.OutcomeUnknownError),
        ],
    )
    def test_a_submit_whose_answer_is_lost_is_sent_once(
        self, pictory: Caller, sandbox: Sandbox, fault: dict[str, Any], expected: type[Exception]
    ):
        sandbox.fault("pictory.submit_image", **fault, times=None)
        with pytest.raises(expected) as caught:
            pictory("submit_image", PROMPT)
        assert type(caught.value) is expected
        assert len(requests_to(sandbox, "pictory.submit_image")) == 1
        assert len(sandbox.world.ledger()["images"]) == (1 if fault.get("when") == "after" else 0)

    def test_a_refused_read_is_repeated_after_the_services_own_delay(
        self, pictory: Caller, sandbox: Sandbox, use_async: bool, no_sleep: list[float]
    ):
        sandbox.fault("pictory.get_quota", "status", status=429, headers={"Retry-After": "4"}, times=1)
        if use_async:
            with pytest.raises(e.RateLimitedError) as caught:
                pictory("get_quota")
            assert caught.value.retry_after == 4
        else:
            assert pictory("get_quota")
            assert no_sleep == [4]

    def test_a_long_delay_is_left_to_the_caller(self, pictory: Caller, sandbox: Sandbox, no_sleep: list[float]):
        sandbox.fault("pictory.get_quota", "status", status=429, headers={"Retry-After": "900"}, times=None)
        with pytest.raises(e.RateLimitedError) as caught:
            pictory("get_quota")
        assert caught.value.retry_after == 900
        assert no_sleep == []

    @pytest.mark.parametrize("body", ["<html>down</html>", "{", "null", "[]", '{"data": null}', '{"data": {}}'])
    def test_a_poll_that_is_not_of_this_api(self, pictory: Caller, sandbox: Sandbox, body: str):
        job_id = pictory("submit_image", PROMPT)
        sandbox.fault("pictory.get_job", "body", body=body)
        with pytest.raises(e.InvalidResponseError, match="returned 200 for get job, but"):
            pictory("get_job", job_id)

    def test_an_unknown_status_and_unknown_fields_stay_within_reach(self, pictory: Caller, sandbox: Sandbox):
        job_id = pictory("submit_image", PROMPT)
        sandbox.fault("pictory.get_job", "body", body='{"data": {"status": "dreaming", "mood": 3}}')
        job = pictory("get_job", job_id)
        assert (job.job_id, job.status, job.raw["data"]["mood"]) == (job_id, "dreaming", 3)

    def test_older_answers_of_generate_image(self, posteverywhere: Caller, sandbox: Sandbox):
        sandbox.fault(
            "posteverywhere.generate_image",
            "body",
            body='{"data": {"media_id": "m1", "model": "x", "credits_used": 1, "message": "m"}, "error": null}',
        )
        media = posteverywhere("generate_image", PROMPT)
        assert (media.media_ids, media.model, media.next_step) == (("m1",), "x", "m")

    def test_null_data_is_no_success(self, posteverywhere: Caller, sandbox: Sandbox):
        sandbox.fault("posteverywhere.create_post", "body", body='{"data": null, "error": null}', when="after")
        with pytest.raises(e.OutcomeUnknownError):
            posteverywhere("create_post", "Hello", account_ids=ACCOUNTS)
        assert len(sandbox.world.ledger()["posts"]) == 1

    def test_a_slow_answer_ends_at_the_connections_timeout(
        self, pictory: Caller, sandbox: Sandbox, connections: Callable[..., None]
    ):
        connections(
            "pictory_default", host=sandbox.pictory_url, password=sandbox.pictory_key, extra={"timeout": [5, 0.05]}
        )
        sandbox.fault("pictory.submit_image", "hold", when="after")
        with pytest.raises(e.OutcomeUnknownError, match="submit image was lost"):
            pictory("submit_image", PROMPT)

    def test_an_unreachable_host_is_tried_again(
        self, pictory: Caller, connections: Callable[..., None], use_async: bool, no_sleep: list[float]
    ):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        connections("pictory_default", host=f"http://127.0.0.1:{port}", password="k")
        with pytest.raises(e.TransientError) as caught:
            pictory("get_quota")
        assert type(caught.value) is e.TransientError
        assert "Pictory (connection 'pictory_default') cannot be reached for get quota" in str(caught.value)
        assert len(no_sleep) == (0 if use_async else 2)


class TestConnection:
    def test_a_missing_connection(self, connect: Callable[..., None], use_async: bool, monkeypatch: pytest.MonkeyPatch):
        from airflow_provider_pictory.version_compat import AirflowNotFoundException, BaseHook

        def missing(conn_id: str) -> Any:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")

        monkeypatch.setattr(BaseHook, "get_connection", staticmethod(missing))
        monkeypatch.setattr(BaseHook, "aget_connection", staticmethod(_awaited(missing)), raising=False)
        hook = Caller(PictoryHook, PictoryAsyncHook, "nowhere", use_async)
        with pytest.raises(e.InvalidRequestError, match="pictory_conn_id: there is no connection 'nowhere'"):
            hook("get_quota")

    def test_an_outage_of_the_secrets_backend_may_pass(
        self, use_async: bool, monkeypatch: pytest.MonkeyPatch, no_sleep: list[float]
    ):
        from airflow_provider_pictory.version_compat import BaseHook

        def down(conn_id: str) -> Any:
            raise RuntimeError("vault token s.secret is sealed")

        monkeypatch.setattr(BaseHook, "get_connection", staticmethod(down))
        monkeypatch.setattr(BaseHook, "aget_connection", staticmethod(_awaited(down)), raising=False)
        hook = Caller(PictoryHook, PictoryAsyncHook, "somewhere", use_async)
        with pytest.raises(e.TransientError, match="connection 'somewhere' cannot be read now") as caught:
            hook("get_quota")
        assert "s.secret" not in str(caught.value)

    @pytest.mark.parametrize(("field", "value"), [("password", ""), ("host", "api.pictory.ai")])
    def test_a_wrong_connection_sends_nothing(
        self, pictory: Caller, sandbox: Sandbox, connections: Callable[..., None], field: str, value: str
    ):
        fields = {"host": sandbox.pictory_url, "password": "k", field: value}
        connections("pictory_default", **fields)
        with pytest.raises(e.InvalidRequestError, match=f"connection 'pictory_default', {field}: "):
            pictory("submit_image", PROMPT)
        assert not sandbox.world.requests

    def test_the_key_is_in_no_error(self, pictory: Caller, sandbox: Sandbox, connections: Callable[..., None]):
        connections("pictory_default", host=sandbox.pictory_url, password="pictai_verysecret")
        with pytest.raises(e.AuthenticationError) as caught:
            pictory("get_quota")
        error: BaseException | None = caught.value
        while error is not None:
            assert "verysecret" not in repr(error) + str(error)
            error = error.__cause__ or error.__context__

    @pytest.mark.parametrize("option", ["verify", "cert"])
    @pytest.mark.parametrize("file", ["/no/such.pem", __file__])
    def test_certificates_that_cannot_be_read(
        self, pictory: Caller, tls: tuple[str, str], connections: Callable[..., None], option: str, file: str
    ):
        connections("pictory_default", host=tls[0], password="k", extra={option: file})
        with pytest.raises(e.InvalidRequestError, match=f"verify, cert: cannot be read .*{file}"):
            pictory("submit_image", PROMPT)

    def test_the_service_may_repeat_the_key_but_no_error_does(self, pictory: Caller, sandbox: Sandbox):
        said = {"message": f"The key {sandbox.pictory_key} is revoked"}
        sandbox.fault(
            "pictory.submit_image", "status", status=401, body=said, headers={"X-Request-Id": sandbox.pictory_key}
        )
        with pytest.raises(e.AuthenticationError, match=r"The key \*\*\* is revoked.*\(request id \*\*\*\)"):
            pictory("submit_image", PROMPT)

    def test_the_service_may_repeat_the_key_but_no_result_does(self, pictory: Caller, sandbox: Sandbox):
        job_id = pictory("submit_image", PROMPT)
        said = {"success": False, "data": {"status": "failed", "error_message": f"{sandbox.pictory_key} is revoked"}}
        sandbox.fault("pictory.get_job", "body", body=said)
        assert pictory("get_job", job_id).error_message == "*** is revoked"

    @pytest.mark.parametrize("call", ["get_quota", "submit_image"])
    def test_a_host_that_echoes_the_request_puts_no_key_into_an_error(
        self, pictory: Caller, sandbox: Sandbox, call: str
    ):
        sandbox.fault(
            f"pictory.{call}", "body", body=f"Authorization: {sandbox.pictory_key}", content_type="text/plain"
        )
        with pytest.raises(e.ServiceError, match=r"Authorization: \*\*\*") as caught:
            pictory(call, *([PROMPT] if call == "submit_image" else []))
        assert sandbox.pictory_key not in str(caught.value)

    def test_a_lost_answer_behind_a_proxy_is_a_lost_answer(
        self, pictory: Caller, connections: Callable[..., None], dropping_proxy: tuple[str, list[str]]
    ):
        url, seen = dropping_proxy
        connections(
            "pictory_default",
            host="http://pictory.invalid",
            password="k",
            extra={"proxies": url.replace("//", "//user:s3cret@"), "allow_http": True},
        )
        with pytest.raises(e.OutcomeUnknownError) as caught:
            pictory("submit_image", PROMPT)
        assert len(seen) == 1
        assert "s3cret" not in str(caught.value)

    def test_a_proxy_that_refuses_has_carried_nothing(
        self, pictory: Caller, connections: Callable[..., None], dropping_proxy: tuple[str, list[str]]
    ):
        url, _ = dropping_proxy
        proxy = url.replace("//", "//user:s3cret@")
        connections("pictory_default", host="https://pictory.invalid", password="k", extra={"proxies": proxy})
        with pytest.raises(e.TransientError) as caught:
            pictory("submit_image", PROMPT)
        assert type(caught.value) is e.TransientError
        assert "s3cret" not in str(caught.value)

    def test_netrc_does_not_replace_the_key(self, pictory: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert pictory("get_quota").ai_credits

    def test_a_login_does_not_replace_the_key(
        self, pictory: Caller, sandbox: Sandbox, connections: Callable[..., None]
    ):
        connections("pictory_default", host=sandbox.pictory_url, login="me", password=sandbox.pictory_key)
        assert pictory("get_quota").ai_credits

    @pytest.mark.parametrize("by_environment", [False, True])
    def test_proxies(
        self,
        pictory: Caller,
        sandbox: Sandbox,
        connections: Callable[..., None],
        proxy: tuple[str, list[str]],
        by_environment: bool,
        monkeypatch: pytest.MonkeyPatch,
    ):
        url, seen = proxy
        extra = {} if by_environment else {"proxies": {"http": url}}
        if by_environment:
            monkeypatch.setenv("http_proxy", url)
            monkeypatch.setenv("no_proxy", "")
        fields = {"host": "http://pictory.invalid/pictoryapis", "password": sandbox.pictory_key}
        connections("pictory_default", **fields, extra={**extra, "allow_http": True})
        assert pictory("get_quota").ai_credits
        assert seen == ["http://pictory.invalid/pictoryapis/v1/quota"]
        if by_environment:
            connections("pictory_default", **fields, extra={"allow_http": True, "trust_env": False})
            pictory.forget_the_connection()
            with pytest.raises(e.TransientError):
                pictory("get_quota")

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    @pytest.mark.parametrize(
        ("verify", "accepted"), [(True, False), (False, True), ("bundle", True), ("environment", True)]
    )
    def test_tls(
        self,
        pictory: Caller,
        connections: Callable[..., None],
        tls: tuple[str, str],
        verify: bool | str,
        accepted: bool,
        monkeypatch: pytest.MonkeyPatch,
    ):
        url, bundle = tls
        extra: dict[str, Any] = {"verify": bundle if verify == "bundle" else verify}
        if verify == "environment":
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
            extra = {}
        connections("pictory_default", host=url, password="k", extra=extra)
        if accepted:
            assert pictory("get_quota").ai_credits.limit == 5
        else:
            with pytest.raises(e.TransientError, match=r"(?i)certificate") as caught:
                pictory("submit_image", PROMPT)
            assert type(caught.value) is e.TransientError

    def test_one_connection_for_the_whole_life_of_a_hook(self, connections: Any, sandbox: Sandbox, use_async: bool):
        before = sandbox.world.ledger()["connections"]
        if use_async:

            async def calls() -> None:
                async with PictoryAsyncHook() as hook:
                    for _ in range(5):
                        await hook.send(GET_QUOTA)

            asyncio.run(calls())
        else:
            hook = PictoryHook()
            for _ in range(5):
                hook.get_quota()
            hook.close()
        assert sandbox.world.ledger()["connections"] - before == 1


class TestTheTestButton:
    def test_right_key(self, connections: Any):
        assert PictoryHook().test_connection() == (
            True,
            "Pictory accepts the key: 22,000 of 22,000 AI credits are left",
        )
        ok, message = PostEverywhereHook().test_connection()
        assert ok
        assert "500 of 500 AI credits are left" in message

    def test_a_key_that_lacks_a_scope(self, connections: Callable[..., None], sandbox: Sandbox):
        key = sandbox.world.add_key(("read",))
        connections("posteverywhere_default", host=sandbox.posteverywhere_url, password=key)
        assert PostEverywhereHook().test_connection()[1].endswith("the key lacks the scope write, ai")

    @pytest.mark.parametrize(
        ("path", "key", "words"),
        [
            ("", "wrong", "Is the API key in the connection's password right?"),
            ("/nowhere", None, "returned 404 for get quota"),
            ("html", None, "Does the connection's base URL lead to the API?"),
            ("closed", None, "Pictory (connection 'pictory_default') cannot be reached for get quota: "),
        ],
    )
    def test_what_is_wrong(
        self,
        sandbox: Sandbox,
        connections: Callable[..., None],
        no_sleep: Any,
        website: str,
        path: str,
        key: str | None,
        words: str,
    ):
        host = {"html": website, "closed": "http://127.0.0.1:9"}.get(path, sandbox.pictory_url + path)
        connections("pictory_default", host=host, password=key or sandbox.pictory_key)
        ok, message = PictoryHook().test_connection()
        assert not ok
        assert words in message


def _awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(conn_id: str) -> Any:
        return function(conn_id)

    return call


def _serve(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def reply(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def website() -> Iterator[str]:
    class Handler(_Quiet):
        def do_GET(self) -> None:
            self.reply("text/html", b"<html><body>Welcome to our shop</body></html>")

    for port in _serve(Handler):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Handler(_Quiet):
        def do_GET(self) -> None:
            seen.append(self.path)
            path = self.path.split("pictory.invalid", 1)[1]
            answer = requests.get(
                sandbox.url + path,
                headers={"Authorization": self.headers["Authorization"], "User-Agent": "proxy"},
                timeout=10,
                proxies={"http": ""},
            )
            self.reply("application/json", answer.content)

    for port in _serve(Handler):
        yield f"http://127.0.0.1:{port}", seen


@pytest.fixture
def dropping_proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that takes a request and closes the connection without an answer, and refuses tunnels."""
    seen: list[str] = []

    class Handler(_Quiet):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.close_connection = True

        def do_CONNECT(self) -> None:
            self.send_error(407)

    for port in _serve(Handler):
        yield f"http://127.0.0.1:{port}", seen


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    assert os.system(f"{command} -keyout {key} -out {cert} 2>/dev/null") == 0

    class Handler(_Quiet):
        def do_GET(self) -> None:
            self.reply("application/json", b'{"aiCredits": {"used": 1, "limit": 5}}')

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    for port in _serve(Handler, context):
        yield f"https://localhost:{port}", str(cert)
