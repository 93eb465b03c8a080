"""Airflow as it runs in production: its processes, on PostgreSQL, each of which can be killed."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

POSTGRESQL = {"host": "127.0.0.1", "user": "postgres"}
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def postgresql_is_there() -> bool:
    import psycopg2

    try:
        psycopg2.connect(**POSTGRESQL, dbname="postgres", connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 90) -> Any:
    """Ask until a condition holds: what other processes write to a database sends no event."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.05)
    return found


class Airflow:
    """A whole Airflow: api-server, scheduler with LocalExecutor, dag-processor and triggerer."""

    def __init__(self, home: Path, dags: Path, connections: dict[str, str]) -> None:
        self.home = home
        self.database = f"airflow_{secrets.token_hex(6)}"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.env = {
            **os.environ,
            **connections,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://postgres@127.0.0.1/{self.database}",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        }

    def __enter__(self) -> Airflow:
        self._sql("postgres", f"create database {self.database}")
        migrated = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        for component in COMPONENTS:
            self.start(component)
        wait_until(self._serves, "the api-server answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for component in list(self.running):
            self.kill(component)
        self._sql("postgres", f"drop database {self.database} with (force)")

    def start(self, component: str) -> None:
        with (self.home / f"{component}.log").open("ab") as log:
            self.running[component] = subprocess.Popen(
                [sys.executable, "-m", "airflow", component],
                env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, component: str) -> None:
        """Kill a component with all its processes, as the loss of its machine would."""
        process = self.running.pop(component)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_task(self, run: str, *, task: bool = True, supervisor: bool = False) -> int:
        """Kill the process of a running task, its supervisor, or both at once; return the task's process id."""
        [(pid,)] = self.query("select pid from task_instance where run_id = %s", run)
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        for victim in [parent] * supervisor + [pid] * task:
            os.kill(victim, signal.SIGKILL)
        return int(pid)

    def mark_failed(self, dag_id: str, run: str) -> None:
        """Do as a user who marks the task as failed."""
        self._api("PATCH", f"dags/{dag_id}/dagRuns/{run}/taskInstances/task", {"new_state": "failed"})

    def clear(self, dag_id: str, run: str) -> None:
        """Do as a user who clears the task."""
        choice = {
            "dry_run": False,
            "dag_run_id": run,
            "task_ids": ["task"],
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._api("POST", f"dags/{dag_id}/clearTaskInstances", choice)

    def trigger(self, dag_id: str, **conf: str) -> str:
        """Start a run, and return its id."""
        wait_until(lambda: self.query("select 1 from serialized_dag where dag_id = %s", dag_id), f"{dag_id} is parsed")
        run_id: str = self._api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return run_id

    def state(self, run: str) -> str | None:
        [(state,)] = self.query("select state from task_instance where run_id = %s", run) or [(None,)]
        return state  # type: ignore[no-any-return]

    def tries(self, run: str) -> int:
        [(tries,)] = self.query("select try_number from task_instance where run_id = %s", run)
        return int(tries)

    def ends(self, run: str) -> str:
        """Wait for a run's end, and return its state."""
        ended = ("success", "failed")
        wait_until(
            lambda: self.query("select 1 from dag_run where run_id = %s and state in %s", run, ended),
            f"{run} ends",
            120,
        )
        return str(self.query("select state from dag_run where run_id = %s", run)[0][0])

    def query(self, sql: str, *values: Any) -> list[Any]:
        return self._sql(self.database, sql, *values)

    @staticmethod
    def _sql(database: str, sql: str, *values: Any) -> list[Any]:
        import psycopg2

        with closing(psycopg2.connect(**POSTGRESQL, dbname=database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

    def _serves(self) -> bool:
        try:
            return requests.get(f"{self.url}/api/v2/version", timeout=2).ok
        except requests.RequestException:
            return False

    def _api(self, method: str, path: str, body: dict[str, Any]) -> Any:
        token = requests.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]
        answer = requests.request(
            method, f"{self.url}/api/v2/{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()
