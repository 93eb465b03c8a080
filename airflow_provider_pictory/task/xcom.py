"""How finished images and posts are handed over to Airflow."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import check_job
from airflow_provider_pictory.client.requests import (
    POSTEVERYWHERE_DEFAULT_MODEL,
    MediaGenerationRequest,
    credits_expected,
)
from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import (
    ServiceError,
    one_line,
)
from airflow_provider_pictory.links import image_links, post_links

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

IMAGE_KEY = "pictory_image"
"""The XCom key of finished images: the return value, with prompt and model."""

POST_KEY = "posteverywhere_post"
"""The XCom key of what became of an image: the post, or why there is none."""

REQUEST_KEY = "pictory_request"
"""The XCom key under which a task that submits, and leaves waiting to another, says what its job is for."""


def push_request(context: Context, job_id: str, prompt: str, model: str, submitted_at: float | None) -> None:
    """Push what a job is for, for the task that waits for it: :func:`find_request` finds it."""
    request = {"job_id": job_id, "prompt": prompt, "model": model, "submitted_at": submitted_at}
    context["ti"].xcom_push(key=REQUEST_KEY, value=request)


def find_request(context: Context, job_id: str) -> dict[str, Any]:
    """Look for what a job is for among the tasks before this one."""
    ti = context["ti"]
    for task_id in sorted(context["task"].upstream_task_ids):
        request = ti.xcom_pull(task_ids=task_id, key=REQUEST_KEY, map_indexes=ti.map_index)
        if isinstance(request, dict) and request.get("job_id") == job_id:
            return request
    return {"job_id": job_id, "prompt": None, "model": None, "submitted_at": None}


def for_galleries(job: ImageJob, prompt: str | None, model: str | None) -> dict[str, Any]:
    """Describe a finished image as galleries list it."""
    return {**job.as_xcom(), "prompt": prompt, "model": model}


def push_image(
    context: Context,
    job: ImageJob,
    prompt: str | None,
    model: str | None,
    conn_id: str,
    failed_jobs: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """
    Push what became of a job for galleries and reports, and return the image.

    :param conn_id: the Pictory connection.
    :param failed_jobs: those that earlier tries have paid for, as :func:`describe_failure` gives them.
    :raises ServiceError: if the job brought no image.
    """
    described = for_galleries(job, prompt, model)
    if failed_jobs:
        described["failed_jobs"] = list(failed_jobs)
    try:
        check_job(job, conn_id)
    except ServiceError as error:
        push_if_possible(context, {IMAGE_KEY: {**described, **describe_failure(job, model, error)}})
        raise
    context["ti"].xcom_push(key=IMAGE_KEY, value=described)
    image = job.as_xcom()
    push_if_possible(context, image_links(image))
    return image


def describe_failure(job: ImageJob, model: str | None, error: ServiceError) -> dict[str, Any]:
    """Say what a job that brought no image has cost: as the service says, or as its model's price is."""
    return {
        "job_id": job.job_id,
        "ai_credits_used": job.ai_credits_used,
        "ai_credits_expected": credits_expected(model),
        "error": one_line(error),
    }


def media_for_galleries(media: Mapping[str, Any], request: MediaGenerationRequest) -> dict[str, Any]:
    """
    Describe an image of PostEverywhere's own models as galleries list it; the service gives no address of it.

    :param media: the media record.
    """
    return {
        "job_id": None,
        "media_id": media["media_id"],
        "status": "completed",
        "url": None,
        "width": media["width"],
        "height": media["height"],
        "ai_credits_used": media["credits_used"],
        "prompt": request.prompt,
        "model": media["model"] or request.model or POSTEVERYWHERE_DEFAULT_MODEL,
    }


def describe_source(image: Any, media_ids: Any) -> dict[str, Any]:
    """
    Say which image a post is to show, as far as a task's arguments tell: they may be wrong.

    :return: ``job_id``, ``image_url`` and ``media_ids``, with which galleries find the image.
    """
    known = image if isinstance(image, dict) else {"url": image}
    job_id = known.get("job_id")
    listed = media_ids or known.get("media_ids")
    return {
        "job_id": job_id if isinstance(job_id, str) else None,
        "image_url": public_url(known.get("url")) or None,
        "media_ids": [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else [],
    }


def describe_post(source: Mapping[str, Any], post: Mapping[str, Any], error: str | None = None) -> dict[str, Any]:
    """
    Say what became of an image, as galleries show it.

    :param source: which image, as :func:`describe_source` says.
    :param post: the post as it goes into XCom; empty if there is none.
    :param error: why the task failed.
    """
    return {
        **source,
        "media_ids": post.get("media_ids") or source["media_ids"],
        "post_id": post.get("post_id"),
        "status": post.get("status", "failed"),
        "scheduled_for": post.get("scheduled_for"),
        "destinations": post.get("destinations", []),
        "error": error,
    }


def push_post(context: Context, source: Mapping[str, Any], post: Mapping[str, Any], error: str | None = None) -> None:
    """Push what became of an image, and the links that lead there."""
    push_if_possible(context, {POST_KEY: describe_post(source, post, error), **post_links(post)})


def push_if_possible(context: Context, xcoms: Mapping[str, Any]) -> None:
    """Push what people look at, if Airflow can take it: the task's outcome does not depend on it."""
    try:
        for key, value in xcoms.items():
            context["ti"].xcom_push(key=key, value=value)
    except Exception as error:
        log.warning("Cannot push what the task's page shows (%s: %s)", type(error).__name__, one_line(error))
