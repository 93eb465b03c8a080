from __future__ import annotations

import datetime as dt
import gzip
import json
import time
import zlib
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.models import Account, Destination, ImageJob, Post
from airflow_provider_pictory.client.rate_limits_and_retries import (
    backoff,
    pause_before_retry,
    retry_after,
    retry_delay,
)
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.responses import ApiResponse, lost, read
from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.version_compat import AirflowFailException

GET: ApiRequest[Any] = ApiRequest("get thing", "GET", "/thing", lambda body: body["value"], idempotent=True)
POST: ApiRequest[Any] = ApiRequest("make thing", "POST", "/thing", lambda body: body["value"])


def answer(status: int, body: Any = None, **headers: str) -> ApiResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ApiResponse(status, {"content-type": "application/json", **headers}, raw)


def error_of(call: ApiRequest[Any], reply: ApiResponse) -> e.ServiceError:
    with pytest.raises(e.ServiceError) as caught:
        read("Service", call, reply)
    return caught.value


def test_success_returns_what_the_parser_makes():
    assert read("Service", GET, answer(200, {"value": 3})) == 3
    assert read("Service", POST, answer(201, {"value": 4})) == 4


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, e.InvalidRequestError),
        (401, e.AuthenticationError),
        (402, e.PermissionDeniedError),
        (403, e.PermissionDeniedError),
        (404, e.NotFoundError),
        (409, e.InvalidRequestError),
        (413, e.InvalidRequestError),
        (415, e.InvalidRequestError),
        (422, e.InvalidRequestError),
        (429, e.RateLimitedError),
        (302, e.InvalidResponseError),
        (500, e.TransientError),
        (502, e.TransientError),
        (503, e.TransientError),
        (504, e.TransientError),
        (408, e.TransientError),
    ],
)
def test_each_status_has_its_error(status: int, expected: type[e.ServiceError]):
    error = error_of(GET, answer(status, {"message": "said the service"}))
    assert type(error) is expected
    assert error.http_status == status
    assert f"Service returned {status} for get thing: said the service" in str(error)


def test_what_cannot_pass_by_itself_fails_airflow_tasks_without_retries():
    for status in (400, 401, 402, 403, 404):
        assert isinstance(error_of(POST, answer(status, {})), AirflowFailException)
    for status in (429, 500, 502, 503):
        assert not isinstance(error_of(POST, answer(status, {})), AirflowFailException)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@pytest.mark.parametrize("body", [{}, {"error": {"message": "m", "retryable": False}}])
def test_a_server_error_to_a_call_that_costs_is_repeated_by_no_hook(status: int, body: Any):
    error = error_of(POST, answer(status, body))
    assert isinstance(error, e.OutcomeUnknownError)
    assert retry_delay(POST, error, 1) is None


def test_a_503_that_names_a_delay_is_a_refusal():
    error = error_of(POST, ApiResponse(503, {"retry-after": "5"}, b""))
    assert type(error) is e.TransientError
    assert retry_delay(POST, error, 1) is None
    assert 5 <= pause_before_retry(error) <= 6


def test_the_vendors_word_on_retrying_goes_before_the_status():
    conflict = error_of(POST, answer(409, {"error": {"message": "m", "retryable": True}}))
    assert type(conflict) is e.TransientError
    assert not isinstance(conflict, AirflowFailException)
    assert isinstance(
        error_of(GET, answer(503, {"error": {"message": "m", "retryable": False}})), e.InvalidRequestError
    )
    assert isinstance(
        error_of(GET, answer(429, {"error": {"message": "m", "retryable": False}})), e.InvalidRequestError
    )


@pytest.mark.parametrize("status", [409, 500, 502, 503])
def test_the_vendors_word_on_retrying_lets_no_hook_repeat_what_costs(status: int):
    error = error_of(POST, answer(status, {"error": {"message": "m", "retryable": True}}))
    assert isinstance(error, e.TransientError)
    assert retry_delay(POST, error, 1) is None


def test_a_body_that_is_nested_too_deeply_is_no_answer():
    bomb = ApiResponse(200, {}, b"[" * 200_000)
    assert type(error_of(POST, bomb)) is e.OutcomeUnknownError
    assert type(error_of(GET, bomb)) is e.InvalidResponseError


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"{}")),
        ("X-GZIP", gzip.compress(b"{}")),
        ("deflate", zlib.compress(b"{}")),
        ("deflate, gzip", gzip.compress(zlib.compress(b"{}"))),
        ("identity", b"{}"),
        ("gzip", b"{}"),
    ],
    ids=["gzip", "x-gzip", "deflate", "both", "identity", "not compressed after all"],
)
def test_a_compressed_body_is_read(encoding: str, body: bytes):
    assert ApiResponse.received(200, {"Content-Encoding": encoding}, body, "").json() == {}


def test_the_key_is_found_in_a_compressed_body():
    received = ApiResponse.received(200, {"Content-Encoding": "gzip"}, gzip.compress(b'"secret-key"'), "secret-key")
    assert received.body == b'"***"'


def test_where_the_body_says_nothing_any_success_will_do():
    call: ApiRequest[None] = ApiRequest("retry", "POST", "/retry", lambda _: None, has_result=False)
    assert read("Service", call, ApiResponse(202, {}, b"")) is None


