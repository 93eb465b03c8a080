"""The page's parts that each run writes anew: what was aimed at, what was measured, and on what machine."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import BARE, IDLE, OURS
from benchmarks.calls import Calls, Imports
from benchmarks.runs import Run

if TYPE_CHECKING:
    from benchmarks.nightly import Comparison

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
PACKAGES = [
    "apache-airflow",
    "apache-airflow-providers-http",
    "apache-airflow-providers-dbt-cloud",
    "airflow-provider-pictory",
    "aiohttp",
    "requests",
]


@dataclass(frozen=True)
class Results:
    """
    All that ``python -m benchmarks`` has measured.

    :param night: each contender's run while jobs come for a while.
    :param polling: each contender's run with many jobs at once, by itself, without the instruments.
    :param bursts: each contender's runs with jobs that come almost at once, by name and number of jobs.
    :param load_average: of the machine, before anything ran.
    """

    night: dict[str, Run]
    polling: dict[str, Run]
    bursts: dict[tuple[str, int], Run]
    calls: Calls
    imports: Imports
    load_average: float

    def memory(self, name: str, jobs: int) -> float:
        """KiB that waiting for a job takes beyond an idle trigger."""
        run, idle = self.bursts[name, jobs], self.bursts[IDLE, jobs]
        return (run.memory / max(run.weighed, 1) - idle.memory / idle.weighed) / 1024

    @property
    def sizes(self) -> list[int]:
        """The numbers of jobs, fewest first."""
        return sorted({jobs for _, jobs in self.bursts})

    @property
    def peak(self) -> int:
        """The requests in the busiest second of any run but the bare loop's with the most jobs."""
        bursts = [run for key, run in self.bursts.items() if key != (BARE, self.sizes[-1])]
        return max(run.peak for run in [*self.night.values(), *self.polling.values(), *bursts])


def write_waiting(page: Path, results: Results) -> None:
    """Write what ``python -m benchmarks`` has measured."""
    parts = [aims(results), night(results), polling(results), bursts(results), calls(results)]
    write("python -m benchmarks", parts, results.load_average, page)


def write_nightly(page: Path, comparison: Comparison, load_average: float) -> None:
    """Write what ``python -m benchmarks.nightly`` has measured."""
    write("python -m benchmarks.nightly", [nightly(comparison)], load_average, page)


def set_up() -> None:
    """Let Airflow of this process and its children have a home of its own, and log warnings alone."""
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="benchmarks-")
    # What would be logged at each poll costs nobody anything.
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def write(command: str, parts: list[str], load_average: float, page: Path = PAGE) -> None:
    """Write what a command has measured, and on what, between its marks in the page."""
    replace(command, [*parts, machine(command, load_average)], page)


def replace(command: str, parts: list[str], page: Path = PAGE) -> None:
    """Replace what stands between a command's marks in the page."""
    begin, end = f"<!-- `{command}` writes this -->", f"<!-- `{command}` ends -->"
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    page.write_text("\n\n".join([before + begin, *parts, end + after]))


def aims(results: Results) -> str:
    *_, many, most = results.sizes
    calls, imports = results.calls, results.imports
    wait = f"waiting for {many:,} jobs"
    rows = [
        (f"TCP connections, {wait}", results.bursts[OURS, many].connections, 10, "{:,.0f}"),
        (f"memory per job beyond Airflow's, {wait}", results.memory(OURS, many), 5, "{:.1f} KiB"),
        (f"… waiting for {most:,} jobs", results.memory(OURS, most), 5, "{:.1f} KiB"),
        ("import time beyond the HTTP provider's ÷ that", imports.beyond / imports.http, 0.05, "{:.1%}"),
        ("time of a hook's call ÷ a plain session's", calls.overhead, 1.3, "{:.2f}×"),
        ("TCP connections of a hook", calls.connections, 1, "{:.0f}"),
        ("busiest second ÷ what the sandbox can answer", results.peak / calls.highest_rate, 1.0, "{:.0%}"),
    ]
    return aims_table(rows)


def aims_table(rows: list[tuple[str, float, float, str]]) -> str:
    return table(
        ("what", "measured", "aim: at most", ""),
        [
            (what, unit.format(value), unit.format(limit), "met" if value <= limit else "**missed**")
            for what, value, limit, unit in rows
        ],
    )


def night(results: Results) -> str:
    load = next(iter(results.night.values())).load
    low, high = load.latency
    head = (
        *("waits", "median delay", "99th percentile", "requests per job", "connections"),
        "CPU time per job",
    )
    rows = [
        (
            *(_name(run.name), f"{run.delay:.2f} s", f"{run.worst_delay:.2f} s", f"{run.polls:.2f}"),
            *(f"{run.connections:,}", f"{run.cpu / load.jobs * 1e3:.2f} ms"),
        )
        for run in results.night.values()
    ]
    return (
        f"### A night\n\n{load.jobs:,} jobs, submitted evenly over {load.over:g} s, take {low:g} to {high:g} s each. "
        f"All ask every {load.interval:g} s, `{OURS}` at most. They run at the same time, and share the processors.\n\n"
        + table(head, rows)
    )


