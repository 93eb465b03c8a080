"""Counting requests in fixed windows of time."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(slots=True)
class Window:
    """Requests counted since the last multiple of `period` seconds."""

    period: int
    start: float = 0.0
    count: int = 0

    def hit(self, now: float) -> int:
        """Count one request; return how many the current window has seen, this one included."""
        start = now - now % self.period
        if start != self.start:
            self.start, self.count = start, 0
        self.count += 1
        return self.count

    @property
    def resets_at(self) -> int:
        """Unix time at which the window ends."""
        return int(self.start) + self.period

    def seconds_left(self, now: float) -> int:
        """Whole seconds after which the window has surely ended."""
        return ceil(self.resets_at - now)
