"""What many triggers ask the services through: counted on the sandbox's side."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import itertools
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.pictory import GET_QUOTA, get_job, list_jobs
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook
from airflow_provider_pictory.polling import dispatcher
from airflow_provider_pictory.polling.dispatcher import Dispatcher
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import Wait
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.triggers import base
from airflow_provider_pictory.triggers.pictory import ImageJobTrigger
from airflow_provider_pictory.triggers.turn import TurnTrigger
from tests.sandbox.tasks import calls

pytestmark = pytest.mark.usefixtures("connections")

CONN = "pictory_default"
log = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Any:
    """Whatever happens, the last who waits leaves nothing behind."""
    base.completion_times.cache_clear()
    yield
    assert not base._dispatchers


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_pictory.polling.dispatcher.backoff", lambda *_, **__: 0.05)


def run(work: Callable[[Dispatcher], Coroutine[Any, Any, Any]]) -> Any:
    async def alone() -> Any:
        async with base.shared_dispatcher(PictoryAsyncHook, CONN) as shared:
            result = await work(shared)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

    return asyncio.run(alone())


class Once(Wait[Any]):
    """Waits for one response, whatever it is."""

    def __init__(self) -> None:
        super().__init__(interval=1.0, deadline=time.time() + 60, progress=Progress("x", log))
        self._due_at = time.monotonic()

    def due_at(self, patience: float = 0.0) -> float:
        return self._due_at

    def take(self, answer: Any, sent_at: float) -> None:
        if isinstance(answer, e.ServiceError):
            raise answer
        self.result = answer


@dataclass
class Ended:
    value: Any
    has_ended = True


async def ask(shared: Dispatcher, request: Any = GET_QUOTA) -> Any:
    once = dataclasses.replace(request, parse=lambda body: Ended(request.parse(body)))
    return await shared.wait(once, Once(), "x")


def trigger(job_id: str, **kwargs: Any) -> ImageJobTrigger:
    now = time.time()
    return ImageJobTrigger(
        **{"job_id": job_id, "pictory_conn_id": CONN, "poll_interval": 0.2, "deadline": now + 30, **kwargs}
    )


async def event(waiting: Any) -> Any:
    async for found in waiting.run():
        return found.payload


async def events(triggers: list[Any]) -> list[Any]:
    return list(await asyncio.gather(*map(event, triggers)))


def without_list(sandbox: Sandbox) -> None:
    sandbox.fault("pictory.list_jobs", "status", status=403, times=None)


class TestManyJobs:
    def test_they_share_ten_connections(self, sandbox: Sandbox, submit: Any, settings: Any):
        settings(latency="0.5-1")
        jobs = [submit(f"Picture {n}") for n in range(200)]
        opened = sandbox.world.traffic.connections
        found = asyncio.run(events([trigger(job) for job in jobs]))
        assert [item["result"]["status"] for item in found] == ["completed"] * 200
        assert sandbox.world.traffic.connections - opened <= 10

    def test_what_was_learned_saves_requests(self, sandbox: Sandbox, submit: Any, settings: Any):
        settings(latency="2.5-2.9")
        without_list(sandbox)

        def night() -> int:
            before = calls(sandbox, "pictory.get_job")
            began = time.time()
            sandbox.world.clock = lambda: began
            jobs = [submit(f"Picture {n}") for n in range(40)]
            now = time.time()
            sandbox.world.clock = lambda: began + time.time() - now  # the submits took no time
            asyncio.run(events([trigger(job, submitted_at=now, model="m", poll_interval=0.5) for job in jobs]))
            return calls(sandbox, "pictory.get_job") - before

        first, second = night(), night()
        assert first >= 40 * 4
        assert second <= 40 * 2.5

    def test_the_rate_is_bounded(self, sandbox: Sandbox, connections: Any):
        extra = {"requests_per_minute": 6000}
        connections(CONN, host=sandbox.pictory_url, password=sandbox.pictory_key, extra=extra)

        async def crowd(shared: Dispatcher) -> float:
            began = time.monotonic()
            await asyncio.gather(*(ask(shared) for _ in range(60)))
            return time.monotonic() - began

        assert run(crowd) >= (60 - 10) / 100 - 0.001

    def test_first_come_first_served(self):
        async def crowd(shared: Dispatcher) -> list[str]:
            sent = []
            send = shared.transport.send

            async def look(request: Any) -> Any:
                sent.append(request.path)
                return await send(request)

            shared.transport.send = look  # type: ignore[method-assign]
            await asyncio.gather(*(ask(shared, get_job(f"job-{n}")) for n in range(50)), return_exceptions=True)
            return sent

        assert run(crowd) == [f"/v1/jobs/job-{n}" for n in range(50)]

    def test_a_triggerer_that_takes_over_does_not_ask_for_all_at_once(self, sandbox: Sandbox, submit: Any):
        jobs = [submit(f"Picture {n}") for n in range(40)]
        without_list(sandbox)
        old = time.time() - 3600
        sandbox.world.clock = lambda: time.time() + 60

        asyncio.run(events([trigger(job, submitted_at=old, poll_interval=2.0) for job in jobs]))
        moments = sorted(request.at for request in sandbox.world.requests if request.call == "pictory.get_job")
        assert moments[-1] - moments[0] > 1
        assert max(sum(0 <= other - moment < 0.2 for other in moments) for moment in moments) < 20


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts its passes."""

    passes = 0

    def _run_once(self) -> None:
        self.passes += 1
        super()._run_once()  # type: ignore[misc]  # not in typeshed


