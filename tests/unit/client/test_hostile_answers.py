"""Whatever a service answers, it ends in a result or in one bounded line without the key, and in nothing else."""

from __future__ import annotations

import copy
import json
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client import pictory, posteverywhere
from airflow_provider_pictory.client.models import Destination, ImageJob, Media, Post
from airflow_provider_pictory.client.pictory import check_job
from airflow_provider_pictory.client.rate_limits_and_retries import (
    MAX_RETRY_AFTER,
    backoff,
    pause_before_retry,
    retry_after,
    retry_delay,
)
from airflow_provider_pictory.client.requests import (
    ApiRequest,
    ImageRequest,
    LibraryMedia,
    MediaGenerationRequest,
    PostRequest,
)
from airflow_provider_pictory.client.responses import ApiResponse, read
from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.polling.next_poll import CONFIRMATIONS, Pace
from airflow_provider_pictory.version_compat import AirflowFailException

DAY = 86_400
DATE = "Thu, 01 Jan 1970 00:17:40 GMT"
KEY = "pe_live/0123456789+abc"
"""With a slash, which JSON lets a service write in two ways."""

bounded = settings(max_examples=200, deadline=None)

UUID = "4d82d040-4394-4371-867d-72ae1dd62b6d"
NOW = "2030-01-31T08:00:00Z"
RESULT = {
    "account_id": 2280,
    "account_name": "fox",
    "platform": "x",
    "status": "failed",
    "published_at": None,
    "platform_post_id": "1",
    "platform_post_url": "https://x.example/1",
    "error": "the account is suspended",
    "attempts": 1,
    "next_retry_at": None,
}
POST = {
    "post_id": UUID,
    "status": "partially_failed",
    "content": "Hello",
    "account_ids": [2280],
    "scheduled_for": NOW,
    "timezone": "Europe/Berlin",
    "media_ids": [UUID],
    "media": [{"media_id": UUID, "type": "image", "url": "https://a.example/b.png"}],
    "destinations": [RESULT],
    "created_at": NOW,
}
MEDIA = {
    "media_id": UUID,
    "media_ids": [UUID],
    "type": "image",
    "width": 1024,
    "height": 1280,
    "aspect_ratio": "4:5",
    "ai": {"model": "ideogram-v2", "prompt": "A red fox"},
    "credits_used": 8,
    "credits_remaining": 492,
    "created_at": NOW,
    "next_step": "Image generated.",
}
OLD_MEDIA = {"media_id": UUID, "model": "x", "aspect_ratio": "1:1", "credits_used": 1, "message": "m"}
UPLOADED = {"media_id": UUID, "media_ids": [UUID], "media_status": "ready", "url": "https://a.example/b.png", "size": 9}
COMPLETED = {
    "status": "completed",
    "url": "https://a.example/b.png",
    "width": 1280,
    "height": 720,
    "aiCreditsUsed": 0.6,
}
FAILED = {"status": "failed", "error_code": "1005", "error_message": "RENDER_FAILED"}
JOB = {"job_id": UUID, "success": True, "data": COMPLETED}
FAILED_JOB = {"job_id": UUID, "success": False, "data": FAILED}
SPENT = {
    "transactionId": UUID,
    "type": "debit",
    "amount": 0.6,
    "source": "Text-to-Image",
    "description": "d",
    "plan": "p",
    "transactionDate": NOW,
}
ACCOUNT = {"id": 2280, "platform": "x", "account_name": "fox", "is_active": True, "health": {"can_post": True}}
ME = {
    "api_key": {"scopes": ["read", "write", "ai"]},
    "organization": {"name": "Foxes"},
    "quota": {"ai_credits": {"used": 1, "limit": 500, "bonus": 0}},
}
PROBLEM = {
    "data": None,
    "error": {
        "message": "no",
        "code": "insufficient_credits",
        "retryable": False,
        "details": {"credits_required": 15, "credits_available": 3},
        "fields": [{"field": "prompt", "message": "too short"}],
    },
    "meta": {"request_id": "r1", "timestamp": NOW},
}
BARE_PROBLEM = {"code": "BAD", "message": "no", "fields": [{"name": "prompt", "errors": ["too short"]}]}
JOB_PROBLEM = {"success": False, "data": {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}}


def enveloped(data: Any) -> dict[str, Any]:
    return {"data": data, "error": None, "meta": {"request_id": "r1", "timestamp": NOW}}


