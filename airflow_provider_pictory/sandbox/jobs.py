"""A Pictory image job and its life, computed from the clock whenever somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_pictory.sandbox.scenery import Picture


@dataclass(frozen=True)
class Failure:
    """Why a job fails."""

    code: str
    message: str


GENERATION_FAILED = Failure("IMAGE_GENERATION_FAILED", "Image generation failed.")
NO_CREDITS = Failure("INSUFFICIENT_CREDITS", "The plan has too few AI credits left.")
POLICY_VIOLATION = Failure("CONTENT_POLICY_VIOLATION", "The prompt was rejected by the content policy of the model.")


@dataclass(frozen=True, slots=True)
class ImageJob:
    """One submitted image. Nothing in here changes; only time passes."""

    id: str
    picture: Picture
    aspect_ratio: str
    webhook: str | None
    credits: Decimal
    submitted_at: float
    finishes_at: float
    failure: Failure | None

    def status(self, now: float, retention: float | None) -> str:
        """Return the status at a time: in-progress, completed, failed or cleaned."""
        if now < self.finishes_at:
            return "in-progress"
        if self.failure:
            return "failed"
        if "[cleaned]" in self.picture.prompt or (retention is not None and now >= self.finishes_at + retention):
            return "cleaned"
        return "completed"

    def data(self, status: str, url: str) -> dict[str, Any]:
        """Return what the vendor tells about a job of this status."""
        if status == "completed":
            return {
                "status": status,
                "url": url,
                "width": self.picture.width,
                "height": self.picture.height,
                "aiCreditsUsed": plain_number(self.credits),
            }
        if status == "failed" and self.failure:
            return {
                "status": status,
                "error_code": self.failure.code,
                "error_message": self.failure.message,
            }
        return {"status": status}


@dataclass(frozen=True, slots=True)
class OtherJob:
    """A finished job of another kind: the list of a real account holds those too."""

    id: str
    submitted_at: float
    success: bool
    data: dict[str, Any]


def finished_elsewhere(now: float) -> list[OtherJob]:
    """Jobs that were there before: a transcription, a failed render and a finished one, oldest first."""
    transcript = [{"uid": "1", "speakerId": 1, "words": [{"word": "Once", "start_time": 0, "end_time": 0.48}]}]
    render = {
        "status": "completed",
        "videoURL": "https://media.example.com/render.mp4",
        "thumbnail": "https://media.example.com/render.jpg",
        "videoDuration": 42.5,
    }
    failure = {"status": "failed", "error_code": "1005", "error_message": "RENDER_FAILED"}
    return [
        OtherJob(
            "bbd75639-c3cb-4add-bf7b-e4e39cffb3b0",
            now - 7200,
            True,
            {"status": "completed", "transcript": transcript},
        ),
        OtherJob("0f1d8f0e-55a5-4c53-9d0b-6f0a2b6a7c11", now - 5400, False, failure),
        OtherJob("265a7c1a-4985-4058-9208-68114f131a2b", now - 3600, True, render),
    ]


def plain_number(amount: Decimal) -> int | float:
    """Return an amount as JSON shows it: 2, not 2.0, but 0.6."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)
