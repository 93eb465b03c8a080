"""What a task remembers, how long it waits in all, and what it does when it is sent away."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.retries import ServiceRetryPolicy
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from tests.conftest import StateStore, Tries, needs_state_store
from tests.sandbox.tasks import (
    ACCOUNTS,
    PROMPT,
    calls,
    generate,
    images,
    library_media,
    lose_the_answer,
    post,
    posts,
    sensor,
)

URL = "https://pictures.example/a.png"
DAY = "2999-01-01T08:00:00Z"

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")


def media() -> Tries:
    return Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT))


def later(seconds: float) -> dict[str, Any]:
    return {"kind": "status", "status": 429, "headers": {"Retry-After": str(seconds)}}


class TestPauses:
    @pytest.mark.parametrize(
        ("make", "call", "made"),
        [
            (generate, "pictory.submit_image", "images"),
            (media, "posteverywhere.generate_image", "media"),
            (lambda: post(image=URL), "posteverywhere.upload_media_from_url", "posts"),
            (lambda: post(image=URL), "posteverywhere.create_post", "posts"),
        ],
    )
    def test_a_long_delay_is_spent_without_a_worker_and_without_a_retry(
        self, sandbox: Sandbox, no_sleep: list[float], make: Callable[[], Tries], call: str, made: str
    ):
        sandbox.fault(call, **later(900))
        task = make()
        task.operator.timeout = 3600
        assert task.run()
        [pause] = task.paused
        assert 900 <= pause <= 1081
        assert not no_sleep
        assert calls(sandbox, call) == 2
        assert len(sandbox.world.ledger()[made]) == 1

    def test_it_is_over_at_the_timeout(self, sandbox: Sandbox):
        sandbox.fault("pictory.submit_image", **later(900), times=None)
        task = generate(timeout=600)
        with pytest.raises(e.RateLimitedError) as caught:
            task.run()
        assert caught.value.retry_after == 900
        assert not task.paused
        task.operator.timeout = 3600
        task.ti.start_date -= dt.timedelta(seconds=3000)
        with pytest.raises(e.RateLimitedError):
            task.run()
        assert not task.paused

    def test_the_timeout_does_not_begin_anew_with_each_pause(self, sandbox: Sandbox):
        """On Airflow 3.0 to 3.2.1, the start date of a task that resumes is the time of resuming."""
        sandbox.fault("pictory.submit_image", **later(900), times=None)
        task = generate(timeout=3600)
        with pytest.raises(TaskDeferred) as first:
            task.operator.execute(task.context)
        deadline = first.value.trigger.deadline
        task.ti.start_date += dt.timedelta(seconds=900)
        with pytest.raises(TaskDeferred) as second:
            task.operator.resume_execution("execute_after_pause", {"event": {"deadline": deadline}}, task.context)
        assert second.value.trigger.deadline == deadline
        with pytest.raises(e.RateLimitedError):
            task.operator.resume_execution("execute_after_pause", {"event": {"deadline": time.time()}}, task.context)
        with pytest.raises(TaskDeferred):  # deferred by an earlier release
            task.operator.resume_execution("execute_after_pause", {"event": None}, task.context)

    def test_an_answer_that_is_lost_is_no_delay(self, sandbox: Sandbox):
        sandbox.fault("pictory.submit_image", "status", status=500, headers={"Retry-After": "60"})
        task = generate()
        with pytest.raises(e.OutcomeUnknownError):
            task.run()
        assert not task.paused

    @needs_state_store
    def test_a_post_is_not_made_while_an_earlier_call_may_still_make_it(self, sandbox: Sandbox):
        task = post(image=URL)
        sandbox.fault("posteverywhere.create_post", "reset")
        with pytest.raises(e.OutcomeUnknownError):
            task.run()
        task.run()
        [pause] = task.paused
        assert 130 < pause < 141  # twice the connection's timeouts, to connect and to read
        assert len(posts(sandbox)) == 1

    @needs_state_store
    def test_a_refused_post_is_made_without_looking_for_it(self, sandbox: Sandbox):
        task = post(image=URL)
        sandbox.fault("posteverywhere.create_post", **later(60))
        with pytest.raises(e.RateLimitedError):
            task.run()
        task.run()
        assert not calls(sandbox, "posteverywhere.list_posts")
        assert calls(sandbox, "posteverywhere.upload_media_from_url") == 1

    def test_a_short_delay_holds_no_worker_either(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        sandbox.fault("pictory.submit_image", **later(7))
        task = generate()
        writes: list[Any] = []
        if task.store is not None:
            write = StateStore.set
            monkeypatch.setattr(StateStore, "set", lambda *a, **k: (writes.append(a[2]["values"]), write(*a, **k)))
        task.run()
        assert len(images(sandbox)) == 1
        assert [10 <= delay <= 10.2 for delay in task.paused] == [True]  # not before its process is seen to have ended
        assert task.store is None or sum(values.get("spending", False) for values in writes) == 2

    def test_a_429_that_names_no_delay_is_waited_out_too(self, sandbox: Sandbox):
        sandbox.fault("pictory.submit_image", "status", status=429, times=2)
        task = generate(timeout=3600)
        task.run()
        assert len(task.paused) == 2
        assert len(images(sandbox)) == 1


@needs_state_store
class TestDeadlines:
    @pytest.mark.parametrize(
        "make",
        [
            lambda job_id: generate(wait_for_completion=True, deferrable=True),
            lambda job_id: sensor(job_id),
            lambda job_id: post(image=URL, wait_for_publish=True, deferrable=True),
        ],
        ids=["generate", "sensor", "post"],
    )
    def test_it_is_kept_across_tries_and_begins_anew_with_a_clear(
        self, sandbox: Sandbox, settings: Callable[..., None], make: Callable[[str], Tries]
    ):
        settings(latency=600, publish_latency=600)
        task = make(generate().run())
        task.operator.timeout = 0.1

        def deadline() -> float:
            with pytest.raises(AirflowSensorTimeout):
                task.run()
            return float(task.triggers[-1][1]["deadline"])

        first = deadline()
        assert deadline() == pytest.approx(first, abs=0.01)
        task.ti.max_tries += 2
        assert deadline() > first + 0.09

    def test_of_a_scheduled_post_counts_from_its_own_time(self):
        due = dt.datetime.now(dt.timezone.utc).replace(microsecond=0) + dt.timedelta(seconds=2)
        task = post(image=URL, scheduled_for=due, wait_for_publish=True, deferrable=True, timeout=60)
        task.run()
        trigger = task.triggers[0][1]
        assert (trigger["start"], trigger["deadline"]) == (due.timestamp(), due.timestamp() + 60)

    def test_of_a_poking_sensor_is_kept_too(self, settings: Callable[..., None]):
        settings(latency=600)
        task = sensor(generate().run(), deferrable=False, timeout=0.2)
        for timeout in (0.2, 0.0):
            with pytest.raises(AirflowSensorTimeout):
                task.run()
            assert task.operator.timeout <= timeout
            task.operator.timeout = 0.2

    def test_of_a_new_job_is_its_own(self, sandbox: Sandbox):
        task = generate(prompt="[fail] a red fox", wait_for_completion=True, deferrable=True)
        for _ in range(2):
            with pytest.raises(e.JobFailedError):
                task.run()
        (_, first), (_, second) = task.triggers
        assert second["deadline"] > first["deadline"]
        assert len(images(sandbox)) == 2


@needs_state_store
class TestMemory:
    def test_no_accounts_are_tried_again_without_a_write(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        task = post(content="[partial] hello", image=URL, wait_for_publish=True)
        with pytest.raises(e.PublishError):
            task.run()
        monkeypatch.setattr(StateStore, "set", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            task.run()
        assert not calls(sandbox, "posteverywhere.retry_post")

    def test_a_post_that_was_delivered_is_not_mistaken_for_the_one_of_a_later_try(self, sandbox: Sandbox):
        media_ids = library_media()
        task = post(media_ids=media_ids)
        made = [task.run()["post_id"]]
        for _ in range(2):
            task.ti.max_tries += 2
            sandbox.fault("posteverywhere.create_post", "reset", times=2)
            for _ in range(2):
                with pytest.raises(e.OutcomeUnknownError):
                    task.run()
            made.append(task.run()["post_id"])
        assert len(set(made)) == len(posts(sandbox)) == 3

    def test_a_result_that_was_done_again_but_not_delivered_is_resumed_after_a_clear(
        self, sandbox: Sandbox, settings: Callable[..., None]
    ):
        task = generate(wait_for_completion=True)
        task.run()
        settings(latency=600)
        task.ti.max_tries += 2
        task.operator.timeout = 0.1
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        task.ti.max_tries += 2
        with pytest.raises(AirflowSensorTimeout):
            task.run()
        assert len(images(sandbox)) == 2

    @pytest.mark.parametrize("given", [False, True])
    @pytest.mark.parametrize(
        "options", [{}, {"scheduled_for": DAY}, {"draft": True}, {"draft": True, "account_ids": None}], ids=str
    )
    def test_every_kind_of_post_is_found_again(self, sandbox: Sandbox, options: dict[str, Any], given: bool):
        media_ids = library_media()
        task = post(**({"media_ids": media_ids} if given else {"image": URL}), **options)
        lose_the_answer(sandbox, task)
        task.run()
        assert len(posts(sandbox)) == 1

    def test_a_post_whose_answer_was_lost_is_found_after_a_clear_too(self, sandbox: Sandbox):
        task = post(image=URL)
        lose_the_answer(sandbox, task)
        task.ti.max_tries += 2
        task.run()
        assert len(posts(sandbox)) == 1

    def test_a_post_id_is_kept_however_long_airflow_cannot_take_it(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("airflow_provider_pictory.task.state.backoff", lambda *_: 0.001)
        write, outage = StateStore.set, [RuntimeError("the api-server is away")] * 5

        def flaky(self: StateStore, key: str, value: Any, **options: Any) -> None:
            if "post_id" in value["values"] and outage:
                raise outage.pop()
            write(self, key, value, **options)

        monkeypatch.setattr(StateStore, "set", flaky)
        task = post(image=URL)
        assert task.run()["post_id"] == task.run()["post_id"]
        assert not outage
        assert not calls(sandbox, "posteverywhere.list_posts")

    def test_a_process_without_a_supervisor_ends(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        def orphaned(self: StateStore, key: str, value: Any, **options: Any) -> None:
            if "job_id" in value["values"]:
                raise BrokenPipeError

        monkeypatch.setattr(StateStore, "set", orphaned)
        with pytest.raises(BrokenPipeError):
            generate().run()

    def test_a_post_is_found_by_a_service_whose_clock_is_behind(self, sandbox: Sandbox):
        sandbox.world.clock = lambda: time.time() - 200
        task = post(image=URL)
        lose_the_answer(sandbox, task)
        task.run()
        assert len(posts(sandbox)) == 1

    def test_a_post_is_found_by_the_time_that_its_own_try_gave_it(self, sandbox: Sandbox):
        media_ids = library_media()
        task = post(media_ids=media_ids, scheduled_for=DAY)
        lose_the_answer(sandbox, task)
        task.operator.scheduled_for = "2999-01-01T08:00:07Z"
        task.run()
        assert len(posts(sandbox)) == 1
        paused = len(task.paused)
        task.run()
        assert len(task.paused) == paused  # it was adopted: no call of an earlier try is under way any more

    def test_publishing_again_is_waited_for_anew(self, sandbox: Sandbox):
        task = post(content="[partial] hello", image=URL, wait_for_publish=True, deferrable=True)
        with pytest.raises(e.PublishError):
            task.run()
        task.run()
        (_, first), (_, second) = task.triggers
        assert second["deadline"] > first["deadline"]
        assert not task.paused

    def test_a_lost_answer_counts_against_its_own_job_alone(self, sandbox: Sandbox):
        task = generate(prompt="[fail] a red fox", wait_for_completion=True)
        for expected in (e.OutcomeUnknownError, e.JobFailedError) * 2:
            if expected is e.OutcomeUnknownError:
                sandbox.fault("pictory.submit_image", "reset", when="after")
            with pytest.raises(expected):
                task.run()
        assert len(images(sandbox)) == 4

    @pytest.mark.parametrize("given", [False, True])
    def test_a_post_that_seemed_to_be_gone_is_looked_for_after_a_clear(self, sandbox: Sandbox, given: bool):
        media_ids = library_media()
        task = post(**({"media_ids": media_ids} if given else {"image": URL}))
        task.run()
        sandbox.fault("posteverywhere.get_post", "status", status=404)
        with pytest.raises(e.NotFoundError):
            task.run()
        task.ti.max_tries += 2
        task.store["airflow_provider_pictory"]["delivered"] = []  # as if the first try had died before it delivered
        task.run()
        assert len(posts(sandbox)) == 1

    def test_a_post_is_found_in_a_list_that_tells_no_media(self, sandbox: Sandbox):
        task = post(image=URL)
        lose_the_answer(sandbox, task)
        [made] = sandbox.world.posts.values()
        items = {"posts": [{"id": made.id, "status": "published", "created_at": "2999-01-01T00:00:00Z"}]}
        sandbox.fault("posteverywhere.list_posts", "body", body={"data": items, "error": None})
        assert task.run()["post_id"] == made.id
        assert len(posts(sandbox)) == 1

    def test_without_a_write_there_is_no_post(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(StateStore, "set", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            post(image=URL).run()
        assert not calls(sandbox, "posteverywhere.create_post")

    def test_a_post_that_the_service_tries_again_by_itself_is_left_to_it(self, sandbox: Sandbox):
        task = post(image=URL)
        made = task.run()
        pending = {"platform": "x", "account_id": 2282, "status": "failed", "next_retry_at": "2999-01-01T00:00:00Z"}
        body = {"data": {"id": made["post_id"], "status": "partially_failed", "destinations": [pending]}}
        sandbox.fault("posteverywhere.get_post", "body", body=body)
        task.run()
        assert not calls(sandbox, "posteverywhere.retry_post")

    def test_a_fault_on_the_way_back_to_waiting_is_waited_out(self, sandbox: Sandbox):
        task = post(content="[partial] hello", image=URL, wait_for_publish=True, deferrable=True)
        with pytest.raises(e.PublishError):
            task.run()
        sandbox.fault("posteverywhere.get_post", "status", status=503, times=3)
        with pytest.raises(e.PublishError):  # it goes on waiting, and finds what failed
            task.run()
        assert task.run()["status"] == "published"

    @pytest.mark.parametrize("times", [3, 5])
    def test_a_job_is_given_up_only_where_pictory_itself_still_does_not_know_it(self, sandbox: Sandbox, times: int):
        task = generate(wait_for_completion=True)
        sandbox.fault("pictory.get_job", "status", status=404, times=times)
        with pytest.raises(e.NotFoundError):
            task.run()
        task.ti.max_tries += 2
        task.run()
        assert len(images(sandbox)) == (1 if times == 3 else 2)

    def test_inputs_that_change_on_the_way_leave_a_trace_of_what_was_paid_for(
        self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ):
        task = generate()
        job_id = task.run()
        del task.store["airflow_provider_pictory"]["values"]["done"]  # as if the try had died before it delivered
        task.operator.prompt = "A corrected fox"
        task.run()
        assert any(job_id in record.getMessage() for record in caplog.records if record.levelname == "WARNING")

    def test_a_refusal_that_cannot_be_written_down_is_still_the_error(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ):
        write = StateStore.set

        def flaky(self: StateStore, key: str, value: Any, **options: Any) -> None:
            if not {"spending", "calling"} & set(value["values"]):
                raise RuntimeError("the api-server is away")
            write(self, key, value, **options)

        monkeypatch.setattr(StateStore, "set", flaky)
        for call, task in (("pictory.submit_image", generate()), ("posteverywhere.create_post", post(image=URL))):
            sandbox.fault(call, "status", status=402)
            with pytest.raises(e.PermissionDeniedError):
                task.run()

    @pytest.mark.parametrize("cut", [r"Z$", r"(\.\d+)?Z$", r"T|Z$"], ids=["no zone", "no fraction", "no T"])
    @pytest.mark.parametrize("when", [None, DAY])
    def test_a_lost_post_is_found_whatever_the_form_of_the_services_times(
        self, sandbox: Sandbox, posteverywhere: Any, cut: str, when: str | None
    ):
        task = post(media_ids=library_media(), scheduled_for=when)
        lose_the_answer(sandbox, task)

        def reformed(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: reformed(item) for name, item in value.items()}
            if isinstance(value, list):
                return [reformed(item) for item in value]
            is_time = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value)
            return re.sub(cut, lambda found: " " if found[0] == "T" else "", value) if is_time else value

        answer = posteverywhere.get("/posts").json()
        [made] = answer["data"]["posts"]
        for call, path in (("list_posts", "/posts"), ("get_post", f"/posts/{made['post_id']}")):
            body = reformed(posteverywhere.get(path).json())
            sandbox.fault(f"posteverywhere.{call}", "body", body=body, times=None)
        assert task.run()["post_id"] == made["post_id"]
        assert len(posts(sandbox)) == 1

    def test_a_picture_whose_address_has_changed_is_the_same_picture(self, sandbox: Sandbox):
        image = {"job_id": "4d82d040", "status": "completed", "url": URL}
        task = post(image=image)
        first = task.run()
        task.operator.image = {**image, "url": f"{URL}?signed=anew"}
        assert task.run()["post_id"] == first["post_id"]

    def test_state_holds_no_key(self, sandbox: Sandbox):
        task = post(image=URL)
        task.run()
        assert sandbox.posteverywhere_key not in json.dumps(task.store)


@needs_state_store
class TestEndedInTheTriggerer:
    """A trigger that delivers cannot write it down; Airflow 3.3 tells the first process after a clear what it left."""

    @pytest.fixture(autouse=True)
    def as_on_airflow_3_3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_pictory.task.end_in_triggerer.has_rows_for_tries", lambda: False)

    def ended(self, task: Tries, *, left: list[str]) -> None:
        """Bring the task to where a user has cleared it."""
        assert task.store is not None
        [entry] = task.store.values()
        entry["values"].pop("done", None)
        entry["delivered"] = []
        task.ti.max_tries += 1
        task.ti._ti_context_from_server = SimpleNamespace(xcom_keys_to_clear=left)  # type: ignore[attr-defined]

    def test_a_clear_makes_it_anew(self, sandbox: Sandbox):
        task = generate()
        task.run()
        self.ended(task, left=["return_value", "ended_in_trigger"])
        task.run()
        assert len(images(sandbox)) == 2

    def test_a_retry_after_the_clear_does_so_too(self, sandbox: Sandbox):
        task = generate()
        task.run()
        self.ended(task, left=["ended_in_trigger"])
        monkey = task.operator.attempt
        task.operator.attempt = lambda context: (task.operator._load_state(context), 1 / 0)
        with pytest.raises(ZeroDivisionError):
            task.run()
        task.operator.attempt = monkey
        del task.ti._ti_context_from_server  # type: ignore[attr-defined]
        task.run()
        assert len(images(sandbox)) == 2

    def test_one_that_was_cut_off_goes_on(self, sandbox: Sandbox):
        task = generate()
        task.run()
        self.ended(task, left=["return_value", "pictory_image"])
        task.run()
        assert len(images(sandbox)) == 1

    def test_the_delivered_post_is_not_adopted(self, sandbox: Sandbox):
        task = post(media_ids=library_media())
        made = task.run()["post_id"]
        self.ended(task, left=["ended_in_trigger"])
        lose_the_answer(sandbox, task)
        assert task.run()["post_id"] != made
        assert len(posts(sandbox)) == 2


@needs_state_store
class TestClearedWithoutItsState:
    """What Airflow 3.4 does unless told otherwise."""

    @pytest.fixture(autouse=True)
    def as_on_airflow_3_4(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_pictory.task.state.has_rows_for_tries", lambda: True)

    @pytest.mark.parametrize("make", [generate, media])
    def test_it_pays_again_and_says_so(
        self, sandbox: Sandbox, make: Callable[[], Tries], caplog: pytest.LogCaptureFixture
    ):
        task = make()
        task.run()
        assert not caplog.records or "was cleared" not in caplog.text
        task.clear(keep_state=False)
        task.run()
        ledger = sandbox.world.ledger()
        assert len(ledger["images"]) + len(ledger["media"]) == 2
        assert "The task was cleared, and has no state of its earlier tries" in caplog.text
        assert "clear a task with 'Keep task state and resume'" in caplog.text

    def test_a_retry_that_had_nothing_to_save_is_no_clear(self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture):
        task = post(image=URL)
        sandbox.fault("posteverywhere.upload_media_from_url", "status", status=503, times=3)
        with pytest.raises(e.TransientError):
            task.run()
        task.run()
        assert not task.paused
        assert not calls(sandbox, "posteverywhere.list_posts")
        assert "was cleared" not in caplog.text

    def test_a_wait_says_nothing(self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture):
        task = sensor(generate().run())
        task.run()
        task.clear(keep_state=False)
        task.run()
        assert "was cleared" not in caplog.text

    @pytest.mark.parametrize("given", [False, True], ids=["image", "media_ids"])
    def test_it_does_not_post_what_may_be_posted_already(self, sandbox: Sandbox, given: bool):
        task = post(media_ids=library_media()) if given else post(image=URL)
        lose_the_answer(sandbox, task)
        [made] = posts(sandbox)
        for _ in range(2):
            task.clear(keep_state=False)
            with pytest.raises(AirflowFailException, match=rf"post {made['post_id']} has this text and these accounts"):
                task.run()
        with pytest.raises(AirflowFailException, match="To resume with that post"):
            task.run()
        assert not task.paused
        assert len(posts(sandbox)) == 1
        task.clear()
        assert task.run()["post_id"] == made["post_id"]
        assert len(posts(sandbox)) == 1
        task.clear()
        assert task.run()["post_id"] != made["post_id"]
        assert len(posts(sandbox)) == 2

    def test_accounts_that_failed_are_published_on_again_and_no_others(
        self, sandbox: Sandbox, travel: Callable[[float], None]
    ):
        task = post(content="[partial] Hello", image=URL)
        task.run()
        travel(60)
        task.clear(keep_state=False)
        with pytest.raises(AirflowFailException, match="clear the task with 'Keep task state and resume'"):
            task.run()
        task.clear()
        task.run()
        assert calls(sandbox, "posteverywhere.retry_post") == 1
        assert len(posts(sandbox)) == 1

    def test_among_several_posts_none_is_taken(self, sandbox: Sandbox):
        task = post(image=URL)
        for _ in range(2):
            post(image=URL).run()
        task.ti.try_number = 2
        task.clear(keep_state=False)
        for _ in range(2):  # a retry of a process that was killed before it could report the question is no answer
            with pytest.raises(AirflowFailException, match="If none of them is this task's"):
                task.run()
        assert len(posts(sandbox)) == 2
        task.clear()
        task.run()
        assert len(posts(sandbox)) == 3

    def test_it_posts_once_an_earlier_request_must_have_ended(self, sandbox: Sandbox):
        task = post(image=URL)
        sandbox.fault("posteverywhere.create_post", "reset")
        with pytest.raises(e.OutcomeUnknownError):
            task.run()
        task.clear(keep_state=False)
        task.run()
        [pause] = task.paused
        assert 130 < pause < 141
        assert calls(sandbox, "posteverywhere.list_posts") == 2
        assert len(posts(sandbox)) == 1

    def test_a_post_that_arrives_meanwhile_is_seen(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
        task = post(image=URL)
        task.ti.try_number = 2
        task.clear(keep_state=False)
        wait = Tries.pause

        def pause(self: Tries, deferral: Any) -> Any:
            post(image=URL).run()
            return wait(self, deferral)

        monkeypatch.setattr(Tries, "pause", pause)
        with pytest.raises(AirflowFailException, match="it may be posted already"):
            task.run()
        assert len(posts(sandbox)) == 1

    @pytest.mark.parametrize(
        "other",
        [{"content": "Another text"}, {"account_ids": [2280]}, {}],
        ids=["text", "accounts", "media"],
    )
    def test_a_post_that_is_certainly_another_is_no_reason(self, sandbox: Sandbox, other: dict[str, Any]):
        media_ids = library_media()
        post(**{"media_ids": media_ids if other else library_media(), **other}).run()
        task = post(media_ids=media_ids)
        task.ti.try_number = 2
        task.clear(keep_state=False)
        task.run()
        assert len(posts(sandbox)) == 2

    def test_a_post_from_before_the_run_is_no_reason(self, sandbox: Sandbox, travel: Callable[[float], None]):
        post(image=URL).run()
        task = post(image=URL)
        task.due = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=301)
        task.ti.try_number = 2
        task.clear(keep_state=False)
        task.run()
        assert len(posts(sandbox)) == 2

    def test_a_list_without_texts_is_read_post_by_post(self, sandbox: Sandbox):
        task = post(image=URL)
        lose_the_answer(sandbox, task)
        task.clear(keep_state=False)
        [made] = posts(sandbox)
        body = {"data": {"posts": [{"post_id": made["post_id"]}], "pagination": {"has_more": False}}}
        sandbox.fault("posteverywhere.list_posts", "status", status=200, body=json.dumps(body))
        with pytest.raises(AirflowFailException, match=made["post_id"]):
            task.run()


class TestOtherReleases:
    """What version 0.1.0 wrote into Airflow's database is understood by every later one."""

    def test_a_trigger_goes_on(self, sandbox: Sandbox):
        job_id = generate().run()
        made = post(image=URL).run()
        task = sensor(job_id)
        for path, kwargs in (
            ("airflow_provider_pictory.triggers.pictory.ImageJobTrigger", {"job_id": job_id}),
            (
                "airflow_provider_pictory.triggers.posteverywhere.PostTrigger",
                {"post_id": made["post_id"], "start": time.time() - 60},
            ),
        ):
            conn = "pictory" if "job_id" in kwargs else "posteverywhere"
            row = {**kwargs, f"{conn}_conn_id": f"{conn}_default", "poll_interval": 0.1, "deadline": time.time() + 60}
            assert task.revive(path, row)["result"]["status"] in ("completed", "published")

    def test_an_event_is_read(self):
        image = {"job_id": "j", "status": "completed", "url": URL, "width": 1, "height": 1, "ai_credits_used": 2}
        event = {"result": {**image, "error_code": None, "error_message": None, "new": 1}}
        task = generate()
        assert task.operator.execute_complete(task.context, event) == image
        made = {
            "post_id": "p",
            "status": "published",
            "media_ids": ["m"],
            "scheduled_for": None,
            "destinations": [{"account_id": 1, "platform": "x", "status": "done", "url": None, "error": None}],
        }
        new = {**made, "new": 1, "destinations": [{**made["destinations"][0], "new": 1}]}  # type: ignore[dict-item]
        task = post(image=URL)
        assert task.operator.execute_complete(task.context, {"result": new}) == made

    @needs_state_store
    @pytest.mark.parametrize(
        ("make", "name", "fingerprint"),
        [
            (generate, "job_id", "95c422d17fbac52700634ceb3b91a00d4e1888ba9db999c709413e526aba4c1a"),
            (lambda: post(image=URL), "post_id", "bb4e827e9f469baf929f93254a511088224ebffdae0c1e7f98f2393c87493cc7"),
        ],
    )
    def test_state_is_resumed(self, sandbox: Sandbox, make: Callable[[], Tries], name: str, fingerprint: str):
        result = make().run()
        made = result["post_id"] if isinstance(result, dict) else result
        entry = {"fingerprint": fingerprint, "max_tries": 1, "delivered": [], "values": {name: made}}
        task = make()
        task.store = StateStore(airflow_provider_pictory=entry)
        task.run()
        ledger = sandbox.world.ledger()
        assert len(ledger["images"]) + len(ledger["posts"]) == 1


