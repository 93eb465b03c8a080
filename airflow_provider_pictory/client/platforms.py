"""The social platforms that PostEverywhere publishes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """
    A social platform.

    :param name: the display name.
    :param max_characters: the limit of a post's text; None if it is not documented.
    """

    name: str
    max_characters: int | None = None


PLATFORMS = {
    "facebook": Platform("Facebook", 63_206),
    "instagram": Platform("Instagram", 2200),
    "linkedin": Platform("LinkedIn", 3000),
    "pinterest": Platform("Pinterest", 500),
    "threads": Platform("Threads"),
    "tiktok": Platform("TikTok", 2200),
    "x": Platform("X", 280),
    "youtube": Platform("YouTube"),
}
"""By the API's names."""
