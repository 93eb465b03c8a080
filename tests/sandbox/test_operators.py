"""Operators, sensor and triggers over real HTTP, waiting in a worker and in the triggerer alike."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.version_compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from tests.conftest import StateStore, Tries, needs_state_store
from tests.sandbox.tasks import (
    ACCOUNTS,
    FAST,
    PROMPT,
    calls,
    generate,
    images,
    library_media,
    lose_the_answer,
    post,
    posts,
    rendered,
    sensor,
)

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")


class TestGenerateImage:
    def test_returns_the_job_id(self, sandbox: Sandbox):
        task = generate(model="flux-schnell")
        job_id = task.run()
        assert [image["job_id"] for image in images(sandbox)] == [job_id]
        [request] = task.ti.pushed.values()
        assert request.pop("submitted_at") == pytest.approx(time.time(), abs=60)
        assert re.fullmatch("[0-9a-f]{64}", request.pop("fingerprint"))
        assert request == {"job_id": job_id, "prompt": PROMPT, "model": "flux-schnell", "parameters": {}}

    def test_waits_and_returns_the_image(self, sandbox: Sandbox, deferrable: bool):
        task = generate(wait_for_completion=True, deferrable=deferrable, aspect_ratio="16:9")
        image = task.run()
        [charged] = images(sandbox)
        assert image == {
            "job_id": charged["job_id"],
            "status": "completed",
            "url": f"{sandbox.url}/pictures/{charged['job_id']}.png",
            "width": 1280,
            "height": 720,
            "ai_credits_used": 2,
        }
        assert task.ti.pushed["pictory_image"] == {**image, "prompt": PROMPT, "model": "seedream3.0"}
        assert task.deferred == deferrable

    def test_a_failed_job_is_left_to_retries_each_with_a_new_submit(self, sandbox: Sandbox, deferrable: bool):
        task = generate(prompt="[fail] a red fox", wait_for_completion=True, deferrable=deferrable)
        for tries in (1, 2):
            with pytest.raises(e.JobFailedError) as caught:
                task.run()
            assert not isinstance(caught.value, AirflowFailException)
            assert caught.value.code
            assert f"code {caught.value.code}" in str(caught.value)
            assert len(images(sandbox)) == tries

    def test_a_refused_prompt_fails_at_once(self, deferrable: bool):
        task = generate(prompt="[policy] a red fox", wait_for_completion=True, deferrable=deferrable)
        with pytest.raises(e.JobRejectedError) as caught:
            task.run()
        assert isinstance(caught.value, AirflowFailException)

    def test_a_cleaned_job_says_that_the_picture_is_gone(self, deferrable: bool):
        task = generate(prompt="[cleaned] a red fox", wait_for_completion=True, deferrable=deferrable)
        with pytest.raises(e.JobFailedError, match="its picture were removed"):
            task.run()

    def test_timeout(self, settings: Callable[..., None], deferrable: bool):
        settings(latency=600)
        task = generate(wait_for_completion=True, deferrable=deferrable, timeout=dt.timedelta(seconds=0.1))
        with pytest.raises(AirflowSensorTimeout):
            task.run()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"prompt": "abcd"},
            {"prompt": "x" * 5001},
            {"style": "photo"},
            {"aspect_ratio": "4:3"},
            {"reference_image_url": "nowhere"},
            {"webhook": "nowhere"},
            {"timeout": 0},
            {"poll_interval": "often"},
            {"pictory_conn_id": "pictory_empty"},
            {"pictory_conn_id": "pictory_bare"},
        ],
        ids=str,
    )
    def test_a_wrong_input_fails_without_retries_and_sends_nothing(
        self, sandbox: Sandbox, connections: Callable[..., None], wrong: dict[str, Any]
    ):
        connections("pictory_empty", host=sandbox.pictory_url)
        connections("pictory_bare", host="api.pictory.ai", password="k")
        with pytest.raises(AirflowFailException, match="allowed: "):
            generate(**wrong).run()
        assert not sandbox.world.requests

    @pytest.mark.parametrize(
        ("settings_", "fields", "words"),
        [
            ({}, {"password": "wrong"}, "returned 401 for .*: Unauthorized"),
            ({"ai_credits": 1}, {}, "402"),
        ],
    )
    def test_the_vendors_refusal_fails_without_retries(
        self,
        sandbox: Sandbox,
        connections: Callable[..., None],
        settings: Callable[..., None],
        settings_: dict[str, Any],
        fields: dict[str, str],
        words: str,
    ):
        settings(**settings_)
        connections("pictory_default", **{"host": sandbox.pictory_url, "password": sandbox.pictory_key, **fields})
        with pytest.raises(AirflowFailException, match=words):
            generate().run()
        assert calls(sandbox, "pictory.submit_image") == 1

    def test_a_model_of_tomorrow_is_sent(self, sandbox: Sandbox):
        with pytest.raises(e.InvalidRequestError, match="model"):  # the sandbox knows today's alone
            generate(model="seedream9", aspect_ratio="21:9").run()
        assert calls(sandbox, "pictory.submit_image") == 1

    @needs_state_store
    def test_a_later_try_resumes_the_job(self, sandbox: Sandbox, settings: Callable[..., None], deferrable: bool):
        settings(latency=600)
        task = generate(wait_for_completion=True, deferrable=deferrable, timeout=0.05)
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        settings(latency=0)
        task.operator.timeout = 20
        sandbox.world.clock = lambda before=sandbox.world.clock: before() + 600
        task.run()
        assert len(images(sandbox)) == 1

    @needs_state_store
    def test_a_clear_submits_anew_where_the_job_is_not_known_any_more(self, sandbox: Sandbox, deferrable: bool):
        task = generate(wait_for_completion=True, deferrable=deferrable)
        sandbox.fault("pictory.get_job", "status", status=404, times=4)
        with pytest.raises(e.NotFoundError):
            task.run()
        task.ti.max_tries += 1
        assert task.run()["status"] == "completed"
        assert len(images(sandbox)) == 2

    @needs_state_store
    def test_other_inputs_start_anew(self, sandbox: Sandbox):
        task = generate()
        first = task.run()
        task.operator.prompt = "A corrected fox"
        assert task.run() != first
        assert len(images(sandbox)) == 2

    @needs_state_store
    def test_a_clear_after_delivery_starts_anew_and_a_crash_before_it_resumes(self, sandbox: Sandbox):
        task = generate()
        first = task.run()
        assert task.run() == first  # an automatic retry: the process died after the answer, before Airflow knew
        task.ti.max_tries += 2
        assert task.run() != first
        assert len(images(sandbox)) == 2

    @needs_state_store
    def test_a_submit_whose_answer_was_lost_is_made_once_more_and_then_left_to_a_person(self, sandbox: Sandbox):
        task = generate()
        sandbox.fault("pictory.submit_image", "reset", when="after", times=2)
        for _ in range(2):
            with pytest.raises(e.OutcomeUnknownError):
                task.run()
        with pytest.raises(AirflowFailException, match="The outcome of 2 requests is not known"):
            task.run()
        assert len(images(sandbox)) == 2
        task.ti.max_tries += 2
        task.run()
        assert len(images(sandbox)) == 3

    @needs_state_store
    def test_a_kill_during_the_submit_counts_as_a_lost_answer(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        task = generate()

        def killed(self: Any, *_: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr("airflow_provider_pictory.client.transport.Transport._exchange", killed)
            for _ in range(2):
                with pytest.raises(SystemExit):
                    task.run()
        with pytest.raises(AirflowFailException, match="The outcome of 2 requests is not known"):
            task.run()
        assert not images(sandbox)

    @needs_state_store
    def test_a_refused_submit_counts_for_nothing(self, sandbox: Sandbox):
        task = generate()
        sandbox.fault("pictory.submit_image", "status", status=409, body={"error": {"retryable": True}}, times=4)
        for _ in range(4):
            with pytest.raises(e.TransientError):
                task.run()
        task.run()
        assert len(images(sandbox)) == 1

    @needs_state_store
    def test_without_a_write_there_is_no_call(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        task = generate()
        monkeypatch.setattr(StateStore, "set", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            task.run()
        assert not sandbox.world.requests

    @needs_state_store
    def test_a_job_id_is_kept_however_long_airflow_cannot_take_it(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        monkeypatch.setattr("airflow_provider_pictory.task.state.backoff", lambda *_: 0.001)
        write, outage = StateStore.set, [RuntimeError("the api-server is away")] * 5

        def flaky(self: StateStore, key: str, value: Any, **options: Any) -> None:
            if "job_id" in value["values"] and outage:
                raise outage.pop()
            write(self, key, value, **options)

        monkeypatch.setattr(StateStore, "set", flaky)
        task = generate()
        job_id = task.run()
        assert not outage
        assert job_id in caplog.text
        assert task.run() == job_id

    def test_without_a_state_store_every_try_submits(self, sandbox: Sandbox):
        task = generate()
        task.store = None
        assert task.run() != task.run()


class TestImageJobSensor:
    @pytest.fixture
    def job_id(self) -> str:
        job_id: str = generate().run()
        return job_id

    def test_returns_the_image_and_finds_its_prompt(self, sandbox: Sandbox, job_id: str, deferrable: bool):
        task = sensor(job_id, deferrable=deferrable)
        task.operator.upstream_task_ids.add("generate")
        task.ti.upstream["generate", "pictory_request"] = {"job_id": job_id, "prompt": PROMPT, "model": "m"}
        image = task.run()
        assert (image["job_id"], image["status"]) == (job_id, "completed")
        assert task.ti.pushed["pictory_image"] == {**image, "prompt": PROMPT, "model": "m"}

    def test_is_deferrable_by_default_unless_the_job_is_done(self, job_id: str):
        task = sensor(job_id)
        task.run()
        assert task.deferred == 1
        task.run()
        assert task.deferred == 1

    def test_the_triggers_row_holds_ids_and_times_alone(self, sandbox: Sandbox, job_id: str):
        task = sensor(job_id)
        task.run()
        [(path, kwargs)] = task.triggers
        assert path == "airflow_provider_pictory.triggers.pictory.ImageJobTrigger"
        assert kwargs["job_id"] == job_id
        assert sandbox.pictory_key not in str(kwargs)

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 500},
            {"kind": "status", "status": 429},
            {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
            {"kind": "status", "status": 404},
            {"kind": "status", "status": 401},
            {"kind": "reset"},
            {"kind": "truncate", "when": "after"},
            {"kind": "body", "body": "<html>"},
            {"kind": "body", "body": '{"data": null}'},
            {"kind": "body", "body": '{"data": {"status": "dreaming"}}'},
        ],
        ids=str,
    )
    def test_a_blip_is_waited_out(
        self,
        sandbox: Sandbox,
        job_id: str,
        deferrable: bool,
        fault: dict[str, Any],
    ):
        sandbox.fault("pictory.get_job", **fault, times=2)
        assert sensor(job_id, deferrable=deferrable).run()["status"] == "completed"

    @pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
    @pytest.mark.parametrize("kind", ["fail", "policy", "cleaned"])
    def test_a_failed_job(self, kind: str, deferrable: bool, option: str):
        job_id = generate(prompt=f"[{kind}] a red fox").run()
        with pytest.raises(AirflowFailException, match=f"Pictory job {job_id} "):
            sensor(job_id, deferrable=deferrable).run()
        with pytest.raises(AirflowSkipException, match=f"Pictory job {job_id} "):
            sensor(job_id, deferrable=deferrable, **{option: True}).run()

    @pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
    def test_timeout(self, settings: Callable[..., None], deferrable: bool, option: str):
        settings(latency=600)
        job_id = generate().run()
        with pytest.raises(AirflowSensorTimeout):
            sensor(job_id, deferrable=deferrable, timeout=0.1).run()
        with pytest.raises(AirflowSkipException):
            sensor(job_id, deferrable=deferrable, timeout=0.1, **{option: True}).run()

    def test_a_job_that_is_not_known(self, deferrable: bool, sandbox: Sandbox):
        with pytest.raises(AirflowFailException, match="JOB_NOT_FOUND"):
            sensor("4d82d040-4394-4371-867d-72ae1dd62b6d", deferrable=deferrable).run()
        assert calls(sandbox, "pictory.get_job") == (4 if deferrable else 3)

    def test_a_wrong_key(self, job_id: str, deferrable: bool, sandbox: Sandbox, connections: Callable[..., None]):
        connections("pictory_default", host=sandbox.pictory_url, password="wrong")
        with pytest.raises(AirflowFailException, match=r"returned 401 for .*: Unauthorized"):
            sensor(job_id, deferrable=deferrable).run()

    @pytest.mark.parametrize("job_id", ["", None, 3])
    def test_a_wrong_job_id(self, job_id: Any, deferrable: bool, sandbox: Sandbox):
        with pytest.raises(e.InvalidRequestError, match="job_id: "):
            sensor(job_id, deferrable=deferrable).run()
        assert not sandbox.world.requests

    @pytest.mark.parametrize("option", [{}, {"soft_fail": True}, {"never_fail": True}], ids=str)
    def test_a_crashed_trigger_is_left_to_retries(self, job_id: str, option: dict[str, bool]):
        task = sensor(job_id, **option)
        with pytest.raises(AirflowException) as caught:
            task.operator.resume_execution("__fail__", {"error": "Trigger failure"}, task.context)
        assert not isinstance(caught.value, (AirflowSkipException, AirflowFailException))

    def test_reschedule_mode_gives_the_slot_back(self, job_id: str, settings: Callable[..., None]):
        from airflow.exceptions import AirflowRescheduleException

        settings(latency=600)
        slow = generate().run()
        task = sensor(slow, deferrable=False, mode="reschedule", poke_interval=7)
        task.ti.get_first_reschedule_date = lambda context: None  # type: ignore[attr-defined]
        task.ti.dag_id = task.ti.task_id = task.ti.run_id = "x"  # type: ignore[attr-defined]
        try:
            poke = task.operator.poke(task.context)
        except AirflowRescheduleException:
            pytest.fail("poke itself must not reschedule")
        assert not poke
        assert 6.3 <= task.operator._get_next_poke_interval(0, lambda: 0, 1) <= 7

    def test_reschedule_mode_confirms_a_refusal_within_one_poke(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("airflow_provider_pictory.sensors.pictory.backoff", lambda *_, **__: 0.01)
        task = sensor("4d82d040-4394-4371-867d-72ae1dd62b6d", deferrable=False, mode="reschedule")
        with pytest.raises(e.NotFoundError):
            task.operator.poke(task.context)
        assert calls(sandbox, "pictory.get_job") == 3

    def test_a_long_delay_of_the_service_ends_with_the_timeout(
        self, job_id: str, sandbox: Sandbox, deferrable: bool, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("airflow_provider_pictory.triggers.base.LAST_CALL", 0.1)
        sandbox.fault("pictory.get_job", "status", status=429, headers={"Retry-After": "9000"}, times=None)
        with pytest.raises(AirflowSensorTimeout):
            sensor(job_id, deferrable=deferrable, timeout=0.2).run()

    def test_never_fail_does_not_hide_what_may_pass(self, job_id: str, deferrable: bool):
        task = sensor(job_id, deferrable=deferrable, never_fail=True)
        task.ti.xcom_push = lambda **_: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            task.run()

    def test_no_interval_at_all_is_an_input_error(self, job_id: str, deferrable: bool):
        with pytest.raises(e.InvalidRequestError, match="poke_interval: is 0"):
            sensor(job_id, deferrable=deferrable, poke_interval=0).run()


class TestGenerateMedia:
    @needs_state_store
    def test_a_lost_answer_is_paid_for_once_more_at_most(self, sandbox: Sandbox):
        task = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, model="flux-schnell"))
        sandbox.fault("posteverywhere.generate_image", "reset", when="after", times=None)
        for _ in range(2):
            with pytest.raises(e.OutcomeUnknownError):
                task.run()
        with pytest.raises(AirflowFailException):
            task.run()
        assert sandbox.world.ledger()["media_credits_used"] == 2

    @needs_state_store
    def test_returns_the_media_record_once(self, sandbox: Sandbox):
        task = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, model="flux-schnell", aspect_ratio="4:5"))
        record = task.run()
        assert record["media_ids"] == [record["media_id"]]
        assert (record["type"], record["model"], record["credits_used"]) == ("image", "flux-schnell", 1)
        assert task.run() == record
        assert sandbox.world.ledger()["media_credits_used"] == 1

    @pytest.mark.parametrize("wrong", [{"prompt": ""}, {"prompt": "x" * 2001}, {"aspect_ratio": "2:1"}], ids=str)
    def test_a_wrong_input_sends_nothing(self, sandbox: Sandbox, wrong: dict[str, Any]):
        with pytest.raises(e.InvalidRequestError):
            Tries(GenerateMediaOperator(**{"task_id": "media", "prompt": PROMPT, **wrong})).run()
        assert not sandbox.world.requests


def media(**kwargs: Any) -> Tries:
    return Tries(GenerateMediaOperator(**{"task_id": "media", "prompt": PROMPT, "model": "flux-schnell", **kwargs}))


@pytest.mark.parametrize("make", [generate, media])
class TestBeforePaying:
    """What both operators that cost credits check first."""

    OWN: ClassVar = {generate: "pictory.submit_image", media: "posteverywhere.generate_image"}

    def test_a_task_that_comes_too_late_is_skipped(self, make: Callable[..., Tries], sandbox: Sandbox):
        task = make(skip_after="2026-01-31T08:00:00+01:00")
        with pytest.raises(AirflowSkipException, match="skip_after, 2026-01-31T07:00:00Z, has passed"):
            task.run()
        assert not sandbox.world.requests

    @pytest.mark.parametrize("moment", ["2999-01-31T08:00:00Z", dt.datetime(2999, 1, 1, tzinfo=dt.timezone.utc)])
    def test_a_task_in_time_pays(self, make: Callable[..., Tries], sandbox: Sandbox, moment: Any):
        make(skip_after=moment).run()
        assert calls(sandbox, self.OWN[make]) == 1

    @pytest.mark.parametrize("moment", ["2999-01-31T08:00:00", "tomorrow", "", 3, dt.datetime(2999, 1, 1)])
    def test_a_time_that_is_none_fails_for_good(self, make: Callable[..., Tries], sandbox: Sandbox, moment: Any):
        with pytest.raises(AirflowFailException, match=r"skip_after: is .* allowed: a datetime or ISO 8601"):
            make(skip_after=moment).run()
        assert not sandbox.world.requests

    def test_connections_that_work_are_asked_once_each(
        self, make: Callable[..., Tries], sandbox: Sandbox, connections: Callable[..., None]
    ):
        connections("posteverywhere_brand", host=sandbox.posteverywhere_url, password=sandbox.posteverywhere_key)
        make(check_conn_ids=["posteverywhere_brand", "pictory_default"]).run()
        asked = [request.call for request in sandbox.world.requests]
        assert asked == ["posteverywhere.get_me", "pictory.get_quota", self.OWN[make]]

    @pytest.mark.parametrize("service", ["pictory", "posteverywhere"])
    def test_a_key_that_is_wrong_fails_before_anything_is_paid(
        self, make: Callable[..., Tries], sandbox: Sandbox, connections: Callable[..., None], service: str
    ):
        connections(f"{service}_brand", host=getattr(sandbox, f"{service}_url"), password="wrong")
        task = make(check_conn_ids=["posteverywhere_default", f"{service}_brand"])
        with pytest.raises(e.AuthenticationError, match=f"{service}_brand"):
            task.run()
        assert calls(sandbox, self.OWN[make]) == 0
        assert not task.store

    @pytest.mark.parametrize(
        ("conn_ids", "words"),
        [
            (["posteverywhere_gone"], "check_conn_ids: there is no connection 'posteverywhere_gone'"),
            (["http_default"], "check_conn_ids: connection 'http_default' is of type 'http'; allowed: pictory or"),
            ("posteverywhere_default", "check_conn_ids: is 'posteverywhere_default'; allowed: a list"),
            ([""], "check_conn_ids: is"),
            (None, "check_conn_ids: is None"),
        ],
        ids=str,
    )
    def test_what_is_no_connection_of_a_service_fails_for_good(
        self,
        make: Callable[..., Tries],
        sandbox: Sandbox,
        connections: Callable[..., None],
        conn_ids: Any,
        words: str,
    ):
        connections("http_default", host="https://a.example")
        with pytest.raises(AirflowFailException, match=words):
            make(check_conn_ids=conn_ids).run()
        assert not sandbox.world.requests

    def test_a_check_that_is_refused_for_a_while_pauses_the_task(
        self, make: Callable[..., Tries], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ):
        sandbox.fault("posteverywhere.get_me", "status", status=429, headers={"Retry-After": "40"})
        waited: list[str] = []
        pause = Tries.pause
        monkeypatch.setattr(
            Tries, "pause", lambda self, trigger: [waited.append(trigger.conn_id), pause(self, trigger)][1]
        )
        task = make(check_conn_ids=["posteverywhere_default"])
        task.operator.timeout = 3600
        task.run()
        assert waited == ["posteverywhere_default"]
        assert task.paused[0] >= 40
        assert calls(sandbox, self.OWN[make]) == 1

    @needs_state_store
    def test_what_an_earlier_try_has_paid_for_is_gone_on_with(
        self, make: Callable[..., Tries], sandbox: Sandbox, connections: Callable[..., None]
    ):
        task = make(skip_after="2999-01-01T00:00:00Z", check_conn_ids=["posteverywhere_default"])
        made = task.run()
        task.operator.skip_after = "2020-01-01T00:00:00Z"
        task.operator.check_conn_ids = ["posteverywhere_gone"]
        assert task.run() == made
        assert calls(sandbox, self.OWN[make]) == 1
        assert calls(sandbox, "posteverywhere.get_me") == 1


class TestPostImage:
    def test_takes_an_image_a_media_record_a_url_or_media_ids(self, sandbox: Sandbox):
        image = generate(wait_for_completion=True).run()
        record = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT)).run()
        for source in (
            {"image": image},
            {"image": image["url"]},
            {"image": "https://pictures.example/a.png"},
            {"image": record},
            {"media_ids": record["media_ids"]},
        ):
            made = post(**source).run()
            assert made["status"] == "publishing"
            assert len(made["media_ids"]) == 1
        assert len(posts(sandbox)) == 5
        assert calls(sandbox, "posteverywhere.upload_media_from_url") == 3

    def test_waits_until_published(self, deferrable: bool):
        made = post(media_ids=self.media(), wait_for_publish=True, deferrable=deferrable).run()
        assert made["status"] == "published"
        assert made["media_ids"]
        assert [(d["account_id"], d["platform"], d["status"], d["error"]) for d in made["destinations"]] == [
            (2280, "linkedin", "published", None),
            (2282, "x", "published", None),
        ]
        assert all(d["url"].startswith("https://") for d in made["destinations"])

    def test_schedules(self, sandbox: Sandbox):
        made = post(media_ids=self.media(), scheduled_for="2999-01-01T08:00:00+01:00", timezone="Europe/Berlin").run()
        assert (made["status"], made["scheduled_for"][:19]) == ("scheduled", "2999-01-01T07:00:00")

    def test_waiting_for_a_scheduled_post_begins_when_it_is_due(self):
        due = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=5)
        task = post(media_ids=self.media(), scheduled_for=due, wait_for_publish=True, deferrable=True)
        fired: list[Any] = []
        task.fire = lambda trigger: fired.append(trigger) or {"timeout": "enough"}  # type: ignore[method-assign]
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        assert fired[0].start == pytest.approx(due.timestamp())
        assert fired[0].deadline == pytest.approx(due.timestamp() + 20)

    def test_saves_a_draft(self, sandbox: Sandbox):
        assert post(media_ids=self.media(), draft=True, account_ids=None).run()["status"] == "draft"

    @needs_state_store
    def test_partial_failure_names_the_accounts_and_its_retry_queues_those_alone(
        self, sandbox: Sandbox, deferrable: bool
    ):
        task = post(
            content="[partial] hello",
            image="https://pictures.example/a.png",
            wait_for_publish=True,
            deferrable=deferrable,
        )
        with pytest.raises(e.PublishError, match=r"failed on 1 of 2 accounts: x account 2282: ") as caught:
            task.run()
        assert not isinstance(caught.value, AirflowFailException)
        made = task.run()
        assert made["status"] == "published"
        [ledger] = posts(sandbox)
        assert ledger["post_id"] == made["post_id"]
        assert calls(sandbox, "posteverywhere.create_post") == calls(sandbox, "posteverywhere.retry_post") == 1
        assert calls(sandbox, "posteverywhere.upload_media_from_url") == 1

    def test_without_a_state_store_a_retry_that_could_post_twice_is_refused(self, sandbox: Sandbox):
        task = post(content="[partial] hello", image="https://pictures.example/a.png", wait_for_publish=True)
        task.store = None
        with pytest.raises(AirflowFailException, match=r"No retry: .* might post twice"):
            task.run()
        task = post(content="[partial] hello", media_ids=self.media(), wait_for_publish=True)
        task.store = None
        with pytest.raises(e.PublishError):
            task.run()
        assert task.run()["status"] == "published"
        assert calls(sandbox, "posteverywhere.create_post") == 2

    @pytest.mark.parametrize(
        "fault", [{"kind": "reset"}, {"kind": "body", "body": "{"}, {"kind": "status", "status": 502}]
    )
    @pytest.mark.parametrize("store", [pytest.param(True, marks=needs_state_store), False])
    def test_a_post_whose_answer_was_lost_is_found_again(self, sandbox: Sandbox, fault: dict[str, Any], store: bool):
        source = {"image": "https://pictures.example/a.png"} if store else {"media_ids": self.media()}
        task = post(**source)
        if not store:
            task.store = None
        sandbox.fault("posteverywhere.create_post", when="after", **fault)
        with pytest.raises(e.OutcomeUnknownError):
            task.run()
        made = task.run()
        [ledger] = posts(sandbox)
        assert ledger["post_id"] == made["post_id"]

    def test_a_sibling_of_the_same_media_is_not_mistaken_for_the_tasks_own_post(self, sandbox: Sandbox):
        media_ids = self.media()
        post(media_ids=media_ids, account_ids=[2280]).run()
        post(media_ids=media_ids, scheduled_for="2999-01-01T08:00:00Z").run()
        sibling = post(media_ids=media_ids)
        sandbox.fault("posteverywhere.create_post", "status", status=503)
        with pytest.raises(e.TransientError):
            sibling.run()
        sibling.run()
        assert len(posts(sandbox)) == 3

    def test_yesterdays_post_is_not_mistaken_for_todays(self, sandbox: Sandbox, travel: Callable[[float], None]):
        media_ids = self.media()
        sandbox.world.clock = lambda: time.time() - 86400
        post(media_ids=media_ids).run()
        sandbox.world.clock = time.time
        today = post(media_ids=media_ids)
        sandbox.fault("posteverywhere.create_post", "status", status=503)
        with pytest.raises(e.TransientError):
            today.run()
        today.run()
        assert len(posts(sandbox)) == 2

    @needs_state_store
    def test_its_own_media_marks_a_post_whatever_the_service_made_of_the_text(self, sandbox: Sandbox):
        task = post(image="https://pictures.example/a.png", content="Hello ")
        lose_the_answer(sandbox, task)
        next(iter(sandbox.world.posts.values())).content = "hello"
        task.run()
        assert len(posts(sandbox)) == 1

    @needs_state_store
    def test_a_time_that_is_reckoned_anew_on_every_parse_makes_no_other_post(self, sandbox: Sandbox):
        task = post(image="https://pictures.example/a.png", scheduled_for="2999-01-01T08:00:00Z")
        first = task.run()
        task.operator.scheduled_for = "2999-01-01T08:00:07Z"
        assert task.run()["post_id"] == first["post_id"]

    @needs_state_store
    @pytest.mark.parametrize("given", [False, True])
    def test_a_clear_after_delivery_posts_again(self, sandbox: Sandbox, given: bool):
        task = post(**({"media_ids": self.media()} if given else {"image": "https://pictures.example/a.png"}))
        first = task.run()
        assert task.run()["post_id"] == first["post_id"]
        task.ti.max_tries += 2
        assert task.run()["post_id"] != first["post_id"]

    def test_a_fault_after_publication_is_waited_out(self, sandbox: Sandbox, deferrable: bool):
        sandbox.fault("posteverywhere.get_post", "status", status=503, times=4)
        task = post(image="https://pictures.example/a.png", wait_for_publish=True, deferrable=deferrable)
        task.store = None
        assert task.run()["status"] == "published"
        assert len(posts(sandbox)) == 1

    def test_without_a_state_store_a_server_error_is_not_retried(self, sandbox: Sandbox):
        task = post(image="https://pictures.example/a.png")
        task.store = None
        sandbox.fault("posteverywhere.create_post", "status", status=500, when="after")
        with pytest.raises(AirflowFailException, match="might post twice"):
            task.run()

    def test_a_refused_post_is_made_by_the_retry(self, sandbox: Sandbox):
        task = post(media_ids=self.media())
        sandbox.fault("posteverywhere.create_post", "status", status=503)
        with pytest.raises(e.TransientError):
            task.run()
        task.run()
        assert len(posts(sandbox)) == 1

    def test_timeout(self, settings: Callable[..., None], deferrable: bool):
        settings(publish_latency=600)
        task = post(media_ids=self.media(), wait_for_publish=True, deferrable=deferrable, timeout=0.1)
        with pytest.raises(AirflowSensorTimeout):
            task.run()

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"image": "https://a.example/b.png"}, "image, media_ids: both are given"),
            ({"media_ids": None}, "media_ids: is None, nothing is posted .no task comes before this one"),
            ({"media_ids": "None"}, "media_ids: is None, nothing is posted"),
            ({"media_ids": None, "image": ""}, "image, media_ids: is None, nothing is posted"),
            ({"media_ids": []}, "media_ids: is empty"),
            ({"media_ids": None, "image": {"url": None}}, "image: is None"),
            ({"media_ids": None, "image": 3}, "image: is 3"),
            ({"media_ids": None, "image": "http://a.example/b.png"}, "image: is .* plain http"),
            ({"account_ids": ["2280"]}, "account_ids: holds '2280' of type str"),
            ({"account_ids": []}, "account_ids: is empty"),
            ({"scheduled_for": "2999-01-01T08:00:00"}, "scheduled_for: .* has no zone"),
            ({"scheduled_for": "2020-01-01T08:00:00Z"}, "scheduled_for: .* in the past"),
            ({"timezone": "Mars"}, "timezone: is 'Mars'"),
            ({"content": " "}, "content: has 0 characters"),
            ({"draft": True, "wait_for_publish": True}, "wait_for_publish: is True for a draft"),
        ],
        ids=str,
    )
    def test_a_wrong_input_fails_without_retries_and_sends_nothing(
        self, sandbox: Sandbox, wrong: dict[str, Any], words: str
    ):
        with pytest.raises(AirflowFailException, match=words):
            post(**{"media_ids": ["m1"], **wrong}).run()
        assert not sandbox.world.requests

    def test_without_image_and_media_ids_nothing_is_sent(self, sandbox: Sandbox):
        with pytest.raises(AirflowFailException, match="image, media_ids: neither is given"):
            post().run()
        assert not sandbox.world.requests

    @pytest.mark.parametrize(
        ("states", "error"),
        [
            ({"wait": "skipped"}, AirflowSkipException),
            ({"wait": "skipped", "accounts": "success"}, AirflowSkipException),
            ({"wait": "skipped", "accounts": "failed"}, AirflowFailException),
            ({"wait": "upstream_failed"}, AirflowFailException),
            ({"wait_3": "skipped", "wait": "success"}, AirflowSkipException),  # the instance of the same map index
            ({"wait_2": "skipped", "wait_3": "success"}, AirflowFailException),
            ({}, AirflowFailException),
        ],
        ids=str,
    )
    def test_an_image_that_is_none_skips_the_post_if_its_maker_was_skipped(
        self, sandbox: Sandbox, states: dict[str, str], error: type[Exception]
    ):
        task = post(image=None)
        task.operator.upstream_task_ids |= {"wait", "accounts"} if "accounts" in states else {"wait"}
        task.ti.states, task.ti.map_index = states, 3
        with pytest.raises(error, match="image: is None, nothing is posted"):
            task.run()
        assert not sandbox.world.requests
        assert ("posteverywhere_post" in task.ti.pushed) == (error is AirflowFailException)

    def test_one_of_image_and_media_ids_may_be_none(self):
        assert post(image=None, media_ids=self.media()).run()["status"] == "publishing"
        assert post(image="https://pictures.example/a.png", media_ids=None).run()["status"] == "publishing"

    def test_an_account_that_is_not_known_fails_without_retries(self):
        with pytest.raises(AirflowFailException, match="invalid_accounts: Unknown account ids"):
            post(media_ids=self.media(), account_ids=[1]).run()

    @staticmethod
    def media() -> list[str]:
        record = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT, model="flux-schnell")).run()
        media_ids: list[str] = record["media_ids"]
        return media_ids


class TestAlone:
    """An operator that is executed without Airflow, as in the unit tests of a DAG's author."""

    def test_a_submit(self, sandbox: Sandbox):
        job_id = GenerateImageOperator(task_id="generate", prompt=PROMPT).execute({})
        assert [item["job_id"] for item in images(sandbox)] == [job_id]

    def test_an_image(self):
        operator = GenerateImageOperator(task_id="generate", prompt=PROMPT, wait_for_completion=True, **FAST)
        assert operator.execute({})["status"] == "completed"

    def test_media_and_a_post(self, sandbox: Sandbox):
        media = GenerateMediaOperator(task_id="media", prompt=PROMPT).execute({})
        made = PostImageOperator(task_id="post", content="Hi", account_ids=ACCOUNTS, image=media).execute({})
        assert [item["post_id"] for item in posts(sandbox)] == [made["post_id"]]

    @pytest.mark.parametrize("deferrable", [False, True])
    def test_a_sensor(self, deferrable: bool, settings: Callable[..., None]):
        settings(latency=0)
        job_id = GenerateImageOperator(task_id="generate", prompt=PROMPT).execute({})
        operator = ImageJobSensor(task_id="wait", job_id=job_id, poke_interval=0.01, deferrable=deferrable)
        assert operator.execute({})["job_id"] == job_id

    def test_a_deferrable_wait_defers(self, settings: Callable[..., None]):
        settings(latency=60)
        operator = GenerateImageOperator(task_id="generate", prompt=PROMPT, wait_for_completion=True, deferrable=True)
        with pytest.raises(TaskDeferred):
            operator.execute({})


