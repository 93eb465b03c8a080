"""When a job or a post is asked for next: after an interval, after an error, and as learnt from jobs like it."""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from dataclasses import dataclass

from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.exceptions import ServiceError, TransientError
from airflow_provider_pictory.version_compat import AirflowFailException

CONFIRMATIONS = 3
"""
How often in a row it must turn out that asking is useless before it is believed.

Also of a connection that seems to be missing: so it looks while the database or the secrets back end is away.
"""


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


class CompletionTimes:
    """
    At what ages jobs of one kind have ended, as far as this process has seen: of the hundred submitted last.

    From that follows when a job is worth asking for. Before the earliest of these ages it is not. It is as soon as
    those have ended that ended within an interval from then.
    """

    def __init__(self) -> None:
        self._jobs: list[tuple[float, float]] = []
        self._ages: list[float] = []

    @property
    def earliest(self) -> float:
        """The age before which none has ended; less while few are known; 0 if none is."""
        return self._ages[0] * min(1.0, len(self._ages) / 20) if self._ages else 0.0

    def note(self, since: float, age: float, *, before: float) -> None:
        """
        Take note of a job that was found to have ended.

        :param since: when it was submitted. Of a crowd the last to end are the slowest, but not the last submitted.
        :param age: how old it was when it was found to have ended.
        :param before: how old it was when it was last seen in progress; 0 if it never was.
        """
        earliest = self.earliest
        if age < earliest:
            ended = age
        elif before < earliest:
            ended = min(self._ages[0], age)  # while nobody looked: it says nothing new
        else:
            # Not in the middle: the earliest of many such guesses is one that guessed too low.
            ended = before + (age - before) * 2 / 3
        insort(self._jobs, (since, ended))
        del self._jobs[:-100]
        self._ages = sorted(ended for _, ended in self._jobs)

    def next(self, age: float, interval: float) -> float:
        """
        Decide at which age to ask for a job.

        :param age: how old it was when it was last asked for; 0 if it never was.
        :param interval: seconds between two requests at most.
        """
        earliest = self.earliest
        if age >= earliest:
            return age + interval
        last = self._ages[bisect_right(self._ages, self._ages[0] + interval) - 1]
        return earliest + min(max(last - self._ages[0], interval / 5), interval)
