"""Errors keep what they say, wherever they are copied to."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.models import Destination, ImageJob, Post
from airflow_provider_pictory.triggers.base import result_of

JOB = ImageJob("j", "failed", error_code="c", error_message="m")
POST = Post("p", "failed", destinations=(Destination(1, "x", "failed", error="no"),))
KINDS = [kind for kind in vars(e).values() if isinstance(kind, type) and issubclass(kind, e.ServiceError)]


def make(kind: type[e.ServiceError]) -> e.ServiceError:
    if issubclass(kind, e.JobFailedError):
        return kind(JOB, "c")
    if issubclass(kind, e.PublishError):
        return kind(POST, "c")
    if issubclass(kind, e.InsufficientCreditsError):
        return kind("m", credits_required=15, credits_available=3, http_status=402, request_id="r")
    if issubclass(kind, e.TransientError):
        return kind("m", retry_after=4, http_status=429, request_id="r")
    return kind("m", http_status=400, request_id="r")


def fail(kind: type[e.ServiceError]) -> None:
    raise make(kind)


def assert_same(error: BaseException, kind: type[e.ServiceError]) -> None:
    assert type(error) is kind
    assert str(error) == str(make(kind))
    assert {name: value for name, value in vars(error).items() if name != "__notes__"} == vars(make(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_the_same_error(kind: type[e.ServiceError]):
    error = make(kind)
    for twin in (copy.copy(error), copy.deepcopy(error)):
        assert_same(twin, kind)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert_same(pickle.loads(pickle.dumps(error, protocol)), kind)


def test_errors_come_back_from_a_pool_of_processes():
    with ProcessPoolExecutor(1) as pool:
        for kind in KINDS:
            error = pool.submit(fail, kind).exception(timeout=60)
            assert error is not None
            error.__cause__ = None
            assert_same(error, kind)


OLD_NAMES = {
    "InputError": e.InvalidRequestError,
    "ScopeError": e.PermissionDeniedError,
    "UnexpectedAnswerError": e.InvalidResponseError,
}


@pytest.mark.parametrize("name", OLD_NAMES)
def test_an_old_name_leads_to_the_new_class_with_a_warning(name: str):
    with pytest.warns(DeprecationWarning, match=f"{name} is now {OLD_NAMES[name].__name__}"):
        assert getattr(e, name) is OLD_NAMES[name]


@pytest.mark.parametrize("name", OLD_NAMES)
def test_the_event_of_an_older_trigger_raises_the_new_class(name: str):
    with pytest.raises(OLD_NAMES[name], match=r"^said$"):
        result_of({"error": "said", "kind": name})


def test_a_name_that_never_was_is_not_found():
    assert not hasattr(e, "NoSuchError")
