"""When the list is read, and what its pages tell of itself: on simulated lists."""

from __future__ import annotations

import logging
import time
from math import inf
from typing import Any

import pytest

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import list_jobs
from airflow_provider_pictory.polling import job_list
from airflow_provider_pictory.polling.job_list import JobList
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import Wait

INTERVAL = 10.0
NOW = 5000.0


def ids(count: int) -> set[str]:
    return {f"job-{number}" for number in range(count)}


def read(jobs: JobList, pages: list[list[ImageJob]], now: float = NOW, waits: set[str] | None = None) -> list[str]:
    """Read pages until the list wants no more; return the ids that were handed on."""
    found: list[str] = []
    for number, page in enumerate(pages, 1):
        if not jobs.is_reading:
            break
        jobs.next_page()
        cursor = f"page-{number + 1}" if number < len(pages) else None
        found += [job.job_id for job in jobs.read((page, cursor), waits or ids(1000), now, now + 0.01)]
    return found


def shown(count: int, per_page: int, status: str = "in-progress", others: int = 0) -> list[list[ImageJob]]:
    """Return the pages of a list, with jobs of others after each of ours."""
    items = []
    for number in range(count):
        items.append(ImageJob(f"job-{number}", status))
        items += [ImageJob(f"other-{number}-{other}", "completed") for other in range(others)]
    return [items[at : at + per_page] for at in range(0, len(items), per_page)]


def begin(jobs: JobList, count: int, now: float = NOW) -> bool:
    jobs.begin(lambda until: ids(count), INTERVAL, now)
    return jobs.is_reading


@pytest.fixture
def jobs() -> JobList:
    return JobList(list_jobs, lambda: None)


def test_few_jobs_are_polled_one_by_one(jobs: JobList):
    assert not begin(jobs, job_list.MIN_JOBS - 1)
    assert jobs.wanted_at(NOW, INTERVAL) > NOW
    assert begin(jobs, job_list.MIN_JOBS)


def test_pages_are_read_until_all_are_found(jobs: JobList):
    assert begin(jobs, 50)
    assert len(read(jobs, shown(100, per_page=20))) == 60
    assert not jobs.is_reading
    assert jobs.patience > 0


def test_the_fewer_pages_it_takes_the_more_often_it_is_read(jobs: JobList):
    periods = []
    for per_page in (10, 20, 100):
        assert begin(jobs, 100)
        read(jobs, shown(100, per_page, status="completed"))
        periods.append(jobs.wanted_at(inf, INTERVAL) - NOW)
    assert periods == [7.5, 5.0, 2.0]


def test_a_list_full_of_other_jobs_is_left_alone(jobs: JobList):
    assert begin(jobs, 30)
    read(jobs, shown(30, per_page=20, others=50))
    assert not jobs.is_reading
    assert jobs.patience == 0
    assert not begin(jobs, 30, NOW + job_list.PAUSE / 2)
    assert begin(jobs, 30, NOW + 1.1 * job_list.PAUSE)


def test_pages_that_take_longer_than_as_many_polls_are_left_alone(jobs: JobList):
    wait: Wait[Any] = Wait(
        interval=INTERVAL, deadline=time.time() + 60, progress=Progress("x", logging.getLogger(__name__))
    )
    jobs.polled("job-x", wait, NOW, NOW + 0.0001, has_ended=False)
    assert begin(jobs, 50)
    read(jobs, shown(50, per_page=20))
    assert jobs.patience > 0  # it may have been an accident
    assert begin(jobs, 50, NOW + INTERVAL)
    read(jobs, shown(50, per_page=20), NOW + INTERVAL)
    assert jobs.patience == 0


def test_a_list_that_shows_in_progress_what_has_ended_is_left_alone(jobs: JobList):
    wait: Wait[Any] = Wait(
        interval=INTERVAL, deadline=time.time() + 60, progress=Progress("x", logging.getLogger(__name__))
    )
    jobs.polled("job-7", wait, NOW, NOW + 1, has_ended=True)
    assert begin(jobs, 50, NOW + 2)
    assert read(jobs, shown(50, per_page=20), NOW + 2)  # it may be on its way
    assert begin(jobs, 50, NOW + 10)
    assert read(jobs, shown(50, per_page=20), NOW + 10) == []
    assert jobs.patience == 0


def test_a_status_of_tomorrow_says_nothing(jobs: JobList):
    assert begin(jobs, 20)
    assert read(jobs, shown(20, per_page=20, status="paused")) == []


def test_without_a_list_nothing_is_put_off():
    without = JobList(None, lambda: None)
    assert without.patience == 0
    assert without.wanted_at(NOW, INTERVAL) == inf