class TestFailedJobs:
    def test_what_it_has_cost_is_pushed(self, deferrable: bool):
        task = generate(prompt="A fox [fail]", wait_for_completion=True, deferrable=deferrable)
        with pytest.raises(e.JobFailedError):
            task.run()
        pushed = task.ti.pushed["pictory_image"]
        assert (pushed["status"], pushed["url"], pushed["ai_credits_expected"]) == ("failed", None, 2)
        assert "Image generation failed" in pushed["error"]

    def test_a_failure_before_the_submit_is_pushed_and_has_cost_nothing(self, sandbox: Sandbox, deferrable: bool):
        media = Tries(rendered(GenerateMediaOperator, task_id="media", prompt="fox " * 1000))
        for task in (generate(prompt="fox", deferrable=deferrable), media):
            with pytest.raises(e.InvalidRequestError):
                task.run()
            pushed = task.ti.pushed["pictory_image"]
            assert (pushed["prompt"], pushed["job_id"], pushed["url"]) == (task.operator.prompt, None, None)
            assert pushed["ai_credits_used"] is pushed["ai_credits_expected"] is None
            assert pushed["error"].startswith("prompt: has ")
        assert images(sandbox) == []

    @needs_state_store
    def test_a_wait_that_times_out_names_the_job_that_was_paid_for(
        self, sandbox: Sandbox, deferrable: bool, settings: Callable[..., None]
    ):
        settings(latency=600)
        task = generate(wait_for_completion=True, deferrable=deferrable, timeout=0.1)
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        pushed = task.ti.pushed["pictory_image"]
        [job] = images(sandbox)
        assert (pushed["job_id"], pushed["ai_credits_expected"]) == (job["job_id"], 2)
        assert "the timeout has passed" in pushed["error"]
        wait = sensor(job["job_id"], deferrable=deferrable, timeout=0.1)
        with pytest.raises(AirflowSensorTimeout):
            wait.run()
        assert wait.ti.pushed["pictory_image"]["job_id"] == job["job_id"]
        assert re.search("the timeout has passed|has timed out", wait.ti.pushed["pictory_image"]["error"])

    def test_errors_that_may_contain_secrets_are_not_pushed(self, monkeypatch: pytest.MonkeyPatch, deferrable: bool):
        def broken(*_: Any, **__: Any) -> None:
            raise ValueError("s3cr3t")

        task = generate(deferrable=deferrable)
        monkeypatch.setattr(task.operator, "check_before_paying", broken)
        with pytest.raises(ValueError, match="s3cr3t"):
            task.run()
        assert task.ti.pushed["pictory_image"]["error"] == "ValueError: the task's log says more"

    def test_a_sensor_tells_it_too(self, deferrable: bool):
        task = sensor(generate(prompt="A fox [fail]").run(), deferrable=deferrable)
        with pytest.raises(AirflowFailException):
            task.run()
        assert task.ti.pushed["pictory_image"]["status"] == "failed"

    @needs_state_store
    def test_those_of_earlier_tries_are_listed(self, sandbox: Sandbox, deferrable: bool, settings: Callable[..., None]):
        settings(failure_rate=1)
        task = generate(wait_for_completion=True, deferrable=deferrable)
        with pytest.raises(e.JobFailedError):
            task.run()
        settings(failure_rate=0)
        task.ti.pushed.clear()
        image = task.run()
        [failed] = task.ti.pushed["pictory_image"]["failed_jobs"]
        assert [item["job_id"] for item in images(sandbox)] == [failed["job_id"], image["job_id"]]
        assert failed["ai_credits_expected"] == 2

    @needs_state_store
    def test_missing_credits_are_final(self, sandbox: Sandbox, deferrable: bool):
        task = generate(prompt="A fox [credits]", wait_for_completion=True, deferrable=deferrable)
        with pytest.raises(e.InsufficientCreditsError, match="INSUFFICIENT_CREDITS"):
            task.run()
        assert issubclass(e.InsufficientCreditsError, AirflowFailException)

    def test_a_job_of_another_kind_is_named(self, sandbox: Sandbox, deferrable: bool):
        body = {"job_id": "j", "success": True, "data": {"status": "completed", "videoURL": "https://v.example/a.mp4"}}
        sandbox.fault("pictory.get_job", "body", body=json.dumps(body), times=None)
        with pytest.raises(AirflowFailException, match="job_id: Pictory job j is a video"):
            sensor("j", deferrable=deferrable).run()
        with pytest.raises(AirflowFailException, match=r"job_id: Pictory job .* is a video"):
            generate(wait_for_completion=True, deferrable=deferrable).run()


