"""Media, accounts and posts of PostEverywhere, and how a post is published, computed from the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from airflow_provider_pictory.sandbox.scenery import Picture


@dataclass(frozen=True)
class Account:
    """A connected social account."""

    id: int
    platform: str
    name: str
    active: bool = True


ACCOUNTS = {
    account.id: account
    for account in (
        Account(2280, "linkedin", "Northwind Studio"),
        Account(2281, "instagram", "northwind.studio"),
        Account(2282, "x", "northwindstudio"),
        Account(2283, "facebook", "Northwind Studio"),
        Account(2284, "pinterest", "northwindstudio"),
        Account(2285, "tiktok", "northwind.studio", active=False),
    )
}


@dataclass(slots=True)
class Media:
    """An entry of the media library: a picture still to be drawn, or bytes that were uploaded."""

    id: str
    filename: str
    content_type: str
    created_at: float
    status: str
    content: Picture | bytes | None
    size: int
    source_url: str | None = None
    model: str | None = None
    credits: int = 0


@dataclass(slots=True)
class Destination:
    """
    A post's way to one account.

    An attempt ends at `ends_at`; until then it is queued, afterwards it has either failed or published,
    which `failing_attempts` decides: so many first attempts fail.
    """

    account: Account
    failing_attempts: float
    platform_post_id: str = field(default_factory=lambda: uuid4().hex[:16])
    attempt: int = 0
    ends_at: float | None = None

    def status(self, now: float) -> str:
        """Return the status at a time: queued, published or failed."""
        if self.ends_at is None or now < self.ends_at:
            return "queued"
        return "failed" if self.attempt <= self.failing_attempts else "published"

    def error(self, now: float) -> str | None:
        """Why the last attempt failed, if it did."""
        if self.status(now) != "failed":
            return None
        return "The platform rejected the post" if self.account.active else "The account must be reconnected"

    def start(self, ends_at: float) -> None:
        """Begin the next attempt."""
        self.attempt += 1
        self.ends_at = ends_at


@dataclass(slots=True)
class Post:
    """A post, whatever became of it."""

    id: str
    content: str
    created_at: float
    draft: bool
    destinations: list[Destination]
    media_ids: list[str]
    scheduled_for: float | None = None
    timezone: str = "UTC"
    platform_content: dict[str, Any] = field(default_factory=dict)

    def status(self, now: float) -> str:
        """Return the status at a time, as the vendor names it."""
        if self.draft:
            return "draft"
        if self.scheduled_for is not None and now < self.scheduled_for:
            return "scheduled"
        statuses = {destination.status(now) for destination in self.destinations}
        if "queued" in statuses:
            return "publishing"
        if len(statuses) == 2:
            return "partially_failed"
        return statuses.pop()

    def settles_at(self) -> float:
        """When the last attempt under way ends."""
        return max(destination.ends_at or 0.0 for destination in self.destinations)
