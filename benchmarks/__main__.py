"""Measures everything in one run, and writes the page and its pictures."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import BARE, DBT, HTTP, IDLE, OURS, page, plots
from benchmarks.calls import measure_calls, measure_imports
from benchmarks.page import Results
from benchmarks.runs import Load, Run, side_by_side

CONTENDERS = [OURS, HTTP, DBT, BARE]


@dataclass(frozen=True)
class Scale:
    """
    How much is measured.

    :param sizes: numbers of jobs that come at once; other providers' triggers stop before the last.
    :param light: up to how many of them a machine bears from all contenders at the same time.
    :param polling: jobs that come at once, waited for by one contender at a time, to count the CPU time of a poll.
    """

    night: Load
    polling: Load
    burst: Load
    sizes: tuple[int, ...]
    light: int
    rounds_of_calls: int
    rounds_of_imports: int


FULL = Scale(
    night=Load(jobs=1000, over=180, latency=(12, 28), interval=5),
    polling=Load(jobs=1000, over=5, latency=(12, 28), interval=5),
    burst=Load(jobs=0, over=5, latency=(12, 28), interval=5),
    sizes=(10, 100, 1000, 10_000),
    light=100,
    rounds_of_calls=60,
    rounds_of_imports=7,
)
SMALL = Scale(
    night=Load(jobs=20, over=1, latency=(0.6, 1.4), interval=0.25),
    polling=Load(jobs=50, over=0.25, latency=(0.6, 1.4), interval=0.25),
    burst=Load(jobs=0, over=0.25, latency=(0.6, 1.4), interval=0.25),
    sizes=(10, 50),
    light=50,
    rounds_of_calls=3,
    rounds_of_imports=1,
)


def measure(scale: Scale) -> Results:
    """Run everything, one thing after the other."""
    load_average = os.getloadavg()[0]
    night = run(CONTENDERS, scale.night)
    polling = {name: run([name], scale.polling)[name] for name in CONTENDERS}
    bursts: dict[tuple[str, int], Run] = {}
    for jobs in scale.sizes:
        names = [OURS, BARE, IDLE] if jobs == scale.sizes[-1] else [*CONTENDERS, IDLE]
        groups = [names] if jobs <= scale.light else [*([name] for name in names[:-2]), names[-2:]]
        for group in groups:
            found = run(group, replace(scale.burst, jobs=jobs), instruments=True)
            bursts.update({(name, jobs): one for name, one in found.items()})
    print("hook, imports and sandbox", flush=True)
    calls, imports = measure_calls(scale.rounds_of_calls), measure_imports(scale.rounds_of_imports)
    return Results(night, polling, bursts, calls, imports, load_average)


def run(names: list[str], load: Load, *, instruments: bool = False) -> dict[str, Run]:
    """Let contenders bear a load at the same time."""
    print(f"{', '.join(names)}: {load.jobs:,} jobs over {load.over:g} s", flush=True)
    return {one.name: one for one in side_by_side(names, load, instruments=instruments)}


def main() -> None:
    """Measure, and write the docs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="try everything out in a minute; the docs stay")
    small = parser.parse_args().small
    page.set_up()
    docs = Path(shutil.copytree(page.PAGE.parent, Path(tempfile.mkdtemp()) / "docs")) if small else page.PAGE.parent
    results = measure(SMALL if small else FULL)
    page.write_waiting(docs / page.PAGE.name, results)
    plots.draw_night(docs / "images" / "benchmarks-night.svg", list(results.night.values()))
    plots.draw_bursts(docs / "images" / "benchmarks-bursts.svg", results)
    print(f"\n{page.aims(results)}\n\nWritten: {docs / page.PAGE.name}")


if __name__ == "__main__":
    main()