CREATE_POST = posteverywhere.create_post(PostRequest(content="Hello", account_ids=[2280], image=LibraryMedia((UUID,))))
GET_JOB = pictory.get_job(UUID)
GET_POST = posteverywhere.get_post(UUID)
GET_RESULTS = posteverywhere.get_post_results(UUID)
GENERATE = posteverywhere.generate_image(MediaGenerationRequest(prompt="A red fox"))
LIST_POSTS = posteverywhere.list_posts({}, 0)

CALLS: list[tuple[ApiRequest[Any], Any]] = [
    (pictory.submit_image(ImageRequest(prompt="A red fox")), {"success": True, "data": {"jobId": UUID}}),
    (GET_JOB, JOB),
    (GET_JOB, FAILED_JOB),
    (GET_JOB, {"job_id": UUID, "success": True, "data": {"status": "in-progress"}}),
    (
        pictory.list_jobs(None),
        {"items": [{"success": True, "data": {"jobId": UUID, **COMPLETED}}], "nextPageKey": "a"},
    ),
    (pictory.list_jobs("a"), {"items": [], "nextPageKey": None}),
    (pictory.GET_QUOTA, {"aiCredits": {"used": 690, "limit": 22000}, "videoMinutes": {"used": 98, "limit": 14400}}),
    (pictory.list_credit_usage(2030, 1), [SPENT, SPENT]),
    (GENERATE, enveloped(MEDIA)),
    (GENERATE, enveloped(OLD_MEDIA)),
    (posteverywhere.upload_media_from_url("https://a.example/b.png", None), enveloped(UPLOADED)),
    (CREATE_POST, enveloped({"post_id": UUID, "status": "publishing", "scheduled_for": None, "accounts_count": 1})),
    (LIST_POSTS, enveloped({"posts": [POST, POST], "pagination": {"limit": 100, "offset": 0, "has_more": True}})),
    (GET_POST, enveloped(POST)),
    (GET_RESULTS, enveloped({"post_id": UUID, "post_status": "partially_failed", "results": [RESULT, RESULT]})),
    (posteverywhere.retry_post(UUID), enveloped({"post_id": UUID, "status": "publishing"})),
    (posteverywhere.LIST_ACCOUNTS, enveloped({"accounts": [ACCOUNT]})),
    (posteverywhere.GET_ME, enveloped(ME)),
]
each_call = pytest.mark.parametrize(
    ("call", "real"), CALLS, ids=[f"{n}-{call.name}" for n, (call, _) in enumerate(CALLS)]
)

PROBLEMS = [PROBLEM, BARE_PROBLEM, JOB_PROBLEM]
NAMES = sorted(
    set(re.findall(r'"(\w+)":', json.dumps([[real for _, real in CALLS], PROBLEMS])))
    | {"requestId", "results", "post_status", "key", "id"}
)
TEXTS = [
    "",
    "\x00",
    "a\r\nERROR forged",
    "\x1b[31mred\x9b0m",
    "a\x85b\u2028c\u2029d",
    "\u202egnp.\u2066x\u2069",
    "long " * 3000,
    f"the key {KEY} is revoked",
    "-1",
    "1e999",
    "NaN",
    "9" * 5000,
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user:pw@a.example/b",
    "content policy",
    "published",
    "queued",
    "completed",
    "failed",
]
NUMBERS = [0, -1, 0.5, 2**64, 10**400, math.inf, -math.inf, math.nan]
HOSTILE = [None, True, False, *NUMBERS, *TEXTS, [], {}, [None], [[]], [{}], {"a": [1]}, ["a\nb"] * 50, list("abc")]

texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.sampled_from(HOSTILE) | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
headers = st.dictionaries(
    st.sampled_from(
        ["retry-after", "x-ratelimit-reset", "x-ratelimit-remaining", "content-type", "location", "x-request-id"]
    ),
    texts | st.integers().map(str) | st.sampled_from(["1.5", DATE]),
)
statuses = st.sampled_from([302, 400, 401, 402, 403, 404, 409, 422, 429, 500, 503]) | st.integers(100, 999)
refusals = statuses.filter(lambda status: not 200 <= status < 300)


def holders(value: Any) -> Iterator[Any]:
    """Go through every object and every list in a JSON value."""
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from holders(item)


