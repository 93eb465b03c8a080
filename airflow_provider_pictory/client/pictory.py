"""Pictory's HTTP API: the requests, and the errors of failed jobs."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import quote

from airflow_provider_pictory.client.models import CreditTransaction, ImageJob, JobStatus, Quota, read_all, read_id
from airflow_provider_pictory.client.requests import MAX_PAGES, ApiRequest, ImageRequest
from airflow_provider_pictory.client.validation import check_text
from airflow_provider_pictory.exceptions import (
    InsufficientCreditsError,
    InvalidRequestError,
    JobFailedError,
    JobRejectedError,
)

# The error codes are not documented. Jobs that fail with an unknown code are retried, each with a new submit.
_REJECTION = re.compile(
    r"content[ _-]?policy|policy[ _-]?violation|moderation|nsfw|inappropriate|unsafe content|prohibited content"
    r"|invalid[ _-]?(prompt|input|request)|prompt[ _-](is |was )?(rejected|blocked|refused|not allowed|invalid)",
    re.I,
)


def submit_image(request: ImageRequest) -> ApiRequest[str]:
    """Submit an image job, which costs AI credits; the result is its id."""
    return ApiRequest("submit image", "POST", "/v1/aistudio/images", _job_id, json=request.to_api())


def _job_id(body: Any) -> str:
    return read_id(body["data"]["jobId"])


def get_job(job_id: str) -> ApiRequest[ImageJob]:
    """Get a job."""
    check_text("job_id", job_id, 1, 200)
    parse = partial(ImageJob.from_api, job_id=job_id)
    return ApiRequest("get job", "GET", f"/v1/jobs/{quote(job_id, safe='')}", parse, idempotent=True)


def list_jobs(key: str | None, page: int = 1) -> ApiRequest[tuple[list[ImageJob], str | None]]:
    """
    List a page of jobs; the result is the jobs and the key of the next page.

    :param key: the key of the page; None for the first.
    :param page: the number of the page, from 1.
    """
    params = {} if key is None else {"nextPageKey": key}

    def parse(body: Any) -> tuple[list[ImageJob], str | None]:
        next_key = body.get("nextPageKey") or None
        if next_key is not None and not re.fullmatch("[!-~]{1,4096}", next_key):
            raise ValueError("no key of a page")
        if (next_key == key and key is not None) or (next_key is not None and page >= MAX_PAGES):
            raise ValueError("the pages do not end")
        return read_all(body["items"], ImageJob.from_api), next_key

    return ApiRequest("list jobs", "GET", "/v1/jobs", parse, params, idempotent=True)


GET_QUOTA = ApiRequest("get quota", "GET", "/v1/quota", Quota.from_api, idempotent=True)


def list_credit_usage(year: int | None, month: int | None) -> ApiRequest[list[CreditTransaction]]:
    """List the credit transactions of one month, or of all that are kept."""
    if (year is None) != (month is None):
        raise InvalidRequestError.of("year, month", "one is given without the other", "both, or none")
    params = {} if year is None or month is None else {"year": year, "month": month}

    def parse(body: Any) -> list[CreditTransaction]:
        return read_all(body, CreditTransaction.from_api)

    return ApiRequest("list credit usage", "GET", "/v1/aicredits/usage", parse, params, idempotent=True)


def check_job(job: ImageJob, conn_id: str) -> None:
    """
    Raise the error of an ended job that has no image.

    :param conn_id: the connection, for errors.
    :raises InvalidRequestError: if the job is not an image job.
    :raises InsufficientCreditsError: if it failed for lack of credits.
    :raises JobRejectedError: if the same request would fail again.
    :raises JobFailedError: if another submit may succeed.
    """
    if job.status == JobStatus.COMPLETED:
        if job.url is None:
            raise InvalidRequestError.of(
                "job_id", f"Pictory job {job.job_id} is a video", "the id of a job that makes an image"
            )
        return
    if job.error_code == "INSUFFICIENT_CREDITS":
        raise InsufficientCreditsError(str(JobFailedError(job, conn_id)))
    text = f"{job.error_code or ''} {job.error_message or ''}"
    raise (JobRejectedError if _REJECTION.search(text) else JobFailedError)(job, conn_id)
