"""
A night's images on a real Airflow, with this provider and without: ``python -m benchmarks.nightly``.

Two DAGs make and publish the same images, and a third has as many tasks that do nothing. They run one after the
other, each on an Airflow (PostgreSQL, LocalExecutor) and a sandbox of its own, with 8 worker slots and one api-server
process, and else Airflow's defaults: 16 active tasks a DAG, the scheduler's loop of 1 s, a triggerer for 1,000
triggers. Both ask every 15 s, and as often a minute as they come to: the sandbox has no limit here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from airflow_provider_pictory.sandbox import Sandbox
from benchmarks import page
from tests.system.processes import Airflow, wait_until

SANDBOX = {"latency": "20-60", "publish-latency": "2-6", "ai-credits": "1000000"}
UNLIKE_PRODUCTION = (
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL",
    "AIRFLOW__SCHEDULER__TRIGGERER_HEALTH_CHECK_THRESHOLD",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC",
    "PYTHONDONTWRITEBYTECODE",
)
"""What has the tests' Airflow look after the dead all the time, and may have each task compile this package."""
WORKERS = "workers and tasks"
POSTGRESQL = "PostgreSQL"


@dataclass(frozen=True)
class Night:
    """
    What one run took.

    :param wall: seconds from the trigger to the run's end.
    :param cpu: CPU seconds in that time, by component of Airflow.
    :param postgresql_cpu: CPU seconds of its database.
    :param launches: processes that were started for tasks.
    :param retries: tries of tasks after their first.
    :param requests: by service.
    """

    size: int
    wall: float
    cpu: dict[str, float]
    postgresql_cpu: float
    launches: int
    retries: int
    requests: dict[str, int]

    @property
    def airflow_cpu(self) -> float:
        """CPU seconds of all components."""
        return sum(self.cpu.values())

    def figures(self) -> dict[str, float]:
        """Return all that was measured, by name."""
        return {
            "wall time, s": self.wall,
            "CPU of Airflow, s": self.airflow_cpu,
            **{f"  {component}": seconds for component, seconds in self.cpu.items()},
            "CPU of PostgreSQL, s": self.postgresql_cpu,
            "task processes": self.launches,
            "retries": self.retries,
            **{f"requests to {service}": count for service, count in self.requests.items()},
        }


@dataclass(frozen=True)
class Comparison:
    nothing: Night
    ours: Night
    by_hand: Night

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Yield the name of each figure, that of nothing, ours, the one by hand, and our share of that."""
        nothing, by_hand = self.nothing.figures(), self.by_hand.figures()
        for name, ours in self.ours.figures().items():
            least, most = nothing[name], by_hand[name]
            yield name, f"{least:,.0f}", f"{ours:,.0f}", f"{most:,.0f}", f"{ours / most:.2f}×" if most else ""


def compare(size: int) -> Comparison:
    """Run the DAGs."""
    return Comparison(*(measure(dag_id, size) for dag_id in ("nothing", "ours", "by_hand")))


def measure(dag_id: str, size: int) -> Night:
    """Run a DAG, and see that each image was made once and posted once, if any are."""
    with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder)) as url:
        with as_in_production(Path(folder), "dags", url) as airflow:
            # What a component does once, it does now: with its first task, or trigger, it is busy for seconds.
            await_end(airflow, airflow.trigger(dag_id, size=1))
            requests.post(f"{url}/sandbox/reset", timeout=30).raise_for_status()
            meter = Meter(airflow)
            began = time.time()
            run = airflow.trigger(dag_id, size=size)
            wall = await_end(airflow, run) - began
            cpu = meter.read()
            # Each process of a task notes its start here, whether it begins, pokes or resumes.
            [(launches,)] = airflow.query("select count(*) from log where event = 'running' and run_id = %s", run)
            [(retries,)] = airflow.query("select sum(try_number - 1) from task_instance where run_id = %s", run)
        ledger = requests.get(f"{url}/sandbox/ledger", timeout=30).json()
    wanted = sorted(f"Picture {number}" for number in range(size)) if dag_id != "nothing" else []
    assert sorted(image["prompt"] for image in ledger["images"]) == wanted
    assert sorted(post["content"] for post in ledger["posts"]) == wanted
    assert len(ledger["publications"]) == len(wanted)
    asked = Counter({"pictory": 0, "posteverywhere": 0})
    for call, count in ledger["requests"].items():
        asked[call.partition(".")[0]] += count
    return Night(size, wall, cpu, cpu.pop(POSTGRESQL), launches, int(retries), dict(asked))


@contextmanager
def as_in_production(home: Path, dags: str, url: str) -> Iterator[Airflow]:
    """Run an Airflow with this folder of DAGs and the sandbox at this address, and yield it once it goes."""
    airflow = Airflow(home, Path(__file__).parent / dags, connections(url))
    for name in UNLIKE_PRODUCTION:
        airflow.env.pop(name, None)
    with airflow:
        wait_until(lambda: airflow.query("select 1 from job having count(*) >= 3"), "all components run")
        yield airflow


@contextmanager
def sandbox(folder: Path, **settings: str) -> Iterator[str]:
    """Serve a sandbox from a process of its own, whose CPU is nobody's, and yield its address."""
    ready = folder / "sandbox"
    options = [word for name, value in (SANDBOX | settings).items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "airflow_provider_pictory.sandbox", "--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        try:
            yield wait_until(lambda: ready.exists() and ready.read_text(), "the sandbox answers")
        finally:
            process.terminate()


def connections(url: str) -> dict[str, str]:
    """Lead both DAGs' connections to a sandbox."""
    services = {
        "pictory": (f"{url}/pictoryapis", Sandbox.pictory_key, Sandbox.pictory_key),
        "posteverywhere": (f"{url}/api/v1", Sandbox.posteverywhere_key, f"Bearer {Sandbox.posteverywhere_key}"),
    }
    found: dict[str, dict[str, Any]] = {}
    for name, (host, key, header) in services.items():
        unbounded = {"requests_per_minute": 1_000_000}
        found[f"{name}_default"] = {"conn_type": name, "host": host, "password": key, "extra": unbounded}
        found[f"{name}_http"] = {"conn_type": "http", "host": host, "extra": {"Authorization": header}}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in found.items()}


