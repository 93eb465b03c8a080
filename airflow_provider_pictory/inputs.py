"""
The services' rules for what can be asked of them, and the wire's names for it.

Each function checks its arguments as Python knows them and returns the JSON body that the service expects: the one
place where ``aspect_ratio`` becomes ``aspectRatio``. ``InputError`` names the parameter, its fault and what is allowed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_pictory.connection import is_loopback
from airflow_provider_pictory.exceptions import InputError

PICTORY_DEFAULT_MODEL = "seedream3.0"
PICTORY_ASPECT_RATIOS = {
    "seedream3.0": ("1:1", "16:9", "9:16"),
    "flux-schnell": ("1:1", "16:9", "9:16"),
    "nanobanana": ("1:1", "16:9", "9:16"),
    "nanobanana-pro": ("1:1", "16:9", "9:16"),
}
PICTORY_CREDITS = {"seedream3.0": 2, "flux-schnell": 0.6, "nanobanana": 4, "nanobanana-pro": 14}
PICTORY_STYLES = ("photorealistic", "artistic", "cartoon", "minimalist", "vintage", "futuristic")
POSTEVERYWHERE_DEFAULT_MODEL = "nano-banana-pro"
POSTEVERYWHERE_MODELS = ("nano-banana-pro", "ideogram-v2", "gemini-3-pro", "flux-schnell")
POSTEVERYWHERE_ASPECT_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "4:5", "5:4")


def image_request(
    prompt: Any,
    model: Any = None,
    aspect_ratio: Any = None,
    style: Any = None,
    reference_image_url: Any = None,
    webhook: Any = None,
) -> dict[str, Any]:
    """Check what :meth:`PictoryHook.submit_image` takes; what is None is left to the service's defaults."""
    check_text("prompt", prompt, 5, 5000)
    check_model(model)
    check_aspect_ratio(aspect_ratio, PICTORY_ASPECT_RATIOS.get(model or PICTORY_DEFAULT_MODEL), model)
    if style is not None and style not in PICTORY_STYLES:
        raise InputError.of("style", f"is {style!r}", ", ".join(PICTORY_STYLES))
    for name, url in (("reference_image_url", reference_image_url), ("webhook", webhook)):
        if url is not None:
            check_url(name, url)
    return _without_none(
        prompt=prompt,
        model=model,
        aspectRatio=aspect_ratio,
        style=style,
        referenceImageUrl=reference_image_url,
        webhook=webhook,
    )


def media_request(prompt: Any, model: Any = None, aspect_ratio: Any = None) -> dict[str, Any]:
    """Check what :meth:`PostEverywhereHook.generate_image` takes; what is None is left to the service's defaults."""
    check_text("prompt", prompt, 1, 2000)
    check_model(model)
    known = model is None or model in POSTEVERYWHERE_MODELS
    check_aspect_ratio(aspect_ratio, POSTEVERYWHERE_ASPECT_RATIOS if known else None, model)
    return _without_none(prompt=prompt, model=model, aspect_ratio=aspect_ratio)


def upload_request(url: Any, filename: Any = None) -> dict[str, Any]:
    """Check what :meth:`PostEverywhereHook.upload_media_from_url` takes."""
    check_url("image url", url, secure=True)
    if filename is not None:
        check_text("filename", filename, 1, 255)
    return _without_none(url=url, filename=filename)


def post_request(
    content: Any,
    account_ids: Any,
    media_ids: Any = (),
    scheduled_for: Any = None,
    timezone: Any = None,
    platform_content: Any = None,
    draft: Any = False,
) -> dict[str, Any]:
    """Check what :meth:`PostEverywhereHook.create_post` takes, except whether ``scheduled_for`` lies in the past."""
    check_text("content", content, 1, None)
    if not isinstance(draft, bool):
        raise InputError.of("draft", f"is {draft!r}", "True, False")
    accounts = check_account_ids(account_ids, required=not draft)
    media = check_media_ids(media_ids)
    when = None if scheduled_for is None else parse_time("scheduled_for", scheduled_for)
    if timezone is not None:
        check_timezone(timezone)
    check_platform_content(platform_content)
    return _without_none(
        content=content,
        account_ids=accounts or None,
        media_ids=media or None,
        scheduled_for=None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        timezone=timezone,
        platform_content=platform_content,
        draft=draft or None,
    )


def check_text(name: str, value: Any, least: int, most: int | None) -> None:
    """Check a text's type and its length in characters."""
    allowed = f"{least} to {most:,} characters" if most else f"at least {least} character"
    if not isinstance(value, str):
        raise InputError.of(name, f"is of type {type(value).__name__}, not str", allowed)
    length = len(value.strip()) and len(value)
    if length < least or (most and length > most):
        raise InputError.of(name, f"has {length:,} characters", allowed)