def items(holder: Any) -> list[Any]:
    """List the keys of an object, or the indexes of a list."""
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def with_one_fault(real: Any, faults: Sequence[Any] = HOSTILE) -> Iterator[Any]:
    """Make every answer in which one thing is missing, or is something else."""
    answer = [copy.deepcopy(real)]
    for holder in list(holders(answer)):
        for name in items(holder):
            was = holder[name]
            for holder[name] in faults:
                yield answer[0]
            if isinstance(holder, dict):
                del holder[name]
                yield answer[0]
            holder[name] = was


def changed(real: Any, changes: list[tuple[int, int, Any]]) -> Any:
    """Replace, remove or add something of an answer for each (where, which, what)."""
    answer = [copy.deepcopy(real)]
    for where, which, value in changes:
        what = json.loads(json.dumps(value))  # nothing in it is shared, so that it can never be put into itself
        every = list(holders(answer))
        holder = every[where % len(every)]
        names = items(holder)
        if isinstance(holder, dict) and (not names or which % 3 == 0):
            holder[NAMES[which % len(NAMES)]] = what
        elif isinstance(holder, dict) and which % 3 == 1:
            del holder[names[which % len(names)]]
        elif names:
            holder[names[which % len(names)]] = what
    return answer[0]


changes = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), values), max_size=4)


def encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def assert_harmless(text: str) -> None:
    """One line for the log: bounded, nothing that moves a cursor or turns the writing direction, and no key."""
    assert len(text) <= 2000
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", text)
    assert KEY not in text


