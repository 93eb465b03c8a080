"""The XComs of finished images and posts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import check_job
from airflow_provider_pictory.client.requests import (
    POSTEVERYWHERE_DEFAULT_MODEL,
    MediaGenerationRequest,
    credits_expected,
)
from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import ServiceError, one_line
from airflow_provider_pictory.links import image_links, post_links
from airflow_provider_pictory.task.lineage import remember, report
from airflow_provider_pictory.version_compat import (
    AirflowException,
    AirflowRescheduleException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralError,
)

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

IMAGE_KEY = "pictory_image"
"""The XCom key of an image: the return value, with prompt and model."""

POST_KEY = "posteverywhere_post"
"""The XCom key of a post, or of the error instead of it."""

REQUEST_KEY = "pictory_request"
"""The XCom key of a submitted job's request, for the tasks that wait for the job or store its picture."""

PREVIEW_KEY = "pictory_preview"
"""The XCom key of a small copy of a stored picture, which galleries show when its URL does not work any more."""

CONTENT_LIMIT = 2000
"""The number of characters of a post's text that galleries get."""


def push_request(context: Context, request: Mapping[str, Any]) -> None:
    """
    Push a job's request for the task that waits for it, which reads it with :func:`find_request`.

    :param request: the job's id, prompt, model, parameters and fingerprint, and when it was submitted.
    """
    context["ti"].xcom_push(key=REQUEST_KEY, value=dict(request))
    remember(context, {"status": "submitted", **request})


def find_request(context: Context, job_id: str) -> dict[str, Any]:
    """Return a job's request from the XComs of the upstream tasks; prompt and model, if one of them has its image."""
    ti = context["ti"]
    unknown = {"job_id": job_id, "prompt": None, "model": None, "submitted_at": None}
    for key in (REQUEST_KEY, IMAGE_KEY):
        for task_id in sorted(context["task"].upstream_task_ids):
            found = ti.xcom_pull(task_ids=task_id, key=key, map_indexes=ti.map_index)
            if isinstance(found, dict) and found.get("job_id") == job_id:
                return found if key == REQUEST_KEY else {name: found.get(name) for name in unknown}
    return unknown


def for_galleries(image: Mapping[str, Any], prompt: str | None, model: str | None) -> dict[str, Any]:
    """Return a finished image as in the XCom for galleries."""
    return {**image, "prompt": prompt, "model": model}


def check_image(
    context: Context,
    job: ImageJob,
    prompt: str | None,
    model: str | None,
    conn_id: str,
    failed_jobs: Sequence[Mapping[str, Any]] = (),
) -> None:
    """
    Check that a job has an image; if not, push its error for galleries.

    :param failed_jobs: earlier jobs that failed, as returned by :func:`describe_failure`.
    :raises ServiceError: if the job has no image.
    """
    try:
        check_job(job, conn_id)
    except ServiceError as error:
        record = _with_failed_jobs(for_galleries(job, prompt, model), failed_jobs)
        push_record(context, {**record, **describe_failure(job, model, error)})
        raise