def check_model(model: Any) -> None:
    """Check that a model is named at all: a new one must work the day it appears."""
    if model is not None and not (isinstance(model, str) and model.strip()):
        raise InputError.of("model", f"is {_short(model)}", "a model's name, or None for the service's default")


def check_aspect_ratio(aspect_ratio: Any, known: Sequence[str] | None, model: str | None) -> None:
    """Check an aspect ratio against those known of a model, or its form alone where none are known."""
    if aspect_ratio is None:
        return
    if known is not None and aspect_ratio not in known:
        of = f" with model {model}" if model else ""
        raise InputError.of("aspect_ratio", f"is {_short(aspect_ratio)}{of}", ", ".join(known))
    if not (isinstance(aspect_ratio, str) and re.fullmatch(r"\d{1,3}:\d{1,3}", aspect_ratio)):
        raise InputError.of("aspect_ratio", f"is {_short(aspect_ratio)}", "a ratio such as 16:9")


def check_url(name: str, url: Any, *, secure: bool = False) -> None:
    """Check that a value is an http(s) URL without credentials; ``secure``: https, but for this machine."""
    allowed = "a public https URL" if secure else "a public http or https URL"
    fault = None
    if not isinstance(url, str) or len(url) > 4096 or " " in url or not url.isprintable():
        fault = f"is {_short(url)}"
    else:
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or not 0 <= (parts.port or 0) <= 65535:
                fault = f"is {_short(url)}"
            elif parts.username is not None or parts.password is not None:
                fault = "has credentials in it"
            elif secure and parts.scheme != "https" and not is_loopback(parts.hostname):
                fault = f"is {_short(url)}, plain http"
        except ValueError:
            fault = f"is {_short(url)}"
    if fault:
        raise InputError.of(name, fault, allowed)


def check_account_ids(account_ids: Any, *, required: bool) -> list[int]:
    """Check the accounts of a post: whole numbers, each once, and at least one unless it is a draft."""
    allowed = "a list of whole numbers as in GET /accounts, at least one unless draft=True"
    if account_ids is None:
        account_ids = []
    if not isinstance(account_ids, Sequence) or isinstance(account_ids, (str, bytes)):
        raise InputError.of("account_ids", f"is {_short(account_ids)}", allowed)
    for item in account_ids:
        if not isinstance(item, int) or isinstance(item, bool):
            raise InputError.of("account_ids", f"holds {_short(item)} of type {type(item).__name__}", allowed)
    if len(set(account_ids)) != len(account_ids):
        raise InputError.of("account_ids", "names an account twice", allowed)
    if required and not account_ids:
        raise InputError.of("account_ids", "is empty", allowed)
    return list(account_ids)


def check_media_ids(media_ids: Any) -> list[str]:
    """Check ids of the media library."""
    if not isinstance(media_ids, Sequence) or isinstance(media_ids, (str, bytes)):
        raise InputError.of("media_ids", f"is {_short(media_ids)}", "a list of ids of the media library")
    for item in media_ids:
        if not (isinstance(item, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,100}", item)):
            raise InputError.of("media_ids", f"holds {_short(item)}", "a list of ids of the media library")
    return list(media_ids)


def check_timezone(name: Any) -> None:
    """Check that a time zone is one of IANA's."""
    allowed = "a name of the IANA time zone database such as Europe/Berlin"
    try:
        if not isinstance(name, str):
            raise ValueError("no text")
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise InputError.of("timezone", f"is {_short(name)}", allowed) from None


def check_platform_content(value: Any) -> None:
    """Check what differs by platform: dicts, by the platform's name, of what JSON can carry."""
    if value is None:
        return
    allowed = "a dict of content, contentType, settings for each platform"
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise InputError.of("platform_content", f"is {_short(value)}", allowed)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError.of("platform_content", f"is not JSON: {error}", allowed) from None


def parse_time(name: str, value: Any) -> dt.datetime:
    """
    Read a point in time, and return it in UTC.

    :param value: a datetime with a zone, or its ISO 8601 text.
    """
    allowed = "a datetime or ISO 8601 text with a zone such as 2030-01-31T08:00:00+01:00"
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
        except ValueError:
            raise InputError.of(name, f"is {_short(value)}", allowed) from None
    elif isinstance(value, dt.datetime):
        moment = value
    else:
        raise InputError.of(name, f"is {_short(value)}", allowed)
    if moment.utcoffset() is None:
        raise InputError.of(name, f"is {_short(str(value))}, which has no zone", allowed)
    try:
        return moment.astimezone(dt.timezone.utc)
    except OverflowError:
        raise InputError.of(name, f"is {_short(str(value))}", allowed) from None


def check_future(name: str, value: Any) -> None:
    """Check that a point in time has not passed."""
    moment = parse_time(name, value)
    if moment <= dt.datetime.now(dt.timezone.utc):
        raise InputError.of(name, f"is {moment:%Y-%m-%dT%H:%M:%SZ}, which is in the past", "a time to come")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
