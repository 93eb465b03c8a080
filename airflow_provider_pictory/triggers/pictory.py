"""Waiting for image jobs of Pictory in the triggerer."""

from __future__ import annotations

from typing import Any

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import get_job
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook
from airflow_provider_pictory.links import image_links
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import Wait
from airflow_provider_pictory.task.end_in_triggerer import ENDED_KEY
from airflow_provider_pictory.task.log_messages import job_ended
from airflow_provider_pictory.task.xcom import IMAGE_KEY, for_galleries
from airflow_provider_pictory.triggers.base import WaitTrigger, completion_times, shared_dispatcher
from airflow_provider_pictory.version_compat import XCom


class ImageJobTrigger(WaitTrigger):
    """
    Waits until an image job has ended.

    :param job_id: the job.
    :param pictory_conn_id: the Pictory connection.
    :param poll_interval: seconds between two polls; the first is sent when the job is expected to be done.
    :param deadline: the unix time at which waiting ends.
    :param start: the unix time at which polling starts.
    :param submitted_at: the unix time at which the job was submitted, if known.
    :param model: the job's model, if known, by which completion times are recorded.
    :param prompt: the job's prompt, if known, for the XCom for galleries.
    :param end_from_trigger: end the task in the triggerer if the image was generated.
    """

    def __init__(
        self,
        job_id: str,
        pictory_conn_id: str,
        poll_interval: float,
        deadline: float,
        start: float = 0.0,
        submitted_at: float | None = None,
        model: str | None = None,
        prompt: str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__(deadline, end_from_trigger)
        self.subject = f"Pictory job {job_id}"
        self.job_id = job_id
        self.pictory_conn_id = pictory_conn_id
        self.poll_interval = poll_interval
        self.start = start
        self.submitted_at = submitted_at
        self.model = model
        self.prompt = prompt

    async def wait(self) -> dict[str, Any]:
        """Wait for the job, and return the fields of its :class:`~airflow_provider_pictory.client.models.ImageJob`."""
        progress = Progress(self.subject, self.log, self.submitted_at)
        wait: Wait[ImageJob] = Wait(
            interval=self.poll_interval,
            deadline=self.deadline,
            progress=progress,
            start=self.start,
            since=self.submitted_at,
            completion_times=completion_times(self.pictory_conn_id, self.model),
        )
        async with shared_dispatcher(PictoryAsyncHook, self.pictory_conn_id) as dispatcher:
            job = await dispatcher.wait(get_job(self.job_id), wait, self.job_id)
        self.log.info(job_ended(job, progress.age))
        return job.as_event()

    async def end(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """Push the image, if it was generated."""
        job = ImageJob.from_event(result)
        if job.status != "completed":
            return None
        await XCom.aset(IMAGE_KEY, for_galleries(job, self.prompt, self.model), **self.ti_key)
        await XCom.aset("return_value", job.as_xcom(), **self.ti_key)
        return {ENDED_KEY: job.job_id, **image_links(job.as_xcom())}
