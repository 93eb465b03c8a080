"""Where a picture goes: what a URL may be, and what its placeholders become."""

from __future__ import annotations

import pytest

from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.storage.keys import check_known_before_submit, check_save_to, fill

NAMES = {"fingerprint": "abc", "job_id": "4f5e", "media_id": None}


@pytest.mark.parametrize(
    ("save_to", "base"),
    [
        ("s3://bucket/{fingerprint}", "s3://bucket/abc"),
        ("s3://aws_default@bucket/ds=2026-11-20/{job_id}", "s3://aws_default@bucket/ds=2026-11-20/4f5e"),
        ("file:///pictures/{job_id}.png", "file:///pictures/4f5e"),
        ("gs://bucket/a.JPEG", "gs://bucket/a"),
        ("s3://bucket/v1.5/fox", "s3://bucket/v1.5/fox"),
        ("s3://bucket/{job_id}-{fingerprint}", "s3://bucket/4f5e-abc"),
    ],
)
def test_the_placeholders_are_filled_in_and_the_extension_follows_the_content(save_to: str, base: str):
    assert fill(save_to, NAMES) == base


@pytest.mark.parametrize(
    "save_to",
    [
        "", "None", "bucket/fox", "/pictures/fox", "https://bucket.example/fox", "file://pictures/fox", "s3:///fox",
        "s3://bucket", "s3://bucket/", "s3://bucket/a/", "s3://bucket/a//b", "s3://bucket/../fox", "file:///a/../b",
        "s3://bucket/None/fox", "s3://key:secret@bucket/fox", "s3://bucket/{prompt}", "s3://bucket/{", "s3://b/a\nb",
        "s3://bucket/" + "a" * 2000, 5, "s3://[bucket/fox",
    ],
)  # fmt: skip
def test_what_is_no_place_for_a_file(save_to: object):
    with pytest.raises(InvalidRequestError, match="save_to: ") as caught:
        check_save_to({"save_to": save_to})
    assert "secret" not in str(caught.value)


def test_a_name_that_is_not_known_is_an_error_that_names_those_that_are():
    with pytest.raises(InvalidRequestError, match=r"has {media_id} in it.*allowed: {fingerprint}, {job_id}"):
        fill("s3://bucket/{media_id}", NAMES)


def test_an_id_of_the_service_leads_nowhere_else():
    assert (
        fill("file:///pictures/{job_id}", {"job_id": "../../etc/passwd"}) == "file:///pictures/..%2F..%2Fetc%2Fpasswd"
    )
    with pytest.raises(InvalidRequestError):
        fill("file:///pictures/{job_id}/a", {"job_id": ".."})


@pytest.mark.parametrize("if_exists", ["replace", "", None, 1])
def test_what_to_do_if_a_picture_exists_is_one_of_three(if_exists: object):
    with pytest.raises(InvalidRequestError, match=r"if_exists: .*allowed: fail, reuse, overwrite"):
        check_save_to({"if_exists": if_exists})


def test_only_a_name_that_is_known_before_the_submit_can_be_reused():
    with pytest.raises(InvalidRequestError, match=r"{job_id} in it, with if_exists='reuse'"):
        check_known_before_submit("s3://bucket/{job_id}", "reuse")
    check_known_before_submit("s3://bucket/{fingerprint}", "reuse")
    check_known_before_submit("s3://bucket/{job_id}", "fail")
