"""The state of the sandbox: one world, held in memory, changed by the server's event loop only."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

from airflow_provider_pictory.sandbox.faults import Faults
from airflow_provider_pictory.sandbox.jobs import (
    GENERATION_FAILED,
    NO_CREDITS,
    POLICY_VIOLATION,
    Failure,
    ImageJob,
    OtherJob,
    finished_elsewhere,
    plain_number,
)
from airflow_provider_pictory.sandbox.limits import Window
from airflow_provider_pictory.sandbox.posts import ACCOUNTS, Account, Media, Post
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.sandbox.settings import Settings
from airflow_provider_pictory.sandbox.traffic import Request, Traffic
from airflow_provider_pictory.sandbox.webhooks import Courier, Delivery

PICTORY_KEY = "pictai_sandbox"
POSTEVERYWHERE_KEY = "pe_live_" + "5a9db0c4" * 4
SCOPES = ("read", "write", "ai")


class OutOfCreditsError(Exception):
    """The plan does not cover what was asked for."""


@dataclass(slots=True)
class Key:
    """A key of PostEverywhere: what it may do, and how much it has been used."""

    scopes: tuple[str, ...]
    minute: Window
    hour: Window

    @classmethod
    def create(cls, scopes: tuple[str, ...]) -> Key:
        """Return a key that was never used."""
        return cls(scopes, Window(60), Window(3600))


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered receiver of PostEverywhere's events."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str


class World:
    """
    Everything the two services know.

    Attributes:
        clock: Where all times come from; replace it to travel in time.
        jobs: Pictory's image jobs by id, oldest first.
        media: PostEverywhere's media library by id.
        posts: PostEverywhere's posts by id, oldest first.

    """

    def __init__(self, settings: Settings) -> None:
        self.base_url = ""
        self.clock: Callable[[], float] = time.time
        self.faults = Faults()
        self.traffic = Traffic()
        self.courier = Courier()
        self._initial_settings = settings
        self.reset()

    def reset(self) -> None:
        """Go back to the state and the settings at the start."""
        self.settings = self._initial_settings
        self.random = Random(self.settings.seed)
        self.faults.reset(self.settings.seed)
        self.traffic.reset()
        self.courier.reset()
        self.started_at = self.clock()
        self.jobs: dict[str, ImageJob] = {}
        self.other_jobs: dict[str, OtherJob] = {job.id: job for job in finished_elsewhere(self.started_at)}
        self.ai_credits_used = Decimal(0)
        self.polls = Window(60)
        self.media: dict[str, Media] = {}
        self.media_credits_used = 0
        self.posts: dict[str, Post] = {}
        self.webhooks: list[Webhook] = []
        self.keys = {POSTEVERYWHERE_KEY: Key.create(SCOPES)}

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from now on; a new seed starts the random numbers afresh."""
        if settings.seed != self.settings.seed:
            self.random.seed(settings.seed)
            self.faults.seed(settings.seed)
        self.settings = settings

    def add_key(self, scopes: tuple[str, ...]) -> str:
        """Make another key of PostEverywhere."""
        value = f"pe_live_{uuid4().hex}"
        self.keys[value] = Key.create(scopes)
        return value

    @property
    def requests(self) -> deque[Request]:
        """The most recent requests to both APIs, oldest first."""
        return self.traffic.requests

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhook deliveries of both services."""
        return self.courier.deliveries

    @property
    def accounts(self) -> dict[int, Account]:
        """The connected social accounts by id."""
        return ACCOUNTS

    def submit_image(self, picture: Picture, aspect_ratio: str, credits: Decimal, webhook: str | None) -> ImageJob:
        """
        Charge for an image of Pictory's and start its job.

        :raises OutOfCreditsError: the plan's credits do not cover it; nothing is charged.
        """
        if self.ai_credits_used + credits > self.settings.ai_credits:
            raise OutOfCreditsError
        now = self.clock()
        # Always drawn, so that a marked prompt in between does not change the fate of later jobs.
        unlucky = self.random.random() < self.settings.failure_rate
        failure: Failure | None = None
        if "[policy]" in picture.prompt:
            failure = POLICY_VIOLATION
        elif "[credits]" in picture.prompt:
            failure = NO_CREDITS
        elif "[fail]" in picture.prompt or unlucky:
            failure = GENERATION_FAILED
        job = ImageJob(
            id=str(uuid4()),
            picture=picture,
            aspect_ratio=aspect_ratio,
            webhook=webhook,
            credits=credits,
            submitted_at=now,
            finishes_at=now + self.settings.latency.draw(self.random),
            failure=failure,
        )
        self.jobs[job.id] = job
        self.ai_credits_used += credits
        return job

    def job_status(self, job: ImageJob) -> str:
        """Return the status of an image job now."""
        return job.status(self.clock(), self.settings.retention)

    def image_url(self, job: ImageJob) -> str:
        """Where the picture of an image job can be had."""
        return f"{self.base_url}/pictures/{job.id}.png"

    def job_of_image(self, url: str) -> ImageJob | None:
        """Return the job behind an image URL, if there is one and its picture can be had."""
        job = self.jobs.get(url.removeprefix(f"{self.base_url}/pictures/").removesuffix(".png"))
        return job if job and url == self.image_url(job) and self.job_status(job) == "completed" else None

    def media_url(self, media: Media) -> str:
        """Where the file of a media record can be had."""
        return f"{self.base_url}/media/{media.id}"

    def charge_media_credits(self, credits: int) -> int:
        """
        Charge for an image of PostEverywhere's own; return what remains.

        :raises OutOfCreditsError: the workspace's credits do not cover it; nothing is charged.
        """
        if credits > self.media_credits_left:
            raise OutOfCreditsError
        self.media_credits_used += credits
        return self.media_credits_left

    @property
    def media_credits_left(self) -> int:
        """What the workspace at PostEverywhere may still spend."""
        return max(0, self.settings.media_credits - self.media_credits_used)

    async def until(self, at: float) -> None:
        """Wait for a moment; timers may ring a little before the clock says so."""
        while (wait := at - self.clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait)

    def publish(self, post: Post, *, at: float, failed_only: bool = False) -> None:
        """Start an attempt to publish a post at a time, to all its accounts or to those where it failed."""
        now = self.clock()
        for destination in post.destinations:
            if not failed_only or destination.status(now) == "failed":
                destination.start(at + self.settings.publish_latency.draw(self.random))

    def ledger(self) -> dict[str, Any]:
        """Everything that was asked, paid and published, so that a test can prove that nothing was twice."""
        now = self.clock()
        return {
            "requests": dict(self.traffic.calls),
            "connections": self.traffic.connections,
            "ai_credits_used": plain_number(self.ai_credits_used),
            "media_credits_used": self.media_credits_used,
            "images": [
                {
                    "job_id": job.id,
                    "prompt": job.picture.prompt,
                    "model": job.picture.model,
                    "credits": plain_number(job.credits),
                    "submitted_at": job.submitted_at,
                    "status": self.job_status(job),
                }
                for job in self.jobs.values()
            ],
            "media": [
                {
                    "media_id": media.id,
                    "status": media.status,
                    "source_url": media.source_url,
                    "model": media.model,
                    "credits": media.credits,
                }
                for media in self.media.values()
            ],
            "posts": [
                {
                    "post_id": post.id,
                    "status": post.status(now),
                    "content": post.content,
                    "scheduled_for": post.scheduled_for,
                    "media_ids": post.media_ids,
                    "account_ids": [destination.account.id for destination in post.destinations],
                }
                for post in self.posts.values()
            ],
            "publications": [
                {
                    "post_id": post.id,
                    "account_id": destination.account.id,
                    "published_at": destination.ends_at,
                    "attempts": destination.attempt,
                }
                for post in self.posts.values()
                if not post.draft
                for destination in post.destinations
                if destination.status(now) == "published"
            ],
            "deliveries": [delivery.plain() for delivery in self.deliveries],
        }
