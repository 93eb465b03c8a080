"""
One table: what a response, or none, means for a request that is idempotent and for one that is not.

From whether the request is idempotent, and whether its error says that it had no effect, follow the hook's retries, the
operator's pause, and what the task remembers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.rate_limits_and_retries import pause_before_retry, retry_delay
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.responses import ApiResponse, lost, read
from airflow_provider_pictory.task.paid_requests import send_recorded
from airflow_provider_pictory.task.state import Entry, ImageState, Store, TaskState
from airflow_provider_pictory.version_compat import AirflowFailException


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    :param answer: a status with a body and headers, or when the connection broke.
    :param idempotent: the error of an idempotent request, and whether the hook sends it again.
    :param paying: the error of one that is not, whether it had no effect, and whether the operator pauses.
    """

    answer: Any
    idempotent: tuple[type[e.ServiceError], bool]
    paying: tuple[type[e.ServiceError], bool, bool]


def status(code: int, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    return code, body, {name.replace("_", "-"): value for name, value in headers.items()}


RETRYABLE, FINAL = {"error": {"retryable": True}}, {"error": {"retryable": False}}
AGAIN, NEVER = True, False
NO_EFFECT, UNKNOWN = True, False
PAUSE, NO_PAUSE = True, False

TABLE = {
    "400": Row(status(400), (e.InvalidRequestError, NEVER), (e.InvalidRequestError, NO_EFFECT, NO_PAUSE)),
    "401": Row(status(401), (e.AuthenticationError, NEVER), (e.AuthenticationError, NO_EFFECT, NO_PAUSE)),
    "402": Row(status(402), (e.PermissionDeniedError, NEVER), (e.PermissionDeniedError, NO_EFFECT, NO_PAUSE)),
    "402, credits": Row(
        status(402, {"error": {"code": "insufficient_credits"}}),
        (e.InsufficientCreditsError, NEVER),
        (e.InsufficientCreditsError, NO_EFFECT, NO_PAUSE),
    ),
    "403": Row(status(403), (e.PermissionDeniedError, NEVER), (e.PermissionDeniedError, NO_EFFECT, NO_PAUSE)),
    "404": Row(status(404), (e.NotFoundError, NEVER), (e.NotFoundError, NO_EFFECT, NO_PAUSE)),
    "408": Row(status(408), (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
    "409, retryable": Row(status(409, RETRYABLE), (e.TransientError, AGAIN), (e.TransientError, NO_EFFECT, NO_PAUSE)),
    "429": Row(status(429), (e.RateLimitedError, AGAIN), (e.RateLimitedError, NO_EFFECT, PAUSE)),
    "429, 4 s": Row(
        status(429, retry_after="4"), (e.RateLimitedError, AGAIN), (e.RateLimitedError, NO_EFFECT, PAUSE)
    ),
    "429, 900 s": Row(
        status(429, retry_after="900"), (e.RateLimitedError, NEVER), (e.RateLimitedError, NO_EFFECT, PAUSE)
    ),
    "500": Row(status(500), (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
    "500, 4 s": Row(
        status(500, retry_after="4"), (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)
    ),
    "500, final": Row(status(500, FINAL), (e.InvalidRequestError, NEVER), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
    "502": Row(status(502), (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
    "503": Row(status(503), (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
    "503, 4 s": Row(status(503, retry_after="4"), (e.TransientError, AGAIN), (e.TransientError, NO_EFFECT, PAUSE)),
    "302": Row(status(302), (e.InvalidResponseError, NEVER), (e.InvalidResponseError, NO_EFFECT, NO_PAUSE)),
    "200, not JSON": Row(
        status(200, b"<html>"), (e.InvalidResponseError, NEVER), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)
    ),
    "no connection": Row("before", (e.TransientError, AGAIN), (e.TransientError, NO_EFFECT, NO_PAUSE)),
    "connection lost": Row("after", (e.TransientError, AGAIN), (e.OutcomeUnknownError, UNKNOWN, NO_PAUSE)),
}  # fmt: skip


class Transport:
    """Answers each request as one row says."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def send(self, request: ApiRequest[Any], before_send: Any = None) -> Any:
        if before_send is not None:
            before_send()
        if isinstance(self.answer, str):
            raise lost("S", request, "reset", sent=self.answer == "after")
        code, body, headers = self.answer
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return read("S", request, ApiResponse(code, headers, sent))


def error_of(row: Row, *, idempotent: bool) -> e.ServiceError:
    with pytest.raises(e.ServiceError) as caught:
        Transport(row.answer).send(ApiRequest("r", "POST", "/r", dict, idempotent=idempotent))
    return caught.value


@pytest.mark.parametrize("name", TABLE)
def test_an_idempotent_request(name: str):
    kind, again = TABLE[name].idempotent
    error = error_of(TABLE[name], idempotent=True)
    assert type(error) is kind
    assert error.had_no_effect
    request = ApiRequest("r", "GET", "/r", dict, idempotent=True)
    assert (retry_delay(request, error, 1) is not None) is again


@pytest.mark.parametrize("name", TABLE)
def test_a_request_that_costs_or_publishes(name: str):
    kind, no_effect, pause = TABLE[name].paying
    error = error_of(TABLE[name], idempotent=False)
    assert type(error) is kind
    assert error.had_no_effect is no_effect
    assert (pause_before_retry(error) is not None) is pause
    assert retry_delay(ApiRequest("r", "POST", "/r", dict), error, 1) is None
    # Airflow's own retries go on only where it may pass by itself.
    assert isinstance(error, AirflowFailException) is not isinstance(error, (e.TransientError, e.InvalidResponseError))


@pytest.mark.parametrize("name", TABLE)
def test_what_a_task_remembers_of_it(name: str):
    _, no_effect, _ = TABLE[name].paying
    state = TaskState(Store({}), Entry(fingerprint="f", max_tries=1), ImageState())
    with pytest.raises(e.ServiceError):
        send_recorded(
            state,
            Transport(TABLE[name].answer),  # type: ignore[arg-type]
            ApiRequest("r", "POST", "/r", dict),
            before=lambda: {"request_pending": True},
            undo={"request_pending": False},
        )
    assert state.values.request_pending is not no_effect