class TestDestinations:
    @pytest.mark.parametrize(
        ("options", "status"),
        [({}, "publishing"), ({"scheduled_for": "2999-01-01T08:00:00Z"}, "scheduled"), ({"draft": True}, "draft")],
    )
    def test_a_post_names_its_accounts_and_platforms(self, options: dict[str, Any], status: str):
        made = post(media_ids=library_media(), **options).run()
        assert made["status"] == status
        assert [item["account_id"] for item in made["destinations"]] == ACCOUNTS
        assert all(item["platform"] for item in made["destinations"])

    def test_where_they_cannot_be_asked_for_the_accounts_are_named(self, sandbox: Sandbox):
        sandbox.fault("posteverywhere.get_post", "status", status=500, times=None)
        made = post(media_ids=library_media()).run()
        assert [(item["account_id"], item["platform"]) for item in made["destinations"]] == [
            (account, None) for account in ACCOUNTS
        ]
        assert len(posts(sandbox)) == 1

    @needs_state_store
    def test_accounts_that_are_published_again_have_not_failed(self, sandbox: Sandbox):
        task = post(content="[partial] Hello", media_ids=library_media(), wait_for_publish=True)
        with pytest.raises(e.PublishError):
            task.run()
        task.operator.wait_for_publish = False
        made = task.run()
        assert made["status"] == "publishing"
        assert {item["status"] for item in made["destinations"]} == {"published", "queued"}
        assert not any(item["error"] for item in made["destinations"])

    @needs_state_store
    def test_a_post_that_the_service_has_given_up_fails_without_retries(self, sandbox: Sandbox):
        task = post(content="[partial] Hello", media_ids=library_media(), wait_for_publish=True)
        with pytest.raises(e.PublishError):
            task.run()
        error = {"message": "Retrying is useless", "code": "permanent_failure_circuit_breaker", "retryable": False}
        body = json.dumps({"data": None, "error": error, "meta": {}})
        sandbox.fault("posteverywhere.retry_post", "status", status=422, body=body)
        with pytest.raises(AirflowFailException, match=r"account 22.*permanent_failure_circuit_breaker"):
            task.run()
