"""What the services answer, also where it is not what they document."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_pictory.client.models import (
    Account,
    CreditTransaction,
    Destination,
    ImageJob,
    Media,
    Post,
    Profile,
    Quota,
    Record,
    read_time,
)
from airflow_provider_pictory.client.pictory import list_credit_usage, list_jobs
from airflow_provider_pictory.client.posteverywhere import LIST_ACCOUNTS, list_posts
from airflow_provider_pictory.hooks.base import Listing

JOB = {"job_id": "j", "success": True, "data": {"status": "completed", "url": "https://p.example/a.png", "width": 1}}
MEDIA = {"media_id": "m", "media_ids": ["m"], "type": "image"}
RESULT = {"account_id": 2280, "account_name": "A", "platform": "x", "status": "published"}
POST = {"post_id": "p", "status": "published", "media_ids": ["m"], "destinations": [RESULT], "account_ids": [2280]}
ACCOUNT = {"id": 2280, "platform": "x", "health": {"can_post": True}}
QUOTA = {"aiCredits": {"used": 1, "limit": 2}}
MOVEMENT = {"transactionId": "t", "type": "debit", "amount": 0.6}

RECORDS = [
    ImageJob.from_api(JOB),
    Media.from_api(MEDIA),
    Destination.from_api(RESULT),
    Post.from_api(POST),
    Account.from_api(ACCOUNT),
    Quota.from_api(QUOTA),
    CreditTransaction.from_api(MOVEMENT),
    Profile.from_api({"scopes": ["read"]}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda item: type(item).__name__)
class TestRecords:
    def test_is_the_dict_that_crosses_tasks(self, record: Record):
        assert record == record.as_xcom()
        assert json.loads(json.dumps(record)) == record.as_xcom()
        assert "raw" not in json.dumps(record)

    def test_is_the_same_after_a_copy(self, record: Record):
        for twin in (pickle.loads(pickle.dumps(record)), copy.copy(record), copy.deepcopy(record), replace(record)):
            assert type(twin) is type(record)
            assert twin == record
            assert dict(twin) == dict(record)
            assert vars(twin) == vars(record)

    def test_has_no_dict_method_hidden_by_a_field(self, record: Record):
        assert not set(vars(record)) & set(dir(dict))


def test_a_listing_says_what_to_return_instead():
    with pytest.raises(TypeError, match=r"return list\(…\)"):
        Listing(iter([])).serialize()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-27T01:00:01", "2026-11-27T01:00:01+00:00"),
        ("2026-11-27 01:00:01", "2026-11-27T01:00:01+00:00"),
        ("2026-11-27T01:00:01Z", "2026-11-27T01:00:01+00:00"),
        ("2026-11-27T01:00:01.5Z", "2026-11-27T01:00:01+00:00"),
        ("2026-11-27T01:00:01.123456789", "2026-11-27T01:00:01+00:00"),
        ("2026-11-27T01:00:01+0100", "2026-11-27T00:00:01+00:00"),
        ("2026-11-27T01:00:01.000+01:00", "2026-11-27T00:00:01+00:00"),
        ("2026-11-27T01:00", "2026-11-27T01:00:00+00:00"),
        ("tomorrow", None),
        ("2026-13-27T01:00:01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_times_without_a_zone_are_in_utc(text: Any, expected: str | None):
    assert read_time(text) == (expected and dt.datetime.fromisoformat(expected))


ODD: list[Any] = [None, 3, "x", [], {}, {"data": None}]


class TestLists:
    def test_one_job_that_cannot_be_read_hides_no_other(self):
        jobs, _ = list_jobs(None).parse({"items": [*ODD, JOB], "nextPageKey": None})
        assert [job.job_id for job in jobs] == ["j"]

    def test_one_account_that_cannot_be_read_hides_no_other(self):
        accounts = LIST_ACCOUNTS.parse({"data": {"accounts": [*ODD, {"id": 1}, ACCOUNT]}})
        assert [(item.account_id, item.platform) for item in accounts] == [(1, "unknown"), (2280, "x")]

    def test_one_movement_that_cannot_be_read_hides_no_other(self):
        assert [item.transaction_id for item in list_credit_usage(None, None).parse([*ODD, MOVEMENT])] == ["t"]

    def test_a_post_may_lack_all_but_its_id(self):
        odd: list[Any] = [None, 3, "x", []]
        bare = {"post_id": "bare", "status": None, "destinations": [None, {}, {"account_id": None}]}
        posts, _ = list_posts({}, 0).parse({"data": {"posts": [*odd, bare, POST]}})
        assert [(post.post_id, post.status) for post in posts] == [("bare", "unknown"), ("p", "published")]
        assert [(item.account_id, item.status) for item in posts[0].destinations] == [(None, "unknown")] * 3

    def test_a_post_without_an_id_is_not_passed_over(self):
        with pytest.raises(LookupError):
            list_posts({}, 0).parse({"data": {"posts": [{"media_ids": ["m"]}]}})


@pytest.mark.parametrize(
    ("value", "expected"), [("abc", ("abc",)), (["a", 3, None], ("a", "3")), (None, ()), ({}, ()), ("", ())]
)
def test_ids_are_not_taken_apart(value: Any, expected: tuple[str, ...]):
    assert Post.from_api({"post_id": "p", "status": "draft", "media_ids": value}).media_ids == expected
    assert Media.from_api({"media_id": "m", "media_ids": value}).media_ids == (expected or ("m",))


@pytest.mark.parametrize(("value", "expected"), [("12", (12,)), (12, (12,)), (["12", 3, "x", None], (12, 3))])
def test_account_ids_are_not_taken_apart(value: Any, expected: tuple[int, ...]):
    assert Post.from_api({"post_id": "p", "status": "draft", "account_ids": value}).account_ids == expected


@pytest.mark.parametrize(("value", "expected"), [("read write", ("read", "write")), (["ai"], ("ai",)), (None, ())])
def test_scopes_are_not_taken_apart(value: Any, expected: tuple[str, ...]):
    assert Profile.from_api({"scopes": value}).scopes == expected
