"""
Handling of 429 and other transient errors: whether to retry a request, and after how many seconds.

It depends on two facts: whether the request is idempotent, and whether its error says that it had no effect.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.exceptions import RateLimitedError, ServiceError, TransientError

MAX_ATTEMPTS = 3
DEFAULT_RETRY_AFTER = 30.0
"""Seconds to wait after a 429 without ``Retry-After``."""
MAX_RETRY_AFTER = 5.0
"""The maximum number of seconds that a hook sleeps before a retry; longer waits are left to the caller."""


def retry_delay(request: ApiRequest[Any], error: ServiceError, attempt: int) -> float | None:
    """
    Return the seconds after which a hook retries a request; None if it does not.

    Only idempotent requests are retried: before any other, the caller has to record that it is sent.

    :param attempt: the number of the failed attempt, from 1.
    """
    if not request.idempotent or attempt >= MAX_ATTEMPTS or not isinstance(error, TransientError):
        return None
    delay = backoff(attempt) if error.retry_after is None else error.retry_after
    return delay if delay <= MAX_RETRY_AFTER else None


def pause_before_retry(error: BaseException) -> float | None:
    """
    Return the seconds to pause after a refused request that had no effect; None if the service did not ask for a pause.

    This is ``Retry-After``, at least 1 s, plus up to 20 % of jitter, since many tasks receive the same value.
    """
    if not isinstance(error, TransientError) or not error.had_no_effect:
        return None
    delay = error.retry_after
    if delay is None and isinstance(error, RateLimitedError):
        delay = DEFAULT_RETRY_AFTER
    return None if delay is None else max(1.0, delay) * random.uniform(1.0, 1.2)


def backoff(attempt: int, limit: float = 30.0) -> float:
    """Return the seconds to wait after the ``attempt``-th failure in a row: exponential from 1 s, with jitter."""
    return min(limit, 2.0 ** min(attempt - 1, 16)) * random.uniform(0.5, 1.0)


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """
    Read ``Retry-After`` (seconds or a date), or ``X-RateLimit-Reset`` if no requests remain.

    :param headers: with names in lower case.
    :param now: the unix time.
    :return: seconds from now, 0 to 86,400; None if the response has neither.
    """
    value = headers.get("retry-after", "").strip()
    delay: float | None = None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        delay = float(value)
    elif value:
        try:
            date = parsedate_to_datetime(value)
            # HTTP dates are in UTC; not all of their formats name the zone.
            delay = date.replace(tzinfo=date.tzinfo or dt.timezone.utc).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            delay = None
    elif headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = headers.get("x-ratelimit-reset", "").strip()
        delay = float(reset) - now if re.fullmatch(r"\d{1,12}(\.\d+)?", reset) else None
    return None if delay is None else min(max(delay, 0.0), 86_400.0)


def allowance(headers: Mapping[str, str], *, now: float) -> tuple[int, float] | None:
    """Return the remaining requests and the seconds until the reset, from the ``X-RateLimit-*`` headers if sent."""
    if "x-ratelimit-reset" not in headers:
        return None
    remaining, reset = (headers.get(f"x-ratelimit-{name}", "").strip() for name in ("remaining", "reset"))
    if not re.fullmatch(r"\d{1,9}", remaining) or not re.fullmatch(r"\d{1,12}(\.\d+)?", reset):
        return None
    return int(remaining), min(max(float(reset) - now, 0.0), 3600.0)
