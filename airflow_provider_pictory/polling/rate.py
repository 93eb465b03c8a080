"""The rate of requests: a token bucket."""

from __future__ import annotations

from airflow_provider_pictory.client.connection import CONNECTIONS


class TokenBucket:
    """
    Allows as many requests as were saved up in a tenth of a second, and then as many as the rate allows.

    Times are seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self._rate = self._burst = self._tokens = 1.0
        self._counted_at = 0.0

    def set_rate(self, requests_per_minute: float) -> None:
        """Set the rate."""
        self._rate = requests_per_minute / 60.0
        self._burst = max(1.0, min(self._rate / 10.0, CONNECTIONS))

    def take(self, requests: int, now: float) -> None:
        """Count requests that are sent; those of a worker may be more than are allowed at once."""
        self._count(now)
        self._tokens -= requests

    def ready_at(self, now: float, *, urgent: bool = False) -> float:
        """
        Return when to send next: now, or when the bucket is full, so that requests are sent several at a time.

        :param urgent: whether the request may use tokens of the future, as many as the bucket holds.
        """
        self._count(now)
        missing = 0.999 - self._tokens - (self._burst if urgent else 0.0)
        return now if missing <= 0 else now + (self._burst - self._tokens) / self._rate

    def _count(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
