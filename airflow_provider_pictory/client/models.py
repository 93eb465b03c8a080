"""
The services' responses as frozen dataclasses.

``raw`` is the service's own JSON object, with any fields that this package does not know. Each record is also a dict,
without ``raw``, so that Airflow stores it in XCom as a plain dict.
``from_api`` raises ``LookupError``, ``TypeError`` or ``ValueError`` if a required field is missing or has another type;
all other fields are optional.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar

from airflow_provider_pictory.exceptions import one_line

T = TypeVar("T")


class JobStatus(str, Enum):
    """The status of a Pictory job; any other value is ``UNKNOWN`` and treated as in progress."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CLEANED = "cleaned"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> JobStatus:
        return cls.UNKNOWN

    @property
    def is_failure(self) -> bool:
        """Whether the job ended without an image."""
        return self in (self.FAILED, self.CLEANED)

    @property
    def is_final(self) -> bool:
        """Whether the service will not change it any more, but for cleaning."""
        return self.is_failure or self == self.COMPLETED


class PostStatus(str, Enum):
    """The status of a PostEverywhere post, or of one of its destinations; any other value is ``UNKNOWN``."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    DONE = "done"
    PARTIALLY_FAILED = "partially_failed"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> PostStatus:
        return cls.UNKNOWN

    @property
    def is_failure(self) -> bool:
        """Whether publishing failed on some or all accounts."""
        return self in (self.FAILED, self.PARTIALLY_FAILED)

    @property
    def is_final(self) -> bool:
        """Whether the service will not change it any more."""
        return self.is_failure or self in (self.PUBLISHED, self.DONE)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def read_id(value: Any) -> str:
    """Read an id, which must be safe in URLs, logs and XCom."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise TypeError("expected an id")
    return text


def _number(value: Any) -> float | None:
    """Read a number that JSON, MessagePack and databases can store: finite, of at most 64 bits; else None."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _amount(value: Any) -> float:
    try:
        amount = _number(float(value))
    except (TypeError, ValueError, OverflowError):
        amount = None
    if amount is None:
        raise ValueError("expected a number")  # without the value, which must not appear in a traceback
    return amount


def _account_id(value: Any) -> int:
    text = read_id(value)
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("expected a whole number")
    return int(text)


def _account(value: Any) -> int | str:
    return _whole(value) or read_id(value)


def _scopes(value: Any) -> tuple[str, ...]:
    return tuple(re.split(r"[\s,]+", value.strip())) if isinstance(value, str) else _each(value, read_id)


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _known_fields(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out fields that another release of this package may have added."""
    names = {item.name for item in fields(cls)}
    return {name: value for name, value in values.items() if name in names}


