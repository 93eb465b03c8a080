"""
What happens on a 429, and on what else may pass by itself: whether a request is sent again, and after how long.

From two facts follows all of it: whether the request is idempotent, and whether its error says that it had no effect.
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
"""How long to leave a service alone whose 429 does not say, in seconds."""
MAX_RETRY_AFTER = 5.0
"""The longest that a hook sleeps before it repeats a request, in seconds; what takes longer is the caller's."""


def retry_delay(request: ApiRequest[Any], error: ServiceError, attempt: int) -> float | None:
    """
    Decide whether a hook repeats a request, and when.

    One that is not idempotent is not, not even if it had no effect: before each of them its caller has to write down
    that it is sent. Others are, a bounded number of times, after the service's own delay where it names one.

    :param error: how the attempt ended.
    :param attempt: the number of that attempt, from 1.
    :return: seconds to sleep, or None to give up.
    """
    if not request.idempotent or attempt >= MAX_ATTEMPTS or not isinstance(error, TransientError):
        return None
    delay = backoff(attempt) if error.retry_after is None else error.retry_after
    return delay if delay <= MAX_RETRY_AFTER else None


def pause_before_retry(error: BaseException) -> float | None:
    """
    Tell how long a service has asked to be left alone by a request that had no effect.

    :return: seconds, at least 1, a little more than it said and each time another, since a whole crowd is told the
        same; None if it has not asked.
    """
    if not isinstance(error, TransientError) or not error.had_no_effect:
        return None
    delay = error.retry_after
    if delay is None and isinstance(error, RateLimitedError):
        delay = DEFAULT_RETRY_AFTER
    return None if delay is None else max(1.0, delay) * random.uniform(1.0, 1.2)


def backoff(attempt: int, limit: float = 30.0) -> float:
    """Seconds to wait after the ``attempt``-th failure in a row: doubling from 1, spread so that crowds disperse."""
    return min(limit, 2.0 ** min(attempt - 1, 16)) * random.uniform(0.5, 1.0)


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """
    Read when the service wants the next request.

    :param headers: ``retry-after`` (seconds or a date) decides, else an exhausted ``x-ratelimit-reset``.
    :param now: the unix time.
    :return: seconds from now, at least 0 and at most a day; None if the response does not say.
    """
    value = headers.get("retry-after", "").strip()
    delay: float | None = None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        delay = float(value)
    elif value:
        try:
            moment = parsedate_to_datetime(value)
            # A date of HTTP is in UTC, in whichever of its forms; not all of them say so.
            delay = moment.replace(tzinfo=moment.tzinfo or dt.timezone.utc).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            delay = None
    elif headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = headers.get("x-ratelimit-reset", "").strip()
        delay = float(reset) - now if re.fullmatch(r"\d{1,12}(\.\d+)?", reset) else None
    return None if delay is None else min(max(delay, 0.0), 86_400.0)


def allowance(headers: Mapping[str, str], *, now: float) -> tuple[int, float] | None:
    """
    Read how much the service still allows.

    :param now: the unix time.
    :return: how many requests, and for how many seconds from now; None if the response does not say.
    """
    if "x-ratelimit-reset" not in headers:
        return None
    left, reset = (headers.get(f"x-ratelimit-{name}", "").strip() for name in ("remaining", "reset"))
    if not re.fullmatch(r"\d{1,9}", left) or not re.fullmatch(r"\d{1,12}(\.\d+)?", reset):
        return None
    return int(left), min(max(float(reset) - now, 0.0), 3600.0)
