"""What a wait logs: an outage, its end, and now and then that it goes on."""

from __future__ import annotations

import time
from typing import Any, Protocol

from airflow_provider_pictory.exceptions import ServiceError

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
