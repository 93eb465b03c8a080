"""What can be set about a sandbox, defined once for Python, the command line and HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any


@dataclass(frozen=True)
class Spread:
    """
    A duration that varies: fixed, uniform between two bounds, or lognormal around a median.

    Spelled ``"1.5"`` (always), ``"0.5-1.5"`` (uniform) or ``"8~0.5"`` (lognormal: median 8, sigma 0.5).
    """

    low: float
    high: float
    sigma: float | None = None

    @classmethod
    def parse(cls, value: object) -> Spread:
        """Read a number, a ``(low, high)`` pair or one of the spellings above; raise ValueError otherwise."""
        if isinstance(value, Spread):
            return value
        if isinstance(value, (tuple, list)) and len(value) == 2:
            return cls._checked(_seconds(value[0]), _seconds(value[1]))
        text = str(value)
        if "~" in text:
            median, sigma = (_seconds(part) for part in text.split("~", 1))
            return cls(median, median, sigma)
        # The exponent of 1e-3 is no range.
        if "-" in text[1:] and "e" not in text:
            low, high = (_seconds(part) for part in text.split("-", 1))
            return cls._checked(low, high)
        return cls(_seconds(value), _seconds(value))

    @classmethod
    def _checked(cls, low: float, high: float) -> Spread:
        if low > high:
            raise ValueError(f"the first bound is above the second: {low:g}-{high:g}")
        return cls(low, high)

    def draw(self, random: Random) -> float:
        """One duration in seconds."""
        if self.sigma is not None:
            return self.low * math.exp(random.gauss(0.0, self.sigma))
        return random.uniform(self.low, self.high)

    def __str__(self) -> str:
        if self.sigma is not None:
            return f"{self.low:g}~{self.sigma:g}"
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"not a number: {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {value!r}")
    return number


def _seconds(value: object) -> float:
    seconds = _number(value)
    if seconds < 0:
        raise ValueError(f"below zero: {value!r}")
    return seconds


def _share(value: object) -> float:
    share = _number(value)
    if not 0 <= share <= 1:
        raise ValueError(f"not between 0 and 1: {value!r}")
    return share


def _credits(value: object) -> Decimal:
    try:
        credits = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"not an amount: {value!r}") from None
    if not credits.is_finite() or credits < 0:
        raise ValueError(f"not an amount: {value!r}")
    return credits


def _whole(value: object) -> int:
    number = _number(value)
    if number != int(number) or number < 0:
        raise ValueError(f"not a whole number of zero or more: {value!r}")
    return int(number)


def _page_size(value: object) -> int:
    size = _whole(value)
    if not size:
        raise ValueError(f"not a whole number above zero: {value!r}")
    return size


def _yes_or_no(value: object) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).lower() not in known:
        raise ValueError(f"neither yes nor no: {value!r}")
    return known[str(value).lower()]


def _rate(value: object) -> int | None:
    return None if value in (None, "off") else _whole(value)


def _retention(value: object) -> float | None:
    return None if value in (None, "off") else _seconds(value)


def _about(parse: Callable[[object], Any], help: str) -> dict[str, Any]:
    return {"parse": parse, "help": help}


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults. Rates and the retention are ``None`` ("off") unless set."""

    latency: Spread = field(default=Spread(0.5, 1.5), metadata=_about(Spread.parse, "seconds a Pictory job takes"))
    generate_latency: Spread = field(
        default=Spread(0.1, 0.3),
        metadata=_about(Spread.parse, "seconds PostEverywhere takes to answer /ai/generate-image"),
    )
    publish_latency: Spread = field(
        default=Spread(0.3, 0.8),
        metadata=_about(Spread.parse, "seconds from a post's due time until an account has published it"),
    )
    ai_credits: Decimal = field(default=Decimal(22_000), metadata=_about(_credits, "AI credits of the Pictory plan"))
    media_credits: int = field(default=500, metadata=_about(_whole, "AI credits of the PostEverywhere workspace"))
    failure_rate: float = field(default=0.0, metadata=_about(_share, "share of Pictory jobs that fail, 0 to 1"))
    retention: float | None = field(
        default=None, metadata=_about(_retention, "seconds until a finished Pictory job is cleaned")
    )
    list_page_size: int = field(default=20, metadata=_about(_page_size, "items on a page of Pictory's list of jobs"))
    list_lag: float = field(default=0.0, metadata=_about(_seconds, "seconds that the list of jobs lags behind"))
    list_results: bool = field(
        default=True, metadata=_about(_yes_or_no, "whether the list of jobs has their results: yes or no")
    )
    list_other_jobs: int = field(
        default=0, metadata=_about(_whole, "jobs of other kinds that are listed after each image job")
    )
    pictory_rate: int | None = field(default=None, metadata=_about(_rate, "Pictory polls allowed per minute"))
    posteverywhere_rate: int | None = field(
        default=None,
        metadata=_about(_rate, "PostEverywhere requests per minute and key (the vendor allows 60)"),
    )
    posteverywhere_hourly_rate: int | None = field(
        default=None,
        metadata=_about(_rate, "PostEverywhere requests per hour and key (the vendor allows 1000)"),
    )
    seed: int = field(default=0, metadata=_about(_whole, "seed of everything drawn at random"))

    def updated(self, values: Mapping[str, object]) -> Settings:
        """Return these settings with some replaced; raise ValueError for an unknown name or a bad value."""
        parsers: dict[str, Callable[[object], Any]] = {f.name: f.metadata["parse"] for f in fields(self)}
        changes = {}
        for name, value in values.items():
            if name not in parsers:
                raise ValueError(f"unknown setting {name!r}; there are {', '.join(parsers)}")
            try:
                changes[name] = parsers[name](value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return replace(self, **changes)

    def plain(self) -> dict[str, str | float | None]:
        """Return the settings as JSON values, each in a spelling that `updated` reads back."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: str(value) if isinstance(value, (Spread, Decimal)) else value for name, value in values.items()}
