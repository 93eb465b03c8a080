"""Log messages while waiting: errors, recovery, and that the wait is still in progress."""

from __future__ import annotations

import time
from typing import Any, Protocol

from airflow_provider_pictory.exceptions import ServiceError

FIRST_GAP = 300.0
"""Seconds until the first message that a wait is still in progress; the gap doubles each time."""

FIRST_OUTAGE_GAP = 60.0
"""Seconds until the next warning during an outage; the gap doubles each time."""


class Log(Protocol):
    """The methods of a logger that are used; Airflow's loggers have several types."""

    def info(self, msg: str, /, *args: Any) -> Any:
        """Log an expected event."""

    def warning(self, msg: str, /, *args: Any) -> Any:
        """Log what may need attention."""


class Progress:
    """
    Logs errors, recovery, and at growing intervals that the wait is still in progress.

    :param subject: the job or post, with its id.
    :param log: the task's logger.
    :param since: the unix time at which it was created or is due, if known.
    """

    def __init__(self, subject: str, log: Log, since: float | None = None) -> None:
        self.subject = subject
        self._log = log
        self._since = since
        now = time.monotonic()
        self._started_at = now + (since - time.time() if since else 0.0)
        self._gap = FIRST_GAP
        self._next_message_at = max(now, self._started_at) + self._gap
        self._failing_since: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it was created or due, if known."""
        return None if self._since is None else self._waited

    @property
    def _waited(self) -> float:
        return max(0.0, time.monotonic() - self._started_at)

    def note(self, error: ServiceError | None, delay: float) -> None:
        """
        Log the result of a poll if it is worth a message.

        :param error: the error of the poll; None if the job or post is still in progress.
        :param delay: seconds until the next poll.
        """
        now = time.monotonic()
        if error is not None and self._failing_since is None:
            self._log.warning("%s: %s; asking again in %s", self.subject, error, span(delay))
            self._failing_since, self._gap, self._next_message_at = now, FIRST_OUTAGE_GAP, now + FIRST_OUTAGE_GAP
        elif error is None and self._failing_since is not None:
            self._log.info("%s: the service answers again, after %s", self.subject, span(now - self._failing_since))
            self._failing_since, self._gap, self._next_message_at = None, FIRST_GAP, now + FIRST_GAP
        elif now >= self._next_message_at:
            if error is None:
                self._log.info("%s: still in progress after %s", self.subject, span(self._waited))
            elif self._failing_since is not None:
                failing = span(now - self._failing_since)
                self._log.warning("%s: no good answer for %s, the last: %s", self.subject, failing, error)
            self._gap *= 2
            self._next_message_at = now + self._gap

    def too_late(self, error: ServiceError | None) -> str:
        """Return the message of a timeout; ``error`` is that of the last poll."""
        last = f"; the last answer: {error}" if error else ""
        return f"{self.subject} is not done after {span(self._waited)}: the timeout has passed{last}"


def span(seconds: float) -> str:
    """Format a duration in seconds."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
