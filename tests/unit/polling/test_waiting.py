from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.models import Destination, ImageJob, Post
from airflow_provider_pictory.client.pictory import get_job
from airflow_provider_pictory.client.validation import seconds
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    RateLimitedError,
    TransientError,
)
from airflow_provider_pictory.polling.dispatcher import Dispatcher
from airflow_provider_pictory.polling.next_poll import Pace
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import Wait, wait
from airflow_provider_pictory.version_compat import AirflowSensorTimeout

log = logging.getLogger(__name__)

BUSY, DONE = ImageJob("j", "in-progress"), ImageJob("j", "failed")


@pytest.mark.parametrize(
    ("job", "done"),
    [
        (ImageJob("j", "in-progress"), False),
        (ImageJob("j", "completed", url="https://a.example/b.png"), True),
        (ImageJob("j", "completed"), False),
        (ImageJob("j", "failed"), True),
        (ImageJob("j", "cleaned"), True),
        (ImageJob("j", "a status of tomorrow"), False),
    ],
)
def test_when_a_job_is_done(job: ImageJob, done: bool):
    assert job.has_ended is done


def destinations(*items: tuple[str, str | None]) -> tuple[Destination, ...]:
    return tuple(Destination(n, "x", status, next_retry_at=again) for n, (status, again) in enumerate(items))


@pytest.mark.parametrize(
    ("post", "done"),
    [
        (Post("p", "publishing"), False),
        (Post("p", "scheduled", destinations=destinations(("queued", None))), False),
        (Post("p", "publishing", destinations=destinations(("published", None), ("queued", None))), False),
        (Post("p", "publishing", destinations=destinations(("published", None), ("failed", None))), True),
        (Post("p", "publishing", destinations=destinations(("published", None), ("failed", "later"))), False),
        (Post("p", "publishing", destinations=destinations(("done", None))), True),
        (Post("p", "partially_failed", destinations=destinations(("published", None), ("failed", "later"))), False),
        (Post("p", "published", destinations=destinations(("published", None), ("queued", None))), False),
        (Post("p", "published", destinations=destinations(("skipped", None))), True),
        (Post("p", "published"), True),
        (Post("p", "partially_failed"), True),
        (Post("p", "failed"), True),
        (Post("p", "a status of tomorrow"), False),
    ],
)
def test_when_a_post_is_done(post: Post, done: bool):
    assert post.has_ended is done


def test_the_interval_is_an_upper_bound_while_all_is_well():
    pace = Pace(10)
    assert all(9 <= pace.after(None) <= 10 for _ in range(100))


def test_faults_slow_down_within_a_bound_and_answers_speed_up_again():
    pace = Pace(1)
    delays = [pace.after(TransientError("m")) for _ in range(20)]
    assert max(delays) <= 60
    assert delays[10] >= 30
    assert pace.after(None) <= 1


def test_the_services_own_delay_decides_but_never_hurries():
    assert Pace(10).after(RateLimitedError("m", retry_after=90)) == 90
    assert Pace(10).after(RateLimitedError("m", retry_after=1)) == 10


def test_the_service_is_believed_the_third_time_in_a_row():
    pace = Pace(1)
    gone = NotFoundError("gone", http_status=404)
    pace.after(gone)
    pace.after(gone)
    pace.after(None)
    pace.after(gone)
    pace.after(gone)
    with pytest.raises(NotFoundError):
        pace.after(gone)


def test_a_connection_that_seems_to_be_missing_may_be_an_outage():
    pace = Pace(1)
    for _ in range(2):
        assert pace.after(InvalidRequestError("no such connection")) > 0
    with pytest.raises(InvalidRequestError):
        pace.after(InvalidRequestError("no such connection"))


def progress() -> Progress:
    return Progress("Pictory job j", log)


def run_sync(ask: Callable[[], Any], deadline: float) -> Any:
    return wait(ask, interval=0.001, deadline=deadline, progress=progress())


class Answers:
    """A transport that answers what a function does."""

    conn_id = "pictory_default"
    allowance = None

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask

    async def refresh(self) -> Endpoint:
        return Endpoint("https://api.example", "k" * 8, requests_per_minute=1e6)

    async def send(self, request: Any) -> Any:
        return self.ask()

    async def close(self) -> None:
        pass


