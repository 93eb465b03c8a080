"""
Validation of single values: ``InvalidRequestError`` names the parameter, its fault and the allowed values.

Empty text is invalid, and so is the text ``None``, which a template renders for a missing value.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_pictory.client.services import parse_boolean
from airflow_provider_pictory.exceptions import InvalidRequestError


def read_boolean(name: str, value: Any) -> bool:
    """Parse a boolean, 1 or 0, or one of these as text in any case."""
    try:
        return parse_boolean(value)
    except ValueError:
        raise InvalidRequestError.of(name, f"is {value!r}", "true, false") from None


def seconds(name: str, value: Any) -> float:
    """Parse seconds, also as text, or a timedelta; return seconds above 0."""
    number = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if isinstance(number, str) and re.fullmatch(r"\s*\d{1,12}(\.\d+)?\s*", number):
        number = float(number)
    if not isinstance(number, (int, float)) or isinstance(number, bool) or not 0 < number < float("inf"):
        raise InvalidRequestError.of(name, f"is {_short(value)}", "seconds above 0, or such a timedelta")
    return float(number)


def optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a check that also allows None."""
    return lambda value: None if value is None else check(value)


def check_each(values: Mapping[str, Any], **checks: Callable[[Any], Any]) -> None:
    """Run the checks by the names of the values; those without a value are left out."""
    for name, check in checks.items():
        if name in values:
            check(values[name])


def check_text(name: str, value: Any, minimum: int, maximum: int | None) -> None:
    """Validate a text's type and its length in characters."""
    allowed = f"{minimum} to {maximum:,} characters" if maximum else f"at least {minimum} character"
    if not isinstance(value, str):
        raise InvalidRequestError.of(name, f"is of type {type(value).__name__}, not str", allowed)
    if value.strip() == "None":
        raise InvalidRequestError.of(
            name, "is 'None', which is what a template makes of a value that is missing", allowed
        )
    length = len(value.strip())
    if length < minimum or (maximum and len(value) > maximum):
        raise InvalidRequestError.of(name, f"has {length if length < minimum else len(value):,} characters", allowed)


def check_model(model: Any) -> None:
    """Validate a model's name, but not against a list: new models must work at once."""
    if model is not None and not (isinstance(model, str) and model.strip() not in ("", "None")):
        raise InvalidRequestError.of(
            "model", f"is {_short(model)}", "a model's name, or None for the service's default"
        )


def check_one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Check that a value is None or one of the allowed values."""
    if value is not None and value not in allowed:
        raise InvalidRequestError.of(name, f"is {_short(value)}", ", ".join(allowed))


def check_aspect_ratio(aspect_ratio: Any, known: Sequence[str] | None, model: str | None) -> None:
    """Check an aspect ratio against those of its model, or only its format if they are not known."""
    if aspect_ratio is None:
        return
    if known is not None and aspect_ratio not in known:
        of = f" with model {model}" if model else ""
        raise InvalidRequestError.of("aspect_ratio", f"is {_short(aspect_ratio)}{of}", ", ".join(known))
    if not (isinstance(aspect_ratio, str) and re.fullmatch(r"\d{1,3}:\d{1,3}", aspect_ratio)):
        raise InvalidRequestError.of("aspect_ratio", f"is {_short(aspect_ratio)}", "a ratio such as 16:9")


def check_url(name: str, url: Any, *, secure: bool = False) -> None:
    """Check for an http(s) URL without credentials; ``secure`` requires https, except for loopback addresses."""
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


def is_url(url: Any, *, secure: bool = False) -> bool:
    """Whether :func:`check_url` takes a URL."""
    try:
        check_url("url", url, secure=secure)
    except InvalidRequestError:
        return False
    return True


def public_url(url: Any) -> str:
    """Return an untrusted URL if it is safe to link to, otherwise an empty text."""
    return str(url) if is_url(url) else ""


def check_account_ids(account_ids: Any, *, required: bool) -> list[int]:
    """Validate the accounts of a post: whole numbers, each once, and at least one unless it is a draft."""
    allowed = "a list of whole numbers as in GET /accounts, at least one unless draft=True"
    if account_ids is None:
        account_ids = []
    if not isinstance(account_ids, Sequence) or isinstance(account_ids, (str, bytes)):
        raise InvalidRequestError.of("account_ids", f"is {_short(account_ids)}", allowed)
    for item in account_ids:
        if not isinstance(item, Integral) or isinstance(item, bool):  # includes NumPy's integers
            raise InvalidRequestError.of("account_ids", f"holds {_short(item)} of type {type(item).__name__}", allowed)
    if len(set(account_ids)) != len(account_ids):
        raise InvalidRequestError.of("account_ids", "names an account twice", allowed)
    if required and not account_ids:
        raise InvalidRequestError.of("account_ids", "is empty", allowed)
    return [int(item) for item in account_ids]


def check_media_ids(media_ids: Any) -> list[str]:
    """Validate ids of the media library."""
    if not isinstance(media_ids, Sequence) or isinstance(media_ids, (str, bytes)):
        raise InvalidRequestError.of("media_ids", f"is {_short(media_ids)}", "a list of ids of the media library")
    for item in media_ids:
        if not (isinstance(item, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,100}", item)):
            raise InvalidRequestError.of("media_ids", f"holds {_short(item)}", "a list of ids of the media library")
    return list(media_ids)


def check_timezone(name: Any) -> None:
    """Check for a name of the IANA time zone database."""
    allowed = "a name of the IANA time zone database such as Europe/Berlin"
    try:
        if not isinstance(name, str):
            raise ValueError("no text")
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise InvalidRequestError.of("timezone", f"is {_short(name)}", allowed) from None


def check_platform_content(value: Any) -> None:
    """Check for a dict by platform of dicts that can be encoded as JSON."""
    allowed = "a dict of content, contentType, settings for each platform"
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise InvalidRequestError.of("platform_content", f"is {_short(value)}", allowed)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError.of("platform_content", f"is not JSON: {error}", allowed) from None


def read_time(name: str, value: Any) -> dt.datetime:
    """Parse a datetime with a zone, or its ISO 8601 text; return it in UTC."""
    allowed = "a datetime or ISO 8601 text with a zone such as 2030-01-31T08:00:00+01:00"
    if isinstance(value, str):
        try:
            time = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
        except ValueError:
            raise InvalidRequestError.of(name, f"is {_short(value)}", allowed) from None
    elif isinstance(value, dt.datetime):
        time = value
    else:
        raise InvalidRequestError.of(name, f"is {_short(value)}", allowed)
    if time.utcoffset() is None:
        raise InvalidRequestError.of(name, f"is {_short(str(value))}, which has no zone", allowed)
    try:
        return time.astimezone(dt.timezone.utc)
    except OverflowError:
        raise InvalidRequestError.of(name, f"is {_short(str(value))}", allowed) from None


def check_future(name: str, value: Any) -> None:
    """Check that a time is in the future."""
    time = read_time(name, value)
    if time <= dt.datetime.now(dt.timezone.utc):
        raise InvalidRequestError.of(name, f"is {time:%Y-%m-%dT%H:%M:%SZ}, which is in the past", "a time to come")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is a loopback one."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
