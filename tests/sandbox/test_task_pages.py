"""What people see of a task: its links, its log, and the XComs that galleries list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.links import PLATFORM_LINKS
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSensorTimeout
from tests.conftest import Tries
from tests.sandbox.tasks import PROMPT, generate, images, library_media, lose_the_answer, post, posts, sensor

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")

URL = "https://pictures.example/a.png"


def told(task: Tries) -> dict[str, Any]:
    found: dict[str, Any] = task.ti.pushed["posteverywhere_post"]
    return found


def links(task: Tries) -> dict[str, str]:
    return {key: value for key, value in task.ti.pushed.items() if key.startswith("_link_")}


class TestWhatBecameOfAnImage:
    def test_a_post_names_the_job_and_the_address(self, settings: Callable[..., None]):
        settings(publish_latency=600)  # no account has published when its address is asked for
        image = generate(wait_for_completion=True).run()
        task = post(image=image)
        made = task.run()
        assert told(task) == {
            "job_id": image["job_id"],
            "image_url": image["url"],
            "media_ids": made["media_ids"],
            "post_id": made["post_id"],
            "status": "publishing",
            "scheduled_for": None,
            "destinations": made["destinations"],
            "error": None,
            "content": "Hello",
        }
        assert links(task) == {}

    def test_a_published_post_says_where(self, deferrable: bool):
        task = post(image=URL, wait_for_publish=True, deferrable=deferrable)
        made = task.run()
        assert (told(task)["status"], told(task)["error"]) == ("published", None)
        assert (told(task)["image_url"], told(task)["job_id"]) == (URL, None)
        assert told(task)["destinations"] == made["destinations"]
        assert all(item["account_name"] for item in made["destinations"])
        addresses = [item["url"] for item in made["destinations"]]
        expected = ["_link_LinkedInLink", "_link_XLink"] if PLATFORM_LINKS else ["_link_PostLink"]
        assert links(task) == dict(zip(expected, addresses, strict=False))

    @pytest.mark.parametrize("given", ["image", "media_ids"])
    def test_a_media_record_and_its_ids_are_found_again(self, given: str):
        media = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, model="flux-schnell"))
        record = media.run()
        assert media.ti.pushed["pictory_image"] == {
            "job_id": None,
            "media_id": record["media_id"],
            "status": "completed",
            "url": None,
            "width": record["width"],
            "height": record["height"],
            "ai_credits_used": 1,
            "prompt": PROMPT,
            "model": "flux-schnell",
        }
        task = post(**{given: record if given == "image" else record["media_ids"]})
        task.run()
        assert (told(task)["media_ids"], told(task)["image_url"]) == ([record["media_id"]], None)

    def test_a_partial_failure_says_where_it_is_and_why_it_is_not_elsewhere(self, deferrable: bool):
        task = post(content="[partial] hello", image=URL, wait_for_publish=True, deferrable=deferrable)
        with pytest.raises((e.PublishError, AirflowFailException)):
            task.run()
        found = told(task)
        assert (found["status"], bool(found["post_id"])) == ("partially_failed", True)
        assert [item["status"] for item in found["destinations"]] == ["published", "failed"]
        assert "x account 2282: " in found["error"]
        assert list(links(task).values()) == [found["destinations"][0]["url"]]

    def test_a_wait_that_times_out_names_its_post(self, settings: Callable[..., None], deferrable: bool):
        settings(publish_latency=600)
        task = post(media_ids=library_media(), wait_for_publish=True, deferrable=deferrable, timeout=0.1)
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        found = told(task)
        assert found["status"] == "publishing"
        assert re.fullmatch(
            rf"PostEverywhere post {found['post_id']} is not done after \d+ s: the timeout has passed", found["error"]
        )

    @pytest.mark.parametrize(
        ("wrong", "source", "words"),
        [
            ({"image": None}, (None, None, []), "image: is None, nothing is posted"),
            ({"image": 3}, (None, None, []), "image: is 3"),
            ({"image": {"job_id": 7, "url": "javascript:alert(1)"}}, (None, None, []), "image: is 'javascript"),
            ({"image": {"job_id": "j", "url": None, "media_ids": None}}, ("j", None, []), "image: is None"),
            ({"image": {"media_ids": ["m", 3]}}, (None, None, ["m"]), "media_ids: holds 3"),
            ({"image": None, "media_ids": "m"}, (None, None, []), "media_ids: "),
            ({"image": {"job_id": "j", "url": URL}, "content": ""}, ("j", URL, []), "content: has 0 characters"),
            ({"image": URL, "account_ids": [1]}, (None, URL, []), "invalid_accounts: Unknown account ids: 1"),
        ],
        ids=str,
    )
    def test_what_was_refused_says_why(self, wrong: dict[str, Any], source: tuple[Any, ...], words: str):
        task = post(**wrong)
        with pytest.raises(AirflowFailException):
            task.run()
        found = told(task)
        assert (found["job_id"], found["image_url"], found["media_ids"]) == source
        assert (found["post_id"], found["status"], found["destinations"]) == (None, "failed", [])
        assert words in found["error"]
        assert links(task) == {}

    def test_a_lost_answer_says_so_until_the_retry_finds_the_post(self, sandbox: Sandbox):
        task = post(media_ids=library_media())
        lose_the_answer(sandbox, task)
        assert (told(task)["post_id"], told(task)["status"]) == (None, "failed")
        assert "whether it took effect is not known" in told(task)["error"]
        made = task.run()
        assert (told(task)["post_id"], told(task)["error"]) == (made["post_id"], None)

    def test_an_error_is_one_short_line_without_secrets(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        task = post(image=URL)
        body = {"error": {"message": "no\n\x00" + "x" * 5000 + sandbox.posteverywhere_key}}
        sandbox.fault("posteverywhere.upload_media_from_url", "status", status=400, body=body)
        with pytest.raises(e.InvalidRequestError):
            task.run()
        assert re.fullmatch(r"[^\n\x00]{400,500}", told(task)["error"])
        monkeypatch.setattr(task.operator, "attempt", lambda context: int(sandbox.posteverywhere_key))
        with pytest.raises(ValueError, match=sandbox.posteverywhere_key):
            task.run()
        assert told(task)["error"] == "ValueError: the task's log says more"

    def test_a_crashed_trigger_is_told_too(self):
        task = post(image=URL)
        with pytest.raises(Exception, match="Trigger"):
            task.operator.resume_execution("__fail__", {"error": "Trigger failure"}, task.context)
        assert told(task)["status"] == "failed"

    def test_a_pause_tells_nothing(self, sandbox: Sandbox):
        task = post(image=URL)
        sandbox.fault("posteverywhere.create_post", "status", status=429, headers={"Retry-After": "1"})
        pushed: list[dict[str, Any]] = []
        pause = task.pause
        task.pause = lambda trigger: pushed.append(dict(task.ti.pushed)) or pause(trigger)  # type: ignore[func-returns-value,method-assign]
        task.run()
        assert pushed == [{}]

    def test_what_cannot_be_pushed_changes_nothing(self, sandbox: Sandbox):
        def away(key: str, value: Any) -> None:
            raise RuntimeError("the api-server is away")

        task = post(image=URL, wait_for_publish=True)
        task.ti.xcom_push = away  # type: ignore[method-assign]
        assert task.run()["status"] == "published"
        assert len(posts(sandbox)) == 1
        task = post(image=URL, content="")
        task.ti.xcom_push = away  # type: ignore[method-assign]
        with pytest.raises(e.InvalidRequestError, match="content"):
            task.run()


class TestLinks:
    def test_an_image_has_one(self, deferrable: bool):
        task = generate(wait_for_completion=True, deferrable=deferrable)
        assert links(task) == {}
        image = task.run()
        assert links(task) == {"_link_ImageLink": image["url"]}

    def test_a_worker_has_none_to_push(self):
        for task in (generate(), sensor("j"), post(image=URL)):
            task.operator.pre_execute(task.context)
            assert tuple(task.operator.operator_extra_links) == ()


class TestLog:
    def test_of_an_image(self, sandbox: Sandbox, logged: Callable[[], list[str]], deferrable: bool):
        job_id = generate(
            wait_for_completion=True, deferrable=deferrable, model="flux-schnell", aspect_ratio="16:9"
        ).run()["job_id"]
        first, last = [line for line in logged() if job_id in line]
        assert first == f"Pictory job {job_id}: submitted (flux-schnell, 16:9, 0.6 credits expected)"
        assert re.fullmatch(rf"Pictory job {job_id}: completed after \d+ s, 1280×720 px, 0.6 credits", last)

    def test_of_a_model_of_tomorrow(self, sandbox: Sandbox, logged: Callable[[], list[str]]):
        sandbox.fault("pictory.submit_image", "body", body={"success": True, "data": {"jobId": "j"}})
        generate(model="seedream9").run()
        assert "Pictory job j: submitted (seedream9)" in logged()

    def test_of_a_sensor(self, logged: Callable[[], list[str]], deferrable: bool):
        task = sensor(generate().run(), deferrable=deferrable)
        job_id = task.operator.job_id
        task.run()
        first, last = [line for line in logged() if job_id in line][1:]
        assert first == f"Pictory job {job_id}: waiting for it, for 20 s at most"
        assert last == f"Pictory job {job_id}: completed, 1024×1024 px, 2 credits"

    def test_of_a_post(self, logged: Callable[[], list[str]], deferrable: bool):
        made = post(image=URL, wait_for_publish=True, deferrable=deferrable).run()
        post_id = made["post_id"]
        lines = [re.sub(r"after \d+ s", "after 0 s", line) for line in logged() if line.startswith("PostEverywhere ")]
        assert lines == [
            f"PostEverywhere media {made['media_ids'][0]}: imported the image",
            f"PostEverywhere post {post_id}: publishing on 2 accounts",
            f"PostEverywhere post {post_id}: published after 0 s",
            f"PostEverywhere post {post_id}: on linkedin at {made['destinations'][0]['url']}",
            f"PostEverywhere post {post_id}: on x at {made['destinations'][1]['url']}",
        ]

    def test_of_a_scheduled_post_and_a_draft(self, logged: Callable[[], list[str]]):
        post(media_ids=library_media(), scheduled_for="2999-01-01T08:00:00Z", account_ids=[2280]).run()
        post(media_ids=library_media(), draft=True, account_ids=None).run()
        scheduled, draft = [line for line in logged() if line.startswith("PostEverywhere post")]
        assert re.search(r": scheduled for 2999-01-01T08:00:00\S* on 1 account$", scheduled)
        assert draft.endswith(": draft")

    def test_of_media(self, logged: Callable[[], list[str]]):
        Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, model="flux-schnell")).run()
        [line] = [line for line in logged() if line.startswith("PostEverywhere media")]
        assert re.search(r": generated \(flux-schnell, \d+×\d+ px, 1 credit, \d+ credits left\)$", line)

    def test_of_an_outage(self, sandbox: Sandbox, logged: Callable[[], list[str]], deferrable: bool):
        sandbox.fault("pictory.get_job", "status", status=503, times=5)
        job_id = generate(wait_for_completion=True, deferrable=deferrable).run()["job_id"]
        lines = [line for line in logged() if line.startswith(f"Pictory job {job_id}: ")][1:-1]
        assert re.search(r"Pictory .* returned 503.* for get job.*; asking again in \d+ s$", lines[0])
        assert len(lines) <= 2  # the other is that it answers again, unless it had ended by then
        assert len(images(sandbox)) == 1
