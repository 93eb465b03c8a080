"""Waiting for one job or post: when to poll next, and what each response means. Without I/O, but for :func:`wait`."""

from __future__ import annotations

import contextvars
import random
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

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

SAMPLE = 0.01
"""The share of the jobs that a list shows in progress which are polled at their own time, to check the list."""


class Wait(Generic[T]):
    """
    One job or post that is waited for. Times are seconds of the monotonic clock, but for the parameters.

    :param interval: the maximum number of seconds between two polls.
    :param deadline: the unix time of the last poll.
    :param progress: logs the progress, into the log of the task in whose context this is created.
    :param start: the unix time at which polling starts.
    :param since: the unix time at which the job was submitted, if known.
    :param completion_times: those of similar jobs.
    """

    result: T | None = None
    """The job or post, once it has ended."""

    def __init__(
        self,
        *,
        interval: float,
        deadline: float,
        progress: Progress,
        start: float = 0.0,
        since: float | None = None,
        completion_times: CompletionTimes | None = None,
    ) -> None:
        now = time.monotonic()
        offset = now - time.time()
        self.interval = interval
        self._deadline = deadline + offset
        self._progress = progress
        self._context = contextvars.copy_context()
        self._pace = Pace(interval)
        self._step = interval * random.uniform(0.9, 1.0)
        self._not_before = (start or since or time.time()) + offset
        if now > self._not_before + interval:  # another triggerer's jobs, taken over all at once
            self._not_before = now + random.uniform(0.0, interval)
        if since is None or completion_times is None:
            self._since, self._times = self._not_before, CompletionTimes()
        else:
            self._since, self._times = since + offset, completion_times
        # One in ten is polled earlier, to notice when jobs become faster.
        self._early_age = self._times.earliest * random.uniform(0.5, 1.0) if random.random() < 0.1 else 0.0
        self._age = 0.0
        self._listed_since: float | None = None
        self.is_listed_as_ended = False
        self._patience_seconds = interval * random.uniform(0.5, 1.0)

    def due_at(self, patience: float = 0.0) -> float:
        """
        Return when to poll next.

        :param patience: for how many intervals at most a list of jobs can put this off.
        """
        due = (
            0.0
            if self.is_listed_as_ended
            else self._since + (self._early_age or self._times.next(self._age, self._step))
        )
        if self._listed_since is not None:
            due = min(due, self._listed_since + patience * self._patience_seconds)
        return min(max(due, self._not_before), self._deadline)

    @property
    def is_listed_in_progress(self) -> bool:
        """Whether a list has shown it in progress since its last poll."""
        return self._listed_since is not None and not self.is_listed_as_ended

    def take(self, answer: T | ServiceError, sent_at: float) -> None:
        """
        Take the answer to a poll that was sent at ``sent_at``.

        :raises AirflowSensorTimeout: if it has not ended at the deadline.
        :raises ServiceError: the error, if it is permanent and confirmed.
        """
        error = answer if isinstance(answer, ServiceError) else None
        if not isinstance(answer, ServiceError):
            age = time.monotonic() - self._since
            if answer.has_ended:
                self._times.note(self._since, age, before=self._age)
                self.result = answer
                return
            self._age, self._early_age = age, 0.0
            self._listed_since, self.is_listed_as_ended = None, False
            self._patience_seconds = self.interval * random.uniform(0.5, 1.0)
        delay = self._pace.after(error)
        if sent_at >= self._deadline:
            raise AirflowSensorTimeout(self._progress.too_late(error))
        now = time.monotonic()
        delay = min(delay, max(0.0, self._deadline - now))
        if error is None:
            self._step = delay
        else:
            self._not_before = now + delay
        self._context.run(self._progress.note, error, delay)

    def listed(self, sent_at: float, *, in_progress: bool) -> None:
        """Take what a page of the list of jobs says, which was requested at ``sent_at``."""
        if not in_progress:
            self.is_listed_as_ended = True
        elif sent_at - self._since > self._age:
            if self._listed_since is None:
                self._listed_since = self.due_at()
            if random.random() < SAMPLE:
                self._patience_seconds = 0.0
            self._age, self._early_age = sent_at - self._since, 0.0


def wait(poll: Callable[[], T], *, interval: float, deadline: float, progress: Progress) -> T:
    """
    Poll until the job or post has ended, sleeping in between; transient errors are retried until the deadline.

    :param poll: sends one request.
    :param interval: the maximum number of seconds between two requests.
    :param deadline: the unix time of the last request.
    :param progress: logs the progress.
    :raises AirflowSensorTimeout: at the deadline.
    :raises ServiceError: on a permanent error.
    """
    waiting: Wait[T] = Wait(interval=interval, deadline=deadline, progress=progress)
    while True:
        sent_at = time.monotonic()
        answer: T | ServiceError
        try:
            answer = poll()
        except ServiceError as error:
            answer = error
        waiting.take(answer, sent_at)
        if waiting.result is not None:
            return waiting.result
        time.sleep(max(0.0, waiting.due_at() - time.monotonic()))
