"""How a long wait is logged: ever more rarely."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_pictory.exceptions import TransientError
from airflow_provider_pictory.polling.progress import Progress, span


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, msg: str, /, *args: Any) -> None:
        self.lines.append(f"INFO {msg % args}")

    def warning(self, msg: str, /, *args: Any) -> None:
        self.lines.append(f"WARNING {msg % args}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the time be what the list holds."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: now[0] + 1e9)
    return now


def test_a_wait_that_goes_well_says_so_ever_more_rarely(clock: list[float]):
    log = Log()
    progress = Progress("Pictory job j", log, since=clock[0] + 1e9 - 20)
    for _ in range(4 * 3600 // 15):
        clock[0] += 15
        progress.note(None, 15)
    assert [line.removeprefix("INFO Pictory job j: still in progress after ") for line in log.lines] == [
        "5 min", "15 min", "35 min", "75 min", "2.6 h",
    ]  # fmt: skip
    assert progress.age == 4 * 3600 + 20


def test_an_outage_is_told_at_once_then_rarely_and_its_end_once(clock: list[float]):
    log = Log()
    progress = Progress("Pictory job j", log)
    for _ in range(60):
        progress.note(TransientError("it is down"), 10)
        clock[0] += 10
    progress.note(None, 15)
    progress.note(None, 15)
    assert log.lines == [
        "WARNING Pictory job j: it is down; asking again in 10 s",
        "WARNING Pictory job j: no good answer for 60 s, the last: it is down",
        "WARNING Pictory job j: no good answer for 3 min, the last: it is down",
        "WARNING Pictory job j: no good answer for 7 min, the last: it is down",
        "INFO Pictory job j: the service answers again, after 10 min",
    ]
    assert progress.age is None


def test_a_post_for_later_is_not_late_before_it_is_due(clock: list[float]):
    log = Log()
    progress = Progress("PostEverywhere post p", log, since=clock[0] + 1e9 + 3600)
    assert progress.age == 0
    clock[0] += 3610
    progress.note(None, 15)
    assert (progress.age, log.lines) == (10, [])
    assert progress.too_late(TransientError("down")) == (
        "PostEverywhere post p is not done after 10 s: the timeout has passed; the last answer: down"
    )


def test_lengths_of_time():
    assert [span(seconds) for seconds in (0.2, 59.6, 99.4, 100, 3600, 6000, 90000)] == [
        "0 s", "60 s", "99 s", "2 min", "60 min", "1.7 h", "25.0 h",
    ]  # fmt: skip
