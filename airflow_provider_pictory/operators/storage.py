"""Storing pictures in object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client.validation import check_url, read_boolean
from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.hooks.base import ServiceHook
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.base import ServiceOperator
from airflow_provider_pictory.storage.keys import check_save_to
from airflow_provider_pictory.storage.save_picture import Stored
from airflow_provider_pictory.task.lineage import report
from airflow_provider_pictory.task.save_image import read_destination, save_job_image, save_media, save_url
from airflow_provider_pictory.task.xcom import find_request, for_galleries

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


def _check(arguments: Mapping[str, Any]) -> None:
    check_save_to(arguments)
    if "save_to" in arguments and arguments["save_to"] is None:
        raise InvalidRequestError.of("save_to", "is None", "the URL of a file in object storage")
    if "sidecar" in arguments:
        is_written = read_boolean("sidecar", arguments["sidecar"])
        if not is_written and arguments.get("if_exists") == "reuse":
            raise InvalidRequestError.of(
                "sidecar", "is False with if_exists='reuse', which finds pictures by their sidecars", "True"
            )
    if isinstance(arguments.get("image"), str):
        check_url("image", arguments["image"])


class SaveImageOperator(ServiceOperator):
    """
    Copies an image into object storage: downloads and verifies it, and writes it as a whole or not at all.

    A picture that is stored already is neither downloaded nor written again. Generating and storing in one task is
    ``save_to`` of :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator`,
    :class:`~airflow_provider_pictory.sensors.pictory.ImageJobSensor` and
    :class:`~airflow_provider_pictory.operators.posteverywhere.GenerateMediaOperator`.

    :param image: the result of an upstream task: an image, a media record, or the URL of a picture. Templated, like all
        parameters.
    :param save_to: where to store it, as a URL of Airflow's ``ObjectStoragePath`` without an extension, which follows
        the content: ``s3://aws_default@bucket/ds={{ ds }}/{job_id}``. ``{job_id}`` or ``{media_id}`` are replaced, and
        ``{fingerprint}`` if an upstream task submitted the job.
    :param if_exists: what to do if another picture is there: ``fail``, ``reuse`` it if it is of the same request, or
        ``overwrite``.
    :param sidecar: whether to write a JSON file beside the picture, with prompt, model, credits, job, task and
        checksum.
    :param pictory_conn_id: the connection that the image was generated through. URLs are downloaded through it, too:
        with its timeouts, proxies and allowed addresses, and without its key.
    :param posteverywhere_conn_id: the connection of a media record.
    :return: the image or media record with ``path``, its URL in object storage.
    """

    template_fields: Sequence[str] = (
        "image",
        "save_to",
        "if_exists",
        "sidecar",
        "pictory_conn_id",
        "posteverywhere_conn_id",
    )
    text_fields = ("save_to", "if_exists", "pictory_conn_id", "posteverywhere_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"image": "json"}
    ui_color = "#e9eef7"

    def __init__(
        self,
        *,
        image: dict[str, Any] | str,
        save_to: str,
        if_exists: str = "fail",
        sidecar: bool = True,
        pictory_conn_id: str = PictoryHook.default_conn_name,
        posteverywhere_conn_id: str = PostEverywhereHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.save_to = save_to
        self.if_exists = if_exists
        self.sidecar = sidecar
        self.pictory_conn_id = pictory_conn_id
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self._check_literals(_check)

    @cached_property
    def hook(self) -> ServiceHook:
        """The hook for the service that has the image."""
        if isinstance(self.image, Mapping) and self.image.get("media_id"):
            return PostEverywhereHook(self.posteverywhere_conn_id)
        return PictoryHook(self.pictory_conn_id)

    def attempt(self, context: Context) -> dict[str, Any]:
        """Store the picture."""
        _check({name: getattr(self, name) for name in ("image", "save_to", "if_exists", "sidecar")})
        destination = read_destination(self)
        assert destination is not None  # noqa: S101  # checked above
        transport = self.hook.transport
        if isinstance(self.image, str):
            image = {"job_id": None, "status": "completed", "url": self.image, "ai_credits_used": None}
            return self._deliver(context, save_url(context, destination, transport, image), {})
        if not isinstance(self.image, Mapping):
            fault = f"is of type {type(self.image).__name__}"
            raise InvalidRequestError.of("image", fault, "an image or media record as in XCom, or a URL")
        own = {name: self.image[name] for name in ("prompt", "model") if self.image.get(name)}
        if self.image.get("media_id"):
            return self._deliver(context, save_media(context, destination, transport, self.image, own), own)
        if self.image.get("job_id"):
            request = {**find_request(context, self.image["job_id"]), **own}
            return self._deliver(context, save_job_image(context, destination, transport, self.image, request), request)
        check_url("image", self.image.get("url"))
        return self._deliver(context, save_url(context, destination, transport, self.image), own)

    @staticmethod
    def _deliver(context: Context, stored: Stored, request: Mapping[str, Any]) -> dict[str, Any]:
        report(context, for_galleries(stored.image, request.get("prompt"), request.get("model")))
        return dict(stored.image)
