"""Storing the pictures of a task, with what its context and its services know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import get_job
from airflow_provider_pictory.client.posteverywhere import get_media
from airflow_provider_pictory.client.requests import ImageRequest, MediaGenerationRequest
from airflow_provider_pictory.client.transport import Transport
from airflow_provider_pictory.client.validation import read_boolean
from airflow_provider_pictory.storage.keys import check_save_to
from airflow_provider_pictory.storage.save_picture import Destination, Picture, Stored
from airflow_provider_pictory.task.state import TaskState
from airflow_provider_pictory.task.xcom import PREVIEW_KEY, push_if_possible

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import BaseOperator, Context


def read_destination(task: BaseOperator) -> Destination | None:
    """Return where a task's pictures go, from its rendered parameters; None without ``save_to``."""
    values: Any = task
    if values.save_to is None:
        return None
    check_save_to({"save_to": values.save_to, "if_exists": values.if_exists})
    sidecar = read_boolean("sidecar", getattr(values, "sidecar", True))
    return Destination(save_to=values.save_to, if_exists=values.if_exists, sidecar=sidecar)


def describe_request(request: ImageRequest | MediaGenerationRequest) -> dict[str, Any]:
    """Return a request as in a sidecar: prompt, model, the other parameters, and the fingerprint of the picture."""
    parameters = {name: value for name, value in vars(request).items() if value is not None and name != "webhook"}
    return {
        "prompt": parameters.pop("prompt"),
        "model": parameters.pop("model", None),
        "parameters": parameters,
        "fingerprint": request.picture_fingerprint(),
    }


def find_stored_image(
    context: Context,
    destination: Destination,
    request: ImageRequest | MediaGenerationRequest,
    state: TaskState[Any],
) -> Stored | None:
    """
    Look for a stored picture of the same request, and check that another can be stored.

    :param state: the task's. Where Airflow keeps none, a picture may be that of an earlier try.
    :raises ServiceError: if another picture is there and may not be replaced, or the storage cannot be used.
    """
    task = None if state.is_durable else _identify(context)
    stored = destination.find_before_submit(request.picture_fingerprint(), task)
    if stored:
        _push_preview(context, stored)
    return stored


def save_job_image(
    context: Context,
    destination: Destination,
    transport: Transport,
    image: Mapping[str, Any],
    request: Mapping[str, Any],
) -> Stored:
    """
    Store the image of a Pictory job.

    :param transport: of the connection that the job was submitted through.
    :param image: the image as in XCom.
    :param request: as :func:`describe_request` returns it; each field is optional.
    """

    def fresh_url() -> str | None:
        job: ImageJob = transport.send(get_job(str(image["job_id"])))
        return job.url

    return _save(context, destination, transport, image, request, image.get("url"), fresh_url)


def save_media(
    context: Context,
    destination: Destination,
    transport: Transport,
    media: Mapping[str, Any],
    request: Mapping[str, Any],
) -> Stored:
    """Store an entry of the media library, of which the media record has no URL; parameters as above."""

    def fresh_url() -> str | None:
        return transport.send(get_media(str(media["media_id"]))).url

    return _save(context, destination, transport, media, request, None, fresh_url)


def save_url(context: Context, destination: Destination, transport: Transport, image: Mapping[str, Any]) -> Stored:
    """Store the picture at a URL."""
    return _save(context, destination, transport, image, {}, image["url"], None)


def _save(
    context: Context,
    destination: Destination,
    transport: Transport,
    image: Mapping[str, Any],
    request: Mapping[str, Any],
    url: str | None,
    fresh_url: Any,
) -> Stored:
    picture = Picture(
        image=dict(image),
        url=url,
        fresh_url=fresh_url,
        fingerprint=request.get("fingerprint"),
        prompt=request.get("prompt"),
        model=request.get("model"),
        parameters=request.get("parameters") or {},
        task=_identify(context),
    )
    stored = destination.save(picture, transport.endpoint)
    _push_preview(context, stored)
    return stored


def _identify(context: Context) -> dict[str, Any]:
    """Return the task as in a sidecar."""
    ti: Any = context["ti"]
    return {name: getattr(ti, name, None) for name in ("dag_id", "run_id", "task_id", "map_index")}


def _push_preview(context: Context, stored: Stored) -> None:
    """Push the preview of a picture that galleries know by its job or media."""
    ids = {name: stored.image.get(name) for name in ("job_id", "media_id")}
    if stored.preview and any(ids.values()):
        push_if_possible(context, {PREVIEW_KEY: {**ids, "path": stored.path, "preview": stored.preview}})
