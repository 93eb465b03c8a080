"""Hooks for Pictory, which generates AI images in jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from airflow_provider_pictory.client import pictory
from airflow_provider_pictory.client.models import CreditTransaction, ImageJob, Quota
from airflow_provider_pictory.client.requests import ImageRequest
from airflow_provider_pictory.client.services import PICTORY
from airflow_provider_pictory.hooks.base import AsyncServiceHook, ServiceHook, listing


class PictoryHook(ServiceHook):
    """
    Calls Pictory's API.

    All methods raise subclasses of :class:`~airflow_provider_pictory.exceptions.ServiceError`.

    :param pictory_conn_id: the Airflow connection id.
    """

    service = PICTORY
    conn_name_attr = PICTORY.conn_id_parameter
    default_conn_name = PICTORY.default_conn_id
    conn_type = PICTORY.conn_type
    hook_name = PICTORY.name

    def __init__(self, pictory_conn_id: str = PICTORY.default_conn_id) -> None:
        super().__init__(pictory_conn_id)

    def submit_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        aspect_ratio: str | None = None,
        style: str | None = None,
        reference_image_url: str | None = None,
        webhook: str | None = None,
    ) -> str:
        """
        Submit an image job. **It costs AI credits**, and the hook never retries it once it may have been received.

        :param prompt: 5 to 5,000 characters.
        :param model: ``seedream3.0`` (the service's default), ``flux-schnell``, ``nanobanana``, ``nanobanana-pro``, or
            any newer model.
        :param aspect_ratio: ``1:1``, ``16:9`` or ``9:16``; by default the first that the model supports.
        :param style: ``photorealistic``, ``artistic``, ``cartoon``, ``minimalist``, ``vintage`` or ``futuristic``.
        :param reference_image_url: the URL of a public image to use as a reference.
        :param webhook: a URL that the service calls when the job ends. The call is not signed.
        :return: the job's id.
        :raises InvalidRequestError: if a parameter is invalid, before anything is sent.
        :raises OutcomeUnknownError: if the response was lost: the job may run and be paid for under an unknown id.

        See https://docs.pictory.ai/api-reference/ai-studio/generate-image
        """
        request = ImageRequest(
            prompt=prompt,
            model=model,
            aspect_ratio=aspect_ratio,
            style=style,
            reference_image_url=reference_image_url,
            webhook=webhook,
        )
        return self.send(pictory.submit_image(request))

    def get_job(self, job_id: str) -> ImageJob:
        """
        Get a job.

        :param job_id: as returned by :meth:`submit_image`.
        :raises NotFoundError: if the service does not know the job.

        See https://docs.pictory.ai/api-reference/ai-studio/get-image-job
        """
        return self.send(pictory.get_job(job_id))

    @listing
    def list_jobs(self) -> Iterator[ImageJob]:
        """
        Iterate over the account's jobs, newest first; pages are requested as needed.

        Jobs of all kinds are listed; ``raw`` distinguishes videos from images.
        """
        return self.transport.iter_pages(pictory.list_jobs)

    def get_quota(self) -> Quota:
        """Get the used and remaining AI credits."""
        return self.send(pictory.GET_QUOTA)

    def list_credit_usage(self, *, year: int | None = None, month: int | None = None) -> list[CreditTransaction]:
        """
        List the transactions of AI credits, newest first. The service keeps twelve months.

        :param year: only of this year; needs ``month``.
        :param month: 1 to 12.
        """
        return self.send(pictory.list_credit_usage(year, month))

    def check(self) -> str:
        """Check with a free request whether the service accepts the key; return a sentence with the credits left."""
        credits_ = self.get_quota().ai_credits
        return f"Pictory accepts the key: {credits_.left:,g} of {credits_.limit:,g} AI credits are left"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the connection form for Airflow 2, which looks for this method in the class itself only."""
        return cls.service.form


class PictoryAsyncHook(AsyncServiceHook):
    """
    :class:`PictoryHook` for event loops: the methods for waiting, without retries.

    ::

        async with PictoryAsyncHook() as hook:
            job = await hook.get_job(job_id)

    :param pictory_conn_id: the Airflow connection id.
    """

    service = PICTORY
    conn_type = PICTORY.conn_type

    def __init__(self, pictory_conn_id: str = PICTORY.default_conn_id) -> None:
        super().__init__(pictory_conn_id)

    async def get_job(self, job_id: str) -> ImageJob:
        """Get a job, as :meth:`PictoryHook.get_job` does."""
        return await self.send(pictory.get_job(job_id))

    async def list_jobs(self) -> AsyncIterator[ImageJob]:
        """Iterate over the account's jobs, as :meth:`PictoryHook.list_jobs` does."""
        async for job in self.transport.iter_pages(pictory.list_jobs):
            yield job