class TestList:
    """Many jobs of one account: 200 in a fifth of the time are as many at once as a thousand."""

    INTERVAL = 1.0

    def wait_for(self, sandbox: Sandbox, jobs: int = 200) -> list[float]:
        """Wait for jobs that were submitted at once; return how late each end was noticed."""
        began = time.time()
        sandbox.world.clock = lambda: began
        ids = [submit_job(sandbox) for _ in range(jobs)]
        now = time.time()
        sandbox.world.clock = lambda: began + time.time() - now  # the submits took no time

        async def delay(job_id: str) -> float:
            found = await event(trigger(job_id, submitted_at=now, model="m", poll_interval=self.INTERVAL))
            assert found["result"]["status"] == "completed"
            assert all(found["result"][name] for name in ("url", "width", "height", "ai_credits_used"))
            return began + time.time() - now - sandbox.world.jobs[job_id].finishes_at

        async def crowd() -> list[float]:
            return list(await asyncio.gather(*map(delay, ids)))

        loop = CountingLoop()
        try:
            delays = loop.run_until_complete(crowd())
        finally:
            loop.close()
        self.passes = loop.passes
        return delays

    @pytest.mark.parametrize(
        ("options", "requests_per_job"),
        [
            ({}, 0.8),
            ({"list_results": "no"}, 1.7),
            ({"list_results": "no", "list_page_size": 100}, 1.5),
            ({"list_other_jobs": 1}, 1.3),
        ],
        ids=["results", "no results", "large pages", "other kinds"],
    )
    def test_it_takes_few_requests(
        self, sandbox: Sandbox, settings: Any, options: dict[str, Any], requests_per_job: float
    ):
        # Alone, they take 4 to 5. A machine that is late reads the list late, and polls more.
        settings(latency="2.4-5.6", **options)
        opened = sandbox.world.traffic.connections
        self.wait_for(sandbox)
        requests = calls(sandbox, "pictory.get_job") + calls(sandbox, "pictory.list_jobs")
        assert requests <= requests_per_job * 200
        assert sandbox.world.traffic.connections - opened <= 10
        # Each task that starts or ends takes passes of its own, however few requests there are.
        assert self.passes <= 3 * requests + 2 * 200

    def test_what_is_known_to_have_ended_is_confirmed_before_the_list_is_read_again(
        self, sandbox: Sandbox, settings: Any
    ):
        settings(latency="2-2", list_results="no")
        self.wait_for(sandbox, 500)  # five seconds at a hundred requests a second, and five intervals
        assert calls(sandbox, "pictory.get_job") < 600
        assert calls(sandbox, "pictory.list_jobs") <= 150

    @pytest.mark.parametrize("fault", [{"kind": "status", "status": 403}, {"kind": "hold"}, {"kind": "truncate"}])
    def test_each_is_polled_by_itself_where_there_is_no_list(
        self, sandbox: Sandbox, settings: Any, fault: dict[str, Any]
    ):
        settings(latency="2.4-5.6")
        held = sandbox.fault("pictory.list_jobs", times=None, **fault)
        delays = self.wait_for(sandbox, 40)
        assert calls(sandbox, "pictory.list_jobs") == 1
        assert max(delays) < self.INTERVAL + 1
        if fault["kind"] == "hold":
            sandbox.release(held)

    def test_a_list_that_lags_behind_is_found_out(self, sandbox: Sandbox, settings: Any):
        settings(latency="2.4-5.6", list_lag=60)
        delays = self.wait_for(sandbox)
        # Two intervals without a poll, one until the next page, and then 200 polls at 100 a second.
        assert max(delays) < 5 * self.INTERVAL
        assert calls(sandbox, "pictory.list_jobs") < 50

    def test_what_no_page_shows_is_polled_by_itself(self, sandbox: Sandbox, settings: Any):
        settings(latency="2.4-5.6", list_other_jobs=50)
        delays = self.wait_for(sandbox, 40)
        assert max(delays) < self.INTERVAL + 1
        assert calls(sandbox, "pictory.list_jobs") < 40


