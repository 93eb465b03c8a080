"""How a finished image is handed over to Airflow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.exceptions import JobFailedError, JobRejectedError
from airflow_provider_pictory.inputs import PICTORY_DEFAULT_MODEL
from airflow_provider_pictory.models import ImageJob

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

IMAGE_KEY = "pictory_image"
"""The XCom key of finished images: the return value, with prompt and model."""

REQUEST_KEY = "pictory_request"
"""The XCom key under which a submitting task says what its job is for."""

# The codes are not documented. What is not recognised is left to retries, which cost a submit each but lose nothing.
_REJECTION = re.compile(
    r"content[ _-]?policy|policy[ _-]?violation|moderation|nsfw|inappropriate|unsafe content|prohibited content"
    r"|invalid[ _-]?(prompt|input|request)|prompt[ _-](is |was )?(rejected|blocked|refused|not allowed|invalid)",
    re.I,
)


def describe_request(job_id: str, prompt: str, model: str | None) -> dict[str, Any]:
    """Say what a job is for, naming the model that the service takes where none is given."""
    return {"job_id": job_id, "prompt": prompt, "model": model or PICTORY_DEFAULT_MODEL}


def find_request(context: Context, job_id: str) -> dict[str, Any]:
    """Look for what a job is for among the tasks before this one."""
    ti = context["ti"]
    for task_id in sorted(context["task"].upstream_task_ids):
        request = ti.xcom_pull(task_ids=task_id, key=REQUEST_KEY, map_indexes=ti.map_index)
        if isinstance(request, dict) and request.get("job_id") == job_id:
            return request
    return {"job_id": job_id, "prompt": None, "model": None}


def push_image(context: Context, job: ImageJob, request: dict[str, Any]) -> dict[str, Any]:
    """Push a finished image for galleries to list, and return the image."""
    image = job.as_image()
    context["ti"].xcom_push(key=IMAGE_KEY, value=image | request)
    return image


def check_job(job: ImageJob) -> None:
    """
    Check that a job which has ended brought a picture.

    :raises JobRejectedError: if the same request would fail again.
    :raises JobFailedError: if it may succeed the next time.
    """
    if job.status != "completed":
        said = f"{job.error_code or ''} {job.error_message or ''}"
        raise (JobRejectedError if _REJECTION.search(said) else JobFailedError)(job)
