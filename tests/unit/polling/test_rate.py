from __future__ import annotations

import pytest

from airflow_provider_pictory.polling.rate import TokenBucket


def sent(requests_per_minute: float, seconds: float) -> list[float]:
    """Return when requests are sent of which there are always more."""
    bucket = TokenBucket()
    bucket.set_rate(requests_per_minute)
    now, moments = 1000.0, []
    while now < 1000.0 + seconds:
        if bucket.ready_at(now) <= now:
            bucket.take(1, now)
            moments.append(now)
        else:
            now = bucket.ready_at(now)
    return moments


@pytest.mark.parametrize("requests_per_minute", [30, 60, 600, 6000, 60_000])
def test_the_rate_is_an_upper_bound(requests_per_minute: float):
    at_once = max(1, min(10, requests_per_minute / 600))
    moments = sent(requests_per_minute, 60)
    assert requests_per_minute - 1 <= len(moments) <= requests_per_minute + at_once + 1
    assert max(moments.count(moment) for moment in set(moments)) <= at_once + 1


def test_a_workers_requests_are_paid_back():
    bucket = TokenBucket()
    bucket.set_rate(60)
    assert bucket.ready_at(1000.0) == 1000.0
    bucket.take(5, 1000.0)
    assert bucket.ready_at(1000.0) == pytest.approx(1005.0)


def test_what_is_urgent_borrows_as_much_as_the_bucket_holds():
    bucket = TokenBucket()
    bucket.set_rate(6000)
    bucket.take(10, 1000.0)
    assert bucket.ready_at(1000.0) > 1000.0
    assert bucket.ready_at(1000.0, urgent=True) == 1000.0
    bucket.take(10, 1000.0)
    assert bucket.ready_at(1000.0, urgent=True) > 1000.0
