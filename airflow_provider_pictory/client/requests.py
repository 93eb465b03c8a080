"""
The requests of both services, validated on creation, with Python's names and conversion to the API's names.

A field that is None is not sent, so that the service's default applies.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from airflow_provider_pictory.client.validation import (
    check_account_ids,
    check_aspect_ratio,
    check_each,
    check_media_ids,
    check_model,
    check_one_of,
    check_platform_content,
    check_text,
    check_timezone,
    check_url,
    is_url,
    optional,
    read_boolean,
    read_time,
)
from airflow_provider_pictory.exceptions import InvalidRequestError

T = TypeVar("T")

MAX_PAGES = 1000
"""The maximum number of pages read of a list."""


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """
    One HTTP request to a service.

    :param name: for logs and errors.
    :param parse: converts the decoded JSON body to the result.
    :param idempotent: whether sending it twice neither costs nor publishes twice.
    :param has_result: whether a successful response has a body to parse.
    """

    name: str
    method: str
    path: str
    parse: Callable[[Any], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    idempotent: bool = False
    has_result: bool = True


@dataclass(frozen=True)
class PictoryModel:
    """One of Pictory's models: its documented price in AI credits, and the aspect ratios it supports."""

    credits: float
    aspect_ratios: tuple[str, ...] = ("1:1", "16:9", "9:16")


PICTORY_MODELS = {
    "seedream3.0": PictoryModel(2),
    "flux-schnell": PictoryModel(0.6),
    "nanobanana": PictoryModel(4),
    "nanobanana-pro": PictoryModel(14),
}
PICTORY_DEFAULT_MODEL = "seedream3.0"
PICTORY_STYLES = ("photorealistic", "artistic", "cartoon", "minimalist", "vintage", "futuristic")
POSTEVERYWHERE_DEFAULT_MODEL = "nano-banana-pro"
POSTEVERYWHERE_MODELS = ("nano-banana-pro", "ideogram-v2", "gemini-3-pro", "flux-schnell")
POSTEVERYWHERE_ASPECT_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "4:5", "5:4")


def credits_expected(model: str | None) -> float | None:
    """Return the price of an image of one of Pictory's models in AI credits; None if it is not known."""
    return PICTORY_MODELS[model].credits if model in PICTORY_MODELS else None


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """
    An image of Pictory: the parameters of :meth:`~airflow_provider_pictory.hooks.pictory.PictoryHook.submit_image`.

    :raises InvalidRequestError: if a parameter is invalid.
    """

    prompt: str
    model: str | None = None
    aspect_ratio: str | None = None
    style: str | None = None
    reference_image_url: str | None = None
    webhook: str | None = None

    def __post_init__(self) -> None:
        self.check(vars(self))

    @staticmethod
    def check(values: Mapping[str, Any]) -> None:
        """Validate some or all of the fields."""
        check_each(
            values,
            prompt=lambda value: check_text("prompt", value, 5, 5000),
            model=check_model,
            style=lambda value: check_one_of("style", value, PICTORY_STYLES),
            reference_image_url=optional(partial(check_url, "reference_image_url")),
            webhook=optional(partial(check_url, "webhook")),
        )
        if "aspect_ratio" in values:
            model = PICTORY_MODELS.get(values["model"] or PICTORY_DEFAULT_MODEL) if "model" in values else None
            check_aspect_ratio(values["aspect_ratio"], model.aspect_ratios if model else None, values.get("model"))

    def to_api(self) -> dict[str, Any]:
        """Return the JSON body."""
        return _without_none(
            prompt=self.prompt,
            model=self.model,
            aspectRatio=self.aspect_ratio,
            style=self.style,
            referenceImageUrl=self.reference_image_url,
            webhook=self.webhook,
        )

    def fingerprint(self, conn_id: str) -> str:
        """Return a hash that identifies this request through a connection."""
        return fingerprint({**vars(self), "pictory_conn_id": conn_id})

    def picture_fingerprint(self) -> str:
        """Return a hash that identifies the picture: what is asked for, whoever asks and is notified."""
        return fingerprint({**vars(self), "webhook": None, "service": "pictory"})


@dataclass(frozen=True, kw_only=True)
class MediaGenerationRequest:
    """
    An image of PostEverywhere's own models.

    Parameters as of :meth:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook.generate_image`.

    :raises InvalidRequestError: if a parameter is invalid.
    """

    prompt: str
    model: str | None = None
    aspect_ratio: str | None = None

    def __post_init__(self) -> None:
        self.check(vars(self))

    @staticmethod
    def check(values: Mapping[str, Any]) -> None:
        """Validate some or all of the fields."""
        check_each(values, prompt=lambda value: check_text("prompt", value, 1, 2000), model=check_model)
        if "aspect_ratio" in values:
            model = values.get("model")
            is_known = "model" in values and (model is None or model in POSTEVERYWHERE_MODELS)
            check_aspect_ratio(values["aspect_ratio"], POSTEVERYWHERE_ASPECT_RATIOS if is_known else None, model)

    def to_api(self) -> dict[str, Any]:
        """Return the JSON body."""
        return _without_none(**vars(self))

    def fingerprint(self, conn_id: str) -> str:
        """Return a hash that identifies this request through a connection."""
        return fingerprint({**vars(self), "posteverywhere_conn_id": conn_id})

    def picture_fingerprint(self) -> str:
        """Return a hash that identifies the picture: what is asked for, whoever asks."""
        return fingerprint({**vars(self), "service": "posteverywhere"})


