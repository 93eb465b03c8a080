"""Waiting for image jobs of Pictory in the triggerer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook
from airflow_provider_pictory.triggers.base import WaitTrigger
from airflow_provider_pictory.waiting import is_job_done, wait_async


class ImageJobTrigger(WaitTrigger):
    """
    Waits until an image job has ended.

    :param job_id: the job.
    :param pictory_conn_id: the Pictory connection.
    :param poll_interval: seconds between two requests at most.
    :param deadline: the unix time at which waiting ends.
    :param start: the unix time at which asking begins.
    """

    def __init__(
        self, job_id: str, pictory_conn_id: str, poll_interval: float, deadline: float, start: float = 0.0
    ) -> None:
        super().__init__()
        self.job_id = job_id
        self.pictory_conn_id = pictory_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.start = start

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process needs to go on waiting."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "job_id": self.job_id,
                "pictory_conn_id": self.pictory_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "start": self.start,
            },
        )

    async def wait(self) -> dict[str, Any]:
        """Wait for the job, and return the fields of its :class:`~airflow_provider_pictory.models.ImageJob`."""
        await asyncio.sleep(min(self.start, self.deadline) - time.time())
        async with PictoryAsyncHook(self.pictory_conn_id) as hook:
            job = await wait_async(
                lambda: hook.get_job(self.job_id),
                is_job_done,
                interval=self.poll_interval,
                deadline=self.deadline,
                log=self.log,
            )
        self.log.info("Pictory job %s: %s", job.job_id, job.status)
        return job.as_event()
