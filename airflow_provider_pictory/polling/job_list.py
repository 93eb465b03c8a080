"""Reading the service's list of jobs in place of many single requests, while that answers more than it costs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf
from typing import Any

from airflow_provider_pictory.client.models import ImageJob, JobStatus
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.polling.waiting import Wait

MIN_JOBS = 10
"""The number of jobs due within an interval from which on the list is tried."""

MIN_JOBS_PER_PAGE = 2.5
"""The number of due jobs that a page must show on average."""

LEAD = 0.15
"""How long before the first job is due a reading begins, as a share of its interval."""

MIN_PERIOD, MAX_PERIOD = 0.2, 0.75
"""The time between two readings, as a share of the interval: the fewer pages they take, the shorter."""

PAUSE = 600.0
"""Seconds after which the list is tried again that failed, lagged behind, or showed few jobs."""

PATIENCE, PATIENCE_UNPROVED = 10.0, 2.0
"""The maximum time for which a job that the list shows in progress is not polled itself, in intervals."""

CHECKS = 10
"""The number of jobs that the list and a poll must both have shown in progress before the list is trusted."""


KEPT_ENDS = 1000
"""The number of ended jobs that are remembered, to see how far the list lags behind."""

Page = tuple[list[ImageJob], Any]
PageRequest = Callable[[Any, int], ApiRequest[Page]]
"""Makes the request for a page from its cursor, None for the first page, and its number."""


@dataclass
class Reading:
    """
    One reading of the list, from its first page on.

    :param jobs: the ids of the jobs that are due and were not found yet.
    """

    jobs: set[str]
    wanted: int
    interval: float
    started_at: float
    cursor: Any = None
    pages: int = 0
    seconds: float = 0.0

    @property
    def found(self) -> int:
        """How many of the jobs were found."""
        return self.wanted - len(self.jobs)


class JobList:
    """
    Decides when to read the list, and what its pages mean. Times are seconds of the monotonic clock.

    Nothing is known about a page: its size, what else it lists, how far it lags behind. All of that is measured.

    :param on_stop: called when the list is left alone: each job is then due by itself.
    """

    def __init__(self, page_request: PageRequest | None, on_stop: Callable[[], None]) -> None:
        self._page_request = page_request
        self._on_stop = on_stop
        self._reading: Reading | None = None
        self._not_before, self._next_at = 0.0, inf
        # What the last reading took: pages in all, until all jobs that were due were found. Infinite if it failed.
        self._pages = 1.0
        self._measured_at = 0.0
        self._agreements = 0
        self._poll_seconds = 0.0
        self._was_slow = False
        """Whether the last reading took longer than as many polls; a single one may be an accident."""
        self._ended_at: dict[str, float] = {}
        self._has_seen_ends = False

    @property
    def is_reading(self) -> bool:
        """Whether more pages are to be read now."""
        return self._reading is not None

    @property
    def patience(self) -> float:
        """For how many intervals at most a job that is listed in progress is not polled by itself."""
        if self._page_request is None or self._pages == inf:
            return 0.0
        return PATIENCE if self._agreements >= CHECKS else PATIENCE_UNPROVED

    def wanted_at(self, due_at: float, interval: float) -> float:
        """Return when to request a page, from when the first job is due, and its interval."""
        if self._page_request is None:
            return inf
        return 0.0 if self._reading else max(self._not_before, min(self._next_at, due_at - LEAD * interval))

    def begin(self, due_until: Callable[[float], set[str]], interval: float, now: float) -> None:
        """
        Begin a reading, if there is none and it is worth it.

        :param due_until: returns the ids of the jobs that are due until a time.
        """
        if self._reading is not None:
            return
        self._not_before, self._next_at = now + MIN_PERIOD * interval, inf
        jobs = due_until(now + interval)
        if now > self._measured_at + PAUSE:
            self._pages = 1.0
        if len(jobs) >= max(MIN_JOBS, MIN_JOBS_PER_PAGE * self._pages):
            self._reading = Reading(jobs, len(jobs), interval, now)

    def next_page(self) -> ApiRequest[Page] | None:
        """Return the request for the next page of the reading, if there is one."""
        if self._page_request is None or self._reading is None:
            return None
        self._reading.pages += 1
        return self._page_request(self._reading.cursor, self._reading.pages)

    def read(self, page: Page, waits: Collection[str], sent_at: float, now: float) -> list[ImageJob]:
        """
        Read a page.

        :return: the jobs on it that are waited for.
        """
        reading = self._reading
        if reading is None:
            return []
        jobs, reading.cursor = page
        reading.seconds += now - sent_at
        ours = []
        for job in jobs:
            status = JobStatus(job.status)
            if status == JobStatus.UNKNOWN:
                continue
            reading.jobs.discard(job.job_id)
            if status == JobStatus.IN_PROGRESS:
                ended_at = self._ended_at.get(job.job_id)
                if ended_at is not None and sent_at > ended_at + MIN_PERIOD * reading.interval:
                    self.stop(now)
                    return []
            if job.job_id in waits:
                ours.append(job)
                self._has_seen_ends |= status.is_final
        most_pages = max(3.0, reading.wanted / MIN_JOBS_PER_PAGE)
        if reading.cursor is None or not reading.jobs or reading.pages >= most_pages:
            self._finish(reading, now)
        return ours

    def _finish(self, reading: Reading, now: float) -> None:
        found = reading.found
        self._reading, self._measured_at = None, now
        was_slow, self._was_slow = self._was_slow, reading.seconds > found * self._poll_seconds > 0
        if (was_slow and self._was_slow) or found < MIN_JOBS_PER_PAGE * reading.pages:
            self._pages = inf
            self._on_stop()
            return
        self._pages = reading.pages * reading.wanted / found
        share = 10.0 * self._pages / reading.wanted if self._has_seen_ends else MAX_PERIOD
        period = reading.interval * min(MAX_PERIOD, max(MIN_PERIOD, share))
        self._has_seen_ends = False
        self._not_before = self._next_at = reading.started_at + period

    def stop(self, now: float) -> None:
        """Leave the list alone for a while."""
        self._reading, self._pages, self._measured_at, self._agreements = None, inf, now, 0
        self._on_stop()

    def polled(self, job_id: str, wait: Wait[Any], sent_at: float, now: float, *, has_ended: bool) -> None:
        """Note the poll of a single job, before ``wait`` does."""
        if wait.is_listed_as_ended and not has_ended:
            self.stop(now)
        self._agreements += wait.is_listed_in_progress and not has_ended
        self._poll_seconds += (now - sent_at - self._poll_seconds) * (0.1 if self._poll_seconds else 1.0)
        if has_ended:
            self._has_seen_ends = True
            self._ended_at[job_id] = now
            if len(self._ended_at) > KEPT_ENDS:
                del self._ended_at[next(iter(self._ended_at))]