def await_end(airflow: Airflow, run: str) -> float:
    """Return when a run has ended. Each look is a process of PostgreSQL, so it looks seldom."""
    ended = "select state, extract(epoch from end_date) from dag_run where run_id = %s and end_date is not null"
    while not (found := airflow.query(ended, run)):
        time.sleep(1)
    [(state, end)] = found
    failed = airflow.query("select distinct task_id from task_instance where run_id = %s and state = 'failed'", run)
    assert state == "success", "\n".join([f"{run}: {state}", *(airflow.logs(run, task) for (task,) in failed)])
    return float(end)


class Meter:
    """The CPU time of an Airflow's components, and of all that they start, from now on."""

    def __init__(self, airflow: Airflow) -> None:
        self._processes = {name: psutil.Process(process.pid) for name, process in airflow.running.items()}
        self._processes[POSTGRESQL] = psutil.Process(airflow.postgresql.process.pid)
        self._start = self._now()

    def read(self) -> dict[str, float]:
        """Return the seconds by component; the scheduler's workers, and with them the tasks, are one by themselves."""
        return {name: seconds - self._start[name] for name, seconds in self._now().items()}

    def _now(self) -> dict[str, float]:
        used = defaultdict[str, float](float)
        for name, process in self._processes.items():
            own, others = cpu_seconds(process)
            used[name] += own
            used[WORKERS if name == "scheduler" else name] += others
        return used


def cpu_seconds(process: psutil.Process) -> tuple[float, float]:
    """Return what a process has used itself, and what all that descend from it have, the living and the dead."""
    times = process.cpu_times()
    others = times.children_user + times.children_system
    for descendant in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            others += sum(descendant.cpu_times()[:4])
    return times.user + times.system, others


def main() -> None:
    """Measure, and write the docs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nightly", description="Compare a night's images with this provider and without."
    )
    parser.add_argument("--size", type=int, help="try it out with so many images, instead of 300; the docs stay")
    size = parser.parse_args().size
    load_average = os.getloadavg()[0]
    comparison = compare(size or 300)
    if size is None:
        page.write_nightly(page.PAGE, comparison, load_average)
    for name, *figures in [("", "nothing", "ours", "by hand", "ratio"), *comparison.rows()]:
        print(f"{name:28}" + "".join(f"{figure:>10}" for figure in figures))


if __name__ == "__main__":
    main()
