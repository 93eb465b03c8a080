"""When a job is asked for, given what is known of jobs like it: on simulated nights and on a recorded one."""

from __future__ import annotations

import heapq
import json
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pictory.polling.next_poll import CompletionTimes

INTERVAL = 15.0


@dataclass
class Noticed:
    """What became of a job: how often it was asked for, and how long its end went unnoticed."""

    requests: int
    delay: float


def simulate(durations: Sequence[float], spacing: float, interval: float = INTERVAL) -> list[Noticed]:
    """Let jobs be submitted one after the other, and be asked for as the triggers do."""
    rng = random.Random(1)
    completion_times = CompletionTimes()
    found: dict[int, Noticed] = {}
    moments = [(n * spacing, n, 0.0, 0, 0.0) for n in range(len(durations))]
    while moments:
        now, n, asked, requests, early = heapq.heappop(moments)
        since, age = n * spacing, now - n * spacing
        if age == 0 and rng.random() < 0.1:
            early = completion_times.earliest * rng.uniform(0.5, 1.0)
        due = early or completion_times.next(asked, interval * rng.uniform(0.9, 1.0))
        if due > age + 1e-6:
            heapq.heappush(moments, (min(since + due, now + interval), n, asked, requests, early))
        elif age >= durations[n]:
            completion_times.note(since, age, before=asked)
            found[n] = Noticed(requests + 1, age - durations[n])
        else:
            heapq.heappush(moments, (now + 1e-6, n, max(age, 1e-6), requests + 1, 0.0))
    return [found[n] for n in range(len(durations))]


def plain(durations: Sequence[float], interval: float = INTERVAL) -> list[Noticed]:
    """Ask at every interval."""
    return [Noticed(int(d // interval) + 1, interval - d % interval) for d in durations]


def drawn(draw: Callable[[random.Random], float], size: int = 600) -> list[float]:
    rng = random.Random(2)
    return [draw(rng) for _ in range(size)]


RECORDED = json.loads((Path(__file__).parent / "completion_times.json").read_text(encoding="utf-8"))
NIGHTS = {
    "uniform": drawn(lambda rng: rng.uniform(60, 180)),
    "lognormal": drawn(lambda rng: rng.lognormvariate(4.4, 0.4)),
    "narrow": drawn(lambda rng: rng.uniform(119, 121)),
    "two kinds": drawn(lambda rng: rng.gauss(60, 2) if rng.random() < 0.5 else rng.gauss(150, 5)),
    "recorded": RECORDED,
}


@pytest.mark.parametrize("durations", NIGHTS.values(), ids=NIGHTS.keys())
@pytest.mark.parametrize("spacing", [0.1, 2.0, 60.0])
def test_fewer_requests_and_no_later(durations: list[float], spacing: float):
    learned, asked = simulate(durations, spacing)[100:], plain(durations)[100:]
    # Of those that are submitted all at once, most are on their way before anything is known.
    share = 1.05 if spacing == 0.1 else 0.8
    assert statistics.mean(x.requests for x in learned) < share * statistics.mean(x.requests for x in asked)
    assert statistics.median(x.delay for x in learned) <= 1.2 * INTERVAL / 2
    assert statistics.quantiles((x.delay for x in learned), n=20)[-1] <= 1.5 * INTERVAL


def test_it_notices_when_jobs_become_faster():
    durations = [*drawn(lambda rng: rng.uniform(110, 130), 200), *drawn(lambda rng: rng.uniform(25, 35), 200)]
    after = simulate(durations, 5.0)[300:]
    assert statistics.median(x.delay for x in after) <= INTERVAL


def test_it_notices_when_jobs_become_slower():
    durations = [*drawn(lambda rng: rng.uniform(25, 35), 200), *drawn(lambda rng: rng.uniform(110, 130), 200)]
    after = simulate(durations, 5.0)[320:]
    assert statistics.mean(x.requests for x in after) <= 3
    assert statistics.median(x.delay for x in after) <= INTERVAL


def test_nothing_known_is_plain_polling():
    completion_times = CompletionTimes()
    assert completion_times.earliest == 0
    assert completion_times.next(0.0, 15) == 15
    assert completion_times.next(40.0, 15) == 55


def test_the_first_request_is_an_interval_after_the_first_ends_at_the_latest():
    completion_times = CompletionTimes()
    for n in range(100):
        completion_times.note(n, 61 + n, before=58 + n)
    assert completion_times.earliest == 60
    assert completion_times.next(0.0, 15) == 75
    assert completion_times.next(70.0, 15) == 85


def test_what_ends_at_the_same_age_is_asked_for_soon_after():
    completion_times = CompletionTimes()
    for n in range(20):
        completion_times.note(n, 61.0 if n % 2 else 161.0, before=58.0 if n % 2 else 158.0)
    assert completion_times.next(0.0, 15) == 63


def test_little_evidence_counts_little():
    completion_times = CompletionTimes()
    completion_times.note(0.0, 100.0, before=97.0)
    assert completion_times.earliest == pytest.approx(99 / 20)


def test_of_a_crowd_the_fast_ones_are_not_forgotten():
    completion_times = CompletionTimes()
    for age in range(10, 1010):  # submitted at once, by lot: the slow are the last to end
        completion_times.note(random.Random(age).random(), age + 1.0, before=age - 1.0)
    assert completion_times.earliest < 150


@given(st.lists(st.tuples(*[st.floats(0, 1e9)] * 3), max_size=300), st.floats(0, 1e9), st.floats(0.01, 1e6))
def test_whatever_it_saw_a_job_is_asked_for_within_an_interval(
    seen: list[tuple[float, float, float]], asked: float, interval: float
):
    completion_times = CompletionTimes()
    for since, age, before in seen:
        completion_times.note(since, age, before=min(before, age))
    assert len(completion_times._jobs) <= 100
    begin = max(asked, completion_times.earliest)
    assert asked <= completion_times.next(asked, interval) <= begin + interval
    assert completion_times.earliest <= max((age for _, age, _ in seen), default=0.0)
