from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from airflow_provider_pictory.client.posteverywhere import upload_media_from_url
from airflow_provider_pictory.client.requests import (
    ImageRequest,
    ImageUrl,
    LibraryMedia,
    MediaGenerationRequest,
    PostRequest,
    fingerprint,
    image_source,
)
from airflow_provider_pictory.client.validation import check_future
from airflow_provider_pictory.exceptions import InvalidRequestError

BERLIN = dt.timezone(dt.timedelta(hours=1))


def test_an_image_request_speaks_the_wires_names_and_leaves_out_what_is_not_given():
    request = ImageRequest(
        prompt="A fox at dawn",
        aspect_ratio="16:9",
        style="vintage",
        reference_image_url="https://a.example/b.png",
        webhook="https://c.example/hook",
    )
    assert request.to_api() == {
        "prompt": "A fox at dawn",
        "aspectRatio": "16:9",
        "style": "vintage",
        "referenceImageUrl": "https://a.example/b.png",
        "webhook": "https://c.example/hook",
    }
    assert ImageRequest(prompt="12345").to_api() == {"prompt": "12345"}
    assert ImageRequest(prompt="x" * 5000).to_api()["prompt"] == "x" * 5000


def test_an_unknown_model_passes_with_any_ratio():
    assert ImageRequest(prompt="A fox at dawn", model="seedream9", aspect_ratio="21:9").to_api()["model"] == "seedream9"
    assert (
        MediaGenerationRequest(prompt="A fox", model="flux-3", aspect_ratio="21:9").to_api()["aspect_ratio"] == "21:9"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": "abcd"}, "prompt: has 4 characters; allowed: 5 to 5,000 characters"),
        ({"prompt": "x" * 5001}, "prompt: has 5,001 characters; allowed: 5 to 5,000 characters"),
        ({"prompt": "      "}, "prompt: has 0 characters"),
        ({"prompt": None}, "prompt: is of type NoneType, not str"),
        (
            {"style": "photo"},
            "style: is 'photo'; allowed: photorealistic, artistic, cartoon, minimalist, vintage, futuristic",
        ),
        ({"aspect_ratio": "4:3"}, "aspect_ratio: is '4:3'; allowed: 1:1, 16:9, 9:16"),
        ({"aspect_ratio": "4:3", "model": "nanobanana"}, "aspect_ratio: is '4:3' with model nanobanana; allowed: 1:1"),
        ({"aspect_ratio": "wide", "model": "new"}, "aspect_ratio: is 'wide'; allowed: a ratio such as 16:9"),
        ({"model": ""}, "model: is ''"),
        ({"model": 3}, "model: is 3"),
        (
            {"reference_image_url": "ftp://a.example/b"},
            "reference_image_url: is 'ftp://a.example/b'; allowed: a public http",
        ),
        ({"reference_image_url": "file:///etc/passwd"}, "reference_image_url: is 'file:///etc/passwd'"),
        ({"reference_image_url": "https://u:p@a.example/b"}, "reference_image_url: has credentials in it"),
        ({"reference_image_url": "https://a.example:99999/b"}, "reference_image_url: is 'https://a.example:99999/b'"),
        ({"webhook": "a.example/hook"}, "webhook: is 'a.example/hook'"),
        ({"webhook": "https://a.example/a b"}, "webhook: is 'https://a.example/a b'"),
    ],
)
def test_wrong_image_inputs(arguments: dict[str, Any], message: str):
    with pytest.raises(InvalidRequestError) as caught:
        ImageRequest(**{"prompt": "A fox at dawn", **arguments})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt: has 0 characters; allowed: 1 to 2,000 characters"),
        ({"prompt": "x" * 2001}, "prompt: has 2,001 characters"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio: is '2:1'; allowed: 1:1, 16:9, 9:16, 4:3, 3:4, 4:5, 5:4"),
    ],
)
def test_wrong_media_inputs(arguments: dict[str, Any], message: str):
    with pytest.raises(InvalidRequestError) as caught:
        MediaGenerationRequest(**{"prompt": "A fox", **arguments})
    assert str(caught.value).startswith(message)


def test_a_post_request_is_sent_in_utc():
    when = dt.datetime(2030, 1, 31, 8, 0, tzinfo=BERLIN)
    for given in (when, when.isoformat(), "2030-01-31T07:00:00Z", "2030-01-31 07:00:00+00:00"):
        request = PostRequest(
            content="Hi",
            account_ids=[1],
            image=LibraryMedia(("m1",)),
            scheduled_for=given,
            timezone="Europe/Berlin",
        )
        assert request.to_api() == {
            "content": "Hi",
            "account_ids": [1],
            "media_ids": ["m1"],
            "scheduled_for": "2030-01-31T07:00:00Z",
            "timezone": "Europe/Berlin",
        }


