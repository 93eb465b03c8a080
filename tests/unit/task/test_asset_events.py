"""What asset events say of an image or a post."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pictory.task.asset_events import MAX_ITEMS, describe, fill_asset_events, uri_of
from airflow_provider_pictory.version_compat import Asset, AssetAlias

IMAGE = {
    "job_id": "j1",
    "status": "completed",
    "url": "https://pictures.example/j1.png?signature=abc",
    "width": 1280,
    "height": 720,
    "ai_credits_used": 2.0,
    "prompt": "A red fox",
    "model": "seedream3.0",
}
POST = {
    "job_id": "j1",
    "image_url": "https://pictures.example/j1.png",
    "media_ids": ["m1"],
    "post_id": "p1",
    "status": "published",
    "scheduled_for": None,
    "destinations": [
        {"account_id": 2280, "platform": "x", "status": "published", "url": "https://x.example/1", "error": None}
    ],
    "error": None,
}


class Task:
    def __init__(self, *outlets: Any) -> None:
        self.outlets = list(outlets)


def outlet_events() -> Any:
    try:
        from airflow.sdk.execution_time.context import OutletEventAccessors
    except ImportError:
        from airflow.utils.context import OutletEventAccessors
    return OutletEventAccessors()


def test_an_event_has_the_image_but_not_its_prompt():
    stored = {**IMAGE, "path": "s3://aws@bucket/fox.png", "sha256": "00ff"}
    expected = {name: value for name, value in stored.items() if name != "prompt"}
    assert describe(stored) == {**expected, "media_id": None, "media_ids": []}


def test_an_event_has_the_post_and_its_picture():
    image = {**IMAGE, "path": "s3://aws@bucket/fox.png"}
    found = describe(POST, image)
    assert (found["post_id"], found["status"], found["job_id"]) == ("p1", "published", "j1")
    assert (found["url"], found["path"]) == (POST["image_url"], image["path"])
    assert found["destinations"] == POST["destinations"]
    assert describe(POST, "s3://aws@bucket/fox.png")["path"] == "s3://aws@bucket/fox.png"
    assert describe(POST, "https://pictures.example/j1.png")["path"] is None


def test_an_event_is_bounded_json_whatever_a_service_sends():
    destination = {"error": "x" * 10_000, "url": "https://x.example/" + "y" * 5000, "platform": object()}
    post = {**POST, "post_id": "p" * 10_000, "media_ids": ["m" * 10_000] * 1000, "destinations": [destination] * 1000}
    image = {**IMAGE, "ai_credits_used": float("nan"), "width": [1], "url": "javascript:alert(1)"}
    found = describe(post)
    assert len(json.dumps(found)) < 100_000
    assert len(found["destinations"]) == MAX_ITEMS
    assert found["destinations"][0]["url"] is None
    nothing = describe(image)
    assert (nothing["ai_credits_used"], nothing["width"], nothing["url"]) == (None, None, None)


@pytest.mark.parametrize(
    ("record", "uri"),
    [
        ({**IMAGE, "path": "s3://aws_default@bucket/ds=1/fox.png"}, "s3://bucket/ds=1/fox.png"),
        ({**IMAGE, "path": "file:///pictures/fox.png"}, "file:///pictures/fox.png"),
        (IMAGE, "https://pictures.example/j1.png"),
        ({"media_id": "m/1", "url": None}, "posteverywhere://media/m/1"),
        ({**IMAGE, "url": None}, None),
        (POST, "posteverywhere://posts/p1"),
        ({**POST, "post_id": None}, None),
        ("https://me:secret@pictures.example/a.png?key=secret", "https://pictures.example/a.png"),
        ("{{ a template }}", None),
        (None, None),
    ],
)
def test_what_the_asset_uri_of_a_result_is(record: Any, uri: str | None):
    assert uri_of(record) == uri
    if uri is not None:
        assert Asset(uri).uri == uri


def test_each_outlet_gets_the_details_and_an_alias_the_asset():
    pictures, alias = Asset("s3://bucket/pictures"), AssetAlias("pictures")
    events = outlet_events()
    fill_asset_events({"task": Task(pictures, alias), "outlet_events": events}, {"job_id": "j1"}, "s3://bucket/j1.png")
    assert events[pictures].extra == {"job_id": "j1"}
    assert "s3://bucket/j1.png" in str(events[alias])
    assert "j1" in str(events[alias])


def test_a_task_does_not_fail_for_its_event(caplog: pytest.LogCaptureFixture):
    fill_asset_events({"task": Task(Asset("a")), "outlet_events": {}}, {"job_id": "j1"}, None)
    assert "The asset events lack details (" in caplog.text


def test_other_outlets_and_no_outlets_are_left_alone():
    fill_asset_events({"task": Task("a text"), "outlet_events": outlet_events()}, {"job_id": "j1"}, None)
    fill_asset_events({"task": Task()}, {"job_id": "j1"}, None)
    fill_asset_events({}, {"job_id": "j1"}, None)
