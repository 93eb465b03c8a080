"""When to poll next: after an interval, after an error, and from the completion times of similar jobs."""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from dataclasses import dataclass

from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.exceptions import ServiceError, TransientError
from airflow_provider_pictory.version_compat import AirflowFailException

CONFIRMATIONS = 3
"""
The number of permanent errors in a row after which polling stops.

More than one, since a connection also seems missing while the database or the secrets back end is down.
"""


@dataclass
class Pace:
    """Computes the delay until the next poll; ``interval`` is the maximum in seconds while polls succeed."""

    interval: float
    faults: int = 0
    refusals: int = 0

    def after(self, error: ServiceError | None) -> float:
        """
        Return the seconds until the next poll.

        :param error: the error of the last poll; None if the job or post is still in progress.
        :raises ServiceError: the error, if it is permanent and confirmed.
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


class CompletionTimes:
    """
    The completion times of the last hundred jobs of one kind, as seen by this process.

    The first poll of a job is due at the latest of these times that is within one interval of the earliest.
    """

    def __init__(self) -> None:
        self._jobs: list[tuple[float, float]] = []
        self._ages: list[float] = []

    @property
    def earliest(self) -> float:
        """The age in seconds before which no job has ended, reduced while few are known; 0 if none is."""
        return self._ages[0] * min(1.0, len(self._ages) / 20) if self._ages else 0.0

    def note(self, since: float, age: float, *, before: float) -> None:
        """
        Record a job that has ended.

        :param since: when it was submitted.
        :param age: its age when it was seen to have ended.
        :param before: its age when it was last seen in progress; 0 if never.
        """
        earliest = self.earliest
        if age < earliest:
            ended = age
        elif before < earliest:
            ended = min(self._ages[0], age)  # ended before it was polled: no new information
        else:
            # Not the middle: the minimum of many such estimates would be too low.
            ended = before + (age - before) * 2 / 3
        insort(self._jobs, (since, ended))
        del self._jobs[:-100]
        self._ages = sorted(ended for _, ended in self._jobs)

    def next(self, age: float, interval: float) -> float:
        """
        Return the age at which to poll a job next.

        :param age: its age at the last poll; 0 if there was none.
        :param interval: the maximum number of seconds between two polls.
        """
        earliest = self.earliest
        if age >= earliest:
            return age + interval
        last = self._ages[bisect_right(self._ages, self._ages[0] + interval) - 1]
        return earliest + min(max(last - self._ages[0], interval / 5), interval)
