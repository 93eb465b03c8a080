"""Waiting for a job or a post: when to ask again, and when waiting is over. The loops differ in the I/O alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_provider_pictory.exceptions import InputError, ServiceError, TransientError
from airflow_provider_pictory.http import backoff
from airflow_provider_pictory.models import ImageJob, Post

T = TypeVar("T")


class Log(Protocol):
    """The part of a logger that is used here; Airflow's are of several types."""

    def warning(self, msg: str, /, *args: Any) -> Any:
        """Log what a person may have to look into."""


CONFIRMATIONS = 3
"""
How often in a row it must turn out that asking is useless before it is believed.

Also of a connection that seems to be missing: so it looks while the database or the secrets back end is away.
"""


def is_job_done(job: ImageJob) -> bool:
    """
    Whether a job has ended. A status that is not known counts as in progress.

    So does a completed job without a picture's URL: the answer to come has it, or the timeout tells.
    """
    return job.status in ("failed", "cleaned") or (job.status == "completed" and job.url is not None)


def is_post_done(results: Post) -> bool:
    """Whether a post is published or failed on every account, and the service will not try again by itself."""
    if any(item.status == "queued" or item.next_retry_at is not None for item in results.destinations):
        return False
    return results.status in ("published", "partially_failed", "failed") or (
        bool(results.destinations)
        and all(item.status in ("published", "done", "failed") for item in results.destinations)
    )


@dataclass
class Pace:
    """
    When to ask again.

    :param interval: seconds between two requests at most, while all is well.
    """

    interval: float
    faults: int = 0
    refusals: int = 0

    def after(self, error: ServiceError | None) -> float:
        """
        Decide when to ask again after an answer that was not the last one.

        :param error: what the request ended with; None for a job or a post that is still on its way.
        :return: seconds to wait.
        :raises ServiceError: the error, if asking again is useless.
        """
        if error is None:
            self.faults = self.refusals = 0
            return self.interval * random.uniform(0.9, 1.0)
        self.faults += 1
        self.refusals = self.refusals + 1 if isinstance(error, AirflowFailException) else 0
        if self.refusals >= CONFIRMATIONS:
            raise error
        delay = max(self.interval, backoff(self.faults, limit=60.0))
        if isinstance(error, TransientError) and error.retry_after is not None:
            delay = max(self.interval, error.retry_after)
        return delay


def wait(
    ask: Callable[[], T],
    is_done: Callable[[T], bool],
    *,
    interval: float,
    deadline: float,
    log: Log,
) -> T:
    """
    Ask until it is done, sleeping in between. What may pass by itself is waited out until the deadline.

    :param ask: sends one request.
    :param is_done: whether an answer is the last one.
    :param interval: seconds between two requests at most.
    :param deadline: the unix time at which the last request is made.
    :raises AirflowSensorTimeout: at the deadline.
    :raises ServiceError: if asking again is useless.
    """
    pace = Pace(interval)
    while True:
        error = None
        late = time.time() >= deadline
        try:
            answer = ask()
            if is_done(answer):
                return answer
        except ServiceError as fault:
            error = fault
        time.sleep(_next(pace, error, late=late, deadline=deadline, log=log))


async def wait_async(
    ask: Callable[[], Awaitable[T]],
    is_done: Callable[[T], bool],
    *,
    interval: float,
    deadline: float,
    log: Log,
) -> T:
    """Do as :func:`wait` does, in an event loop."""
    pace = Pace(interval)
    while True:
        error = None
        late = time.time() >= deadline
        try:
            answer = await ask()
            if is_done(answer):
                return answer
        except ServiceError as fault:
            error = fault
        await asyncio.sleep(_next(pace, error, late=late, deadline=deadline, log=log))


def _next(pace: Pace, error: ServiceError | None, *, late: bool, deadline: float, log: Log) -> float:
    delay = pace.after(error)
    if late:
        raise AirflowSensorTimeout("The timeout has passed and it is not done" + (f"; last: {error}" if error else ""))
    delay = min(delay, max(0.0, deadline - time.time()))
    if error is not None:
        log.warning("%s; asking again in %.0f s", error, delay)
    return delay


def seconds(name: str, value: Any) -> float:
    """
    Read a length of time.

    :param value: seconds, or a timedelta.
    :raises InputError: if it is neither, or not above zero.
    """
    length = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if not isinstance(length, (int, float)) or isinstance(length, bool) or not 0 < length < float("inf"):
        raise InputError.of(name, f"is {value!r}", "seconds above 0, or such a timedelta")
    return float(length)
