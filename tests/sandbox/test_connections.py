"""What hooks make of a connection over time: another event loop, another key, a proxy with a password."""

from __future__ import annotations

import asyncio
import datetime as dt
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.pictory import GET_QUOTA
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook, PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook, PostEverywhereHook
from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.tasks import generate, library_media, post

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")


def test_an_async_hook_works_in_one_event_loop_after_another():
    hook = PictoryAsyncHook()

    async def ask() -> float:
        limit = (await hook.send(GET_QUOTA)).ai_credits.limit
        await hook.close()
        return limit

    async def ask_and_leave_open() -> float:
        return (await hook.send(GET_QUOTA)).ai_credits.limit

    assert asyncio.run(ask_and_leave_open()) == asyncio.run(ask_and_leave_open()) == asyncio.run(ask())


@pytest.mark.parametrize("what", ["image", "post"])
def test_a_key_that_is_changed_during_a_wait_is_taken_up(
    sandbox: Sandbox,
    connect: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    deferrable: bool,
    what: str,
    settings: Callable[..., None],
):
    monkeypatch.setattr("airflow_provider_pictory.client.transport.REFRESH_INTERVAL", 0.0)
    monkeypatch.setattr("airflow_provider_pictory.polling.dispatcher.REFRESH_INTERVAL", 0.0)
    name = "pictory" if what == "image" else "posteverywhere"
    url, key = getattr(sandbox, f"{name}_url"), getattr(sandbox, f"{name}_key")
    settings(latency=0.3, publish_latency=0.3)
    options: dict[str, Any] = {"deferrable": deferrable, "poll_interval": 0.05}
    if what == "image":
        task, call = generate(wait_for_completion=True, **options), "pictory.get_job"
    else:
        task, call = (
            post(media_ids=library_media(), wait_for_publish=True, **options),
            "posteverywhere.get_post_results",
        )
    connect(f"{name}_default", host=url, password=key)
    read = Endpoint.from_connection
    reads: list[str] = []

    def reading(conn: Any, service: Any) -> Any:
        if len(reads) == 1:
            sandbox.clear_faults()
        endpoint = read(conn, service)
        reads.append(endpoint.key)
        if len(reads) == 1:
            sandbox.fault(call, "status", status=401, times=None)
        return endpoint

    monkeypatch.setattr(Endpoint, "from_connection", reading)
    if deferrable:
        reads.clear()
    assert task.run()["status"] in ("completed", "published")
    assert len(reads) >= 2


class TestFilters:
    def test_what_is_none_is_left_out(self):
        assert list(PostEverywhereHook().list_posts(status=None)) == []

        async def ask() -> list[Any]:
            async with PostEverywhereAsyncHook() as hook:
                return [item async for item in hook.list_posts(status=None, search=None)]

        assert asyncio.run(ask()) == []

    def test_a_time_may_be_a_datetime(self):
        made = post(media_ids=library_media()).run()
        now = dt.datetime.now(dt.timezone.utc)
        hook = PostEverywhereHook()
        assert [item.post_id for item in hook.list_posts(created_after=now - dt.timedelta(1))] == [made["post_id"]]
        assert list(hook.list_posts(created_after=now + dt.timedelta(1))) == []

    @pytest.mark.parametrize("name", ["limit", "offset", "sort", "order", "stauts"])
    def test_what_the_hook_decides_itself_is_refused(self, name: str):
        with pytest.raises(e.InvalidRequestError, match=f"filters: there is no {name}; allowed: status, platform"):
            list(PostEverywhereHook().list_posts(**{name: "x"}))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("place", ["extra", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid:3128"])
def test_a_proxys_password_is_in_no_error(
    connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str, host: str, is_async: bool
):
    proxy = f"http://user:s3cr%40t-w0rd@{host}"
    if place == "extra":
        extra = {"proxies": {"https": proxy}}
    else:
        extra = {}
        monkeypatch.setenv(place, proxy)
    connect("pictory_default", host="https://api.example", password="a-key-of-ours", extra=extra)

    async def ask() -> None:
        async with PictoryAsyncHook() as hook:
            await hook.send(GET_QUOTA)

    with pytest.raises(e.TransientError, match="cannot be reached") as caught:
        asyncio.run(ask()) if is_async else PictoryHook().get_quota()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for secret in ("s3cr%40t-w0rd", "s3cr@t-w0rd", "a-key-of-ours"):
        assert secret not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_environments_proxy_that_nobody_reads_alike_is_refused(
    connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    connect("pictory_default", host="https://api.example", password="a-key-of-ours")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cr@t/word@proxy.example:3128")
    with pytest.raises(e.InvalidRequestError, match="environment's proxy for https: is not understood") as caught:
        PictoryHook().get_quota()
    assert "s3cr" not in "".join(traceback.format_exception(caught.value))