def _text(value: Any) -> str | None:
    """Read a text; replace characters that databases cannot store."""
    return re.sub(r"[\x00\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) and value else None


def _word(value: Any) -> str:
    return one_line(value, 100)


def _status(value: Any) -> str:
    """Read a status; ``unknown`` if there is none."""
    return _word(value) if isinstance(value, str) and value.strip() else "unknown"


def _each(value: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Read a list, or a single item in place of one; items that cannot be read are left out."""
    items = []
    for item in value if isinstance(value, list) else [value]:
        with suppress(LookupError, TypeError, ValueError):
            items.append(read(item))
    return tuple(items)


def read_all(items: Any, read: Callable[[Any], T]) -> list[T]:
    """Read a list, without the items that cannot be read; raise ``TypeError`` if it is not a list."""
    return list(_each(_list(items), read))


def read_time(value: Any) -> dt.datetime | None:
    """Parse a time of the service, in UTC if it has no zone; None if it is not a time."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?\s*([Zz]|[+-]\d\d:?\d\d)?", str(value).strip()
    )
    if not match:
        return None
    date, time, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return dt.datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        return None


class Record(dict[str, Any]):
    """The base of the hooks' results."""

    def __post_init__(self) -> None:
        """Fill the dict with what goes into XCom."""
        self.update(self.as_xcom())

    def as_xcom(self) -> dict[str, Any]:
        """Return what goes into XCom."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "raw"}  # type: ignore[arg-type]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True)
class ImageJob(Record):
    """
    One image job of Pictory (``GET /v1/jobs/{jobId}``).

    :param status: a value of :class:`JobStatus`, or another value of the service.
    :param video_url: the video's URL, if the job is not an image job.
    """

    job_id: str
    status: str
    url: str | None = None
    width: int | None = None
    height: int | None = None
    ai_credits_used: float | None = None
    error_code: str | None = None
    error_message: str | None = None
    video_url: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, body: Any, job_id: str | None = None) -> ImageJob:
        """Read ``GET /v1/jobs/{jobId}``, whose response may lack the id, or one item of the list of jobs."""
        data = _object(_object(body)["data"])
        status = _text(data.get("status"))
        if status is None and body.get("success") is False:
            status = "failed"
        if status is None:
            raise ValueError("no status")
        return cls(
            job_id=read_id(body.get("job_id") or data.get("jobId") or job_id),
            status=_word(status),
            url=_text(data.get("url")),
            width=_whole(data.get("width")),
            height=_whole(data.get("height")),
            ai_credits_used=_number(data.get("aiCreditsUsed")),
            error_code=None if data.get("error_code") is None else _word(data["error_code"]),
            error_message=_text(data.get("error_message")),
            video_url=_text(data.get("videoURL")),
            raw=body,
        )

    @classmethod
    def from_event(cls, job: Mapping[str, Any]) -> ImageJob:
        """Read the result of :meth:`as_event`, of this release or another."""
        return cls(**_known_fields(cls, job))

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended; False if the status is unknown, or completed without a URL yet."""
        status = JobStatus(self.status)
        return status.is_failure or (status == JobStatus.COMPLETED and bool(self.url or self.video_url))

    @property
    def has_whole_image(self) -> bool:
        """Whether the image is complete, with all fields that XCom has."""
        return self.status == JobStatus.COMPLETED and None not in self.as_xcom().values()

    def as_event(self) -> dict[str, Any]:
        """Return what goes into a trigger's event."""
        names = ("error_code", "error_message", "video_url")
        return {**self.as_xcom(), **{name: getattr(self, name) for name in names}}

    def as_xcom(self) -> dict[str, Any]:
        """Return the *image* that goes into XCom."""
        return {
            "job_id": self.job_id,
            "status": self.status,
            "url": self.url,
            "width": self.width,
            "height": self.height,
            "ai_credits_used": self.ai_credits_used,
        }


@dataclass(frozen=True)
class Allowance(Record):
    """One kind of quota: how much is ``used``, and the ``limit``."""

    used: float
    limit: float

    @classmethod
    def from_api(cls, value: Any) -> Allowance:
        """Read one entry of a quota."""
        allowance = _object(value)
        return cls(used=_amount(allowance["used"]), limit=_amount(allowance["limit"]))

    @property
    def left(self) -> float:
        """The unused part."""
        return self.limit - self.used


@dataclass(frozen=True)
class Quota(Record):
    """The account's quota at Pictory (``GET /v1/quota``); ``raw`` has the kinds that images do not use."""

    ai_credits: Allowance
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, body: Any) -> Quota:
        """Read the response."""
        return cls(ai_credits=Allowance.from_api(_object(body)["aiCredits"]), raw=body)


@dataclass(frozen=True)
class CreditTransaction(Record):
    """One transaction of AI credits at Pictory (``GET /v1/aicredits/usage``); ``type`` is ``debit`` or ``credit``."""

    transaction_id: str
    type: str
    amount: float
    source: str | None = None
    description: str | None = None
    plan: str | None = None
    transaction_date: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, value: Any) -> CreditTransaction:
        """Read one element of the response."""
        item = _object(value)
        return cls(
            transaction_id=read_id(item["transactionId"]),
            type=_status(item.get("type")),
            amount=_amount(item["amount"]),
            source=_text(item.get("source")),
            description=_text(item.get("description")),
            plan=_text(item.get("plan")),
            transaction_date=_text(item.get("transactionDate")),
            raw=item,
        )