@needs_state_store
class TestRetryPolicy:
    @pytest.mark.parametrize(
        ("error", "delay"),
        [
            (e.RateLimitedError("429", retry_after=60), (60, 72)),
            (e.TransientError("503", retry_after=60), (60, 72)),
            (e.TransientError("503"), None),
            (e.OutcomeUnknownError("500", retry_after=60), None),
            (ValueError("mine"), None),
        ],
    )
    def test_the_next_try_waits_as_the_service_asked(self, error: Exception, delay: tuple[int, int] | None):
        decision = ServiceRetryPolicy().evaluate(error, 1, 3)
        if delay is None:
            assert decision.action.value == "default"
        else:
            on_airflow_3_4 = hasattr(decision, "max_reschedules")
            assert decision.action.value == ("reschedule" if on_airflow_3_4 else "retry")
            assert not on_airflow_3_4 or decision.max_reschedules == 3
            assert delay[0] <= decision.retry_delay.total_seconds() <= delay[1]

    def test_a_task_without_retries_runs_once(self):
        assert ServiceRetryPolicy().evaluate(e.RateLimitedError("429"), 1, 0).action.value == "retry"


def test_a_draft_cannot_be_waited_for(sandbox: Sandbox):
    with pytest.raises(AirflowFailException, match="wait_for_publish: is True for a draft"):
        post(image=URL, account_ids=ACCOUNTS, draft=True, wait_for_publish=True).run()
    assert not sandbox.world.requests
