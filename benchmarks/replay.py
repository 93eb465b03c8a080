"""The floor: the same requests at the same times over one aiohttp session, each answer parsed, and nothing else."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

import aiohttp

from airflow_provider_pictory.sandbox.world import PICTORY_KEY
from benchmarks.waiting import CountingLoop


async def replay(url: str, requests: list[tuple[float, str]]) -> dict[str, float]:
    """Send requests, each so many seconds after the first; return the CPU time and the event loop's passes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, CountingLoop)
    connector = aiohttp.TCPConnector(limit=10, keepalive_timeout=60)
    started, passes = time.process_time(), loop.passes
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": PICTORY_KEY}) as session:

        async def get(path: str) -> None:
            async with session.get(url + path) as response:
                await response.json()

        first = loop.time()
        async with asyncio.TaskGroup() as sending:
            for seconds, path in requests:
                if (delay := first + seconds - loop.time()) > 0:
                    await asyncio.sleep(delay)
                sending.create_task(get(path))
    return {"cpu": time.process_time() - started, "passes": loop.passes - passes}


def main(pipe: Connection, url: str) -> None:
    """Replay the requests that come through the pipe."""
    pipe.send("ready")
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        pipe.send(runner.run(replay(url, pipe.recv())))
