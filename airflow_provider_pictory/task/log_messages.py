"""What tasks write into their logs: a line when something is made, one when it has ended, few in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

from airflow_provider_pictory.client.inputs import PICTORY_CREDITS
from airflow_provider_pictory.client.models import ImageJob, Media, Post
from airflow_provider_pictory.exceptions import ServiceError, one_line
from airflow_provider_pictory.links import address

FIRST_GAP = 300.0
"""Seconds until a wait says that it goes on; each next time it says so after twice as long."""

FIRST_OUTAGE_GAP = 60.0
"""Seconds until a wait complains again; likewise."""


class Log(Protocol):
    """The part of a logger that is used here; Airflow's are of several types."""

    def info(self, msg: str, /, *args: Any) -> Any:
        """Log what went as it should."""

    def warning(self, msg: str, /, *args: Any) -> Any:
        """Log what a person may have to look into."""


class Progress:
    """
    Says how a wait goes: that the service fails and that it answers again, and, ever more rarely, that it goes on.

    :param subject: what is waited for, with its id.
    :param log: the task's own log.
    :param since: the unix time at which it was made or is due, if that is known.
    """

    def __init__(self, subject: str, log: Log, since: float | None = None) -> None:
        self.subject = subject
        self._log = log
        self._since = since
        now = time.monotonic()
        self._began = now + (since - time.time() if since else 0.0)
        self._gap = FIRST_GAP
        self._next = max(now, self._began) + self._gap
        self._failed: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it was made, if that is known."""
        return None if self._since is None else self._waited

    @property
    def _waited(self) -> float:
        return max(0.0, time.monotonic() - self._began)

    def note(self, error: ServiceError | None, delay: float) -> None:
        """
        Take note of an answer that was not the last one.

        :param error: what the request ended with; None for what is still on its way.
        :param delay: seconds until the next request.
        """
        now = time.monotonic()
        if error is not None and self._failed is None:
            self._log.warning("%s: %s; asking again in %s", self.subject, error, span(delay))
            self._failed, self._gap, self._next = now, FIRST_OUTAGE_GAP, now + FIRST_OUTAGE_GAP
        elif error is None and self._failed is not None:
            self._log.info("%s: the service answers again, after %s", self.subject, span(now - self._failed))
            self._failed, self._gap, self._next = None, FIRST_GAP, now + FIRST_GAP
        elif now >= self._next:
            if error is None:
                self._log.info("%s: still in progress after %s", self.subject, span(self._waited))
            elif self._failed is not None:
                failing = span(now - self._failed)
                self._log.warning("%s: no good answer for %s, the last: %s", self.subject, failing, error)
            self._gap *= 2
            self._next = now + self._gap

    def too_late(self, error: ServiceError | None) -> str:
        """
        Say that the timeout has passed.

        :param error: what the last request ended with.
        """
        last = f"; the last answer: {error}" if error else ""
        return f"{self.subject} is not done after {span(self._waited)}: the timeout has passed{last}"


def span(seconds: float) -> str:
    """Name a length of time as people do."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def ai_credits(amount: float | None) -> str | None:
    """Name an amount of AI credits; None where it is not known."""
    return None if amount is None else f"{amount:,.10g} credit{'' if amount == 1 else 's'}"


def job_submitted(job_id: str, model: str, aspect_ratio: str | None) -> str:
    """Say that a job was submitted, and what it is going to cost where that is known."""
    price = ai_credits(PICTORY_CREDITS.get(model))
    request = _listed(one_line(model, 100), aspect_ratio, price and f"{price} expected")
    return f"Pictory job {job_id}: submitted ({request})"


def job_ended(job: ImageJob, age: float | None) -> str:
    """
    Say how a job has ended.

    :param age: seconds since it was submitted, where that is known.
    """
    return _listed(f"Pictory job {job.job_id}: {job.status}{_after(age)}", _size(job), ai_credits(job.ai_credits_used))


def media_generated(media: Media) -> str:
    """Say what one of PostEverywhere's own models has made, what it cost and what is left."""
    cost, left = ai_credits(media.credits_used), ai_credits(media.credits_remaining)
    made = _listed(one_line(media.model or "", 100), _size(media), cost, left and f"{left} left")
    return f"PostEverywhere media {media.media_id}: generated ({made})"


def post_created(post: Post, accounts: int) -> str:
    """
    Say that a post was made, and when it is due.

    :param accounts: how many it goes to.
    """
    due = f" for {one_line(post.scheduled_for, 40)}" if post.status == "scheduled" and post.scheduled_for else ""
    on = f" on {accounts} account{'' if accounts == 1 else 's'}" if accounts else ""
    return f"PostEverywhere post {post.post_id}: {post.status}{due}{on}"


def post_ended(post: Post, age: float | None) -> Iterator[str]:
    """
    Say how a post has ended, and where it is.

    :param age: seconds since it was made or due.
    """
    yield f"PostEverywhere post {post.post_id}: {post.status}{_after(age)}"
    for item in post.destinations:
        if url := address(item.url):
            yield f"PostEverywhere post {post.post_id}: on {one_line(item.platform or 'account', 50)} at {url}"


def with_trigger_error(next_method: str, next_kwargs: dict[str, Any] | None) -> dict[str, Any] | None:
    """
    Add a trigger's own error to the arguments with which Airflow fails its task: it says "Trigger failure" alone.

    :param next_method: what Airflow resumes the task with.
    :param next_kwargs: its arguments.
    :return: the arguments to resume with.
    """
    if next_method != "__fail__" or not next_kwargs or not next_kwargs.get("traceback"):
        return next_kwargs
    lines: list[str] = next_kwargs["traceback"]
    last_frame = max((index for index, line in enumerate(lines) if line.startswith(" ")), default=-1)
    error = one_line("".join(lines[last_frame + 1 :]))
    return {**next_kwargs, "error": f"{next_kwargs['error']}: {error}"}


def _after(age: float | None) -> str:
    return "" if age is None else f" after {span(age)}"


def _size(picture: ImageJob | Media) -> str | None:
    return f"{picture.width}×{picture.height} px" if picture.width and picture.height else None


def _listed(*parts: str | None) -> str:
    return ", ".join(filter(None, parts))
