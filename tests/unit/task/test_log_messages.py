"""What tasks write into their logs."""

from __future__ import annotations

from airflow_provider_pictory.task.log_messages import ai_credits


def test_lengths_and_amounts():
    assert [span(seconds) for seconds in (0.2, 59.6, 99.4, 100, 3600, 6000, 90000)] == [
        "0 s", "60 s", "99 s", "2 min", "60 min", "1.7 h", "25.0 h",
    ]  # fmt: skip
    assert [ai_credits(amount) for amount in (0.6, 1, 2.0, 1234567, None)] == [
        "0.6 credits", "1 credit", "2 credits", "1,234,567 credits", None,
    ]  # fmt: skip