def polling(results: Results) -> str:
    load = next(iter(results.polling.values())).load
    rows = [
        (_name(run.name), f"{run.requests:,}", f"{run.cpu:.2f} s", f"{run.cpu_per_poll * 1e6:,.0f} µs")
        for run in results.polling.values()
    ]
    return (
        f"### A poll\n\n{load.jobs:,} jobs, submitted within {load.over:g} s, each contender by itself: nothing else "
        "runs but its sandbox.\n\n" + table(("waits", "polls", "CPU time", "CPU time per poll"), rows)
    )


def bursts(results: Results) -> str:
    head = (
        *("jobs", "waits", "longest stall", "CPU time of it", "memory per job", "connections"),
        *("requests per job", "median delay", "busiest second"),
    )
    rows = [
        (
            *(f"{jobs:,}", _name(name), f"{run.stall * 1e3:,.0f} ms", f"{run.busy * 1e3:,.0f} ms"),
            *(f"{results.memory(name, jobs):,.1f} KiB", f"{run.connections:,}", f"{run.polls:.2f}"),
            *(f"{run.delay:.2f} s", f"{run.peak:,}"),
        )
        for (name, jobs), run in results.bursts.items()
        if name != IDLE
    ]
    load = next(iter(results.bursts.values())).load
    most = results.sizes[-1]
    left_out = [
        f"`{name}` would use {most / load.interval * run.cpu_per_poll:.1f} s of CPU time a second"
        for name, run in results.polling.items()
        if (name, most) not in results.bursts
    ]
    idle = ", ".join(
        f"{run.stall * 1e3:,.0f} ms ({run.busy * 1e3:,.0f} ms) at {jobs:,}"
        for (name, jobs), run in results.bursts.items()
        if name == IDLE
    )
    return (
        f"### Many jobs at once\n\nThe jobs are submitted within {load.over:g} s, so that all are waited for at the "
        f"same time. Memory is what they take beyond as many idle triggers. Those have stalls of their own, which are "
        f"the machine's and Airflow's: {idle}.\n\n{table(head, rows)}\n\n"
        f"Of {most:,} jobs, {' and '.join(left_out)}: they are left out. The bare loop asks for all of them as soon as "
        f"the sandbox answers: {results.bursts[BARE, most].peak / results.calls.highest_rate:.0%} of what that can."
    )


def calls(results: Results) -> str:
    calls, imports = results.calls, results.imports
    rows = [
        ("a GET with a plain `requests.Session`, decoded", f"{calls.bare * 1e3:.2f} ms"),
        ("`PictoryHook.get_job`", f"{calls.hook * 1e3:.2f} ms"),
        ("… its CPU time ÷ the plain session's", f"{calls.cpu_overhead:.2f}×"),
        ("import of the HTTP provider's hooks, operators, sensors and triggers", f"{imports.http:.2f} s"),
        ("import of this package's", f"{imports.ours:.2f} s"),
        ("import of this package's after the HTTP provider's", f"{imports.beyond * 1e3:.0f} ms"),
        ("GET requests that the sandbox answers in a second of CPU time", f"{calls.highest_rate:,.0f}"),
        ("requests in the busiest second, but for the bare loop's with the most jobs", f"{results.peak:,}"),
    ]
    return "### Calls, imports, and the sandbox itself\n\n" + table(("what", "median"), rows)


def nightly(comparison: Comparison) -> str:
    ours, by_hand = comparison.ours, comparison.by_hand
    rows = [
        ("Airflow's CPU time ÷ by hand", ours.airflow_cpu / by_hand.airflow_cpu, 1 / 3, "{:.2f}×"),
        ("wall time ÷ by hand", ours.wall / by_hand.wall, 0.5, "{:.2f}×"),
        ("task processes for an image, made and published", ours.launches // ours.size, 2, "{:.0f}"),
    ]
    head = ("what", "nothing", "this package", "by hand", "this package ÷ by hand")
    return (
        f"{ours.size} images of 20 to 60 s are made and published, with PostgreSQL and the LocalExecutor: by "
        "`GenerateImageOperator` and `PostImageOperator`, and by hand with `HttpHook` and `HttpSensor` in "
        "reschedule mode ([both DAGs](migrating-from-http-operator.md#side-by-side)). *Nothing* is a DAG with as many "
        "tasks as this package's, each of which returns what it was given."
        f"\n\n{aims_table(rows)}\n\n{table(head, list(comparison.rows()))}"
    )


def machine(command: str, load_average: float) -> str:
    cpu = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Measured with `{command}` on {os.cpu_count()} cores ({cpu}; load average before the run "
        f"{load_average:.1f}), {platform.system()}, Python {platform.python_version()}, {packages}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _name(name: str) -> str:
    return name if name == BARE else f"`{name}`"
