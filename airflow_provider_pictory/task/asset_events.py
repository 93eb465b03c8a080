"""What a task's asset events say of its image or post, in their ``extra``."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import one_line

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

MAX_TEXT = 500
MAX_URL = 2000
MAX_ITEMS = 50
"""The maximum number of media and of destinations in an event."""

_IMAGE = (
    "job_id", "media_id", "status", "url", "path", "sha256", "width", "height", "model", "ai_credits_used"
)  # fmt: skip
_POST = ("post_id", "status", "scheduled_for", "job_id")
_DESTINATION = ("account_id", "platform", "status", "url", "error")


def is_post(record: Mapping[str, Any]) -> bool:
    """Whether a record is of a post; otherwise it is of an image."""
    return "post_id" in record


def describe(record: Mapping[str, Any], source: Any = None) -> dict[str, Any]:
    """
    Return an event's ``extra``: JSON values of bounded size.

    :param record: the image or post as in the XCom for galleries.
    :param source: the argument ``image`` of the task that made a post.
    """
    if not is_post(record):
        image = {**record, "ai_credits_used": record.get("ai_credits_used", record.get("credits_used"))}
        extra = {name: _bounded(name, image.get(name)) for name in _IMAGE}
        # By these, PostImageOperator(image=…) takes an event's extra.
        return {**extra, "media_ids": [extra["media_id"]] if extra["media_id"] else []}
    return {
        **{name: _bounded(name, record.get(name)) for name in _POST},
        "url": _bounded("url", record.get("image_url")),
        "path": _bounded("path", _stored_path(source)),
        "media_ids": [_bounded("media_id", item) for item in _list(record.get("media_ids"))],
        "destinations": [
            {name: _bounded(name, item.get(name)) for name in _DESTINATION}
            for item in _list(record.get("destinations"))
        ],
    }


def _bounded(name: str, value: Any) -> Any:
    """Return a JSON value: a URL that is too long is left out, since a part of it is worth nothing."""
    if name == "url":
        url = public_url(value)
        return url if 0 < len(url) <= MAX_URL else None
    if name == "path":
        return value if isinstance(value, str) and len(value) <= MAX_URL else None
    if isinstance(value, str):
        return one_line(value, MAX_TEXT)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (int, type(None))) else None


def _list(value: Any) -> list[Any]:
    return list(value)[:MAX_ITEMS] if isinstance(value, Sequence) and not isinstance(value, str) else []


def _stored_path(image: Any) -> str | None:
    if isinstance(image, Mapping):
        return image.get("path")
    return image if isinstance(image, str) and "://" in image and not public_url(image) else None


def uri_of(record: Any) -> str | None:
    """
    Return the asset URI of an image, a post, or a picture's URL; None if it has none yet.

    Of a picture in object storage, it is the file's URL without the id of its connection; else its URL at the service,
    without the query, which may be a signature; else ``posteverywhere://media/…``.
    """
    if isinstance(record, str):
        return _plain_url(record)
    if not isinstance(record, Mapping):
        return None
    if is_post(record):
        return f"posteverywhere://posts/{quote(str(record['post_id']))}" if record["post_id"] else None
    if path := record.get("path") or public_url(record.get("url")):
        return _plain_url(str(path))
    return media_uri(record["media_id"]) if record.get("media_id") else None


def media_uri(media_id: Any) -> str:
    """Return the asset URI of an entry of PostEverywhere's media library."""
    return f"posteverywhere://media/{quote(str(media_id))}"


def _plain_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.scheme or "://" not in url or len(url) > MAX_URL:
        return None
    host = parts.netloc.rpartition("@")[2]  # without a connection's id, or a user's name
    if parts.scheme in ("http", "https"):
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    start = f"{parts.scheme}://"  # a key in object storage may have question marks
    rest = url[len(start) :].partition("/")[2]
    return f"{start}{host}/{rest}"


def fill_asset_events(context: Context, extra: Mapping[str, Any], uri: str | None) -> None:
    """
    Put a result into the events that Airflow will make for the task's outlets.

    :param extra: as returned by :func:`describe`.
    :param uri: the asset's, for the outlets that are asset aliases.
    """
    events: Any = context.get("outlet_events")
    outlets = getattr(context.get("task"), "outlets", None)
    if events is None or not outlets:
        return
    from airflow_provider_pictory import version_compat
    from airflow_provider_pictory.version_compat import Asset, AssetAlias

    kinds = (Asset, getattr(version_compat, "AssetRef", Asset))
    try:
        for outlet in outlets:
            if isinstance(outlet, AssetAlias):
                if uri is not None:
                    events[outlet].add(Asset(uri), extra=dict(extra))
            elif isinstance(outlet, kinds):
                events[outlet].extra.update(extra)
    except Exception as error:  # the image is paid for, the post is out: the task does not fail for its event
        log.warning("The asset events lack details (%s: %s)", type(error).__name__, one_line(error))