def test_a_draft_needs_no_accounts():
    assert PostRequest(content="Hi", draft=True).to_api() == {"content": "Hi", "draft": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"content": ""}, "content: has 0 characters"),
        ({"account_ids": []}, "account_ids: is empty"),
        ({"account_ids": None}, "account_ids: is empty"),
        ({"account_ids": ["2280"]}, "account_ids: holds '2280' of type str"),
        ({"account_ids": [True]}, "account_ids: holds True of type bool"),
        ({"account_ids": "[2280]"}, "account_ids: is '[2280]'"),
        ({"account_ids": [1, 1]}, "account_ids: names an account twice"),
        ({"scheduled_for": "2030-01-31T08:00:00"}, "scheduled_for: is '2030-01-31T08:00:00', which has no zone"),
        ({"scheduled_for": dt.datetime(2030, 1, 1)}, "scheduled_for: is '2030-01-01 00:00:00', which has no zone"),
        ({"scheduled_for": "tomorrow"}, "scheduled_for: is 'tomorrow'"),
        ({"scheduled_for": 3}, "scheduled_for: is 3"),
        ({"timezone": "Berlin"}, "timezone: is 'Berlin'"),
        ({"timezone": "../etc/passwd"}, "timezone: is '../etc/passwd'"),
        ({"platform_content": []}, "platform_content: is []"),
        ({"platform_content": {"x": "y"}}, "platform_content: is {'x': 'y'}"),
        ({"platform_content": {"x": {"a": float("nan")}}}, "platform_content: is not JSON"),
        ({"platform_content": {"x": {"a": object}}}, "platform_content: is not JSON"),
        ({"draft": "yes"}, "draft: is 'yes'"),
    ],
)
def test_wrong_post_inputs(arguments: dict[str, Any], message: str):
    with pytest.raises(InvalidRequestError) as caught:
        PostRequest(**{"content": "Hi", "account_ids": [1], **arguments})
    assert str(caught.value).startswith(message)
    assert "allowed: " in str(caught.value)


def test_the_past_is_told_from_the_future():
    check_future("scheduled_for", "2999-01-01T00:00:00Z")
    with pytest.raises(InvalidRequestError, match="2020-01-01T00:00:00Z, which is in the past"):
        check_future("scheduled_for", "2020-01-01T01:00:00+01:00")


def test_an_image_for_the_library_must_be_https_unless_it_is_of_this_machine():
    assert upload_media_from_url("http://127.0.0.1:80/a.png").json == {"url": "http://127.0.0.1:80/a.png"}
    with pytest.raises(InvalidRequestError, match="plain http"):
        upload_media_from_url("http://a.example/a.png")


URL = "https://a.example/b.png"


@pytest.mark.parametrize(
    ("image", "media_ids", "source"),
    [
        (URL, None, ImageUrl(URL)),
        ({"job_id": "j", "url": URL}, None, ImageUrl(URL, "j")),
        ({"media_id": "m", "media_ids": ["m"]}, None, LibraryMedia(("m",), "image")),
        ({"media_ids": [], "url": URL}, None, ImageUrl(URL)),
        (None, ["m", "n"], LibraryMedia(("m", "n"))),
    ],
)
def test_what_a_post_shows_is_in_the_library_or_an_address(image: Any, media_ids: Any, source: Any):
    assert image_source(image, media_ids) == source


@pytest.mark.parametrize(
    ("image", "media_ids", "message"),
    [
        (None, None, "image, media_ids: neither is given; allowed: exactly one of the two"),
        (URL, ["m"], "image, media_ids: both are given; allowed: exactly one of the two"),
        (None, [], "media_ids: is empty"),
        (None, "m1", "media_ids: is 'm1'"),
        (None, ["../x"], "media_ids: holds '../x'"),
        ({"media_ids": ["../x"]}, None, "media_ids: holds '../x'"),
        ({"status": "completed"}, None, "image: is None; allowed: a public https URL"),
        (3, None, "image: is 3"),
        ("http://a.example/b.png", None, "image: is 'http://a.example/b.png', plain http"),
    ],
)
def test_wrong_images(image: Any, media_ids: Any, message: str):
    with pytest.raises(InvalidRequestError) as caught:
        image_source(image, media_ids)
    assert str(caught.value).startswith(message)


def test_an_image_that_is_not_in_the_library_cannot_be_posted():
    with pytest.raises(InvalidRequestError, match="image: is not in the media library yet"):
        PostRequest(content="Hi", account_ids=[1], image=ImageUrl(URL)).to_api()


def test_a_request_cannot_be_changed_into_a_wrong_one():
    request = ImageRequest(prompt="A fox at dawn")
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.prompt = "abc"  # type: ignore[misc]
    with pytest.raises(InvalidRequestError, match="prompt: has 3 characters"):
        dataclasses.replace(request, prompt="abc")


def test_a_fingerprint_tells_requests_apart_but_not_the_time_of_a_post():
    post = PostRequest(content="Hi", account_ids=[1], image=LibraryMedia(("m",)))
    same = dataclasses.replace(post, scheduled_for="2999-01-01T00:00:00Z")
    assert post.fingerprint("c") == same.fingerprint("c")
    for other in (
        dataclasses.replace(post, content="Ho"),
        dataclasses.replace(post, account_ids=[2]),
        dataclasses.replace(post, draft=True),
        dataclasses.replace(post, image=LibraryMedia(("n",))),
        dataclasses.replace(post, image=ImageUrl(URL)),
    ):
        assert post.fingerprint("c") != other.fingerprint("c")
    assert post.fingerprint("c") != post.fingerprint("d")
    # The address of a job's picture may be another each time that it is asked for.
    assert fingerprint(ImageUrl(URL, "j").identity) == fingerprint(ImageUrl(URL + "?signature=2", "j").identity)
