"""
The services' rules for what can be asked of them, and the wire's names for it.

Each function checks its arguments as Python knows them and returns the JSON body that the service expects: the one
place where ``aspect_ratio`` becomes ``aspectRatio``. ``InvalidRequestError`` names the parameter,
its fault and what is allowed.

A parameter that is left out, or None, is left to the service's default, or to what its description says. An empty text
never is: it is an error, and so is the text ``None``, which a template makes of a value that is missing.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_pictory.client.connection import is_loopback, read_boolean
from airflow_provider_pictory.exceptions import InvalidRequestError

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
    """Check what :meth:`PictoryHook.submit_image` takes, and return the body."""
    given = {"prompt": prompt, "model": model, "aspect_ratio": aspect_ratio, "style": style}
    check_image({**given, "reference_image_url": reference_image_url, "webhook": webhook})
    return _without_none(
        prompt=prompt,
        model=model,
        aspectRatio=aspect_ratio,
        style=style,
        referenceImageUrl=reference_image_url,
        webhook=webhook,
    )


def check_image(given: Mapping[str, Any]) -> None:
    """Check the arguments of :func:`image_request` that are given."""
    _check_each(
        given,
        prompt=lambda value: check_text("prompt", value, 5, 5000),
        model=check_model,
        style=check_style,
        reference_image_url=_optional(partial(check_url, "reference_image_url")),
        webhook=_optional(partial(check_url, "webhook")),
    )
    if "aspect_ratio" in given:
        model = given.get("model") or PICTORY_DEFAULT_MODEL
        known = PICTORY_ASPECT_RATIOS.get(model) if "model" in given else None
        check_aspect_ratio(given["aspect_ratio"], known, given.get("model"))


def media_request(prompt: Any, model: Any = None, aspect_ratio: Any = None) -> dict[str, Any]:
    """Check what :meth:`PostEverywhereHook.generate_image` takes, and return the body."""
    check_media({"prompt": prompt, "model": model, "aspect_ratio": aspect_ratio})
    return _without_none(prompt=prompt, model=model, aspect_ratio=aspect_ratio)


def check_media(given: Mapping[str, Any]) -> None:
    """Check the arguments of :func:`media_request` that are given."""
    _check_each(given, prompt=lambda value: check_text("prompt", value, 1, 2000), model=check_model)
    if "aspect_ratio" in given:
        model = given.get("model")
        is_known = "model" in given and (model is None or model in POSTEVERYWHERE_MODELS)
        check_aspect_ratio(given["aspect_ratio"], POSTEVERYWHERE_ASPECT_RATIOS if is_known else None, model)


def upload_request(url: Any, filename: Any = None) -> dict[str, Any]:
    """Check what :meth:`PostEverywhereHook.upload_media_from_url` takes, and return the body."""
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
    """Check what :meth:`PostEverywhereHook.create_post` takes, but whether its time has passed; return the body."""
    given = {"content": content, "account_ids": account_ids, "media_ids": media_ids, "scheduled_for": scheduled_for}
    check_post({**given, "timezone": timezone, "platform_content": platform_content, "draft": draft})
    when = None if scheduled_for is None else parse_time("scheduled_for", scheduled_for)
    return _without_none(
        content=content,
        account_ids=check_account_ids(account_ids, required=False) or None,
        media_ids=check_media_ids(() if media_ids is None else media_ids) or None,
        scheduled_for=None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        timezone=timezone,
        platform_content=platform_content,
        draft=read_boolean("draft", draft) or None,
    )


def check_post(given: Mapping[str, Any]) -> None:
    """Check the arguments of :func:`post_request` that are given."""
    _check_each(
        given,
        content=lambda value: check_text("content", value, 1, None),
        media_ids=_optional(check_media_ids),
        scheduled_for=_optional(partial(parse_time, "scheduled_for")),
        timezone=_optional(check_timezone),
        platform_content=check_platform_content,
        draft=partial(read_boolean, "draft"),
    )
    if "account_ids" in given:
        required = "draft" in given and not read_boolean("draft", given["draft"])
        check_account_ids(given["account_ids"], required=required)


def check_wait(given: Mapping[str, Any]) -> None:
    """Check how an operator waits."""
    for name in given:
        if name in ("poll_interval", "poke_interval", "timeout"):
            seconds(name, given[name])
        elif name in ("wait_for_completion", "wait_for_publish", "deferrable"):
            read_boolean(name, given[name])


def check_before_paying(given: Mapping[str, Any]) -> None:
    """Check what an operator is told to look at before it makes a call that costs."""
    _check_each(given, skip_after=_optional(partial(parse_time, "skip_after")), check_conn_ids=check_conn_ids)


def check_conn_ids(conn_ids: Any) -> list[str]:
    """Check a list of connection ids."""
    listed = isinstance(conn_ids, Sequence) and not isinstance(conn_ids, str)
    if not listed or not all(isinstance(item, str) and item.strip() not in ("", "None") for item in conn_ids):
        raise InvalidRequestError.of("check_conn_ids", f"is {_short(conn_ids)}", "a list of connection ids")
    return list(conn_ids)


def seconds(name: str, value: Any) -> float:
    """
    Read a length of time.

    :param value: seconds, also as text, or a timedelta.
    :raises InvalidRequestError: if it is none of these, or not above zero.
    """
    length = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if isinstance(length, str) and re.fullmatch(r"\s*\d{1,12}(\.\d+)?\s*", length):
        length = float(length)
    if not isinstance(length, (int, float)) or isinstance(length, bool) or not 0 < length < float("inf"):
        raise InvalidRequestError.of(name, f"is {_short(value)}", "seconds above 0, or such a timedelta")
    return float(length)


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _check_each(given: Mapping[str, Any], **checks: Callable[[Any], Any]) -> None:
    for name, check in checks.items():
        if name in given:
            check(given[name])


def check_text(name: str, value: Any, least: int, most: int | None) -> None:
    """Check a text's type and its length in characters."""
    allowed = f"{least} to {most:,} characters" if most else f"at least {least} character"
    if not isinstance(value, str):
        raise InvalidRequestError.of(name, f"is of type {type(value).__name__}, not str", allowed)
    if value.strip() == "None":
        raise InvalidRequestError.of(
            name, "is 'None', which is what a template makes of a value that is missing", allowed
        )
    length = len(value.strip())
    if length < least or (most and len(value) > most):
        raise InvalidRequestError.of(name, f"has {length if length < least else len(value):,} characters", allowed)


