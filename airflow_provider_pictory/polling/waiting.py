"""Waiting for a job or a post: asking until it has ended, or until the deadline. The loops differ in the I/O alone."""

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
    """What is waited for: a job, or a post."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""


T = TypeVar("T", bound=Awaited)


def wait(
    ask: Callable[[], T],
    *,
    interval: float,
    deadline: float,
    progress: Progress,
) -> T:
    """
    Ask until it is done, sleeping in between. What may pass by itself is waited out until the deadline.

    :param ask: sends one request.
    :param interval: seconds between two requests at most.
    :param deadline: the unix time at which the last request is made.
    :param progress: says how it goes.
    :raises AirflowSensorTimeout: at the deadline.
    :raises ServiceError: if asking again is useless.
    """
    pace = Pace(interval)
    while True:
        error = None
        late = time.time() >= deadline
        try:
            answer = ask()
            if answer.has_ended:
                return answer
        except ServiceError as fault:
            error = fault
        time.sleep(_next(pace, error, late=late, left=deadline - time.time(), progress=progress))


async def wait_async(
    ask: Callable[[], Awaitable[T]],
    *,
    interval: float,
    deadline: float,
    progress: Progress,
    start: float = 0.0,
    since: float | None = None,
    completion_times: CompletionTimes | None = None,
) -> T:
    """
    Do as :func:`wait` does, in an event loop, and at better moments.

    :param start: the unix time at which asking begins.
    :param since: the unix time at which the job was submitted, if that is known.
    :param completion_times: what is known of jobs like it.
    """
    clock = asyncio.get_running_loop().time
    offset = clock() - time.time()  # what follows goes by a clock that nobody sets
    deadline += offset
    begin = (start or since or time.time()) + offset
    if clock() > begin + interval:  # a triggerer has taken over all the jobs of another
        begin = clock() + random.uniform(0.0, interval)
    await asyncio.sleep(min(begin, deadline) - clock())
    if since is None or completion_times is None:
        since, completion_times = clock(), CompletionTimes()
    else:
        since = min(since + offset, clock())
    # One in ten is asked for early, so that it does not stay unnoticed when jobs begin to end earlier.
    early = completion_times.earliest * random.uniform(0.5, 1.0) if random.random() < 0.1 else 0.0
    asked = 0.0
    pace = Pace(interval)
    while True:
        step = interval * random.uniform(0.9, 1.0)
        # In short sleeps, since what is seen of other jobs meanwhile may make this one due.
        while (now := clock()) < min(  # noqa: ASYNC110
            due := since + (early or completion_times.next(asked, step)), deadline
        ):
            await asyncio.sleep(min(due, now + interval, deadline) - now)
        early = 0.0
        error = None
        late = now >= deadline
        try:
            answer = await ask()
        except ServiceError as fault:
            error = fault
        else:
            age = clock() - since
            if answer.has_ended:
                completion_times.note(since, age, before=asked)
                return answer
            del answer
            asked = age
        delay = _next(pace, error, late=late, left=deadline - clock(), progress=progress)
        if error is not None:
            await asyncio.sleep(delay)


def _next(pace: Pace, error: ServiceError | None, *, late: bool, left: float, progress: Progress) -> float:
    delay = pace.after(error)
    if late:
        raise AirflowSensorTimeout(progress.too_late(error))
    delay = min(delay, max(0.0, left))
    progress.note(error, delay)
    return delay
