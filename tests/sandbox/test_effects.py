"""Whether a call took effect, and what the operators keep of it: the mark before it, its removal, the way on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.task.state import KEY
from tests.conftest import StateStore, Tries, needs_state_store
from tests.sandbox.tasks import PROMPT, calls, generate, library_media, post
from tests.sandbox.test_hooks import tls  # noqa: F401

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")

MARKS = {"spending", "calling"}


def media(**kwargs: Any) -> Tries:
    return Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, **kwargs))


def post_again(**kwargs: Any) -> Tries:
    """Run a post whose second account fails, so that the next try publishes again there."""
    task = post(content="[partial] Hello", media_ids=library_media(), wait_for_publish=True, **kwargs)
    with pytest.raises(e.PublishError):
        task.run()
    return task


PAYING = {
    "pictory.submit_image": generate,
    "posteverywhere.generate_image": media,
    "posteverywhere.create_post": lambda: post(media_ids=library_media()),
    "posteverywhere.retry_post": post_again,
}


def mark(task: Tries) -> set[str]:
    assert task.store is not None
    return MARKS & set(task.store.get(KEY, {"values": {}})["values"])


events: list[str] | None = None
"""What the interpreter does between a mark's acknowledgement and a request; None outside of that."""


def _note(event: str, args: tuple[Any, ...]) -> None:
    if events is not None and threading.current_thread() is threading.main_thread():
        events.append(event)


class Tracing(StateStore):
    def set(self, key: str, value: Any, *, retention: Any) -> None:
        global events
        super().set(key, value, retention=retention)
        events = [] if MARKS & set(value["values"]) else None


@contextmanager
def no_trace() -> Iterator[None]:
    global events
    try:
        yield
    finally:
        events = None


@needs_state_store
@pytest.mark.parametrize("call", PAYING)
def test_nothing_happens_between_the_mark_and_the_first_byte(call: str, monkeypatch: pytest.MonkeyPatch):
    sys.addaudithook(_note)
    task = PAYING[call]()
    task.store = Tracing(task.store)
    seen: list[list[str]] = []
    send = __import__("http.client").client.HTTPConnection.send

    def sending(self: Any, data: Any) -> None:
        global events
        if events is not None:
            seen.append(events)
            events = None
        send(self, data)

    monkeypatch.setattr("http.client.HTTPConnection.send", sending)
    with no_trace(), suppress(e.PublishError):
        task.run()
    assert len(seen) == 1
    # A timer thread bounds the call; what is not in this list would be an import, a file, an address, a connection.
    assert set(seen[0]) <= {"object.__getattr__", "_thread.start_new_thread", "time.sleep"}


@needs_state_store
@pytest.mark.parametrize("call", PAYING)
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_that_names_a_delay_leaves_no_mark_and_pauses_as_long(sandbox: Sandbox, call: str, status: int):
    task = PAYING[call]()
    sandbox.fault(call, "status", status=status, headers={"Retry-After": "12"})
    marks: list[set[str]] = []
    pause = task.pause

    def pausing(trigger: Any) -> Any:
        marks.append(mark(task))
        return pause(trigger)

    task.pause = pausing  # type: ignore[method-assign]
    with suppress(e.PublishError):
        task.run()
    assert marks == [set()]
    assert 11 < sum(task.paused) < 16
    assert calls(sandbox, call) == 2


@needs_state_store
@pytest.mark.parametrize("call", PAYING)
@pytest.mark.parametrize(
    ("fault", "error", "is_marked"),
    [
        ({"kind": "status", "status": 400}, e.InvalidRequestError, False),
        ({"kind": "status", "status": 401}, e.AuthenticationError, False),
        ({"kind": "status", "status": 402}, e.ServiceError, False),
        ({"kind": "status", "status": 403}, e.PermissionDeniedError, False),
        ({"kind": "status", "status": 404}, e.NotFoundError, False),
        ({"kind": "status", "status": 500}, e.OutcomeUnknownError, True),
        ({"kind": "status", "status": 503}, e.OutcomeUnknownError, True),
        ({"kind": "reset"}, e.OutcomeUnknownError, True),
        ({"kind": "body", "body": "<html>"}, e.OutcomeUnknownError, True),
    ],
    ids=str,
)
def test_a_mark_stays_where_the_outcome_is_not_known(
    sandbox: Sandbox, call: str, fault: dict[str, Any], error: type[Exception], is_marked: bool
):
    if call == "posteverywhere.retry_post" and fault["kind"] == "body":
        pytest.skip("What this call answers is not documented: any success will do")
    task = PAYING[call]()
    sandbox.fault(call, **fault)
    with pytest.raises(error) as caught:
        task.run()
    assert isinstance(caught.value, e.OutcomeUnknownError) is is_marked
    assert bool(mark(task)) is is_marked


@needs_state_store
@pytest.mark.parametrize(
    "call", ["pictory.submit_image", "posteverywhere.generate_image", "posteverywhere.create_post"]
)
def test_where_no_connection_is_made_no_mark_is(sandbox: Sandbox, connect: Callable[..., None], call: str):
    task = PAYING[call]()
    for name in ("pictory", "posteverywhere"):
        connect(f"{name}_default", host="http://127.0.0.1:1", password="a-key-of-some-length")
    with pytest.raises(e.TransientError, match="cannot be reached") as caught:
        task.run()
    assert not isinstance(caught.value, e.OutcomeUnknownError)
    assert mark(task) == set()
    assert calls(sandbox, call) == 0