@dataclass(frozen=True)
class LibraryMedia:
    """
    Entries of the media library.

    :param parameter: the operator's parameter that they come from: ``image`` or ``media_ids``.
    """

    media_ids: tuple[str, ...]
    parameter: str = "media_ids"

    @property
    def identity(self) -> dict[str, Any]:
        """The part of the fingerprint that identifies the image."""
        return {self.parameter: self.media_ids}


@dataclass(frozen=True)
class ImageUrl:
    """
    An image that has to be imported into the media library.

    :param job_id: the Pictory job that generated it, if any.
    :param path: its copy in object storage, if any.
    """

    url: str
    job_id: str | None = None
    path: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """The part of the fingerprint that identifies the image: the job id, since a job's URL may change."""
        return {"image": self.job_id or self.url}


@dataclass(frozen=True)
class StoredImage:
    """
    An image in object storage that has to be uploaded into the media library.

    :param job_id: the Pictory job that generated it, if any.
    """

    path: str
    job_id: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """The part of the fingerprint that identifies the image."""
        return {"image": self.job_id or self.path}


def check_image(image: str) -> None:
    """Check the URL of an image, on the web or in object storage."""
    if not _is_stored(image):
        check_url("image", image, secure=True)


def _is_stored(url: Any) -> bool:
    """Whether a URL is one of object storage, such as ``s3://…``."""
    match = re.match(r"([a-z][a-z0-9+.-]*)://.", url) if isinstance(url, str) else None
    return match is not None and match[1] not in ("http", "https")


def image_source(image: Any, media_ids: Any) -> LibraryMedia | ImageUrl | StoredImage:
    """
    Convert the two parameters for a post's image.

    :param image: an image, a media record, a stored image, or a URL; or None.
    :param media_ids: entries of the media library; or None.
    :raises InvalidRequestError: if not exactly one is given, or it is invalid.
    """
    if (image is None) == (media_ids is None):
        fault = "neither is given" if image is None else "both are given"
        raise InvalidRequestError.of("image, media_ids", fault, "exactly one of the two")
    record = image if isinstance(image, Mapping) else {"url": image}
    ids = media_ids if media_ids is not None else record.get("media_ids")
    if media_ids is not None or ids:
        ids = check_media_ids(ids)
        if not ids:
            raise InvalidRequestError.of("media_ids", "is empty", "at least one id of the media library")
        return LibraryMedia(tuple(ids), "image" if media_ids is None else "media_ids")
    url, path, job_id = record.get("url"), record.get("path"), record.get("job_id")
    if _is_stored(url):
        url, path = None, url
    if _is_stored(path) and not is_url(url, secure=True):
        return StoredImage(str(path), job_id)
    check_url("image", url, secure=True)
    return ImageUrl(str(url), job_id, path if _is_stored(path) else None)


@dataclass(frozen=True, kw_only=True)
class PostRequest:
    """
    A post: the parameters of :meth:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook.create_post`.

    :param image: the image; None for a post without one.
    :raises InvalidRequestError: if a parameter is invalid.
    """

    content: str
    account_ids: Sequence[int] | None = None
    image: LibraryMedia | ImageUrl | StoredImage | None = None
    scheduled_for: dt.datetime | str | None = None
    timezone: str | None = None
    platform_content: Mapping[str, Mapping[str, Any]] | None = None
    draft: bool = False

    def __post_init__(self) -> None:
        self.check(vars(self))
        object.__setattr__(self, "draft", read_boolean("draft", self.draft))
        object.__setattr__(self, "account_ids", tuple(self.account_ids or ()))

    @staticmethod
    def check(values: Mapping[str, Any]) -> None:
        """Validate some or all of the fields."""
        check_each(
            values,
            content=lambda value: check_text("content", value, 1, None),
            scheduled_for=optional(partial(read_time, "scheduled_for")),
            timezone=optional(check_timezone),
            platform_content=optional(check_platform_content),
            draft=partial(read_boolean, "draft"),
        )
        if "account_ids" in values:
            required = "draft" in values and not read_boolean("draft", values["draft"])
            check_account_ids(values["account_ids"], required=required)

    @property
    def due(self) -> str | None:
        """The time to publish at, in UTC; None for now."""
        return None if self.scheduled_for is None else utc(read_time("scheduled_for", self.scheduled_for))

    def to_api(self) -> dict[str, Any]:
        """Return the JSON body."""
        if isinstance(self.image, (ImageUrl, StoredImage)):
            raise InvalidRequestError.of("image", "is not in the media library yet", "LibraryMedia")
        return _without_none(
            content=self.content,
            account_ids=check_account_ids(self.account_ids, required=False) or None,
            media_ids=list(self.image.media_ids) if self.image else None,
            scheduled_for=self.due,
            timezone=self.timezone,
            platform_content=self.platform_content,
            draft=self.draft or None,
        )

    def fingerprint(self, conn_id: str) -> str:
        """
        Return a hash that identifies this request through a connection.

        It leaves out ``scheduled_for``: a DAG file that computes it from the current time must not post again.
        """
        fields = {name: value for name, value in vars(self).items() if name not in ("image", "scheduled_for")}
        image = self.image.identity if self.image else {}
        return fingerprint({**fields, **image, "posteverywhere_conn_id": conn_id})


def utc(moment: dt.datetime) -> str:
    """Format a time as PostEverywhere does."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(values: Mapping[str, Any]) -> str:
    """Return a hash of the values that are not None, so that new releases may add fields."""
    values = {name: value for name, value in values.items() if value is not None}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
