"""
Real processes are killed at exact points; the sandbox counts what was paid for and what was posted.

Several rows run at a time. ``--whole`` runs every row on every executor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.conftest import SLOTS, Slots
from tests.system.processes import Airflow, wait_until
from tests.system.rows import FINISHED, POINTS, RESUMING, Outcome, Row, stop_at


def kills() -> Iterator[Row]:
    for task, points in POINTS.items():
        for victims in ("task", "supervisor", "both"):
            for point in points:
                yield Row(task, "worker", point, f"{victims} killed")
            yield Row(task, "triggerer", RESUMING, f"{victims} killed")


def users_deeds() -> Iterator[Row]:
    for task in ("generate", "post"):
        for mode, point in (("worker", next(iter(POINTS[task]))), ("worker", "waiting"), ("triggerer", "waiting")):
            for deed in ("cleared", "marked failed, cleared", "marked success, cleared"):
                yield Row(task, mode, point, deed)
        for deed in ("cleared", "marked failed, cleared"):
            yield Row(task, "triggerer", FINISHED, deed)


ROWS = [*kills(), *users_deeds()]
CORE = [
    Row("generate", "worker", "before the submit", "supervisor killed"),
    Row("generate", "worker", "submit's answer on its way", "task killed"),
    Row("generate", "worker", "answer there, not yet kept", "both killed"),
    Row("generate", "worker", "waiting", "both killed"),
    Row("generate", "triggerer", RESUMING, "task killed"),
    Row("generate", "triggerer", "waiting", "marked failed, cleared"),
    Row("generate", "triggerer", FINISHED, "cleared"),
    Row("post", "worker", "upload's answer on its way", "supervisor killed"),
    Row("post", "worker", "post on its way", "task killed"),
    Row("post", "worker", "answer there, not yet kept", "both killed"),
    Row("post", "worker", "result noted, not yet reported", "task killed"),
    Row("post", "triggerer", "waiting", "marked success, cleared"),
    Row("repost", "worker", "failed accounts' retry's answer on its way", "task killed"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", ROWS if metafunc.config.getoption("--whole", False) else CORE, ids=str)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, airflow: Airflow, executor: str, sandboxes: Slots
) -> Iterator[dict[Row, Future[Outcome]]]:
    """The rows that were asked for, each of which runs as soon as a sandbox is free."""
    params = [item.callspec.params for item in request.session.items if item.fspath == request.fspath]
    wanted = [chosen["row"] for chosen in params if "row" in chosen and chosen["executor"] == executor]
    with ThreadPoolExecutor(SLOTS) as threads:
        yield {row: threads.submit(run, row, airflow, sandboxes) for row in wanted}


def run(row: Row, airflow: Airflow, sandboxes: Slots) -> Outcome:
    with sandboxes.one() as (number, sandbox):
        return (_kill if row.deed.endswith("killed") else _do_as_a_user)(row, airflow, number, sandbox)


def _kill(row: Row, airflow: Airflow, number: int, sandbox: Sandbox) -> Outcome:
    dag_run, held = stop_at(row, airflow, number, sandbox)
    pid = airflow.kill_task(dag_run, row.deed.removesuffix(" killed"))
    # What is on its way takes effect at once; but an orphan must go on when its own retry is through.
    if row.deed != "supervisor killed" or "on its way" in row.point:
        held.release()
    outcome = Outcome.of(airflow, dag_run, sandbox)
    held.release()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the orphan ends")
    assert outcome == Outcome.of(airflow, dag_run, sandbox), "the orphan did something"
    return outcome


def _do_as_a_user(row: Row, airflow: Airflow, number: int, sandbox: Sandbox) -> Outcome:
    if row.point == FINISHED:
        dag_run = airflow.trigger(row.dag_id, sandbox=number)
        assert airflow.ends(dag_run) == "success"
    else:
        now = time.time()
        sandbox.world.clock = lambda: now  # what is waited for does not come while the user acts
        dag_run, held = stop_at(row, airflow, number, sandbox)
    pid = airflow.pid(dag_run)
    for step in row.deed.split(", "):
        if step == "cleared":
            airflow.clear(row.dag_id, dag_run)
        else:
            airflow.mark(row.dag_id, dag_run, step.removeprefix("marked "))
            # A clear within the same second can get lost between Airflow's processes: in the scheduler, which ends the
            # run just then, or in the executor, which takes the old process's end for the new one's.
            airflow.ends(dag_run)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the task's process has ended")
    if row.point == FINISHED:
        done_again: dict[str, Callable[[], bool]] = {
            "generate": lambda: len(sandbox.world.jobs) == 2,
            "post": lambda: len(sandbox.world.posts) == 2,
        }
        wait_until(done_again[row.task], "it is done again")
    else:
        sandbox.world.clock = time.time
        held.release()
    return Outcome.of(airflow, dag_run, sandbox)


def test_nothing_is_lost_nothing_paid_for_or_posted_twice(
    executor: str, row: Row, outcomes: dict[Row, Future[Outcome]], record: Callable[[str, Row, Outcome], None]
) -> None:
    outcome = outcomes[row].result()
    record(executor, row, outcome)
    outcome.check(row)


@pytest.mark.parametrize("task", ["generate", "post"])
def test_a_process_that_was_cleared_away_does_not_act_beside_the_new_try(
    airflow: Airflow, sandboxes: Slots, task: str
) -> None:
    row = Row(task, "worker", next(iter(POINTS[task])), "marked failed, cleared at once")
    with sandboxes.one() as (number, sandbox):
        dag_run, held = stop_at(row, airflow, number, sandbox)
        airflow.mark(row.dag_id, dag_run, "failed")
        airflow.ends(dag_run)
        airflow.clear(row.dag_id, dag_run)
        held.release()
        outcome = Outcome.of(airflow, dag_run, sandbox)
        while outcome.state == "failed":  # Airflow can take the old process's end for the new one's
            airflow.clear(row.dag_id, dag_run)
            outcome = Outcome.of(airflow, dag_run, sandbox)
    outcome.check(row)
