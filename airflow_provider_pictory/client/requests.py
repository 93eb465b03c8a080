"""
What can be asked of the services: requests that are valid once they are made, with the names of Python and of the API.

A field that is left out, or None, is left to the service's default, or to what its description says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
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
    optional,
    read_boolean,
    read_time,
)
from airflow_provider_pictory.exceptions import InvalidRequestError

T = TypeVar("T")

MAX_PAGES = 1000
"""Of a list, at most."""


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """
    One HTTP request to a service.

    :param name: what logs and errors call it.
    :param parse: makes the result from the decoded JSON body.
    :param idempotent: whether sending it twice costs and publishes nothing twice.
    :param has_result: whether the body of a success says anything.
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
    """What is documented of one of Pictory's models: its price, and the aspect ratios that it supports."""

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
    """Tell what an image of one of Pictory's models costs; None where that is not known."""
    known = PICTORY_MODELS.get(model or "")
    return known.credits if known else None


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """
    An image of Pictory: the fields of :meth:`~airflow_provider_pictory.hooks.pictory.PictoryHook.submit_image`.

    :raises InvalidRequestError: if one of them is wrong.
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
    def check(given: Mapping[str, Any]) -> None:
        """Check the fields that are given; a request is made of all."""
        check_each(
            given,
            prompt=lambda value: check_text("prompt", value, 5, 5000),
            model=check_model,
            style=lambda value: check_one_of("style", value, PICTORY_STYLES),
            reference_image_url=optional(partial(check_url, "reference_image_url")),
            webhook=optional(partial(check_url, "webhook")),
        )
        if "aspect_ratio" in given:
            known = PICTORY_MODELS.get(given["model"] or PICTORY_DEFAULT_MODEL) if "model" in given else None
            check_aspect_ratio(given["aspect_ratio"], known.aspect_ratios if known else None, given.get("model"))

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
        """Return what tells this request, through a connection, from others."""
        return fingerprint({**vars(self), "pictory_conn_id": conn_id})


@dataclass(frozen=True, kw_only=True)
class MediaGenerationRequest:
    """
    An image of PostEverywhere's own models.

    Its fields are those of :meth:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook.generate_image`.

    :raises InvalidRequestError: if one of them is wrong.
    """

    prompt: str
    model: str | None = None
    aspect_ratio: str | None = None

    def __post_init__(self) -> None:
        self.check(vars(self))

    @staticmethod
    def check(given: Mapping[str, Any]) -> None:
        """Check the fields that are given; a request is made of all."""
        check_each(given, prompt=lambda value: check_text("prompt", value, 1, 2000), model=check_model)
        if "aspect_ratio" in given:
            model = given.get("model")
            is_known = "model" in given and (model is None or model in POSTEVERYWHERE_MODELS)
            check_aspect_ratio(given["aspect_ratio"], POSTEVERYWHERE_ASPECT_RATIOS if is_known else None, model)

    def to_api(self) -> dict[str, Any]:
        """Return the JSON body."""
        return _without_none(**vars(self))

    def fingerprint(self, conn_id: str) -> str:
        """Return what tells this request, through a connection, from others."""
        return fingerprint({**vars(self), "posteverywhere_conn_id": conn_id})


@dataclass(frozen=True)
class LibraryMedia:
    """
    Entries of the media library.

    :param parameter: of the operator, by which they were given.
    """

    media_ids: tuple[str, ...]
    parameter: str = "media_ids"

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it from other images."""
        return {self.parameter: self.media_ids}


@dataclass(frozen=True)
class ImageUrl:
    """
    An image that has to be imported into the media library.

    :param job_id: the job of Pictory that made it, if one did.
    """

    url: str
    job_id: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it from other images: the address of a job's picture may be another each time it is asked for."""
        return {"image": self.job_id or self.url}


def image_source(image: Any, media_ids: Any) -> LibraryMedia | ImageUrl:
    """
    Read what a post is to show.

    :param image: an image, a media record, or a URL; or None.
    :param media_ids: entries of the media library; or None.
    :raises InvalidRequestError: if not exactly one is given, or it is wrong.
    """
    if (image is None) == (media_ids is None):
        given = "neither is given" if image is None else "both are given"
        raise InvalidRequestError.of("image, media_ids", given, "exactly one of the two")
    record = image if isinstance(image, Mapping) else {"url": image}
    listed = media_ids if media_ids is not None else record.get("media_ids")
    if media_ids is not None or listed:
        found = check_media_ids(listed)
        if not found:
            raise InvalidRequestError.of("media_ids", "is empty", "at least one id of the media library")
        return LibraryMedia(tuple(found), "image" if media_ids is None else "media_ids")
    check_url("image", record.get("url"), secure=True)
    return ImageUrl(record["url"], record.get("job_id"))


@dataclass(frozen=True, kw_only=True)
class PostRequest:
    """
    A post: the fields of :meth:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook.create_post`.

    :param image: what it shows; None for a post without an image.
    :raises InvalidRequestError: if one of them is wrong.
    """

    content: str
    account_ids: Sequence[int] | None = None
    image: LibraryMedia | ImageUrl | None = None
    scheduled_for: dt.datetime | str | None = None
    timezone: str | None = None
    platform_content: Mapping[str, Mapping[str, Any]] | None = None
    draft: bool = False

    def __post_init__(self) -> None:
        self.check(vars(self))
        object.__setattr__(self, "draft", read_boolean("draft", self.draft))
        object.__setattr__(self, "account_ids", tuple(self.account_ids or ()))

    @staticmethod
    def check(given: Mapping[str, Any]) -> None:
        """Check the fields that are given; a request is made of all."""
        check_each(
            given,
            content=lambda value: check_text("content", value, 1, None),
            scheduled_for=optional(partial(read_time, "scheduled_for")),
            timezone=optional(check_timezone),
            platform_content=optional(check_platform_content),
            draft=partial(read_boolean, "draft"),
        )
        if "account_ids" in given:
            required = "draft" in given and not read_boolean("draft", given["draft"])
            check_account_ids(given["account_ids"], required=required)

    @property
    def due(self) -> str | None:
        """When it is to be published, in UTC; None for now."""
        return None if self.scheduled_for is None else utc(read_time("scheduled_for", self.scheduled_for))

    def to_api(self) -> dict[str, Any]:
        """Return the JSON body."""
        if isinstance(self.image, ImageUrl):
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
        Return what tells this request, through a connection, from others.

        Its time does not: a DAG file that reckons from now gives another on every parse, and must not post again.
        """
        fields = {name: value for name, value in vars(self).items() if name not in ("image", "scheduled_for")}
        image = self.image.identity if self.image else {}
        return fingerprint({**fields, **image, "posteverywhere_conn_id": conn_id})


def utc(moment: dt.datetime) -> str:
    """Write a point in time as PostEverywhere does."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(values: Mapping[str, Any]) -> str:
    """Return a hash of values; those that are None do not count, so that a new release may add fields."""
    given = {name: value for name, value in values.items() if value is not None}
    return hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