def run_async(ask: Callable[[], Any], deadline: float) -> Any:
    async def waited() -> Any:
        dispatcher = Dispatcher(cast(Any, Answers(ask)))
        wait: Wait[Any] = Wait(interval=0.001, deadline=deadline, progress=progress())
        try:
            return await dispatcher.wait(get_job("j"), wait, "j")
        finally:
            await dispatcher.close()

    return asyncio.run(waited())


@pytest.mark.parametrize("run", [run_sync, run_async])
class TestLoops:
    def test_asks_until_it_is_done(self, run: Any):
        answers = iter([BUSY, BUSY, DONE])
        assert run(lambda: next(answers), time.time() + 60) == DONE
        assert list(answers) == []

    def test_waits_out_what_may_pass(self, run: Any, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("airflow_provider_pictory.polling.next_poll.backoff", lambda *_, **__: 0.001)
        answers: list[Any] = [TransientError("m"), InvalidResponseError("m"), BUSY, RateLimitedError("m"), DONE]

        def ask() -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert run(ask, time.time() + 60) == DONE

    def test_asks_once_more_when_the_deadline_has_passed(self, run: Any):
        assert run(lambda: DONE, time.time() - 100) == DONE
        asked: list[int] = []

        def busy() -> ImageJob:
            asked.append(1)
            return BUSY

        with pytest.raises(AirflowSensorTimeout, match="Pictory job j is not done after 0 s: the timeout has passed"):
            run(busy, time.time() - 100)
        assert len(asked) == 1

    def test_the_timeout_tells_the_last_fault(self, run: Any):
        def ask() -> Any:
            raise TransientError("the service is down")

        with pytest.raises(AirflowSensorTimeout, match="the service is down"):
            run(ask, time.time() + 0.01)


class TestList:
    """What a list says of a job that is polled every 10 s and was submitted just now."""

    @pytest.fixture
    def waiting(self, monkeypatch: pytest.MonkeyPatch) -> Wait[ImageJob]:
        monkeypatch.setattr("airflow_provider_pictory.polling.waiting.SAMPLE", 0.0)
        return Wait(interval=10, deadline=time.time() + 3600, progress=progress())

    def test_in_progress_puts_the_next_poll_off(self, waiting: Wait[ImageJob]):
        due_at = waiting.due_at(5)
        for second in range(1, 8):
            waiting.listed(due_at + second, in_progress=True)
        assert due_at + 7 + 9 <= waiting.due_at(5) <= due_at + 7 + 10

    def test_but_not_for_ever(self, waiting: Wait[ImageJob]):
        due_at = waiting.due_at(5)
        for second in range(1, 1000):
            waiting.listed(due_at + second, in_progress=True)
        assert due_at + 25 <= waiting.due_at(5) <= due_at + 50
        assert waiting.due_at(0) == pytest.approx(due_at)  # without the list

    def test_a_few_are_polled_all_the_same(self, waiting: Wait[ImageJob], monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("airflow_provider_pictory.polling.waiting.SAMPLE", 1.0)
        due_at = waiting.due_at(5)
        waiting.listed(due_at - 1, in_progress=True)
        assert waiting.due_at(5) == pytest.approx(due_at)

    def test_what_has_ended_is_due_now(self, waiting: Wait[ImageJob]):
        now = time.monotonic()
        waiting.listed(now + 1, in_progress=True)
        waiting.listed(now + 2, in_progress=False)
        assert waiting.due_at(5) <= now
        waiting.take(BUSY, now + 3)  # the list was wrong
        assert waiting.due_at(5) > now + 8

    def test_the_service_is_left_alone_as_long_as_it_wants(self, waiting: Wait[ImageJob]):
        now = time.monotonic()
        waiting.take(RateLimitedError("m", retry_after=60), now)
        waiting.listed(now + 1, in_progress=False)
        assert waiting.due_at(5) >= now + 60

    def test_a_page_that_was_overtaken_says_nothing(self, waiting: Wait[ImageJob]):
        now = time.monotonic()
        waiting.take(BUSY, now + 1)
        due_at = waiting.due_at(5)
        waiting.listed(now - 5, in_progress=True)
        assert waiting.due_at(5) == due_at


def test_lengths_of_time():
    assert seconds("timeout", 5) == 5
    assert seconds("timeout", dt.timedelta(minutes=2)) == 120
    assert seconds("timeout", " 1.5 ") == 1.5
    for wrong in (0, -1, "0", "-1", "", "soon", "None", None, True, float("inf"), float("nan")):
        with pytest.raises(InvalidRequestError, match="timeout: is "):
            seconds("timeout", wrong)
