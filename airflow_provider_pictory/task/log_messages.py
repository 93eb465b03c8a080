"""The log messages of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_pictory.client.models import ImageJob, Media, Post
from airflow_provider_pictory.client.requests import credits_expected
from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.polling.progress import span


def ai_credits(amount: float | None) -> str | None:
    """Format an amount of AI credits; None if it is not known."""
    return None if amount is None else f"{amount:,.10g} credit{'' if amount == 1 else 's'}"


def job_submitted(job_id: str, model: str, aspect_ratio: str | None) -> str:
    """Return the message for a submitted job, with the expected price if known."""
    price = ai_credits(credits_expected(model))
    details = _join(one_line(model, 100), aspect_ratio, price and f"{price} expected")
    return f"Pictory job {job_id}: submitted ({details})"


def job_ended(job: ImageJob, age: float | None) -> str:
    """Return the message for a job that has ended, ``age`` seconds after its submit, if known."""
    return _join(f"Pictory job {job.job_id}: {job.status}{_after(age)}", _size(job), ai_credits(job.ai_credits_used))


def media_generated(media: Media) -> str:
    """Return the message for an image of PostEverywhere's own models."""
    cost, remaining = ai_credits(media.credits_used), ai_credits(media.credits_remaining)
    details = _join(one_line(media.model or "", 100), _size(media), cost, remaining and f"{remaining} left")
    return f"PostEverywhere media {media.media_id}: generated ({details})"


def post_created(post: Post, accounts: int) -> str:
    """Return the message for a created post; ``accounts`` is their number."""
    due = f" for {one_line(post.scheduled_for, 40)}" if post.status == "scheduled" and post.scheduled_for else ""
    on = f" on {accounts} account{'' if accounts == 1 else 's'}" if accounts else ""
    return f"PostEverywhere post {post.post_id}: {post.status}{due}{on}"


def post_ended(post: Post, age: float | None) -> Iterator[str]:
    """Return the messages for a post that has ended, ``age`` seconds after it was created or due."""
    yield f"PostEverywhere post {post.post_id}: {post.status}{_after(age)}"
    for item in post.destinations:
        if url := public_url(item.url):
            yield f"PostEverywhere post {post.post_id}: on {one_line(item.platform or 'account', 50)} at {url}"


def with_trigger_error(next_method: str, next_kwargs: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return ``next_kwargs`` with a failed trigger's own error: Airflow's message is "Trigger failure" alone."""
    if next_method != "__fail__" or not next_kwargs or not next_kwargs.get("traceback"):
        return next_kwargs
    lines: list[str] = next_kwargs["traceback"]
    last_frame = max((index for index, line in enumerate(lines) if line.startswith(" ")), default=-1)
    error = one_line("".join(lines[last_frame + 1 :]))
    return {**next_kwargs, "error": f"{next_kwargs['error']}: {error}"}


def _after(age: float | None) -> str:
    return "" if age is None else f" after {span(age)}"


def _size(image: ImageJob | Media) -> str | None:
    return f"{image.width}×{image.height} px" if image.width and image.height else None


def _join(*parts: str | None) -> str:
    return ", ".join(filter(None, parts))