def check_model(model: Any) -> None:
    """Check that a model is named at all: a new one must work the day it appears."""
    if model is not None and not (isinstance(model, str) and model.strip() not in ("", "None")):
        raise InvalidRequestError.of(
            "model", f"is {_short(model)}", "a model's name, or None for the service's default"
        )


def check_style(style: Any) -> None:
    """Check that a style is one of Pictory's."""
    if style is not None and style not in PICTORY_STYLES:
        raise InvalidRequestError.of("style", f"is {_short(style)}", ", ".join(PICTORY_STYLES))


def check_aspect_ratio(aspect_ratio: Any, known: Sequence[str] | None, model: str | None) -> None:
    """Check an aspect ratio against those known of a model, or its form alone where none are known."""
    if aspect_ratio is None:
        return
    if known is not None and aspect_ratio not in known:
        of = f" with model {model}" if model else ""
        raise InvalidRequestError.of("aspect_ratio", f"is {_short(aspect_ratio)}{of}", ", ".join(known))
    if not (isinstance(aspect_ratio, str) and re.fullmatch(r"\d{1,3}:\d{1,3}", aspect_ratio)):
        raise InvalidRequestError.of("aspect_ratio", f"is {_short(aspect_ratio)}", "a ratio such as 16:9")


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
        raise InvalidRequestError.of(name, fault, allowed)


def check_account_ids(account_ids: Any, *, required: bool) -> list[int]:
    """Check the accounts of a post: whole numbers, each once, and at least one unless it is a draft."""
    allowed = "a list of whole numbers as in GET /accounts, at least one unless draft=True"
    if account_ids is None:
        account_ids = []
    if not isinstance(account_ids, Sequence) or isinstance(account_ids, (str, bytes)):
        raise InvalidRequestError.of("account_ids", f"is {_short(account_ids)}", allowed)
    for item in account_ids:
        if not isinstance(item, Integral) or isinstance(item, bool):  # those of NumPy are integral, too
            raise InvalidRequestError.of("account_ids", f"holds {_short(item)} of type {type(item).__name__}", allowed)
    if len(set(account_ids)) != len(account_ids):
        raise InvalidRequestError.of("account_ids", "names an account twice", allowed)
    if required and not account_ids:
        raise InvalidRequestError.of("account_ids", "is empty", allowed)
    return [int(item) for item in account_ids]


def check_media_ids(media_ids: Any) -> list[str]:
    """Check ids of the media library."""
    if not isinstance(media_ids, Sequence) or isinstance(media_ids, (str, bytes)):
        raise InvalidRequestError.of("media_ids", f"is {_short(media_ids)}", "a list of ids of the media library")
    for item in media_ids:
        if not (isinstance(item, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,100}", item)):
            raise InvalidRequestError.of("media_ids", f"holds {_short(item)}", "a list of ids of the media library")
    return list(media_ids)


def check_timezone(name: Any) -> None:
    """Check that a time zone is one of IANA's."""
    allowed = "a name of the IANA time zone database such as Europe/Berlin"
    try:
        if not isinstance(name, str):
            raise ValueError("no text")
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise InvalidRequestError.of("timezone", f"is {_short(name)}", allowed) from None


def check_platform_content(value: Any) -> None:
    """Check what differs by platform: dicts, by the platform's name, of what JSON can carry."""
    if value is None:
        return
    allowed = "a dict of content, contentType, settings for each platform"
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise InvalidRequestError.of("platform_content", f"is {_short(value)}", allowed)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError.of("platform_content", f"is not JSON: {error}", allowed) from None


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
            raise InvalidRequestError.of(name, f"is {_short(value)}", allowed) from None
    elif isinstance(value, dt.datetime):
        moment = value
    else:
        raise InvalidRequestError.of(name, f"is {_short(value)}", allowed)
    if moment.utcoffset() is None:
        raise InvalidRequestError.of(name, f"is {_short(str(value))}, which has no zone", allowed)
    try:
        return moment.astimezone(dt.timezone.utc)
    except OverflowError:
        raise InvalidRequestError.of(name, f"is {_short(str(value))}", allowed) from None


def check_future(name: str, value: Any) -> None:
    """Check that a point in time has not passed."""
    moment = parse_time(name, value)
    if moment <= dt.datetime.now(dt.timezone.utc):
        raise InvalidRequestError.of(name, f"is {moment:%Y-%m-%dT%H:%M:%SZ}, which is in the past", "a time to come")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