def submit_job(sandbox: Sandbox) -> str:
    return sandbox.world.submit_image(Picture("A quiet lake", 1024, 1024, "m"), "1:1", Decimal(2), None).id


class TestFaults:
    def test_one_that_is_told_to_come_back_later_slows_all(self, sandbox: Sandbox, caplog: Any):
        sandbox.fault("pictory.get_quota", "status", status=429, headers={"Retry-After": "1"})

        async def crowd(shared: Dispatcher) -> tuple[list[Any], float]:
            with pytest.raises(e.RateLimitedError):
                await ask(shared)
            began = time.monotonic()
            return await asyncio.gather(*(ask(shared) for _ in range(30))), time.monotonic() - began

        with caplog.at_level(logging.WARNING, "airflow_provider_pictory.polling.dispatcher"):
            found, took = run(crowd)
        assert len(found) == 30
        assert took >= 0.95
        [line] = [record.getMessage() for record in caplog.records if record.name.endswith("dispatcher")]
        assert "429" in line
        assert "pictory_default" in line

    @pytest.mark.usefixtures("at_once")
    def test_while_it_is_down_one_asks_for_all(self, sandbox: Sandbox):
        sandbox.fault("pictory.get_quota", "status", status=503, times=None)

        async def crowd(shared: Dispatcher) -> None:
            for _ in range(3):
                with pytest.raises(e.TransientError):
                    await ask(shared)
            before = calls(sandbox, "pictory.get_quota")
            crowd = [asyncio.ensure_future(ask(shared)) for _ in range(30)]
            done, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == calls(sandbox, "pictory.get_quota") - before == 1
            sandbox.clear_faults()
            results = await asyncio.gather(*crowd, return_exceptions=True)
            assert sum(isinstance(result, e.TransientError) for result in results) <= 2

        run(crowd)

    def test_a_fault_of_one_job_does_not_hold_up_the_others(self, sandbox: Sandbox):
        sandbox.fault("pictory.list_jobs", "status", status=500, times=None)

        async def crowd(shared: Dispatcher) -> None:
            for _ in range(10):
                with pytest.raises(e.TransientError):
                    await ask(shared, list_jobs(None))
                assert shared._paused_until <= time.monotonic()
                assert await ask(shared)

        run(crowd)

    def test_a_key_that_was_changed_is_taken_up(
        self, sandbox: Sandbox, connections: Any, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(dispatcher, "REFRESH_INTERVAL", -1.0)
        connections(CONN, host=sandbox.pictory_url, password="pictai_wrong")

        async def rotated(shared: Dispatcher) -> Any:
            with pytest.raises(e.AuthenticationError):
                await ask(shared)
            connections(CONN, host=sandbox.pictory_url, password=sandbox.pictory_key)
            return await ask(shared)

        assert run(rotated)

    def test_a_missing_connection_is_an_error_of_each(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("AIRFLOW_CONN_PICTORY_DEFAULT")

        async def crowd(shared: Dispatcher) -> list[Any]:
            return await asyncio.gather(*(ask(shared) for _ in range(3)), return_exceptions=True)

        assert [type(error) for error in run(crowd)] == [e.InvalidRequestError] * 3

    def test_a_wait_ends_though_the_service_wants_to_be_left_alone(
        self, sandbox: Sandbox, submit: Any, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(base, "LAST_CALL", 0.1)
        job = submit()
        sandbox.fault("pictory.get_job", "status", status=429, headers={"Retry-After": "900"})
        now = time.time()
        found = asyncio.run(events([trigger(job, deadline=now + 0.5), trigger(job, deadline=now + 0.5)]))
        assert all("timeout has passed" in item["timeout"] for item in found)
        assert time.time() - now < 5


class TestWhoWaits:
    @pytest.mark.parametrize("hold", [False, True], ids=["waiting", "asking"])
    def test_one_that_is_cancelled_leaves_nothing(self, sandbox: Sandbox, submit: Any, hold: bool, caplog: Any):
        job = submit()
        fault = sandbox.fault("pictory.get_job", "hold", times=None) if hold else None

        async def cancel() -> None:
            waits = [asyncio.ensure_future(event(trigger(job))) for _ in range(30)]
            while calls(sandbox, "pictory.get_job") < (10 if hold else 30):  # noqa: ASYNC110  # another thread's
                await asyncio.sleep(0.01)
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
            assert all(wait.cancelled() for wait in waits)
            assert not base._dispatchers
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(cancel())
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        if fault:
            sandbox.release(fault)

    def test_one_that_goes_leaves_the_others_alone(self, sandbox: Sandbox, submit: Any, settings: Any):
        settings(latency=1)
        job = submit()

        async def some_go() -> Any:
            stays = asyncio.ensure_future(event(trigger(job)))
            goes = [asyncio.ensure_future(event(trigger(job))) for _ in range(20)]
            await asyncio.sleep(0.3)
            for wait in goes:
                wait.cancel()
            return await stays

        assert asyncio.run(some_go())["result"]["status"] == "completed"

    def test_requests_run_in_no_triggers_context(self):
        whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")

        async def ask_in_context(shared: Dispatcher) -> list[str]:
            whose.set("mine")
            seen = []

            send = shared.transport.send

            async def look(request: Any) -> Any:
                seen.append(whose.get())
                return await send(request)

            shared.transport.send = look  # type: ignore[method-assign]
            await ask(shared)
            return seen

        assert run(ask_in_context) == ["nobody's"]


class TestTurns:
    def test_a_crowd_comes_back_one_by_one(self, sandbox: Sandbox, connections: Any):
        extra = {"requests_per_minute": 1200}
        connections("posteverywhere_default", host=sandbox.posteverywhere_url, password="x" * 20, extra=extra)

        async def crowd() -> list[float]:
            moment = time.time() + 0.5
            moments = []

            async def one() -> None:
                await event(TurnTrigger("posteverywhere", "posteverywhere_default", moment, 2, moment + 60))
                moments.append(time.time() - moment)

            await asyncio.gather(*(one() for _ in range(6)))
            return moments

        moments = asyncio.run(crowd())
        assert moments[0] >= -0.01
        assert all(later - earlier >= 0.095 for earlier, later in itertools.pairwise(moments))
        assert not sandbox.world.requests

    def test_it_comes_back_without_a_connection_too(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("AIRFLOW_CONN_PICTORY_DEFAULT")
        began = time.time()
        asyncio.run(event(TurnTrigger("pictory", CONN, began + 0.2, 1, began + 60)))
        assert 0.2 <= time.time() - began < 5

    def test_what_waits_meanwhile_waits_too(self, sandbox: Sandbox):
        async def both() -> float:
            turn = asyncio.ensure_future(event(TurnTrigger("pictory", CONN, time.time() + 0.5, 1, time.time() + 60)))
            await asyncio.sleep(0.01)
            began = time.monotonic()
            async with base.shared_dispatcher(PictoryAsyncHook, CONN) as shared:
                await ask(shared)
            await turn
            return time.monotonic() - began

        assert asyncio.run(both()) >= 0.45


def allowing(sandbox: Sandbox, body: str, left: int, seconds: float) -> None:
    headers = {"X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": str(time.time() + seconds)}
    sandbox.fault("pictory.get_quota", "status", status=200, headers=headers, body=body)


def test_polls_keep_to_half_of_what_the_service_still_allows(sandbox: Sandbox, pictory: Any):
    body = pictory.get("/v1/quota").text

    async def three(shared: Dispatcher) -> tuple[float, float]:
        await ask(shared)
        allowing(sandbox, body, left=2, seconds=2)
        await ask(shared)
        began = time.monotonic()
        poll = asyncio.ensure_future(ask(shared))
        await asyncio.sleep(0)
        await shared.acquire(1)
        turn = time.monotonic() - began
        await poll
        return turn, time.monotonic() - began

    turn, poll = run(three)
    assert turn < 0.5  # the other half is for workers
    assert 0.8 <= poll <= 3


def test_polls_are_spaced_only_while_the_service_says_what_it_allows(sandbox: Sandbox, pictory: Any):
    body = pictory.get("/v1/quota").text

    async def three(shared: Dispatcher) -> float:
        allowing(sandbox, body, left=2, seconds=2)
        await ask(shared)
        await ask(shared)  # says nothing of it
        began = time.monotonic()
        await asyncio.gather(*(ask(shared) for _ in range(5)))
        return time.monotonic() - began

    assert run(three) < 2  # with a second between them, it would be four


def test_nobody_asks_where_nothing_is_allowed(sandbox: Sandbox, pictory: Any):
    body = pictory.get("/v1/quota").text

    async def spent(shared: Dispatcher) -> float:
        allowing(sandbox, body, left=0, seconds=1)
        await ask(shared)
        began = time.monotonic()
        await shared.acquire(1)
        return time.monotonic() - began

    assert 0.5 <= run(spent) <= 3
