"""Open Airflow with the gallery in it, filled by a run of the nightly DAG against the sandbox."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from airflow_provider_pictory.sandbox import Sandbox
from demo import AIRFLOW, DAG, DEMO, create_database, environment, follow

PORT = 8080
COMPONENTS = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


CLEAN = """curl -X POST {}/sandbox/settings --json '{{"retention": 0}}'"""


class StoppedError(Exception):
    """Somebody has stopped it, or a part of it has ended by itself."""


class LocalAirflow:
    """
    A whole Airflow in processes of its own, for as long as the ``with`` block lasts.

    :param home: its home, empty as yet.
    :param stop: set when everything is to end.
    """

    def __init__(self, home: Path, sandbox: Sandbox, stop: threading.Event) -> None:
        self.home = home
        self.stop = stop
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.env = {
            **environment(home, sandbox),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            # No run but those that somebody asks for.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        }

    def __enter__(self) -> LocalAirflow:
        with self.log("db").open("w") as out:
            create_database(self.home, self.env, out)
        self.check()
        for name, command in COMPONENTS.items():
            with self.log(name).open("wb") as out:
                # In a session of its own, so that Ctrl+C reaches this process alone, which ends them all.
                self.running[name] = subprocess.Popen(
                    [*AIRFLOW, *command], env=self.env, stdout=out, stderr=out, start_new_session=True
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # At once: nothing of its home is needed any more.
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.running.values():
            process.wait()

    def log(self, component: str) -> Path:
        """Where a component writes what it has to say."""
        return self.home / f"{component}.log"

    def check(self) -> None:
        """Raise StoppedError if it is to end, or a part of it has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise StoppedError(f"Airflow's {name} has ended with status {process.returncode}: {self.log(name)}")
        if self.stop.is_set():
            raise StoppedError

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition holds, and return what it says."""
        while not (found := condition()):
            self.check()
            self.stop.wait(0.3)
        return found

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Call the REST API; return None where it has no answer yet."""
        try:
            token = requests.get(f"{self.url}/auth/token", timeout=10).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = requests.request(method, f"{self.url}/api/v2/{path}", headers=headers, timeout=10, **options)
        except (requests.RequestException, ValueError):
            return None
        return answer.json() if answer.ok else None

    def run(self, sandbox: Sandbox) -> str:
        """Run the DAG once, show how far it is, and return its state in the end."""
        body = {"logical_date": None}
        run_id = self.wait_for(lambda: self.ask("POST", f"dags/{DAG}/dagRuns", json=body))["dag_run_id"]
        state = "queued"

        def goes_on() -> bool:
            nonlocal state
            self.check()
            state = (self.ask("GET", f"dags/{DAG}/dagRuns/{run_id}") or {}).get("state", state)
            return state in ("queued", "running")

        follow(sandbox, goes_on)
        return state


def main() -> int:
    """Serve until interrupted or terminated; return the exit status."""
    if os.environ.get("AIRFLOW", "3.3").startswith("2."):
        print("The gallery needs Airflow 3.1 or later: run `make ui` without AIRFLOW=2.11.", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    DEMO.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="ui-", dir=DEMO))
    print("Starting Airflow, and a sandbox of Pictory and PostEverywhere…", flush=True)
    try:
        with Sandbox(latency="1-4") as sandbox, LocalAirflow(home, sandbox, stop) as airflow:
            airflow.wait_for(lambda: airflow.ask("GET", "version"))
            print(f"\n  Gallery  {airflow.url}/plugin/pictory-gallery\n  DAGs     {airflow.url}/dags")
            print(f"  Sandbox  {sandbox.url}\n")
            print(f"A run of {DAG} fills the gallery:", flush=True)
            state = airflow.run(sandbox)
            print(f"The run ended: {state}. Airflow goes on until Ctrl+C.")
            print("Let Pictory remove its pictures, and the gallery shows the small copies of those that are stored:")
            print(f"  {CLEAN.format(sandbox.url)}", flush=True)
            airflow.wait_for(lambda: False)
    except StoppedError as reason:
        if reason.args:
            print(reason, file=sys.stderr)
            return 1
    print("\nStopped.")
    shutil.rmtree(home)
    return 0


def free_port() -> int:
    """Find a port for Airflow's pages: the usual one if nobody has it."""
    for port in (PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                if port != PORT:
                    print(f"Port {PORT} is taken, so Airflow is at another.")
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise OSError("there is no free port on this machine")


if __name__ == "__main__":
    sys.exit(main())
