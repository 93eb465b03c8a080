"""The social platforms that PostEverywhere publishes on, as far as this package has to know them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """
    A social platform.

    :param name: as people write it.
    :param max_characters: of a post's text; None where the service does not say.
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
"""By the names that the service gives them."""