def push_image(
    context: Context,
    image: Mapping[str, Any],
    prompt: str | None,
    model: str | None,
    failed_jobs: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Push an image for galleries, report it to assets and lineage, and return it; ``failed_jobs`` as above."""
    record = _with_failed_jobs(for_galleries(image, prompt, model), failed_jobs)
    context["ti"].xcom_push(key=IMAGE_KEY, value=record)
    push_if_possible(context, image_links(image))
    report(context, record)
    return dict(image)


def push_record(context: Context, record: Mapping[str, Any]) -> None:
    """Push an image that is no result, or not the whole of it, for galleries, and report it."""
    push_if_possible(context, {IMAGE_KEY: record})
    report(context, record)


def push_not_stored(context: Context, record: Mapping[str, Any], error: ServiceError) -> None:
    """Push an image whose picture could not be stored, for galleries, and report it."""
    push_record(context, {**record, "not_stored": one_line(error)})


def _with_failed_jobs(record: dict[str, Any], failed_jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {**record, "failed_jobs": list(failed_jobs)} if failed_jobs else record


def describe_failure(job: ImageJob, model: str | None, error: ServiceError) -> dict[str, Any]:
    """Return a failed job's price, as sent by the service and as documented, and its error."""
    return {
        "job_id": job.job_id,
        "ai_credits_used": job.ai_credits_used,
        "ai_credits_expected": credits_expected(model),
        "error": one_line(error),
    }


@contextmanager
def reporting_failure(push: Callable[[str], None]) -> Iterator[None]:
    """
    Push the error of a task that fails, for galleries.

    :param push: pushes an error's message, which contains no secrets.
    """
    try:
        yield
    except (AirflowSkipException, AirflowRescheduleException):
        raise
    except (Exception, AirflowTaskTimeout) as error:
        # Messages of other errors may contain secrets.
        is_safe = isinstance(error, AirflowException) and not isinstance(error, TaskDeferralError)
        try:
            push(one_line(error) if is_safe else f"{type(error).__name__}: the task's log says more")
        except Exception as other:  # the task must fail with its own error
            log.warning("Cannot push the error for galleries (%s: %s)", type(other).__name__, one_line(other))
        raise


def push_failed_image(
    context: Context,
    error: str,
    *,
    prompt: Any,
    model: Any,
    job_id: Any = None,
    failed_jobs: Sequence[Mapping[str, Any]] = (),
) -> None:
    """
    Push the error of a task that has no image, for galleries.

    :param job_id: the job that was paid for, if one was submitted.
    :param failed_jobs: earlier jobs that failed, as returned by :func:`describe_failure`.
    """
    job_id = job_id if isinstance(job_id, str) else None
    record = {
        "job_id": job_id,
        "status": "failed",
        "url": None,
        "width": None,
        "height": None,
        "ai_credits_used": None,
        "ai_credits_expected": credits_expected(model) if job_id and isinstance(model, str) else None,
        "prompt": prompt if isinstance(prompt, str) else None,
        "model": model if isinstance(model, str) else None,
        "error": error,
    }
    push_record(context, _with_failed_jobs(record, failed_jobs))


def media_for_galleries(media: Mapping[str, Any], request: MediaGenerationRequest) -> dict[str, Any]:
    """Return an image of PostEverywhere's own models as in the XCom for galleries; the service sends no URL."""
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
        **{name: media[name] for name in ("path", "sha256") if media.get(name)},
    }


def describe_source(image: Any, media_ids: Any, content: Any = None) -> dict[str, Any]:
    """
    Return the image that a post should show, and its text, from a task's arguments, which may be invalid.

    :return: ``job_id``, ``image_url`` and ``media_ids``, by which galleries find the image, and ``content``.
    """
    record = image if isinstance(image, dict) else {"url": image}
    job_id = record.get("job_id")
    ids = media_ids or record.get("media_ids")
    return {
        "job_id": job_id if isinstance(job_id, str) else None,
        "image_url": public_url(record.get("url")) or None,
        "media_ids": [item for item in ids if isinstance(item, str)] if isinstance(ids, list) else [],
        "content": content[:CONTENT_LIMIT] if isinstance(content, str) else None,
    }


def describe_post(source: Mapping[str, Any], post: Mapping[str, Any], error: str | None = None) -> dict[str, Any]:
    """
    Return a post, or the error instead of it, as in the XCom for galleries.

    :param source: the image, as returned by :func:`describe_source`.
    :param post: the post as in XCom; empty if there is none.
    :param error: the task's error.
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
    """Push a post, or the error instead of it, and the post's links, and report it to assets and lineage."""
    record = describe_post(source, post, error)
    push_if_possible(context, {POST_KEY: record, **post_links(post)})
    report(context, record)


def push_if_possible(context: Context, xcoms: Mapping[str, Any]) -> None:
    """Push XComs that are only displayed; log errors, since the task's result does not depend on them."""
    try:
        for key, value in xcoms.items():
            context["ti"].xcom_push(key=key, value=value)
    except Exception as error:
        log.warning("Cannot push what the task's page shows (%s: %s)", type(error).__name__, one_line(error))
