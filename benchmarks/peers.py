"""Who waits: this package's trigger, those of other providers, a bare loop, and one that does nothing."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import ClassVar, Protocol

import aiohttp
from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger
from airflow.providers.http.triggers.http import HttpEventTrigger
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pictory.sandbox.world import PICTORY_KEY
from airflow_provider_pictory.triggers.pictory import ImageJobTrigger
from benchmarks import BARE, DBT, HTTP, IDLE, OURS

A_DAY = 86_400.0


class Waiter(Protocol):
    """What the triggerer iterates over."""

    def run(self) -> AsyncIterator[TriggerEvent]: ...


def connect(url: str) -> None:
    """Lead every contender of this process to a sandbox."""
    Bare.api = f"{url}/pictoryapis"
    fields = {
        "PICTORY_DEFAULT": {"conn_type": "pictory", "host": Bare.api, "password": PICTORY_KEY},
        "HTTP_DEFAULT": {"conn_type": "http", "host": Bare.api, "extra": {"Authorization": PICTORY_KEY}},
        "DBT_CLOUD_DEFAULT": {"conn_type": "dbt_cloud", "host": url.removeprefix("http://"), "password": "any token"},
    }
    os.environ.update({f"AIRFLOW_CONN_{name}": json.dumps(values) for name, values in fields.items()})


def ours(job_id: str, submitted_at: float, interval: float) -> Waiter:
    deadline = time.time() + A_DAY
    return ImageJobTrigger(
        job_id, "pictory_default", interval, deadline, submitted_at=submitted_at, model="seedream3.0"
    )


def http(job_id: str, submitted_at: float, interval: float) -> Waiter:
    return HttpEventTrigger("benchmarks.check.is_done", endpoint=f"/v1/jobs/{job_id}", poll_interval=interval)


def dbt(job_id: str, submitted_at: float, interval: float) -> Waiter:
    return DbtCloudRunJobTrigger(
        "dbt_cloud_default", job_id, end_time=time.time() + A_DAY, poll_interval=interval, account_id=1
    )


def _over_plain_http(tenant: str, endpoint: str, include_related: object = None) -> tuple[str, dict[str, str]]:
    return f"http://{tenant}/api/v2/accounts/{endpoint}", {}


# Its hook knows https alone; without TLS it is measured at its best.
DbtCloudHook.get_request_url_params = staticmethod(_over_plain_http)


class Bare:
    """One session for all, a loop for each job, and nothing else: the floor."""

    api: ClassVar[str]
    session: ClassVar[aiohttp.ClientSession]

    def __init__(self, job_id: str, submitted_at: float, interval: float) -> None:
        self.url = f"{self.api}/v1/jobs/{job_id}"
        self.interval = interval

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            async with self.session.get(self.url) as response:
                answer = await response.json()
            if answer["data"]["status"] in ("completed", "failed", "cleaned"):
                yield TriggerEvent(answer)
                return
            await asyncio.sleep(self.interval)


class Idle(BaseTrigger):
    """Waits for nothing: what any trigger costs."""

    over = asyncio.Event()

    def __init__(self, job_id: str, submitted_at: float, interval: float) -> None:
        super().__init__()

    def serialize(self) -> tuple[str, dict[str, object]]:
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await self.over.wait()
        yield TriggerEvent({})


CONTENDERS: dict[str, Callable[[str, float, float], Waiter]] = {
    OURS: ours,
    HTTP: http,
    DBT: dbt,
    BARE: Bare,
    IDLE: Idle,
}