@dataclass(frozen=True)
class Media(Record):
    """One entry of PostEverywhere's media library, generated or uploaded; a post takes its ``media_ids``."""

    media_id: str
    media_ids: tuple[str, ...]
    type: str | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    url: str | None = None
    model: str | None = None
    prompt: str | None = None
    credits_used: float | None = None
    credits_remaining: float | None = None
    created_at: str | None = None
    next_step: str | None = None
    media_status: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, data: Any) -> Media:
        """Read the ``data`` of a response; older responses of ``/ai/generate-image`` have fewer fields."""
        data = _object(data)
        media_id = read_id(data["media_id"])
        ai = data.get("ai") if isinstance(data.get("ai"), dict) else data
        return cls(
            media_id=media_id,
            media_ids=_each(data.get("media_ids"), read_id) or (media_id,),
            type=_text(data.get("type")),
            width=_whole(data.get("width")),
            height=_whole(data.get("height")),
            aspect_ratio=_text(data.get("aspect_ratio")),
            url=_text(data.get("url")),
            model=_text(ai.get("model")),
            prompt=_text(ai.get("prompt")),
            credits_used=_number(data.get("credits_used")),
            credits_remaining=_number(data.get("credits_remaining")),
            created_at=_text(data.get("created_at")),
            next_step=_text(data.get("next_step") or data.get("message")),
            media_status=_text(data.get("media_status")),
            raw=data,
        )

    def as_xcom(self) -> dict[str, Any]:
        """Return the *media record* that goes into XCom."""
        return {
            "media_id": self.media_id,
            "media_ids": list(self.media_ids),
            "type": self.type,
            "width": self.width,
            "height": self.height,
            "aspect_ratio": self.aspect_ratio,
            "model": self.model,
            "prompt": self.prompt,
            "credits_used": self.credits_used,
            "credits_remaining": self.credits_remaining,
            "created_at": self.created_at,
        }


@dataclass(frozen=True)
class Upload(Record):
    """An entry of the media library whose file is to be sent to ``url`` by ``method``; ``max_size`` is in bytes."""

    media_id: str
    url: str = field(repr=False)
    method: str
    max_size: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, data: Any) -> Upload:
        """Read the ``data`` of a response."""
        data = _object(data)
        url = _text(data["upload_url"])
        if url is None:
            raise ValueError("no URL to send the file to")
        return cls(
            media_id=read_id(data["media_id"]),
            url=url,
            method=(_text(data.get("upload_method")) or "POST").upper(),
            max_size=_whole(data.get("max_size")),
            raw=data,
        )


@dataclass(frozen=True)
class Destination(Record):
    """One account of a post; ``status`` is a value of :class:`PostStatus`, or another value of the service."""

    account_id: int | str | None
    platform: str | None
    status: str
    url: str | None = None
    error: str | None = None
    attempts: int | None = None
    next_retry_at: str | None = None
    account_name: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, value: Any) -> Destination:
        """Read one element of ``results`` or ``destinations``; all fields are optional."""
        item = value if isinstance(value, dict) else {}
        error = item.get("error")
        if isinstance(error, dict):
            error = error.get("message") or error.get("code")
        return cls(
            account_id=next(iter(_each(item.get("account_id"), _account)), None),
            platform=_text(item.get("platform")),
            status=_status(item.get("status")),
            url=_text(item.get("platform_post_url")),
            error=_text(error),
            attempts=_whole(item.get("attempts")),
            next_retry_at=_text(item.get("next_retry_at")),
            account_name=_text(item.get("account_name")),
            raw=item,
        )

    def as_xcom(self) -> dict[str, Any]:
        """Return the part of the post's XCom for this account."""
        names = ("account_id", "account_name", "platform", "status", "url", "error")
        return {name: getattr(self, name) for name in names if name != "account_name" or self.account_name}


