"""One contender, in a process of its own: it runs a trigger for each job as Airflow's triggerer does."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from multiprocessing.connection import Connection

import aiohttp

from airflow_provider_pictory.sandbox.world import PICTORY_KEY
from airflow_provider_pictory.version_compat import BaseHook, get_async_connection
from benchmarks.peers import CONTENDERS, Bare, Idle, connect

BEAT = 0.005
PAGE = os.sysconf("SC_PAGE_SIZE")


class CountingLoop(asyncio.SelectorEventLoop):
    """The usual event loop, which counts its passes."""

    passes = 0

    def _run_once(self) -> None:
        self.passes += 1
        super()._run_once()  # type: ignore[misc]  # not in typeshed


class Instruments:
    """
    Tell for how long the event loop was held at most, and how much memory the waiting takes.

    Attributes:
        stall: What a coroutine feels: other processes that take the CPU away are in it too.
        busy: The CPU time alone that the loop's thread spent meanwhile.
        memory: Bytes that the process has taken since the beginning, while ``weighed`` triggers waited.
        waiting: How many triggers wait now.

    """

    def __init__(self) -> None:
        self.stall = self.busy = 0.0
        self.memory = self.weighed = self.waiting = 0
        self._before = _memory()

    async def beat(self) -> None:
        """Look at how late the event loop is, again and again."""
        while True:
            due, used = time.monotonic() + BEAT, time.thread_time()
            await asyncio.sleep(BEAT)
            self.stall = max(self.stall, time.monotonic() - due)
            self.busy = max(self.busy, time.thread_time() - used)

    async def weigh(self, at: float) -> None:
        """Weigh while all wait. This holds the loop, so the second until it has recovered does not count as a stall."""
        await asyncio.sleep(at - time.time())
        stall, busy = self.stall, self.busy
        self.memory, self.weighed = _memory() - self._before, self.waiting
        Idle.over.set()
        await asyncio.sleep(1)
        self.stall, self.busy = stall, busy


def _memory() -> int:
    """Bytes of the process's own, without the files that are mapped into it."""
    gc.collect()
    with open("/proc/self/statm") as file:
        _, resident, shared, *_ = map(int, file.read().split())
    return (resident - shared) * PAGE


async def wait(
    name: str, jobs: list[tuple[str, float]], interval: float, weigh_at: float | None
) -> dict[str, float | list[float]]:
    """
    Wait for all jobs, each from its submit on; tell when their events fired.

    :param weigh_at: when to weigh; None to run without the instruments, which take some CPU time themselves.
    """
    fired = [0.0] * len(jobs)

    async def run(number: int, job_id: str, submitted_at: float) -> None:
        instruments.waiting += 1
        async for event in CONTENDERS[name](job_id, submitted_at, interval).run():
            fired[number] = time.time()
            if {"error", "timeout"} & {*event.payload, event.payload.get("status")}:
                raise RuntimeError(event.payload)
        instruments.waiting -= 1

    # A triggerer has done this before, and loads a lot at the first time.
    await get_async_connection(BaseHook(), "http_default")
    instruments = Instruments()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, CountingLoop)
    started, passes = time.process_time(), loop.passes
    async with aiohttp.ClientSession(headers={"Authorization": PICTORY_KEY}) as Bare.session:
        async with asyncio.TaskGroup() as waiting:
            if weigh_at is not None:
                beat = asyncio.create_task(instruments.beat())
                waiting.create_task(instruments.weigh(weigh_at))
            for number, (job_id, submitted_at) in enumerate(jobs):
                await asyncio.sleep(max(0.0, submitted_at - time.time()))
                waiting.create_task(run(number, job_id, submitted_at))
        if weigh_at is not None:
            beat.cancel()
    return {
        "fired": fired,
        "cpu": time.process_time() - started,
        "passes": loop.passes - passes,
        "stall": instruments.stall,
        "busy": instruments.busy,
        "memory": instruments.memory,
        "weighed": instruments.weighed,
    }


def main(pipe: Connection, name: str, url: str) -> None:
    """Wait with a contender for the jobs that come through the pipe, at a sandbox."""
    connect(url)
    pipe.send("ready")
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        pipe.send(runner.run(wait(name, *pipe.recv())))
