"""Pictures in object storage, by tasks that Airflow runs: paid once across runs and kills, and posted from there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.s3 import S3, needs_s3, s3_server

DAGS = Path(__file__).parent / "dags"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(latency=0, publish_latency=0) as sandbox:
        yield sandbox


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.client().create_bucket(Bucket="pictures")
        yield server


@pytest.fixture
def airflow(sandbox: Sandbox, tmp_path: Path) -> Run:
    def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
        values = {
            **os.environ,
            **sandbox.connections,
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            **env,
        }
        return subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env=values, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False,
            start_new_session=True,
        )  # fmt: skip

    migrated = run("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout
    return run


def dates(airflow: Run, sandbox: Sandbox, **env: str) -> None:
    for date in ("2026-11-20", "2026-11-21"):
        run = airflow("dags", "test", "stored", date, **env)
        assert run.returncode == 0, run.stdout
    ledger = sandbox.world.ledger()
    assert len(ledger["images"]) == 1
    assert len(ledger["posts"]) == 2
    assert [item["source_url"] for item in ledger["media"]] == [None, None]  # uploaded


def test_two_dates_pay_once_for_the_same_picture(airflow: Run, sandbox: Sandbox, tmp_path: Path):
    dates(airflow, sandbox, STORED_PICTURES=f"file://{tmp_path}/pictures")


@needs_s3
def test_two_dates_in_a_bucket(airflow: Run, sandbox: Sandbox, s3: S3):
    dates(airflow, sandbox, STORED_PICTURES=s3.url("nightly"), **s3.connection)
    assert len(s3.keys_of()) == 2


def test_after_a_kill_right_before_the_sidecar_another_run_pays_nothing_and_says_why(
    airflow: Run, sandbox: Sandbox, tmp_path: Path
):
    kill_once = tmp_path / "kill_once"
    kill_once.touch()
    env = {"STORED_PICTURES": f"file://{tmp_path}/pictures", "KILL_ONCE": str(kill_once)}
    killed = airflow("dags", "test", "stored", "2026-11-20", **env)
    assert not kill_once.exists(), killed.stdout
    assert [path.suffix for path in (tmp_path / "pictures").iterdir()] == [".png"]
    run = airflow("dags", "test", "stored", "2026-11-20", **env)  # a run of its own, without the state of the first
    assert "without a sidecar: somebody else's file, or a task was killed right before it wrote one" in run.stdout
    assert len(sandbox.world.ledger()["images"]) == 1
    assert not sandbox.world.ledger()["posts"]
