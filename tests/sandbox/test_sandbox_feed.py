"""The feed: what it tells, and that nothing in it can break out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> <!-- lake"


@pytest.fixture
def filled(
    sandbox: Sandbox,
    posteverywhere: Any,
    submit: Callable[..., str],
    publish: Callable[..., str],
    travel: Callable[[float], None],
) -> Sandbox:
    job_id = submit(HOSTILE, style="cartoon", aspectRatio="16:9")
    submit("A bad idea [policy]")
    travel(11)
    url = f"{sandbox.url}/pictures/{job_id}.png"
    media_id = posteverywhere.post("/media/upload-from-url", {"url": url}).json()["data"]["media_id"]
    publish(HOSTILE, media_ids=[media_id])
    publish("Later", draft=True, account_ids=[])
    travel(6)
    submit("Still being drawn")
    return sandbox


def test_data(filled: Sandbox) -> None:
    data = requests.get(f"{filled.url}/sandbox/feed.json", timeout=10).json()
    assert [image["status"] for image in data["images"]] == ["in-progress", "failed", "completed"]
    assert [image["url"] is None for image in data["images"]] == [True, True, False]
    assert data["images"][2]["prompt"] == HOSTILE
    draft, post = data["posts"]
    assert (draft["status"], draft["accounts"], post["status"]) == ("draft", [], "published")
    names = [(account["platform"], account["platform_name"]) for account in post["accounts"]]
    assert names == [("linkedin", "LinkedIn"), ("x", "X")]
    assert requests.get(post["pictures"][0], timeout=10).status_code == 200


def test_the_live_page_holds_no_data_and_is_locked_down(filled: Sandbox) -> None:
    answer = requests.get(filled.url, timeout=10)
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "alert" not in answer.text
    for name in re.findall(r'(?:href|src)="(feed\.\w+)"', answer.text):
        part = requests.get(f"{filled.url}/{name}", timeout=10)
        assert (part.status_code, part.headers["x-content-type-options"]) == (200, "nosniff")


def test_the_script_uses_no_markup(filled: Sandbox) -> None:
    script = requests.get(f"{filled.url}/feed.js", timeout=10).text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script)


def test_the_snapshot_is_one_safe_file(filled: Sandbox) -> None:
    answer = requests.get(f"{filled.url}/feed.html", timeout=10)
    page = answer.text
    # Ours are the data, the script, and nothing else.
    assert len(re.findall(r"<script", page)) == len(re.findall(r"</script", page)) == 2
    assert "<img src=x" not in page
    assert "http://" not in page
    match = re.search(r'<script type="application/json" id="snapshot">(.*?)</script>', page, re.DOTALL)
    assert match
    data = json.loads(match[1])
    assert data["images"][2]["prompt"] == data["posts"][1]["content"] == HOSTILE
    for url in (data["images"][2]["url"], data["posts"][1]["pictures"][0]):
        kind, _, content = url.partition(",")
        assert kind == "data:image/jpeg;base64"
        assert base64.b64decode(content).startswith(b"\xff\xd8\xff")


def test_the_snapshot_allows_just_its_own_parts(filled: Sandbox) -> None:
    answer = requests.get(f"{filled.url}/feed.html", timeout=10)
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        part = re.search(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        assert part
        digest = base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode()
        # In the header when served, in the file when opened from a disk.
        for policy in (answer.headers["content-security-policy"], answer.text):
            assert f"{directive} 'sha256-{digest}'" in policy


def test_posts_are_in_the_order_of_their_due_times(
    sandbox: Sandbox, publish: Callable[..., str], travel: Callable[[float], None]
) -> None:
    publish("first")
    travel(60)
    publish("second")
    for hour in (9, 7, 8):
        publish(f"at {hour}", scheduled_for=f"2999-01-01T0{hour}:00:00Z")
    data = requests.get(f"{sandbox.url}/sandbox/feed.json", timeout=10).json()
    assert [post["content"] for post in data["posts"]] == ["at 7", "at 8", "at 9", "second", "first"]


def test_an_empty_feed(sandbox: Sandbox) -> None:
    data = requests.get(f"{sandbox.url}/sandbox/feed.json", timeout=10).json()
    assert (data["posts"], data["images"]) == ([], [])
    assert "Trigger one of the example DAGs" in requests.get(sandbox.url, timeout=10).text


def test_a_picture_that_cannot_be_scaled_is_left_out(
    sandbox: Sandbox, posteverywhere: Any, publish: Callable[..., str]
) -> None:
    file = {"filename": "a.heic", "content_type": "image/heic", "size": 12}
    media = posteverywhere.post("/media/upload", file).json()["data"]
    requests.post(media["upload_url"], files={"file": b"\x00\x00\x00\x18ftypheic"}, timeout=10)
    posteverywhere.post(f"/media/{media['media_id']}/complete")
    publish(media_ids=media["media_ids"])
    assert requests.get(f"{sandbox.url}/feed.html", timeout=10).status_code == 200
