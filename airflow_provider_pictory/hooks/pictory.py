"""Pictory's HTTP API: AI images as jobs."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from airflow_provider_pictory.client import inputs
from airflow_provider_pictory.client.models import CreditTransaction, ImageJob, Quota, read_all, read_id
from airflow_provider_pictory.client.requests import MAX_PAGES, ApiRequest
from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.hooks.base import AsyncServiceHook, Service, ServiceHook, listing


class _Pictory(Service):
    service = "Pictory"
    default_base_url = "https://api.pictory.ai/pictoryapis"
    requests_per_minute = 6000.0
    conn_name_attr = "pictory_conn_id"
    default_conn_name = "pictory_default"
    conn_type = "pictory"
    key_placeholder = "pictai_…, from app.pictory.ai/api-access"


class PictoryHook(_Pictory, ServiceHook):
    """
    Calls Pictory's API.

    Every method raises :class:`~airflow_provider_pictory.exceptions.ServiceError`, or a subclass that says more.

    :param pictory_conn_id: the Airflow connection.
    """

    hook_name = "Pictory"

    def __init__(self, pictory_conn_id: str = _Pictory.default_conn_name) -> None:
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
        Start an image job. **It costs AI credits**, and is never repeated by the hook once it may have arrived.

        :param prompt: 5 to 5,000 characters.
        :param model: ``seedream3.0`` (the service's default), ``flux-schnell``, ``nanobanana``, ``nanobanana-pro``, or
            any that the service adds.
        :param aspect_ratio: ``1:1``, ``16:9`` or ``9:16``; by default the first that the model supports.
        :param style: ``photorealistic``, ``artistic``, ``cartoon``, ``minimalist``, ``vintage`` or ``futuristic``.
        :param reference_image_url: a public image to be guided by.
        :param webhook: a URL that the service notifies when the job ends. The notice is not signed.
        :return: the job's id.
        :raises InvalidRequestError: before anything is sent, if a parameter is wrong.
        :raises OutcomeUnknownError: if the answer was lost: the job may run, and be paid for, under an unknown id.

        See https://docs.pictory.ai/api-reference/ai-studio/generate-image
        """
        return self.send(_submit_image(prompt, model, aspect_ratio, style, reference_image_url, webhook))

    def get_job(self, job_id: str) -> ImageJob:
        """
        Ask how a job is doing.

        :param job_id: as returned by :meth:`submit_image`.
        :raises NotFoundError: if the service does not know the job.

        See https://docs.pictory.ai/api-reference/ai-studio/get-image-job
        """
        return self.send(_get_job(job_id))

    @listing
    def list_jobs(self) -> Iterator[ImageJob]:
        """
        Go through the account's jobs, newest first; pages are asked for as the iteration reaches them.

        Jobs of all kinds are listed: ``raw`` tells a video from an image.
        """
        key: str | None = None
        for page in itertools.count(1):
            items, key = self.send(_list_jobs(key, page))
            yield from items
            if key is None:
                return

    def get_quota(self) -> Quota:
        """Ask how many AI credits are used and left."""
        return self.send(_GET_QUOTA)

    def list_credit_usage(self, *, year: int | None = None, month: int | None = None) -> list[CreditTransaction]:
        """
        List the movements of AI credits, newest first. Twelve months are kept.

        :param year: only of this year; needs ``month``.
        :param month: 1 to 12.
        """
        return self.send(_list_credit_usage(year, month))

    def check(self) -> str:
        """Ask whether the service accepts the key, for free; return a sentence with the credits that are left."""
        credits_ = self.get_quota().ai_credits
        return f"Pictory accepts the key: {credits_.left:,g} of {credits_.limit:,g} AI credits are left"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Say what Airflow 2's connection form shows; it looks for this method in the class itself, not its bases."""
        return cls._form()


class PictoryAsyncHook(_Pictory, AsyncServiceHook):
    """
    :class:`PictoryHook` for event loops: the same calls, awaited, each sent once.

    ::

        async with PictoryAsyncHook() as hook:
            job = await hook.get_job(job_id)

    :param pictory_conn_id: the Airflow connection.
    """

    def __init__(self, pictory_conn_id: str = _Pictory.default_conn_name) -> None:
        super().__init__(pictory_conn_id)

    async def submit_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        aspect_ratio: str | None = None,
        style: str | None = None,
        reference_image_url: str | None = None,
        webhook: str | None = None,
    ) -> str:
        """Start an image job, as :meth:`PictoryHook.submit_image` does."""
        return await self.send(_submit_image(prompt, model, aspect_ratio, style, reference_image_url, webhook))

    async def get_job(self, job_id: str) -> ImageJob:
        """Ask how a job is doing, as :meth:`PictoryHook.get_job` does."""
        return await self.send(_get_job(job_id))

    async def list_jobs(self) -> AsyncIterator[ImageJob]:
        """Go through the account's jobs, as :meth:`PictoryHook.list_jobs` does."""
        key: str | None = None
        for page in itertools.count(1):
            items, key = await self.send(_list_jobs(key, page))
            for item in items:
                yield item
            if key is None:
                return

    async def get_quota(self) -> Quota:
        """Ask how many AI credits are used and left."""
        return await self.send(_GET_QUOTA)

    async def list_credit_usage(self, *, year: int | None = None, month: int | None = None) -> list[CreditTransaction]:
        """List the movements of AI credits, as :meth:`PictoryHook.list_credit_usage` does."""
        return await self.send(_list_credit_usage(year, month))


def _submit_image(*args: str | None) -> ApiRequest[str]:
    return ApiRequest("submit image", "POST", "/v1/aistudio/images", _job_id, json=inputs.image_request(*args))


def _job_id(answer: Any) -> str:
    return read_id(answer["data"]["jobId"])


def _get_job(job_id: str) -> ApiRequest[ImageJob]:
    inputs.check_text("job_id", job_id, 1, 200)
    parse = partial(ImageJob.from_api, job_id=job_id)
    return ApiRequest("get job", "GET", f"/v1/jobs/{quote(job_id, safe='')}", parse, idempotent=True)


def _list_jobs(key: str | None, page: int = 1) -> ApiRequest[tuple[list[ImageJob], str | None]]:
    params = {} if key is None else {"nextPageKey": key}

    def parse(answer: Any) -> tuple[list[ImageJob], str | None]:
        following = answer.get("nextPageKey") or None
        if following is not None and not re.fullmatch("[!-~]{1,4096}", following):
            raise ValueError("no key of a page")
        if (following == key and key is not None) or (following is not None and page >= MAX_PAGES):
            raise ValueError("the pages do not end")
        return read_all(answer["items"], ImageJob.from_api), following

    return ApiRequest("list jobs", "GET", "/v1/jobs", parse, params, idempotent=True)


_GET_QUOTA = ApiRequest("get quota", "GET", "/v1/quota", Quota.from_api, idempotent=True)


def _list_credit_usage(year: int | None, month: int | None) -> ApiRequest[list[CreditTransaction]]:
    if (year is None) != (month is None):
        raise InvalidRequestError.of("year, month", "one is given without the other", "both, or none")
    params = {} if year is None or month is None else {"year": year, "month": month}

    def parse(answer: Any) -> list[CreditTransaction]:
        return read_all(answer, CreditTransaction.from_api)

    return ApiRequest("list credit usage", "GET", "/v1/aicredits/usage", parse, params, idempotent=True)