@pytest.mark.parametrize(
    "body", [{"error": {"message": "m", "code": "insufficient_credits"}}, {"message": "You have no AI credits left."}]
)
def test_a_402_that_speaks_of_credits_is_one_of_credits(body: Any):
    assert type(error_of(POST, answer(402, body))) is e.InsufficientCreditsError


def test_a_402_may_mean_that_there_is_no_subscription():
    error = error_of(POST, answer(402, {"error": {"message": "No active subscription"}}))
    assert type(error) is e.PermissionDeniedError
    assert "No active subscription" in str(error)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "UTC"])
@pytest.mark.parametrize(
    "date",
    [
        "Fri, 27 Nov 2026 12:00:00 GMT",
        "Fri, 27 Nov 2026 12:00:00 -0000",
        "Fri, 27 Nov 2026 12:00:00 +0000",
        "Fri, 27 Nov 2026 13:00:00 +0100",
        "Friday, 27-Nov-26 12:00:00 GMT",
        "Fri Nov 27 12:00:00 2026",
    ],
)
def test_a_date_of_http_is_in_utc_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch, zone: str, date: str):
    now = dt.datetime(2026, 11, 27, 11, 59, tzinfo=dt.timezone.utc).timestamp()
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert retry_after({"retry-after": date}, now=now) == 60
    finally:
        monkeypatch.undo()
        time.tzset()


def test_insufficient_credits_tell_what_is_needed_and_what_is_left():
    error = error_of(
        POST, answer(402, {"error": {"message": "m", "details": {"credits_required": 15, "credits_available": 3}}})
    )
    assert isinstance(error, e.InsufficientCreditsError)
    assert (error.credits_required, error.credits_available) == (15, 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"code": "BAD", "message": "no", "fields": [{"field": "prompt", "message": "too short"}]},
            "BAD: no [prompt: too short]",
        ),
        ({"message": "no", "fields": [{"name": "a", "errors": ["x", "y"]}]}, "no [a: x, y]"),
        ({"error": {"code": "c", "message": "no"}, "meta": {"request_id": "r1"}}, "c: no (request id r1)"),
        ({"error": {"message": "no"}, "meta": {"requestId": "r2"}}, "no (request id r2)"),
        ({"error": "plain"}, "plain"),
        ({"success": False, "data": {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}}, "5000: JOB_NOT_FOUND"),
        (b"<html>Bad gateway</html>", "not what the API documents"),
        ([1, 2], "not what the API documents"),
        (None, "not what the API documents"),
        (b"\xff\xfe", "not what the API documents"),
        ({"fields": 3, "error": None, "meta": "x"}, "not what the API documents"),
    ],
)
def test_every_shape_of_error_body_ends_in_a_readable_message(body: Any, words: str):
    assert words in str(error_of(GET, answer(400, body)))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"null", b"[]", b'{"value2": 1}', b'"text"'])
def test_a_success_that_is_not_of_this_api(body: bytes):
    assert type(error_of(GET, ApiResponse(200, {}, body))) is e.InvalidResponseError
    assert type(error_of(POST, ApiResponse(200, {}, body))) is e.OutcomeUnknownError


def test_a_lost_answer_is_unknown_only_where_the_request_may_have_arrived():
    assert type(lost("Service", POST, "reset", sent=True)) is e.OutcomeUnknownError
    assert type(lost("Service", POST, "refused", sent=False)) is e.TransientError
    assert type(lost("Service", GET, "reset", sent=True)) is e.TransientError
    assert retry_delay(POST, lost("Service", POST, "refused", sent=False), 1) is None
    assert retry_delay(GET, lost("Service", GET, "reset", sent=True), 1) is not None


def test_hooks_give_up_after_three_attempts_and_before_long_delays():
    refused = e.RateLimitedError("m", retry_after=4)
    assert [retry_delay(GET, refused, n) for n in (1, 2, 3)] == [4, 4, None]
    assert retry_delay(GET, e.RateLimitedError("m", retry_after=6), 1) is None
    assert retry_delay(POST, refused, 1) is None


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"retry-after": "12"}, 12),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:17:40 GMT"}, 60),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "999999999"}, 86400),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, 30),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1030"}, None),
        ({"retry-after": "3", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, 3),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], delay: float | None):
    assert retry_after(headers, now=1000) == delay


def test_foreign_text_is_one_bounded_line():
    assert one_line("a\nERROR forged\r\x1b[31m b") == "a ERROR forged [31m b"
    assert len(one_line("x" * 100_000)) == 500


def test_every_error_is_one_bounded_line():
    job = ImageJob("j", "failed", error_code="c" * 9000, error_message="a\nERROR forged " * 5000)
    destination = Destination(1, "x", "failed", error="b\x1b[31m\n" * 5000)
    for error in (
        e.JobFailedError(job, "c"),
        e.PublishError(Post("p", "failed", destinations=(destination,) * 99), "c"),
    ):
        assert "\n" not in str(error)
        assert "\x1b" not in str(error)
        assert len(str(error)) <= 2000


def test_backoff_grows_and_stays_bounded():
    assert all(0.5 <= backoff(1) <= 1 for _ in range(50))
    assert all(15 <= backoff(1000) <= 30 for _ in range(50))


@pytest.mark.parametrize("name", ["id", "account_id"])
def test_an_account_is_read_by_either_name_that_the_vendor_documents(name: str):
    assert Account.from_api({name: 2280, "platform": "linkedin"}).account_id == 2280