def outcome(call: ApiRequest[Any], status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """Return the result of a call, or the error that it raised; whatever is no ServiceError is a failure."""
    try:
        return read("Service", call, ApiResponse.received(status, headers, body, KEY))
    except e.ServiceError as error:
        assert_harmless(str(error))
        assert_harmless(error.request_id or "")
        return error


@each_call
class TestReading:
    def test_the_real_answer_is_read(self, call: ApiRequest[Any], real: Any):
        assert not isinstance(outcome(call, 200, {}, encoded(real)), e.ServiceError)

    def test_an_answer_with_one_fault(self, call: ApiRequest[Any], real: Any):
        for body in with_one_fault(real):
            outcome(call, 200, {}, encoded(body))

    @settings(bounded, max_examples=100)
    @given(changes=changes)
    def test_an_answer_with_many_faults(self, call: ApiRequest[Any], real: Any, changes: list[Any]):
        outcome(call, 200, {}, encoded(changed(real, changes)))

    def test_what_lies_behind_an_error_is_harmless_too(self, call: ApiRequest[Any], real: Any):
        """Airflow's log shows the causes of an error with it."""
        for body in with_one_fault(real):
            error = outcome(call, 200, {}, encoded(body))
            if isinstance(error, e.ServiceError):
                assert_harmless(str(error.__cause__))

    def test_an_answer_at_the_edge_of_what_can_be_nested(self, call: ApiRequest[Any], real: Any):
        limit = sys.getrecursionlimit()
        for name in re.findall(r'"(\w+)": ', json.dumps(real)):
            for depth in range(limit - 100, limit, 9):
                bomb = "[" * depth + "]" * depth
                body = json.dumps(real).replace(f'"{name}": ', f'"{name}": {bomb}, "was": ', 1)
                outcome(call, 200, {}, body.encode())


@pytest.mark.parametrize("status", [302, 402, 409, 429, 503])
@pytest.mark.parametrize("call", [GET_JOB, GENERATE], ids=["free", "costly"])
def test_an_error_with_one_fault(call: ApiRequest[Any], status: int):
    for problem in PROBLEMS:
        for body in with_one_fault(problem):
            assert isinstance(outcome(call, status, {}, encoded(body)), e.ServiceError)


@bounded
@given(
    call=st.sampled_from(CALLS),
    problem=st.sampled_from(PROBLEMS),
    changes=changes,
    status=refusals,
    headers=headers,
)
def test_an_error_with_many_faults(call: Any, problem: Any, changes: list[Any], status: int, headers: dict[str, str]):
    assert isinstance(outcome(call[0], status, headers, encoded(changed(problem, changes))), e.ServiceError)


@bounded
@given(
    call=st.sampled_from(CALLS),
    status=statuses | st.just(200),
    headers=headers,
    body=values.map(encoded) | st.binary(max_size=200),
)
def test_an_answer_of_something_else(call: Any, status: int, headers: dict[str, str], body: bytes):
    outcome(call[0], status, headers, body)


@pytest.mark.parametrize("status", [101, 102, 103])
def test_an_interim_answer_leaves_the_outcome_open(status: int):
    """The standard library takes one for the last."""
    assert type(outcome(GENERATE, status, {}, b"")) is e.OutcomeUnknownError
    assert type(outcome(GET_JOB, status, {}, b"")) is e.TransientError


REVOKED = f'{{"message": "The key {KEY} is revoked", "code": "{KEY}"}}'
FORMS = {
    "plain": REVOKED.encode(),
    "escaped slash": REVOKED.replace("/", r"\/").encode(),
    "escaped throughout": REVOKED.replace(KEY, "".join(f"\\u{ord(c):04x}" for c in KEY)).encode(),
    "another encoding": REVOKED.encode("utf-16"),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("status", [200, 302, 401, 503])
def test_the_key_is_in_no_error_however_it_is_written(status: int, body: bytes):
    for call, _ in CALLS:
        outcome(call, status, {}, body)


@pytest.mark.parametrize("name", ["content-type", "x-request-id", "x-amzn-requestid"])
@pytest.mark.parametrize("status", [200, 302, 401, 503])
def test_a_header_brings_the_key_into_no_error(status: int, name: str):
    for call, _ in CALLS:
        outcome(call, status, {name: KEY}, b"<html>")


@pytest.mark.parametrize("field", ["message", "code", "request_id"])
def test_half_a_character_is_in_no_error(field: str):
    """A lone surrogate cannot be written to any log or database."""
    body = {"error": {"message": "m", "code": "c"} | {field: "a\ud800b"}, "meta": {"request_id": "a\udfffb"}}
    assert isinstance(outcome(GET_JOB, 400, {}, json.dumps(body).encode()), e.InvalidRequestError)
    assert_harmless(one_line("a\ud800b\udfff"))


def test_a_header_that_is_not_unicode_is_in_no_error():
    """aiohttp reads one as UTF-8 with surrogate escapes."""
    outcome(GET_JOB, 400, {"x-request-id": b"r\xff1".decode("utf-8", "surrogateescape")}, b"{}")


def results(kind: type, outcome: Any) -> list[Any]:
    """List what an outcome has of a kind: itself, or the items of a page or a list."""
    page = outcome[0] if isinstance(outcome, tuple) else outcome
    return [item for item in (page if isinstance(page, list) else [page]) if isinstance(item, kind)]


def read_with_one_fault(kind: type, faults: Sequence[Any] = HOSTILE) -> Iterator[Any]:
    for call, real in CALLS:
        if not results(kind, outcome(call, 200, {}, encoded(real))):
            continue
        for body in with_one_fault(real, faults):
            yield from results(kind, outcome(call, 200, {}, json.dumps(body).encode()))


def for_xcom(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result.as_xcom()
    return found


def assert_plain(value: Any) -> None:
    """Fit for XCom: JSON by its standard, with numbers that MessagePack takes."""
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    for holder in holders(value):
        for name in items(holder):
            assert not isinstance(holder[name], (int, float)) or abs(holder[name]) < 2**63


def brief(value: Any) -> str:
    return repr(value)[:20]


IN_XCOM = (ImageJob, Media, Post)


class TestModels:
    @pytest.mark.parametrize(
        ("from_api", "real"),
        [(ImageJob.from_api, JOB), (ImageJob.from_api, FAILED_JOB), (Post.from_api, POST), (Media.from_api, MEDIA)],
        ids=["job", "failed-job", "post", "media"],
    )
    def test_reading_raises_what_is_documented(self, from_api: Callable[[Any], Any], real: Any):
        for answer in [*with_one_fault(real), *HOSTILE]:
            with suppress(LookupError, TypeError, ValueError):
                from_api(answer)

    @pytest.mark.parametrize("kind", IN_XCOM)
    def test_what_goes_into_xcom_is_plain_data(self, kind: type):
        for result in read_with_one_fault(kind):
            assert_plain(for_xcom(result))

    @pytest.mark.parametrize("kind", IN_XCOM)
    def test_what_goes_into_xcom_is_text_that_a_database_takes(self, kind: type):
        for result in read_with_one_fault(kind, ["a\ud800b", "a\x00b"]):
            text = json.dumps(for_xcom(result), ensure_ascii=False)
            assert text.encode()
            assert "\\u0000" not in text

    @bounded
    @given(
        call=st.sampled_from([item for item in CALLS if item[0] in (CREATE_POST, GET_POST, GET_RESULTS)]),
        changes=changes,
    )
    def test_a_post_comes_back_from_xcom_as_it_went(self, call: Any, changes: list[Any]):
        for post in results(Post, outcome(call[0], 200, {}, encoded(changed(call[1], changes)))):
            sent = post.as_xcom()
            assert Post.from_xcom(json.loads(json.dumps(sent))).as_xcom() == sent

    def test_the_parts_of_a_post_are_of_their_types(self):
        for post in read_with_one_fault(Post):
            sent = post.as_xcom()
            assert all(isinstance(item, str) for item in [sent["post_id"], sent["status"], *sent["media_ids"]])
            for destination in sent["destinations"]:
                assert type(destination.pop("account_id")) in (int, str, type(None))
                assert all(value is None or isinstance(value, str) for value in destination.values())

    def test_ids_and_states_fit_a_log_line(self):
        """Operators and triggers log them as they are."""
        for job in read_with_one_fault(ImageJob):
            assert (job.job_id, job.status) == (one_line(job.job_id, 200), one_line(job.status, 200))
        for post in read_with_one_fault(Post):
            assert (post.post_id, post.status) == (one_line(post.post_id, 200), one_line(post.status, 200))
        for media in read_with_one_fault(Media):
            assert media.media_id == one_line(media.media_id, 200)

    @pytest.mark.parametrize("job_id", ["a\r\nERROR forged", "\x1b[31m", "\u202e", "x" * 10_000, "\ud800"], ids=brief)
    def test_the_id_of_a_submitted_job_fits_a_log_line(self, job_id: str):
        submit, _ = CALLS[0]
        answer = json.dumps({"data": {"jobId": job_id}}).encode()
        assert type(outcome(submit, 200, {}, answer)) is e.OutcomeUnknownError

    @pytest.mark.parametrize("key", [{"a": 1}, ["a"], True, 1e999, "\ud800", "\r\n", "x" * 100_000], ids=brief)
    def test_what_cannot_be_asked_for_is_no_next_page(self, key: Any):
        answer = json.dumps({"items": [], "nextPageKey": key}).encode()
        assert type(outcome(pictory.list_jobs(None), 200, {}, answer)) is e.InvalidResponseError


job_texts = st.sampled_from(["completed", "failed", "cleaned", "in-progress"]) | texts
any_jobs = st.builds(
    ImageJob,
    job_id=texts,
    status=job_texts,
    url=st.none() | texts,
    error_code=st.none() | texts,
    error_message=st.none() | texts,
)
any_posts = st.builds(
    Post,
    post_id=texts,
    status=st.sampled_from(["published", "partially_failed", "failed", "publishing"]) | texts,
    destinations=st.lists(
        st.builds(
            Destination,
            account_id=st.integers() | texts,
            platform=st.none() | texts,
            status=st.sampled_from(["queued", "published", "failed"]) | texts,
            error=st.none() | texts,
            next_retry_at=st.none() | texts,
        ),
        max_size=5,
    ).map(tuple),
)


def without_key(text: str) -> str:
    """The words of a failed job or post are the service's own: there the key is not looked for."""
    return text.replace(KEY, "")


class TestDecisions:
    @bounded
    @given(job=any_jobs)
    def test_a_job_that_has_ended_brought_a_picture_or_an_error(self, job: ImageJob):
        done = job.has_ended
        assert type(done) is bool
        assert not (done and job.status == "completed" and job.url is None and job.video_url is None)
        try:
            check_job(job, "c")
        except e.ServiceError as error:
            said = (type(error), str(error))
        else:
            said = None
        assert (said is None) is (job.status == "completed" and job.url is not None)
        if said:
            assert (said[0] is e.InvalidRequestError) is (job.status == "completed")
            assert_harmless(without_key(said[1]))

    @bounded
    @given(post=any_posts)
    def test_a_post_is_done_or_on_its_way(self, post: Post):
        done = post.has_ended
        assert type(done) is bool
        waiting = [item for item in post.destinations if item.status == "queued" or item.next_retry_at is not None]
        assert not (done and waiting)
        assert_harmless(without_key(str(e.PublishError(post, "c"))))

    @bounded
    @given(headers=headers, now=st.floats(0, 4e9))
    @example(headers={"retry-after": "Mon,"}, now=0.0)
    @example(headers={"retry-after": "Mon, 01 Jan 0001 00:00:00 -0000"}, now=0.0)
    @example(headers={"retry-after": "Fri, 31 Dec 9999 23:59:59 -9999"}, now=0.0)
    @example(headers={"retry-after": f"1.{'9' * 100_000}"}, now=0.0)
    @example(headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 12}, now=0.0)
    def test_the_services_delay_is_none_or_within_a_day(self, headers: dict[str, str], now: float):
        delay = retry_after(headers, now=now)
        assert delay is None or 0 <= delay <= DAY

    @bounded
    @given(
        words=st.lists(
            st.sampled_from(["Mon,", "Thu", "01", "31", "Jan", "2020", "0001", "9999", "00:00:00", "1:2", "9.9", "GMT"])
            | st.sampled_from(["+9999", "-0000", ",", ":", "-", "+", "9" * 30, "\u0663", "\u00b2"]),
            max_size=7,
        )
    )
    def test_a_delay_that_is_almost_a_date(self, words: list[str]):
        delay = retry_after({"retry-after": " ".join(words)}, now=0.0)
        assert delay is None or 0 <= delay <= DAY

    @bounded
    @given(status=statuses, headers=headers, attempt=st.integers(1, 5), call=st.sampled_from(CALLS))
    def test_a_hook_repeats_within_bounds_and_nothing_that_costs(
        self, status: int, headers: dict[str, str], attempt: int, call: tuple[ApiRequest[Any], Any]
    ):
        error = outcome(call[0], status, headers, b"{}")
        if isinstance(error, e.ServiceError):
            delay = retry_delay(call[0], error, attempt)
            assert delay is None or 0 <= delay <= MAX_RETRY_AFTER
            assert delay is None or call[0].idempotent
            pause = pause_before_retry(error)
            assert pause is None or 0 <= pause <= 1.2 * DAY
            assert pause is None or not isinstance(error, e.OutcomeUnknownError)

    @bounded
    @given(attempt=st.integers(1, 10**9), limit=st.floats(0, 1e6))
    def test_backoff_is_never_longer_than_its_limit(self, attempt: int, limit: float):
        assert 0 <= backoff(attempt, limit) <= limit

    @bounded
    @given(
        interval=st.floats(0.001, 1e6),
        answers=st.lists(st.none() | st.tuples(refusals, headers, st.sampled_from(CALLS)), max_size=12),
    )
    def test_the_pace_is_between_its_interval_and_a_day(self, interval: float, answers: list[Any]):
        pace, refused = Pace(interval), 0
        for answer in answers:
            error = answer and outcome(answer[2][0], answer[0], answer[1], b"{}")
            error = error if isinstance(error, e.ServiceError) else None
            refused = refused + 1 if isinstance(error, AirflowFailException) else 0
            if refused >= CONFIRMATIONS:
                with pytest.raises(type(error)):
                    pace.after(error)
                return
            delay = pace.after(error)
            assert 0.9 * interval <= delay <= max(interval, DAY)

    @bounded
    @given(url=values)
    @example(url="https://a.example/b.png")
    @example(url="http://user:pw@a.example/b.png")
    @example(url="https://bank.example@a.example/b.png")
    @example(url="https://")
    @example(url="http://[")
    @example(url="https://a.example/\r\nb")
    @example(url="https://a.example/\u202egnp.b")
    @example(url="https://a.example/" + "x" * 100_000)
    @example(url="HTTPS://a.example/b.png")
    @example(url=" https://a.example")
    @example(url="data:text/html,https://a.example")
    @example(url="javascript:alert(1)//https://a.example")
    @example(url="file:///etc/passwd")
    def test_a_link_leads_to_the_web_without_credentials(self, url: Any):
        shown = public_url(url)
        assert shown in ("", url)
        if shown:
            parts = urlsplit(shown)
            assert parts.scheme in ("http", "https")
            assert parts.hostname
            assert (parts.username, parts.password) == (None, None)
            assert shown.isprintable()
            assert " " not in shown

    def test_a_link_to_the_web_is_shown(self):
        assert public_url("https://a.example/b%20c.png?d=e") == "https://a.example/b%20c.png?d=e"
