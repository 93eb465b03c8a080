"""What tasks write into their logs."""

from __future__ import annotations

from airflow_provider_pictory.task.log_messages import ai_credits


def test_amounts():
    assert [ai_credits(amount) for amount in (0.6, 1, 2.0, 1234567, None)] == [
        "0.6 credits", "1 credit", "2 credits", "1,234,567 credits", None,
    ]  # fmt: skip
