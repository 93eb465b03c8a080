"""
Recording a request that costs or publishes, so that a later try knows that it may have been sent.

The record is written right before the first byte, removed if the request had no effect, and kept if its outcome is not
known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.transport import Transport
from airflow_provider_pictory.exceptions import ServiceError
from airflow_provider_pictory.task.state import PaidState, TaskState
from airflow_provider_pictory.version_compat import AirflowFailException

T = TypeVar("T")
P = TypeVar("P", bound=PaidState)

log = logging.getLogger(__name__)


def send_recorded(
    state: TaskState[Any],
    transport: Transport,
    request: ApiRequest[T],
    *,
    before: Callable[[], dict[str, Any]],
    undo: dict[str, Any],
) -> T:
    """
    Send a request that costs or publishes, and record it right before.

    :param before: returns the state's fields to save before the request.
    :param undo: the fields to save if the request had no effect.
    :raises ServiceError: the error of the request.
    """
    is_saved = False

    def before_send() -> None:
        nonlocal is_saved
        state.save(**before())
        is_saved = True

    try:
        return transport.send(request, before_send)
    except ServiceError as error:
        if is_saved and error.had_no_effect:
            try:
                state.save(**undo)
            except Exception:  # the task must fail with the request's error
                log.exception("Cannot save that the request had no effect: its outcome will count as unknown")
        raise


def send_paid(
    state: TaskState[P], transport: Transport, request: ApiRequest[T], result: Callable[[T], dict[str, Any]]
) -> T:
    """
    Send a request that costs; after one with an unknown outcome, only once more across all tries.

    :param result: returns the state's fields to save for a result.
    :raises AirflowFailException: if two outcomes are unknown; clearing the task allows another request.
    """
    unknown = state.values.unknown_outcomes + state.values.request_pending
    if unknown > 1:
        raise AirflowFailException(
            f"The outcome of {unknown} requests is not known: each may have been paid for. No other is sent; look up "
            "what the service has charged before clearing the task, which allows it again"
        )
    if unknown:
        log.warning("The outcome of an earlier request is not known, it may have been paid for: sending it once more")
    response = send_recorded(
        state,
        transport,
        request,
        before=lambda: {"request_pending": True, "unknown_outcomes": unknown},
        undo={"request_pending": False},
    )
    state.save_result(request_pending=False, unknown_outcomes=0, **result(response))
    return response
