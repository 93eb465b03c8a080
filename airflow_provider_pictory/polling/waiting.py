"""Polling a job or a post until it has ended, or until the deadline: blocking, or in an event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from airflow_provider_pictory.exceptions import ServiceError
from airflow_provider_pictory.polling.next_poll import CompletionTimes, Pace
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.version_compat import AirflowSensorTimeout


class Awaited(Protocol):
    """A job or a post."""

    @property
    def has_ended(self) -> bool:
        """Whether its status is final."""


T = TypeVar("T", bound=Awaited)


def wait(
    poll: Callable[[], T],
    *,
    interval: float,
    deadline: float,
    progress: Progress,
) -> T:
    """
    Poll until the job or post has ended, sleeping in between; transient errors are retried until the deadline.

    :param poll: sends one request.
    :param interval: the maximum number of seconds between two requests.
    :param deadline: the unix time of the last request.
    :param progress: logs the progress.
    :raises AirflowSensorTimeout: at the deadline.
    :raises ServiceError: on a permanent error.
    """
    pace = Pace(interval)
    while True:
        error = None
        is_last = time.time() >= deadline
        try:
            result = poll()
            if result.has_ended:
                return result
        except ServiceError as exception:
            error = exception
        time.sleep(_delay(pace, error, is_last=is_last, remaining=deadline - time.time(), progress=progress))


async def wait_async(
    poll: Callable[[], Awaitable[T]],
    *,
    interval: float,
    deadline: float,
    progress: Progress,
    start: float = 0.0,
    since: float | None = None,
    completion_times: CompletionTimes | None = None,
) -> T:
    """
    Poll like :func:`wait`, in an event loop, at times that depend on the completion times of similar jobs.

    :param start: the unix time at which polling starts.
    :param since: the unix time at which the job was submitted, if known.
    :param completion_times: those of similar jobs.
    """
    clock = asyncio.get_running_loop().time
    offset = clock() - time.time()  # from here on, times are those of the monotonic clock
    deadline += offset
    first_poll = (start or since or time.time()) + offset
    if clock() > first_poll + interval:  # another triggerer's jobs, taken over all at once
        first_poll = clock() + random.uniform(0.0, interval)
    await asyncio.sleep(min(first_poll, deadline) - clock())
    if since is None or completion_times is None:
        since, completion_times = clock(), CompletionTimes()
    else:
        since = min(since + offset, clock())
    # One in ten is polled earlier, to notice when jobs become faster.
    early_age = completion_times.earliest * random.uniform(0.5, 1.0) if random.random() < 0.1 else 0.0
    last_age = 0.0
    pace = Pace(interval)
    while True:
        step = interval * random.uniform(0.9, 1.0)
        # Sleep in short steps, since other jobs' completion times may move this poll forward.
        while (now := clock()) < min(  # noqa: ASYNC110
            due := since + (early_age or completion_times.next(last_age, step)), deadline
        ):
            await asyncio.sleep(min(due, now + interval, deadline) - now)
        early_age = 0.0
        error = None
        is_last = now >= deadline
        try:
            result = await poll()
        except ServiceError as exception:
            error = exception
        else:
            age = clock() - since
            if result.has_ended:
                completion_times.note(since, age, before=last_age)
                return result
            del result
            last_age = age
        delay = _delay(pace, error, is_last=is_last, remaining=deadline - clock(), progress=progress)
        if error is not None:
            await asyncio.sleep(delay)


def _delay(pace: Pace, error: ServiceError | None, *, is_last: bool, remaining: float, progress: Progress) -> float:
    delay = pace.after(error)
    if is_last:
        raise AirflowSensorTimeout(progress.too_late(error))
    delay = min(delay, max(0.0, remaining))
    progress.note(error, delay)
    return delay
