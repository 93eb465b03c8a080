"""
What it costs that a worker ends a wait, instead of the triggerer: ``python -m benchmarks.ends``, in five minutes.

Both ways make the same number of images on one Airflow, in turns, as ``benchmarks.nightly`` does.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

from benchmarks import page
from benchmarks.nightly import POSTGRESQL, Meter, as_in_production, await_end, sandbox

COMMAND = "python -m benchmarks.ends"
PAGE = page.PAGE.with_name("scale.md")
AIRFLOW, PROCESSES = "CPU of Airflow", "task processes"
TURNS = ["triggerer", "worker", "worker", "triggerer"]


def measure(size: int) -> dict[str, dict[str, float]]:
    """Return, for each way, the CPU seconds for an image by component, and the processes started for its task."""
    used = {dag_id: defaultdict[str, float](float) for dag_id in TURNS}
    with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder), latency="5-10") as url:
        with as_in_production(Path(folder), "ends_dags", url) as airflow:
            for dag_id in used:
                await_end(airflow, airflow.trigger(dag_id, size=1))
            for dag_id in TURNS:
                meter = Meter(airflow)
                run = airflow.trigger(dag_id, size=size)
                await_end(airflow, run)
                cpu = meter.read()
                del cpu[POSTGRESQL]
                started = "select count(*) from log where event = 'running' and run_id = %s and task_id = 'generate'"
                [(launches,)] = airflow.query(started, run)
                for name, amount in {PROCESSES: launches, AIRFLOW: sum(cpu.values()), **cpu}.items():
                    used[dag_id][name] += amount
    return {
        dag_id: {name: amount / size / TURNS.count(dag_id) for name, amount in amounts.items()}
        for dag_id, amounts in used.items()
    }


def describe(size: int, found: dict[str, dict[str, float]], load_average: float) -> str:
    """Return what the page says."""
    triggerer, worker = found["triggerer"], found["worker"]
    rows = []
    for name in worker:
        unit = "" if name == PROCESSES else " s"
        cells = [f"{amount:.2f}{unit}" for amount in (triggerer[name], worker[name])]
        rows.append((name, *cells, f"{worker[name] - triggerer[name]:+.2f}{unit}"))
    images = size * TURNS.count("worker")
    more = worker[AIRFLOW] - triggerer[AIRFLOW]
    return (
        f"**An end on a worker costs {more:.1f} s more of CPU**, here with an asset outlet (`{COMMAND}`: {images} "
        f"images each way, PostgreSQL, LocalExecutor, Airflow {version('apache-airflow')}, {os.cpu_count()} cores, "
        f"load average before the run {load_average:.1f}):\n\n"
        + page.table(("for an image", "ends in the triggerer", "ends on a worker", ""), rows)
    )


def main() -> None:
    """Measure, and write the docs."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--size", type=int, help="try it out with so many images a turn, instead of 30; the docs stay")
    size = parser.parse_args().size
    load_average = os.getloadavg()[0]
    text = describe(size or 30, measure(size or 30), load_average)
    print(text)
    if size is None:
        page.replace(COMMAND, [text], PAGE)


if __name__ == "__main__":
    main()
