"""Waiting for image jobs of Pictory in the triggerer."""

from __future__ import annotations

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
    """

    def __init__(self, job_id: str, pictory_conn_id: str, poll_interval: float, deadline: float) -> None:
        super().__init__()
        self.job_id = job_id
        self.pictory_conn_id = pictory_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process needs to go on waiting."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "job_id": self.job_id,
                "pictory_conn_id": self.pictory_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
            },
        )

    async def wait(self) -> dict[str, Any]:
        """Wait for the job, and return the fields of its :class:`~airflow_provider_pictory.models.ImageJob`."""
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
