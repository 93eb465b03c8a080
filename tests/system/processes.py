"""Airflow as it runs in production, on a PostgreSQL and a Redis of its own: processes that can be killed."""

from __future__ import annotations

import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from typing_extensions import Self

COMMANDS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "second triggerer": ["triggerer", "--skip-serve-logs"],
    "worker": ["celery", "worker", "--skip-serve-logs"],
}
AIRFLOW = tuple(map(int, version("apache-airflow").split(".")[:2]))
AIRFLOW_2 = AIRFLOW < (3, 0)
# Airflow 2's scheduler needs no API, and reads the DAG files itself.
COMPONENTS = ("scheduler", "triggerer") if AIRFLOW_2 else ("api-server", "scheduler", "dag-processor", "triggerer")
# From Airflow 3.4 each try has a row of its own, and XComs belong to it.
MAP_INDEX = "map_index" if AIRFLOW < (3, 4) else "region_index"
XCOM = "xcom" if AIRFLOW < (3, 4) else "xcom_v2 join task_instance on task_instance_id = task_instance.id"
LATEST_TRY = "from task_instance where run_id = %s order by start_date desc nulls last, try_number desc limit 1"
EXECUTORS = {"LocalExecutor": COMPONENTS, "CeleryExecutor": (*COMPONENTS, "worker")}


def program(name: str) -> str | None:
    """Find a server's program; Debian keeps PostgreSQL's out of the path."""
    places = os.pathsep.join(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    return shutil.which(name) or shutil.which(name, path=places)


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 90) -> Any:
    """Ask until a condition holds: what other processes write to a database sends no event."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.1)
    return found


def free_port() -> int:
    """Find a port for a server to come: below those that the system hands out, so that nobody takes it meanwhile."""
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", random.randint(15_000, 32_000))) as listener:
            return int(listener.getsockname()[1])


class Server:
    """A server with a folder and a port of its own, for as long as the ``with`` block lasts."""

    def __init__(self) -> None:
        self.port = free_port()

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def prepare(self) -> None:
        """Make what the server needs, once."""

    def __enter__(self) -> Self:
        self.home = Path(tempfile.mkdtemp(prefix="airflow-provider-pictory-"))
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        if user:
            os.chown(self.home, user.pw_uid, user.pw_gid)
        self.prepare()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.crash()
        shutil.rmtree(self.home)

    def start(self) -> None:
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.home, stdout=log, stderr=log, **self.identity)
        wait_until(self.answers, f"{type(self).__name__} answers")

    def crash(self) -> None:
        """End at once, without a word to anyone."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


