"""
Waiting as users get it: ``python -m benchmarks.defaults``.

All settings are defaults but for the interval of 5 s, which the peer has too. Only the sandbox's list of jobs varies.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from benchmarks import HTTP, IDLE, OURS, page
from benchmarks.runs import Child, Load, Run, together

LATENCY = (12, 28)
INTERVAL = 5
AT_ONCE = 0.01
LISTS: dict[str, dict[str, object]] = {
    "items have the result": {},
    "items lack it": {"list_results": "no"},
    "items lack it, as many jobs of other kinds": {"list_results": "no", "list_other_jobs": 1},
    "items lack it, 100 on a page": {"list_results": "no", "list_page_size": 100},
}


MOST = 10_000


@dataclass(frozen=True)
class Case:
    """
    Jobs that come in some way, waited for beside the peer.

    :param runs: of this package, in the order of the lists.
    :param aim: requests per job.
    """

    name: str
    runs: Sequence[Run]
    peer: Run
    aim: float


@dataclass(frozen=True)
class Cost:
    """
    1,000 jobs at once with nothing else running: this package, the peer, and the same requests replayed.

    :param replayed: the CPU time and the passes of the event loop.
    """

    ours: Run
    peer: Run
    replayed: dict[str, float]


@dataclass(frozen=True)
class Stalls:
    """Many jobs at once, and as many idle triggers at the same time."""

    ours: Run
    idle: Run


def load(jobs: int, over: float, settings: dict[str, object] | None = None) -> Load:
    return Load(jobs, over, LATENCY, INTERVAL, settings or {})


def run(orders: Sequence[tuple[str, Load]], *, instruments: bool = False) -> list[Run]:
    """Let contenders bear their loads at the same time."""
    for name, one in orders:
        print(f"{name}: {one.jobs:,} over {one.over:g} s {dict(one.settings) or ''}", flush=True)
    with ExitStack() as stack:
        return together(stack, orders, instruments=instruments)


def at_once(jobs: int) -> Case:
    """Let jobs be submitted at once: with each list in turn, and to the peer."""
    orders = [*((OURS, load(jobs, AT_ONCE, one)) for one in LISTS.values()), (HTTP, load(jobs, AT_ONCE))]
    *runs, peer = (run([order])[0] for order in orders)
    return Case(f"{jobs:,} at once", runs, peer, 1.3)


def spread(jobs: int, over: float) -> Case:
    """Let jobs be submitted evenly, with all lists and to the peer at the same time: few wait at any time."""
    *runs, peer = run([*((OURS, load(jobs, over, one)) for one in LISTS.values()), (HTTP, load(jobs, over))])
    return Case(f"{jobs:,} over {over / 60:g} min", runs, peer, 1.8)


def few(jobs: int, times: int) -> Case:
    """Let few jobs be submitted at once, many times, each time to a process that has seen no job end."""
    orders = [*((OURS, one) for one in LISTS.values()), (HTTP, {})]
    rounds: list[list[Run]] = []
    at_a_time = 5
    for seed in range(0, times, at_a_time):
        seeds = range(seed, min(seed + at_a_time, times))
        found = run([(name, load(jobs, AT_ONCE, {**one, "seed": n})) for n in seeds for name, one in orders])
        rounds += [found[at : at + len(orders)] for at in range(0, len(found), len(orders))]
    *runs, peer = (merged(column) for column in zip(*rounds, strict=True))
    return Case(f"{jobs:,} at once, {times} times", runs, peer, 2.5)


def merged(runs: Sequence[Run]) -> Run:
    """Count several runs as one."""
    return replace(
        runs[0],
        load=replace(runs[0].load, jobs=sum(one.load.jobs for one in runs)),
        delays=[delay for one in runs for delay in one.delays],
        requests=sum(one.requests for one in runs),
        connections=max(one.connections for one in runs),
    )


def cost(jobs: int) -> Cost:
    """Measure the CPU time, each contender by itself."""
    with ExitStack() as stack:
        [ours] = together(stack, [(OURS, load(jobs, AT_ONCE, {"list_results": "no"}))])
        replay = stack.enter_context(Child("benchmarks.replay", ours.url))
        replay.hear()
        replayed = replay.ask(list(ours.sent))
    [peer] = run([(HTTP, load(jobs, AT_ONCE))])
    return Cost(ours, peer, replayed)


def stalls(jobs: int, settings: dict[str, object] | None = None) -> Stalls:
    """Measure how long the event loop is held."""
    return Stalls(*run([(OURS, load(jobs, AT_ONCE, settings)), (IDLE, load(jobs, AT_ONCE))], instruments=True))


def aims(cases: Sequence[Case], costs: Cost, held: Sequence[Stalls], lacking: Run) -> str:
    """Make the table of what was aimed at."""
    rows: list[tuple[str, float, float, str]] = []
    for case in cases:
        for name, one in zip(LISTS, case.runs, strict=True):
            rows.append((f"{case.name}, {name}: requests per job", one.polls, case.aim, "{:.2f}"))
            rows.append(("… median delay ÷ `HttpEventTrigger`'s", one.delay / case.peer.delay, 1.0, "{:.2f}×"))
            rows.append(("… 99th percentile ÷ its", one.worst_delay / case.peer.worst_delay, 1.0, "{:.2f}×"))
    ours, peer = costs.ours, costs.peer
    at_once, passes = f"{ours.load.jobs:,} at once", costs.replayed["passes"] / ours.requests
    rows += [
        (
            f"{at_once}: passes of the loop per request (replayed: {passes:.1f})",
            ours.passes / ours.requests,
            3,
            "{:.1f}",
        ),
        (
            "… CPU time per request ÷ that of the same requests replayed",
            ours.cpu / costs.replayed["cpu"],
            1.5,
            "{:.2f}×",
        ),
        ("… CPU time per job ÷ `HttpEventTrigger`'s", ours.cpu / peer.cpu, 0.2, "{:.2f}×"),
        ("… TCP connections", ours.connections, 10, "{:.0f}"),
    ]
    for one, limit in zip(held, (30, 100), strict=True):
        what = f"{one.ours.load.jobs:,} at once: longest stall beyond as many idle triggers'"
        rows.append((what, max(0.0, one.ours.stall - one.idle.stall) * 1e3, limit, "{:.0f} ms"))
    last = "from the last end to the last event"
    most = held[-1].ours
    rows.append((f"{most.load.jobs:,} at once, {next(iter(LISTS))}: {last}", most.after_last, 15, "{:.0f} s"))
    confirmed = lacking.load.jobs / 100 + 15  # at 6,000 requests a minute
    rows.append((f"{lacking.load.jobs:,} at once, items lack it: {last}", lacking.after_last, confirmed, "{:.0f} s"))
    return page.aims_table(rows)


def delays(cases: Sequence[Case]) -> str:
    """Make the table of what was measured."""
    head = (
        *("jobs", "waits", "list of jobs", "requests per job", "of them pages"),
        *("median delay", "99th percentile", "connections"),
    )
    rows = []
    for case in cases:
        for list_name, one in [*zip(LISTS, case.runs, strict=True), ("", case.peer)]:
            rows.append(
                (
                    *(case.name, f"`{one.name}`", list_name, f"{one.polls:.2f}", f"{one.pages:,}"),
                    *(f"{one.delay:.2f} s", f"{one.worst_delay:.2f} s", f"{one.connections:,}"),
                )
            )
    return page.table(head, rows)


def main() -> None:
    """Measure, and write the docs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.defaults", description=__doc__)
    parser.add_argument("--small", action="store_true", help="try everything out in three minutes; the docs stay")
    small = parser.parse_args().small
    load_average = os.getloadavg()[0]
    page.set_up()
    costs = cost(100 if small else 1000)
    cases = [at_once(100 if small else 1000)]
    cases.append(few(20, 5 if small else 50))
    held = [stalls(100 if small else 1000), stalls(200 if small else MOST)]
    [lacking] = run([(OURS, load(200 if small else MOST, AT_ONCE, {"list_results": "no"}))])
    cases.append(spread(*((20, 12.0) if small else (1000, 600.0))))
    parts = [aims(cases, costs, held, lacking), delays(cases)]
    print("\n\n".join(parts))
    if not small:
        page.write("python -m benchmarks.defaults", parts, load_average)


if __name__ == "__main__":
    main()
