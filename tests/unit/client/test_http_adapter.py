"""The bound of a call, where a session is shared by threads."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_pictory.client.http_adapter import BoundedAdapter


class Socket:
    def __init__(self) -> None:
        self.is_shut = threading.Event()

    def shutdown(self, how: int) -> None:
        self.is_shut.set()


def test_a_call_that_is_late_ends_no_other_threads_call():
    adapter = BoundedAdapter(1)
    late, other = Socket(), Socket()

    def wait() -> None:
        with adapter.at_most(0.01):
            adapter.current.call.socket = late  # type: ignore[assignment]
            late.is_shut.wait(60)

    def be_late() -> None:
        with pytest.raises(TimeoutError):
            wait()

    with adapter.at_most(3600):
        adapter.current.call.socket = other  # type: ignore[assignment]
        thread = threading.Thread(target=be_late)
        thread.start()
        thread.join()
        assert adapter.current.call.socket is other
    assert late.is_shut.is_set()
    assert not other.is_shut.is_set()