class PostgreSQL(Server):
    def prepare(self) -> None:
        subprocess.run(
            [program("initdb") or "", "--pgdata", "data", "--auth", "trust", "--username", "postgres", "--no-sync"],
            cwd=self.home, check=True, capture_output=True, **self.identity,
        )  # fmt: skip

    def command(self) -> Sequence[str]:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        settings |= {"max_connections": 300, "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [program("postgres") or "", "-D", "data", *options]

    def answers(self) -> bool:
        import psycopg2

        try:
            self.query("postgres", "select 1")
        except psycopg2.OperationalError:
            return False
        return True

    def query(self, database: str, sql: str, *values: Any) -> list[Any]:
        import psycopg2

        options = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": database}
        with closing(psycopg2.connect(**options)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

    def dump(self, database: str) -> str:
        """Return all that a database holds."""
        return subprocess.run(
            [program("pg_dump") or "", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", database],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip


class Redis(Server):
    def command(self) -> Sequence[str]:
        return [program("redis-server") or "", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]


class Airflow:
    """
    A whole Airflow.

    :param executor: ``LocalExecutor``, or ``CeleryExecutor`` with one worker.
    """

    def __init__(self, home: Path, dags: Path, connections: dict[str, str], executor: str = "LocalExecutor") -> None:
        self.home = home
        self.executor = executor
        self.python = sys.executable
        self.folder = Path.cwd()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.postgresql = PostgreSQL()
        self.redis = Redis()
        database = f"postgresql+psycopg2://postgres@127.0.0.1:{self.postgresql.port}/airflow"
        self.env = {
            **os.environ,
            **connections,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CORE__EXECUTOR": executor,
            "AIRFLOW__CORE__PARALLELISM": "8",
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
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "20",  # as Airflow 2 calls it
            "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "8",
        }

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.postgresql)
            if self.executor == "CeleryExecutor":
                stack.enter_context(self.redis)
            self._keeper.start()
            stack.callback(self._kill_all)
            self.postgresql.query("postgres", "create database airflow")
            self.command("db", "migrate")
            for component in EXECUTORS[self.executor]:
                self.start(component)
            if not AIRFLOW_2:
                wait_until(self.serves, "the api-server answers")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _kill_all(self) -> None:
        self._ending.set()
        self._keeper.join()
        for component in list(self.running):
            self.kill(component)

    def _keep(self) -> None:
        """Do as an operator's machines do: start again what has died by itself, of a database that is away, say."""
        while not self._ending.wait(1):
            with self._lock:
                for component in [name for name, process in self.running.items() if process.poll() is not None]:
                    self.start(component)

    def start(self, component: str) -> None:
        with (self.home / f"{component}.log").open("ab") as log:
            self.running[component] = subprocess.Popen(
                [self.python, "-m", "airflow", *COMMANDS[component]],
                cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, component: str) -> None:
        """Kill a component with all its processes, as the loss of its machine would."""
        with self._lock:
            process = self.running.pop(component)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def upgrade(self, python: str, **env: str) -> None:
        """Stop all components, and start those of another environment on the same database."""
        components = list(self.running)
        for component in components:
            self.kill(component)
        self.python = python
        self.env |= env
        self.command("db", "migrate")
        for component in components:
            self.start(component)
        wait_until(self.serves, "the api-server answers")

    def kill_task(self, run: str, victims: str) -> int:
        """Kill the process of a running ``task``, its ``supervisor``, or ``both`` at once; return the task's."""
        pid = self.pid(run)
        supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        for victim in {"task": [pid], "supervisor": [supervisor], "both": [supervisor, pid]}[victims]:
            os.kill(victim, signal.SIGKILL)
        return pid

    def pid(self, run: str) -> int:
        """Return the process of a run's task, as it last was."""
        [(pid,)] = self.query(f"select pid {LATEST_TRY}", run)
        return int(pid)

    def mark(self, dag_id: str, run: str, state: str) -> None:
        """Do as a user who marks the task as ``failed`` or ``success``."""
        self.api("PATCH", f"dags/{dag_id}/dagRuns/{run}/taskInstances/task", {"new_state": state})

    def clear(
        self, dag_id: str, run: str, *, only_failed: bool = False, task: str | None = None, keep_state: bool = True
    ) -> None:
        """
        Do as a user who clears a run's tasks, or one of them.

        :param keep_state: what the form of Airflow 3.4 calls "Keep task state and resume"; earlier ones always do.
        """
        if AIRFLOW_2:  # in all runs
            self.command("tasks", "clear", "--yes", "--task-regex", f"^{task or '.*'}$", dag_id)
            return
        choice = {"dry_run": False, "dag_run_id": run, "only_failed": only_failed, "reset_dag_runs": True}
        if task:
            choice["task_ids"] = [task]
        if AIRFLOW >= (3, 4):
            choice["keep_task_state"] = keep_state
        self.api("POST", f"dags/{dag_id}/clearTaskInstances", choice)

    def clear_run(self, dag_id: str, run: str) -> None:
        """Do as a user who clears a whole run."""
        self.api("POST", f"dags/{dag_id}/dagRuns/{run}/clear", {"dry_run": False})

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run, and return its id."""
        wait_until(lambda: self.query("select 1 from serialized_dag where dag_id = %s", dag_id), f"{dag_id} is parsed")
        if AIRFLOW_2:
            run_id = f"manual__{secrets.token_hex(8)}"
            self.command("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(conf))
            return run_id
        run_id = self.api("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return run_id

    def command(self, *words: str) -> None:
        """Run a command of Airflow's."""
        subprocess.run(
            [self.python, "-m", "airflow", *words], cwd=self.folder, env=self.env, capture_output=True, check=True
        )

    def state(self, run: str) -> str | None:
        [(state,)] = self.query(f"select state {LATEST_TRY}", run) or [(None,)]
        return state  # type: ignore[no-any-return]

    def tries(self, run: str) -> int:
        [(tries,)] = self.query(f"select try_number {LATEST_TRY}", run)
        return int(tries)

    def ends(self, run: str, timeout: float = 180) -> str:
        """Wait for a run's end, and return its state."""
        ended = ("success", "failed")
        wait_until(
            lambda: self.query("select 1 from dag_run where run_id = %s and state in %s", run, ended),
            f"{run} ends",
            timeout,
        )
        return str(self.query("select state from dag_run where run_id = %s", run)[0][0])

    def logs(self, run: str, task: str, files: str = "*.log") -> str:
        """Return what a task of a run has logged, in all tries and map indexes."""
        found = self.home.glob(f"logs/*/run_id={run}/task_id={task}/**/{files}")
        return "\n".join(path.read_text() for path in found)

    def starts(self, run: str, task: str) -> int:
        """Count the worker processes of a task of a run, in all tries and map indexes."""
        return self.logs(run, task).count('"event":"DAG bundles loaded')

    def query(self, sql: str, *values: Any) -> list[Any]:
        return self.postgresql.query("airflow", sql, *values)

    def serves(self) -> bool:
        """Whether the api-server answers."""
        try:
            return requests.get(f"{self.url}/api/v2/version", timeout=2).ok
        except requests.RequestException:
            return False

    def get(self, path: str) -> str:
        """Return what the REST API shows a user."""
        return str(self._request("GET", path).text)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the REST API."""
        return self._request(method, path, json=body).json()

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        token = requests.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, f"{self.url}/api/v2/{path}", headers=headers, timeout=30, **options)
        assert answer.ok, f"{path}: {answer.text}"
        return answer
