"""Parts of Airflow and its database go away while a task is on its way, and come back. ``--whole`` runs every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.system.conftest import Slots
from tests.system.processes import Airflow, wait_until
from tests.system.rows import Outcome, Row, stop_at


def _restart(component: str) -> Callable[[Airflow], None]:
    def restart(airflow: Airflow) -> None:
        airflow.kill(component)
        airflow.start(component)

    return restart


def _crash_the_database(airflow: Airflow) -> None:
    airflow.postgresql.crash()
    airflow.postgresql.start()


def _lose_power(airflow: Airflow) -> None:
    components = list(airflow.running)
    for component in components:
        airflow.kill(component)
    _crash_the_database(airflow)
    airflow.start("api-server")
    # Without it, Airflow fails one try after the other, and these have no delay between them.
    wait_until(airflow.serves, "the api-server serves")
    for component in components:
        if component != "api-server":
            airflow.start(component)


def _kill_one_of_two_triggerers(airflow: Airflow) -> None:
    airflow.start("second triggerer")
    alive = "select 1 from job where job_type = 'TriggererJob' and latest_heartbeat > now() - interval '5 s'"
    wait_until(lambda: len(airflow.query(alive)) >= 2, "both triggerers are alive")
    airflow.kill("triggerer")
    airflow.running["triggerer"] = airflow.running.pop("second triggerer")


OUTAGES = {
    "triggerer killed, started later": _restart("triggerer"),
    "one of two triggerers killed": _kill_one_of_two_triggerers,
    "scheduler's machine lost": _restart("scheduler"),
    "worker's machine lost": _restart("worker"),
    "api-server killed and restarted": _restart("api-server"),
    "PostgreSQL crashed and restarted": _crash_the_database,
    "power lost everywhere": _lose_power,
}
PLACES = [("triggerer", "waiting"), ("worker", "waiting"), ("worker", "answer there, not yet kept")]
ROWS = [
    Row(task, mode, point, deed, survives=deed.startswith(("api-server", "PostgreSQL")))
    for deed in OUTAGES
    for task in ("generate", "post")
    for mode, point in PLACES
    if mode == "triggerer" or "triggerer" not in deed
]
CORE = [
    row
    for row in ROWS
    if str(row)
    in (
        "post, triggerer: waiting: triggerer killed, started later",
        "generate, worker: waiting: power lost everywhere",
    )
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", ROWS if metafunc.config.getoption("--whole", False) else CORE, ids=str)


def test_nothing_is_lost_nothing_paid_for_or_posted_twice(
    airflow: Airflow, executor: str, row: Row, sandboxes: Slots, record: Callable[[str, Row, Outcome], None]
) -> None:
    if row.deed == "worker's machine lost" and "worker" not in airflow.running:
        pytest.skip("the LocalExecutor's workers are on the scheduler's machine")
    if row.deed == "scheduler's machine lost" and "worker" in airflow.running:
        row = replace(row, survives=True)  # on a machine of its own
    with sandboxes.one() as (number, sandbox):
        dag_run, held = stop_at(row, airflow, number, sandbox)
        OUTAGES[row.deed](airflow)
        held.release()
        outcome = Outcome.of(airflow, dag_run, sandbox)
    record(executor, row, outcome)
    outcome.check(row)


def test_a_triggerer_that_starts_late(airflow: Airflow, sandboxes: Slots) -> None:
    airflow.kill("triggerer")
    with sandboxes.one() as (number, sandbox):
        dag_run = airflow.trigger("generate_triggerer", sandbox=number)
        wait_until(lambda: airflow.state(dag_run) == "deferred", "the task is deferred")
        [job] = sandbox.world.jobs.values()
        wait_until(lambda: sandbox.world.job_status(job) == "completed", "the job is done")
        airflow.start("triggerer")
        outcome = Outcome.of(airflow, dag_run, sandbox)
    assert (outcome.state, outcome.images) == ("success", 1)
