"""Runs contenders, each in a process of its own against a sandbox of its own, and tells what that took."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from statistics import median, quantiles
from typing import Any

import psutil

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["benchmarks.server", "benchmarks.waiting", "benchmarks.calls"])


@dataclass(frozen=True)
class Load:
    """
    Jobs to wait for.

    :param over: seconds over which they are submitted, evenly.
    :param latency: seconds that a job takes: any length between these two is as likely.
    :param interval: seconds between two polls.
    :param settings: of the sandbox, beyond its defaults.
    """

    jobs: int
    over: float
    latency: tuple[float, float]
    interval: float
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """
    How one contender bore a load.

    :param url: the sandbox's.
    :param delays: seconds from the end of each job to its event.
    :param after_last: seconds from the end of the last job to the last event.
    :param sent: when each request came, in seconds after the first, and its path.
    :param pages: those of the requests that read the list of jobs.
    :param peak: requests in the busiest second.
    :param cpu: seconds of CPU time that the contender's process used.
    :param passes: of the contender's event loop.
    :param stall: seconds for which the event loop was held at most.
    :param busy: the CPU time alone of that, which other processes do not add to.
    :param memory: bytes that were taken while ``weighed`` triggers waited.
    :param weighed: all of them, unless the process was too slow to start them in time.
    """

    name: str
    load: Load
    url: str
    delays: Sequence[float]
    after_last: float
    requests: int
    pages: int
    connections: int
    peak: int
    sent: Sequence[tuple[float, str]]
    cpu: float
    passes: int
    stall: float
    busy: float
    memory: int
    weighed: int

    @property
    def delay(self) -> float:
        return median(self.delays)

    @property
    def worst_delay(self) -> float:
        """The 99th percentile."""
        return quantiles(self.delays, n=100, method="inclusive")[98]

    @property
    def polls(self) -> float:
        """Requests per job."""
        return self.requests / self.load.jobs

    @property
    def cpu_per_poll(self) -> float:
        return self.cpu / self.requests


class Child:
    """
    A process that is talked to through a pipe: the ``main`` of a module.

    It is a fork of one that has imported everything, as Airflow's own triggerer is: a fresh process at once.
    """

    def __init__(self, module: str, *arguments: Any) -> None:
        self._pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_start, args=(module, theirs, *arguments), daemon=True)
        self._process.start()
        # Without this, nobody would notice that the process has ended.
        theirs.close()

    @property
    def cpu(self) -> float:
        """Seconds of CPU time that the process has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def tell(self, order: Any) -> None:
        self._pipe.send(order)

    def hear(self) -> Any:
        return self._pipe.recv()

    def ask(self, order: Any) -> Any:
        self.tell(order)
        return self.hear()


def _start(module: str, pipe: Connection, *arguments: Any) -> None:
    importlib.import_module(module).main(pipe, *arguments)


def serve(**settings: object) -> Child:
    """Start a sandbox; it says its address first."""
    return Child("benchmarks.server", settings)


def side_by_side(names: Sequence[str], load: Load, *, instruments: bool = False) -> list[Run]:
    """
    Let contenders bear the same load at the same time, so that whatever else the machine does hits them alike.

    :param instruments: measure stall and memory too, which takes some CPU time itself.
    """
    with ExitStack() as stack:
        return together(stack, [(name, load) for name in names], instruments=instruments)


def together(stack: ExitStack, orders: Sequence[tuple[str, Load]], *, instruments: bool = False) -> list[Run]:
    """Let contenders bear their loads at the same time; the sandboxes serve until the stack is closed."""
    servers = [stack.enter_context(serve(latency=load.latency, **load.settings)) for _, load in orders]
    urls = [server.hear() for server in servers]
    waiters = [
        stack.enter_context(Child("benchmarks.waiting", name, url)) for (name, _), url in zip(orders, urls, strict=True)
    ]
    for waiter in waiters:
        waiter.hear()
    plans = [server.ask((load.jobs, load.over)) for server, (_, load) in zip(servers, orders, strict=True)]
    for waiter, plan, (_, load) in zip(waiters, plans, orders, strict=True):
        jobs = [(job_id, submitted_at) for job_id, submitted_at, _ in plan]
        last, first_end = jobs[-1][1], min(done_at for *_, done_at in plan)
        weigh_at = last + 0.9 * (first_end - last) if instruments else None
        waiter.tell((jobs, load.interval, weigh_at))
    runs = []
    for (name, load), url, waiter, server, plan in zip(orders, urls, waiters, servers, plans, strict=True):
        told = waiter.hear()
        delays = [at - done_at for at, (*_, done_at) in zip(told.pop("fired"), plan, strict=True)]
        last_end = max(done_at for *_, done_at in plan)
        after_last = max(delay + done_at for delay, (*_, done_at) in zip(delays, plan, strict=True)) - last_end
        runs.append(Run(name, load, url, delays, after_last, **told, **server.ask(None)))
    return runs
