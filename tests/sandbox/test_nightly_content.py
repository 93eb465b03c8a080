"""When the example DAG's posts are due, whatever run it is and whenever it is executed."""

from __future__ import annotations

import datetime as dt
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox

DAG = Path(__file__).parents[2] / "dags" / "nightly_content.py"

pytestmark = pytest.mark.usefixtures("connections")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+00:00")


def briefs(run: dict[str, Any], data_interval_end: dt.datetime | None = None) -> list[dict[str, Any]]:
    """Let the DAG's first task settle the briefs of a run."""
    task = runpy.run_path(str(DAG))["briefs"]
    found: list[dict[str, Any]] = task.function(SimpleNamespace(**run), data_interval_end)
    return found


RUNS = {
    "scheduled": ({"run_type": "scheduled", "run_after": utc("2026-11-20T01:00")}, "2026-11-20T07:00:00+01:00"),
    "backfill": ({"run_type": "backfill", "run_after": utc("2026-03-10T01:00")}, "2026-03-10T07:00:00+01:00"),
    "the clock is put forward": (
        {"run_type": "scheduled", "run_after": utc("2026-03-29T01:00")},
        "2026-03-29T07:00:00+02:00",
    ),
    "the clock is put back": (
        {"run_type": "scheduled", "run_after": utc("2026-10-25T00:00")},
        "2026-10-25T07:00:00+01:00",
    ),
    "by hand, in the afternoon": (
        {"run_type": "manual", "logical_date": None, "run_after": utc("2026-11-20T14:00")},
        "2026-11-21T07:00:00+01:00",
    ),
    "by hand, before the clock is put forward": (
        {"run_type": "manual", "logical_date": None, "run_after": utc("2026-03-28T14:00")},
        "2026-03-29T07:00:00+02:00",
    ),
    # With data intervals, run_after is the end of the last whole one.
    "by hand, with a date": (
        {"run_type": "manual", "logical_date": utc("2026-11-20T14:00"), "run_after": utc("2026-11-20T01:00")},
        "2026-11-21T07:00:00+01:00",
    ),
    "by hand, at the last moment": (
        {"run_type": "manual", "logical_date": utc("2026-11-20T05:50")},
        "2026-11-21T07:00:00+01:00",
    ),
    "by an asset": (
        {"run_type": "asset_triggered", "logical_date": None, "run_after": utc("2026-11-20T14:00")},
        "2026-11-21T07:00:00+01:00",
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_post_is_due_when_the_clock_next_shows_its_time_after_the_runs(name: str, sandbox: Sandbox):
    run, seven = RUNS[name]
    assert briefs(run)[0]["post_at"] == seven


def test_on_airflow_2_the_end_of_the_data_interval_is_the_runs_time(sandbox: Sandbox):
    run = {"run_type": "scheduled", "logical_date": utc("2026-11-19T01:00")}
    assert briefs(run, utc("2026-11-20T01:00"))[0]["post_at"] == "2026-11-20T07:00:00+01:00"


def test_pictures_are_made_up_to_a_quarter_of_an_hour_before(sandbox: Sandbox):
    for brief in briefs({"run_type": "scheduled", "run_after": utc("2026-11-20T01:00")}):
        due, latest = map(dt.datetime.fromisoformat, (brief["post_at"], brief["make_by"]))
        assert due - latest == dt.timedelta(minutes=15)
