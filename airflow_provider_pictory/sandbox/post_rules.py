"""What PostEverywhere accepts in the fields of a post; every function raises `ApiError` for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_pictory.client.platforms import PLATFORMS
from airflow_provider_pictory.sandbox.envelope import ApiError, invalid
from airflow_provider_pictory.sandbox.posts import Account, Media

FIELDS = ("content", "account_ids", "media_ids", "scheduled_for", "timezone", "platform_content", "draft")
CONTENT_LIMITS = {
    name: platform.max_characters for name, platform in PLATFORMS.items() if platform.max_characters is not None
}
_CORRECTIONS = {"media": "media_ids", "media_id": "media_ids", "url": "media_ids"}


def check_field_names(body: Mapping[str, Any]) -> None:
    """Only known names, with a hint for the usual mistakes."""
    for name in body:
        if name not in FIELDS:
            hint = f" Use {_CORRECTIONS[name]} instead." if name in _CORRECTIONS else ""
            raise ApiError(
                400,
                "invalid_field_name",
                f"Unknown field: {name}.{hint}",
                details={"field": name, "allowed": list(FIELDS)},
            )


def read_content(value: object) -> str:
    """Read the text of a post."""
    if not isinstance(value, str) or not value.strip():
        raise invalid("content is required")
    return value


def read_accounts(value: object, accounts: Mapping[int, Account]) -> list[Account]:
    """Read the accounts of a post, in the order given and each once."""
    if not isinstance(value, list):
        raise invalid("account_ids must be an array of integers")
    # bool is an int to Python, 2280.0 equals 2280 as a key: both are checked for here.
    unknown = [entry for entry in value if type(entry) is not int or entry not in accounts]
    if unknown:
        raise ApiError(
            400,
            "invalid_accounts",
            f"Unknown account ids: {', '.join(map(str, unknown))}",
            details={"invalid_account_ids": unknown},
        )
    return [accounts[entry] for entry in dict.fromkeys(value)]


def read_media(value: object, media: Mapping[str, Media]) -> list[str]:
    """Read the media of a post, all of which must be in the library and ready."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise invalid("media_ids must be an array of UUIDs")
    missing = [entry for entry in value if entry not in media or media[entry].status != "ready"]
    if missing:
        raise ApiError(
            400,
            "file_not_uploaded",
            f"Media not uploaded: {', '.join(missing)}",
            details={"media_ids": missing},
        )
    return value


def read_due_time(value: object, now: float) -> float | None:
    """Read the time a post is scheduled for."""
    if value is None:
        return None
    at = read_time("scheduled_for", value)
    if at <= now:
        raise ApiError(400, "past_schedule_time", "scheduled_for must be in the future")
    return at


def read_time(name: str, value: object) -> float:
    """Read a moment in UTC; one with another offset, or with none, is refused rather than misread."""
    try:
        # Python 3.10 does not read the Z yet.
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if not isinstance(value, str) or moment is None or moment.utcoffset() != timedelta(0):
        raise ApiError(400, "invalid_datetime", f"{name} must be an ISO 8601 datetime in UTC")
    return moment.astimezone(timezone.utc).timestamp()


def read_timezone(value: object) -> str:
    """Read the zone in which times are displayed."""
    try:
        return ZoneInfo(str(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ApiError(400, "invalid_timezone", f"Not an IANA timezone: {value}") from None


def read_platform_content(value: object) -> dict[str, dict[str, Any]]:
    """Read what differs between platforms."""
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        raise invalid("platform_content must be an object with an object per platform")
    for platform in value:
        if platform not in CONTENT_LIMITS:
            raise invalid(f"Unknown platform in platform_content: {platform}")
    return value


def check_lengths(content: str, platform_content: Mapping[str, Mapping[str, Any]], accounts: list[Account]) -> None:
    """No text longer than its platform takes."""
    for platform in dict.fromkeys(account.platform for account in accounts):
        text = platform_content.get(platform, {}).get("content", content)
        if not isinstance(text, str):
            raise invalid(f"platform_content.{platform}.content must be a string")
        limit = CONTENT_LIMITS[platform]
        if len(text) > limit:
            raise ApiError(
                400,
                "content_too_long",
                f"Content is too long for {platform}: {len(text)} of {limit} characters",
                details={"platform": platform, "limit": limit, "length": len(text)},
            )
