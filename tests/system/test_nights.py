"""A whole night's images while the services stumble. ``--whole`` runs a night of full size."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest

from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW, Airflow, wait_until

BEFORE = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "3"}},
    {"kind": "reset"},
    {"kind": "delay", "seconds": 30},
    {"kind": "body", "body": "<html>Down for maintenance</html>", "content_type": "text/html"},
    {"kind": "body", "body": '{"data": '},
]
AFTER = [
    {"kind": "status", "status": 502, "when": "after"},
    {"kind": "status", "status": 503, "when": "after"},
    {"kind": "reset", "when": "after"},
]
SHARE = 0.2


def stumble(sandbox: Sandbox) -> list[str]:
    """Spoil a fifth of all answers; return the faults that lose the answer to a submit which took effect."""
    faults = [*BEFORE, *AFTER]
    chance = 1 - (1 - SHARE) ** (1 / len(faults))
    for call in ("pictory.get_job", "posteverywhere.*"):
        for fault in faults:
            sandbox.fault(call, times=None, probability=chance, **fault)
    for fault in BEFORE:
        sandbox.fault("pictory.submit_image", times=None, probability=chance, **fault)
    return [sandbox.fault("pictory.submit_image", times=None, probability=chance, **fault) for fault in AFTER]


def test_a_fifth_of_all_answers_is_spoilt(
    airflow: Airflow, executor: str, night: Sandbox, pytestconfig: pytest.Config
) -> None:
    size = 200 if executor == "LocalExecutor" and pytestconfig.getoption("--whole", False) else 3
    losing = stumble(night)
    dag_run = airflow.trigger("night", size=size)
    patience = 300 + 12 * size
    state = airflow.ends(dag_run, patience)
    while state == "failed":
        # Two submits of one image were lost: there the task stops, and a person looks and clears.
        stopped = airflow.query("select task_id, map_index from task_instance where state = 'failed'")
        assert {task for task, _ in stopped} == {"generate"}
        assert airflow.logs(dag_run, "generate").count("The outcome of 2 requests is not known") >= len(stopped)
        airflow.clear("night", dag_run, only_failed=True)
        state = airflow.ends(dag_run, patience)
    lost = sum(night.world.faults.get(fault).hits for fault in losing)
    ledger = night.world.ledger()
    prompts = [image["prompt"] for image in ledger["images"]]
    assert len(prompts) == size + lost
    assert set(prompts) == {f"Picture {number}" for number in range(size)}
    assert len({media for post in ledger["posts"] for media in post["media_ids"]}) == size
    assert len(ledger["posts"]) == size
    wait_until(lambda: len(night.world.ledger()["publications"]) == size, "the last are published")


def test_processes_are_killed_at_random_moments(
    airflow: Airflow, executor: str, night: Sandbox, pytestconfig: pytest.Config
) -> None:
    if executor != "LocalExecutor" or not pytestconfig.getoption("--whole", False):
        pytest.skip("takes minutes; `make matrix` runs it")
    size, kills = 40, 36
    dag_run = airflow.trigger("night", size=size)
    running = (
        "select pid from task_instance"
        " where run_id = %s and task_id = 'generate' and state = 'running' and pid is not null"
    )
    chance, killed = random.Random(0), set[int]()
    while len(killed) < kills and not airflow.query(
        "select 1 from dag_run where run_id = %s and state in ('success', 'failed')", dag_run
    ):
        threading.Event().wait(chance.uniform(0, 0.3))
        pids = [pid for (pid,) in airflow.query(running, dag_run) if pid not in killed]
        if pids:
            pid = chance.choice(pids)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    assert len(killed) == kills
    assert airflow.ends(dag_run, 900) == "success"
    unknown = airflow.logs(dag_run, "generate").count("The outcome of an earlier call is not known")
    paid = len(night.world.ledger()["images"])
    print(f"{len(killed)} kills: {unknown} outcomes not known, {paid - size} images paid for twice")  # noqa: T201
    assert size <= paid <= size + unknown
    assert len(night.world.ledger()["posts"]) == size


def test_the_vendor_is_down_while_many_wait(
    airflow: Airflow, night: Sandbox, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, outage = (100, 120) if pytestconfig.getoption("--whole", False) else (6, 30)
    now = time.time()
    night.world.clock = lambda: now  # no job gets any further
    monkeypatch.setenv("AIRFLOW_CONN_PICTORY_NIGHT", airflow.env["AIRFLOW_CONN_PICTORY_NIGHT"])
    hook = PictoryHook("pictory_night")
    dag_run = airflow.trigger("waiting", jobs=[hook.submit_image(f"Picture {number}") for number in range(size)])
    deferred = "select 1 from task_instance where run_id = %s and state = 'deferred'"
    wait_until(lambda: len(airflow.query(deferred, dag_run)) == size, "all are deferred", 60 + 3 * size)
    night.fault("pictory.*", "reset", times=None)
    began, asked = time.monotonic(), len(night.world.requests)
    wait_until(lambda: time.monotonic() > began + outage, "the outage is over", outage + 10)
    requests = len(night.world.requests) - asked
    night.clear_faults()
    night.world.clock = lambda: now + 3600
    assert airflow.ends(dag_run, 120 + 3 * size) == "success"
    tries = "select max(try_number) from task_instance where run_id = %s"
    assert airflow.query(tries, dag_run) == [(1,)]
    # Less and less often, where it was every 2 s; aiohttp itself sends a read again that broke off.
    assert requests <= 2 * size * (9 + outage / 30)


def test_a_task_of_ones_own_comes_back_when_the_service_said(airflow: Airflow, night: Sandbox) -> None:
    night.fault("pictory.submit_image", "status", status=503, headers={"Retry-After": "3"})
    dag_run = airflow.trigger("own")
    assert airflow.ends(dag_run, 60) == "success"
    assert airflow.tries(dag_run) == (1 if AIRFLOW >= (3, 4) else 2)  # from 3.4, the wait uses up no retry
    assert len(night.world.jobs) == 1


def test_a_fan_out_of_posts_is_as_fast_as_the_rate_limit_allows(
    airflow: Airflow, executor: str, night: Sandbox, pytestconfig: pytest.Config
) -> None:
    if not pytestconfig.getoption("--whole", False):
        pytest.skip("takes minutes: the limits are of minutes; `make matrix` runs it")
    size, rate = (300, 60) if executor == "LocalExecutor" else (8, 15)
    night.world.change_settings(night.world.settings.updated({"posteverywhere_rate": rate}))
    began = time.time()
    dag_run = airflow.trigger("fan_out", size=size)
    minutes = 3 * size / rate  # an import, a post and a look at it, each
    assert airflow.ends(dag_run, 60 * (minutes + 3)) == "success"
    assert time.time() - began <= 60 * (minutes + 2)
    assert len(night.world.ledger()["posts"]) == size
    refused = sum(request.status == 429 for request in night.world.requests)
    assert refused < size  # who starts while nothing is left is sent away, and comes back in turn
    assert airflow.starts(dag_run, "post") <= 2.5 * size
