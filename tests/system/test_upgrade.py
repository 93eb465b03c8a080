"""Airflow, or this package, is upgraded while tasks wait: they go on, and nothing is paid for or posted twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW, Airflow, program, wait_until

ROOT = Path(__file__).resolve().parents[2]
NEWER = ROOT / ".venv-3.4"
EARLIER = "785807f3a07c866fb3c75f201462ae302f34bbb5"
"""The last commit before the state that tasks keep had a schema version, and modules their present places."""


@pytest.fixture
def airflow(night: Sandbox, tmp_path: Path) -> Iterator[Airflow]:
    """An Airflow of its own: what is upgraded serves no other test."""
    if AIRFLOW != (3, 3):
        pytest.skip("needs Airflow 3.3")
    if program("initdb") is None:
        pytest.skip("needs initdb")
    home = tmp_path / "airflow"
    home.mkdir()
    with Airflow(home, Path(__file__).parent / "dags", night.connections) as started:
        yield started


def start_and_wait(airflow: Airflow, sandbox: Sandbox) -> list[str]:
    """Start runs with five tasks that wait, and return their ids."""
    moment = sandbox.world.clock()
    sandbox.world.clock = lambda: moment
    runs = [airflow.trigger(dag) for dag in ("submit_wait_post", "mapped", "generate_and_wait")]
    waiting = "select count(*) from task_instance where state = 'deferred'"
    wait_until(lambda: airflow.query(waiting) == [(5,)], "five tasks wait in the triggerer")
    return runs


def check_end(airflow: Airflow, sandbox: Sandbox, runs: list[str]) -> None:
    sandbox.world.clock = time.time
    assert [airflow.ends(run) for run in runs] == ["success"] * 3
    ledger = sandbox.world.ledger()
    assert (len(ledger["images"]), len(ledger["posts"])) == (5, 4)


def test_tasks_that_wait_go_on_after_an_upgrade_of_this_package(airflow: Airflow, night: Sandbox, tmp_path: Path):
    archive = ["git", "archive", "--output", str(tmp_path / "package.tar"), EARLIER, "airflow_provider_pictory"]
    if subprocess.run(archive, cwd=ROOT, check=False).returncode:
        pytest.skip(f"needs the commit {EARLIER}")
    subprocess.run(["tar", "-xf", "package.tar"], cwd=tmp_path, check=True)
    airflow.folder = tmp_path  # python -m looks there first
    airflow.upgrade(sys.executable, PYTHONPATH=f"{tmp_path}:{ROOT}")
    runs = start_and_wait(airflow, night)
    paths = "select distinct classpath from trigger"
    assert airflow.query(paths) == [("airflow_provider_pictory.triggers.pictory.ImageJobTrigger",)]
    versioned = "select count(*) from task_state_store where strpos(value::text, 'schema_version') > 0"
    assert airflow.query(versioned) == [(0,)]
    airflow.folder = ROOT
    airflow.upgrade(sys.executable, PYTHONPATH="")
    check_end(airflow, night, runs)


@pytest.mark.skipif(
    not (NEWER / "ready").exists(), reason="needs Airflow 3.4 beside this one (AIRFLOW=3.4 make .venv-3.4/ready)"
)
def test_tasks_that_wait_go_on_after_an_upgrade_of_airflow(airflow: Airflow, night: Sandbox):
    runs = start_and_wait(airflow, night)
    airflow.upgrade(str(NEWER / "bin" / "python"))
    check_end(airflow, night, runs)
