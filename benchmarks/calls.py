"""What a call of the hook costs, what importing the package costs, and how many calls the sandbox bears."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import requests

from airflow_provider_pictory.sandbox.world import PICTORY_KEY
from benchmarks.runs import Child, serve

HTTP_MODULES = [f"airflow.providers.http.{kind}.http" for kind in ("hooks", "operators", "sensors", "triggers")]
OUR_MODULES = [
    f"airflow_provider_pictory.{module}"
    for module in (
        *("hooks.pictory", "operators.pictory", "sensors.pictory", "triggers.pictory"),
        *("hooks.posteverywhere", "operators.posteverywhere", "triggers.posteverywhere"),
    )
]
IN_A_ROUND = 50
CONNECTIONS = 64


@dataclass(frozen=True)
class Calls:
    """
    Medians of the rounds.

    :param bare: seconds that a call of a plain session takes.
    :param hook: seconds that a call of the hook takes.
    :param overhead: the one over the other, in the same round.
    :param cpu_overhead: the same of the CPU time.
    :param connections: that the hook opened for all its calls.
    :param highest_rate: calls that the sandbox answers in a second of CPU time: what a core of its own can do.
    """

    bare: float
    hook: float
    overhead: float
    cpu_overhead: float
    connections: int
    highest_rate: float


@dataclass(frozen=True)
class Imports:
    """
    Medians of fresh processes, in seconds.

    :param http: the HTTP provider's modules.
    :param ours: this package's.
    :param beyond: this package's, where the HTTP provider's are there already.
    """

    http: float
    ours: float
    beyond: float


def measure_calls(rounds: int) -> Calls:
    """Time calls in turns with a plain session's, and ask the sandbox for as much as it can."""
    with serve(latency=0) as server:
        url = server.hear()
        [(job_id, _, done_at)] = server.ask((1, 0))
        time.sleep(max(0.0, done_at - time.time()))
        with Child("benchmarks.calls", url, job_id, rounds) as caller:
            times = caller.hear()
        before = server.cpu
        highest_rate = asyncio.run(_ask_for_much(url, job_id)) / (server.cpu - before)
        opened = server.ask(None)["connections"]
    return Calls(**times, connections=opened - 1 - CONNECTIONS, highest_rate=highest_rate)


def measure_imports(rounds: int) -> Imports:
    """Time imports in fresh processes, in turns."""
    found = [(*_import(OUR_MODULES), *_import(HTTP_MODULES, OUR_MODULES)) for _ in range(rounds)]
    ours, http, beyond = map(median, zip(*found, strict=True))
    return Imports(http, ours, beyond)


def _import(*groups: Sequence[str]) -> list[float]:
    lines = [f"import {', '.join(modules)}; times.append(perf_counter())" for modules in groups]
    code = "\n".join(["from time import perf_counter", "times = [perf_counter()]", *lines, "print(times)"])
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    times = json.loads(said.splitlines()[-1])
    return [after - before for before, after in itertools.pairwise(times)]


async def _ask_for_much(url: str, job_id: str, seconds: float = 3.0) -> int:
    """Ask over many connections, with as little of a client as there can be; return how many answers came."""
    address = urlsplit(url)
    lines = (f"GET /pictoryapis/v1/jobs/{job_id} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: {PICTORY_KEY}")
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    end = time.monotonic() + seconds

    async def ask() -> int:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        answers = 0
        while time.monotonic() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            answers += 1
        writer.close()
        return answers

    return sum(await asyncio.gather(*(ask() for _ in range(CONNECTIONS))))


def _time(call: Callable[[], Any]) -> tuple[float, float]:
    clock, cpu = time.perf_counter(), time.process_time()
    for _ in range(IN_A_ROUND):
        call()
    return (time.perf_counter() - clock) / IN_A_ROUND, (time.process_time() - cpu) / IN_A_ROUND


def main(pipe: Connection, url: str, job_id: str, rounds: int) -> None:
    """Time calls, in a process of its own."""
    from airflow_provider_pictory.hooks.pictory import PictoryHook
    from benchmarks.peers import connect

    connect(url)
    hook, session = PictoryHook(), requests.Session()
    address, headers = f"{url}/pictoryapis/v1/jobs/{job_id}", {"Authorization": PICTORY_KEY}
    found = [
        (
            *_time(lambda: session.get(address, headers=headers, timeout=60).json()),
            *_time(lambda: hook.get_job(job_id)),
        )
        for _ in range(rounds)
    ]
    pipe.send(
        {
            "bare": median(bare for bare, _, _, _ in found),
            "hook": median(hook for _, _, hook, _ in found),
            "overhead": median(hook / bare for bare, _, hook, _ in found),
            "cpu_overhead": median(hook / bare for _, bare, _, hook in found),
        }
    )
