"""The sandbox, in a process of its own, with dbt Cloud's call beside Pictory's."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from multiprocessing.connection import Connection

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sandbox.calls import call_route
from airflow_provider_pictory.sandbox.pictures import Picture
from airflow_provider_pictory.sandbox.world import World

LEAD = 2.0
"""Seconds until the first job, so that everybody knows the jobs by then."""


class Meter:
    """Counts the requests of each second."""

    def __init__(self, app: ASGIApp, seconds: Counter[int]) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seconds[int(time.time())] += 1
        await self.app(scope, receive, send)


def dbt_route(world: World) -> Route:
    """The same jobs, as dbt Cloud tells of its runs: 3 is running, 10 is done."""

    async def get_run(request: Request) -> Response:
        job = world.jobs[request.path_params["run_id"]]
        done = world.job_status(job) != "in-progress"
        return JSONResponse({"data": {"id": job.id, "status": 10 if done else 3}})

    return call_route(world, "dbt.get_run", "GET", "/api/v2/accounts/{account_id}/runs/{run_id}/", get_run)


def plan(world: World, jobs: int, over: float) -> list[tuple[str, float, float]]:
    """Let jobs be submitted evenly over some seconds: the id, the time of submit and the time of the end of each."""
    picture = Picture("A quiet lake", 1024, 1024, "seedream3.0")
    first = time.time() + LEAD
    for number in range(jobs):
        job = world.submit_image(picture, "1:1", Decimal(2), None)
        delay = first + over * number / jobs - job.submitted_at
        world.jobs[job.id] = dataclasses.replace(
            job, submitted_at=job.submitted_at + delay, finishes_at=job.finishes_at + delay
        )
    return [(job.id, job.submitted_at, job.finishes_at) for job in world.jobs.values()]


def main(pipe: Connection, settings: dict[str, object]) -> None:
    """Serve; the orders come through a pipe, so that each request that is counted is a contender's."""
    seconds: Counter[int] = Counter()
    sandbox = Sandbox(ai_credits=10**9, **settings)
    sandbox.app.router.routes.append(dbt_route(sandbox.world))
    sandbox.app.add_middleware(Meter, seconds=seconds)
    with sandbox:
        pipe.send(sandbox.url)
        # No request is under way yet, so the world may be changed from here.
        pipe.send(plan(sandbox.world, *pipe.recv()))
        pipe.recv()
        traffic = sandbox.world.traffic
        peak = max(seconds.values(), default=0)
        pages = traffic.calls["pictory.list_jobs"]
        first = traffic.requests[0].at if traffic.requests else 0.0
        sent = [
            (request.at - first, f"{request.path}?{request.query}" if request.query else request.path)
            for request in traffic.requests
        ]
        told = {"requests": traffic.calls.total(), "pages": pages, "sent": sent}
        pipe.send({**told, "connections": traffic.connections, "peak": peak})
        with suppress(EOFError):  # serves until the process is killed
            pipe.recv()