@dataclass(frozen=True)
class Post(Record):
    """
    A post at PostEverywhere.

    :param status: a value of :class:`PostStatus`, or another value of the service.
    """

    post_id: str
    status: str
    content: str | None = None
    account_ids: tuple[int, ...] = ()
    media_ids: tuple[str, ...] = ()
    scheduled_for: str | None = None
    timezone: str | None = None
    created_at: str | None = None
    destinations: tuple[Destination, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, data: Any) -> Post:
        """Read the ``data`` of a post, or the ``data`` of its results."""
        data = _object(data)
        return cls(
            post_id=read_id(data.get("post_id") or data["id"]),
            status=_status(data.get("post_status") or data.get("status")),
            content=_text(data.get("content")),
            account_ids=_each(data.get("account_ids"), _account_id),
            media_ids=_each(data.get("media_ids"), read_id),
            scheduled_for=_text(data.get("scheduled_for")),
            timezone=_text(data.get("timezone")),
            created_at=_text(data.get("created_at")),
            destinations=_each(data.get("results") or data.get("destinations") or [], Destination.from_api),
            raw=data,
        )

    @classmethod
    def from_xcom(cls, post: Mapping[str, Any]) -> Post:
        """Read the result of :meth:`as_xcom`."""
        return cls(
            post_id=post["post_id"],
            status=post["status"],
            media_ids=tuple(post["media_ids"]),
            scheduled_for=post["scheduled_for"],
            destinations=tuple(Destination(**_known_fields(Destination, item)) for item in post["destinations"]),
        )

    @property
    def has_failed(self) -> bool:
        """Whether publishing failed on some or all accounts."""
        return PostStatus(self.status).is_failure or any(PostStatus(d.status).is_failure for d in self.destinations)

    @property
    def has_ended(self) -> bool:
        """Whether it is published or failed on every account, and the service will not retry by itself."""
        if any(item.status == PostStatus.QUEUED or item.next_retry_at is not None for item in self.destinations):
            return False
        return PostStatus(self.status).is_final or (
            bool(self.destinations) and all(PostStatus(item.status).is_final for item in self.destinations)
        )

    def as_xcom(self) -> dict[str, Any]:
        """Return the *post* that goes into XCom."""
        return {
            "post_id": self.post_id,
            "status": self.status,
            "media_ids": list(self.media_ids),
            "scheduled_for": self.scheduled_for,
            "destinations": [item.as_xcom() for item in self.destinations],
        }


@dataclass(frozen=True)
class Account(Record):
    """A social account connected to PostEverywhere; ``can_post`` is None if the service did not send it."""

    account_id: int
    platform: str
    account_name: str | None = None
    is_active: bool | None = None
    can_post: bool | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, value: Any) -> Account:
        """Read one element of ``accounts``."""
        item = _object(value)
        health = item.get("health")
        return cls(
            account_id=_account_id(item["id"] if "id" in item else item["account_id"]),
            platform=_text(item.get("platform")) or "unknown",
            account_name=_text(item.get("account_name")),
            is_active=item.get("is_active"),
            can_post=health.get("can_post") if isinstance(health, dict) else None,
            raw=item,
        )


@dataclass(frozen=True)
class Profile(Record):
    """The API key's organization, scopes and AI credits (``GET /me`` of PostEverywhere)."""

    scopes: tuple[str, ...] = ()
    organization: str | None = None
    ai_credits: Allowance | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_api(cls, data: Any) -> Profile:
        """Read the ``data`` of the response, in any of its formats."""
        data = _object(data)
        key = next((data[name] for name in ("api_key", "key") if isinstance(data.get(name), dict)), data)
        organization = data.get("organization")
        if isinstance(organization, dict):
            organization = organization.get("name")
        quota = data.get("quota")
        credits_ = quota.get("ai_credits") if isinstance(quota, dict) else None
        return cls(
            scopes=_scopes(key.get("scopes") or data.get("scopes")),
            organization=_text(organization),
            ai_credits=Allowance.from_api(credits_) if isinstance(credits_, dict) else None,
            raw=data,
        )
