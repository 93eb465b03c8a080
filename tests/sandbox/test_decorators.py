"""Decorated tasks: what their functions return is paid for and posted once, whatever they would return another time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.decorators.pictory import pictory_image_task
from airflow_provider_pictory.decorators.posteverywhere import posteverywhere_media_task, posteverywhere_post_task
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.testing.task_run import RunTask
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSkipException
from tests.conftest import Tries, needs_state_store
from tests.sandbox.tasks import ACCOUNTS, FAST, calls, images, library_media, lose_the_answer, posts

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

pytestmark = pytest.mark.usefixtures("connections", "quick")

URL = "https://pictures.example/a.png"


class Muse:
    """Returns something else on each call, as an AI model does."""

    def __init__(self) -> None:
        self.ideas = [f"A fox, idea {number}" for number in range(9)]
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return self.ideas[self.calls - 1]


@pytest.fixture
def muse() -> Muse:
    return Muse()


def tries(decorator: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Tries:
    return Tries(decorator(task_id="task", **kwargs)(function)(*args).operator)


def fox(muse: Muse, **kwargs: Any) -> Tries:
    return tries(pictory_image_task, lambda: muse(), **{"wait_for_completion": True, **FAST, **kwargs})


def caption(muse: Muse, **kwargs: Any) -> Tries:
    return tries(posteverywhere_post_task, lambda: muse(), **{"account_ids": ACCOUNTS, **FAST, **kwargs})


def prompts(sandbox: Sandbox) -> list[str]:
    return [image["prompt"] for image in images(sandbox)]


class TestInputs:
    def test_a_text_is_the_prompt(self, sandbox: Sandbox, muse: Muse, deferrable: bool):
        task = fox(muse, deferrable=deferrable, model="flux-schnell")
        image = task.run()
        [made] = images(sandbox)
        assert (made["prompt"], made["model"]) == ("A fox, idea 0", "flux-schnell")
        assert task.ti.pushed["pictory_image"] == {**image, "prompt": "A fox, idea 0", "model": "flux-schnell"}
        assert task.ti.pushed["_link_ImageLink"] == image["url"]

    def test_without_waiting_the_job_id_is_returned(self, sandbox: Sandbox, muse: Muse):
        assert fox(muse, wait_for_completion=False).run() == images(sandbox)[0]["job_id"]

    def test_the_function_is_called_once_whatever_follows(self, muse: Muse):
        assert fox(muse, deferrable=True).run()
        assert muse.calls == 1

    def test_a_dict_has_any_templated_parameters(self, sandbox: Sandbox):
        def inputs(colour: str, ds: Any = None) -> dict[str, Any]:
            return {
                "prompt": f"A {colour} fox",
                "model": "nanobanana",
                "poll_interval": dt.timedelta(seconds=0.01),
                "skip_after": dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1),
            }

        task = tries(pictory_image_task, inputs, "red", model="flux-schnell", wait_for_completion=True)
        assert task.operator.multiple_outputs is False  # in spite of the annotation: the result is another dict
        assert task.run()
        assert [(image["prompt"], image["model"]) for image in images(sandbox)] == [("A red fox", "nanobanana")]

    def test_an_image_is_posted(self, sandbox: Sandbox):
        task = tries(posteverywhere_post_task, lambda image: {"content": "Hi", "image": image}, URL, account_ids=[2280])
        assert task.run()["status"]
        assert task.ti.pushed["posteverywhere_post"]["image_url"] == URL
        assert [post["content"] for post in posts(sandbox)] == ["Hi"]

    def test_accounts_may_be_returned_too(self, sandbox: Sandbox):
        inputs = {"content": "Hi", "media_ids": tuple(library_media()), "account_ids": [2280]}
        assert tries(posteverywhere_post_task, lambda: inputs).run()
        assert [post["account_ids"] for post in posts(sandbox)] == [[2280]]

    def test_media_is_generated(self, sandbox: Sandbox, muse: Muse):
        record = tries(posteverywhere_media_task, lambda: muse(), model="flux-schnell").run()
        assert record["prompt"] == "A fox, idea 0"
        assert sandbox.ledger()["media"][0]["media_id"] == record["media_id"]

    @pytest.mark.parametrize(
        ("returned", "fault"),
        [
            (None, "has returned NoneType"),
            (7, "has returned int"),
            (["A fox"], "has returned list"),
            ({"prompt": "A fox", "colour": "red"}, "has returned colour"),
            ({"prompt": "A fox", "retries": 3}, "has returned retries"),
            ({"prompt": "A fox", "op_args": ()}, "has returned op_args"),
            ({"model": "flux-schnell"}, "has returned no prompt"),
            ({"prompt": "A fox", "skip_after": dt.date(2026, 1, 1)}, "has returned a value of type date"),
        ],
        ids=str,
    )
    def test_anything_else_fails_at_once(self, sandbox: Sandbox, returned: Any, fault: str):
        def idea() -> Any:
            return returned

        with pytest.raises(e.InvalidRequestError) as caught:
            tries(pictory_image_task, idea).run()
        assert str(caught.value).startswith(f"idea(): {fault}; allowed: a function that returns the prompt, or a dict ")
        assert not images(sandbox)

    @pytest.mark.filterwarnings("ignore:coroutine")
    def test_so_does_an_async_function(self):
        async def idea() -> str:
            return "A fox"

        with pytest.raises(e.InvalidRequestError, match=r"idea\(\): has returned coroutine"):
            tries(pictory_image_task, idea).run()

    @pytest.mark.parametrize("returned", ["A", {"prompt": "A red fox", "style": "photo"}, {"prompt": None}], ids=str)
    def test_a_wrong_value_is_named_as_for_the_operator(self, sandbox: Sandbox, returned: Any):
        with pytest.raises(e.InvalidRequestError, match=r"^(prompt|style): .*; allowed: "):
            tries(pictory_image_task, lambda: returned).run()
        assert not images(sandbox)

    def test_a_post_without_an_image_fails(self, sandbox: Sandbox):
        with pytest.raises(e.InvalidRequestError, match="image, media_ids: neither is given"):
            tries(posteverywhere_post_task, lambda: "Hi", account_ids=[2280]).run()
        assert not posts(sandbox)

    def test_a_post_whose_image_was_skipped_is_skipped(self, sandbox: Sandbox):
        task = tries(posteverywhere_post_task, lambda: {"content": "Hi", "image": None}, account_ids=[2280])
        task.operator.upstream_task_ids.add("wait")
        task.ti.states = {"wait": "skipped"}
        with pytest.raises(AirflowSkipException):
            task.run()
        assert not posts(sandbox)

    def test_a_function_may_skip_its_task(self, sandbox: Sandbox):
        def idea() -> str:
            raise AirflowSkipException("no idea today")

        task = tries(posteverywhere_post_task, idea, account_ids=[2280])
        with pytest.raises(AirflowSkipException, match="no idea today"):
            task.run()
        assert not task.ti.pushed
        assert not sandbox.ledger()["requests"]

    def test_a_function_that_fails_tells_the_gallery_no_more_than_its_kind(self):
        task = tries(posteverywhere_post_task, lambda: 1 / 0, account_ids=[2280])
        with pytest.raises(ZeroDivisionError):
            task.run()
        assert task.ti.pushed["posteverywhere_post"]["error"] == "ZeroDivisionError: the task's log says more"

    def test_what_is_wrong_in_the_decorator_is_an_import_error(self):
        with pytest.raises(e.InvalidRequestError, match="style: is 'photo'"):
            tries(pictory_image_task, lambda: "A fox", style="photo")
        with pytest.raises(e.InvalidRequestError, match="account_ids: "):
            tries(posteverywhere_post_task, lambda: "Hi", account_ids=["x"])


@needs_state_store
class TestTries:
    def test_a_retry_resumes_the_job_that_was_submitted(self, sandbox: Sandbox, muse: Muse, logged: Any):
        task = fox(muse, deferrable=True)
        task.fire = lambda trigger: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            task.run()
        del task.fire
        assert task.run()["job_id"] == images(sandbox)[0]["job_id"]
        assert prompts(sandbox) == ["A fox, idea 0"]
        assert task.ti.pushed["pictory_image"]["prompt"] == "A fox, idea 0"
        assert muse.calls == 1
        assert "without calling the function again" in "\n".join(logged())

    def test_a_lost_answer_is_repeated_once_with_the_same_prompt(self, sandbox: Sandbox, muse: Muse):
        sandbox.fault("pictory.submit_image", "reset", when="after", times=None)
        task = fox(muse)
        for _ in range(2):
            with pytest.raises(e.OutcomeUnknownError):
                task.run()
        with pytest.raises(AirflowFailException, match="The outcome of 2 requests is not known"):
            task.run()
        assert prompts(sandbox) == ["A fox, idea 0"] * 2

    def test_a_delivered_result_is_returned_again_to_a_retry(self, sandbox: Sandbox, muse: Muse):
        task = fox(muse)
        assert task.run() == task.run()
        assert len(images(sandbox)) == muse.calls == 1

    def test_a_retry_after_a_failed_job_has_another_prompt_and_keeps_the_price_of_the_first(
        self, sandbox: Sandbox, muse: Muse
    ):
        muse.ideas[0] += " [fail]"
        task = fox(muse)
        with pytest.raises(e.JobFailedError):
            task.run()
        assert task.run()
        assert prompts(sandbox) == ["A fox, idea 0 [fail]", "A fox, idea 1"]
        [failed] = task.ti.pushed["pictory_image"]["failed_jobs"]
        assert failed["job_id"] == images(sandbox)[0]["job_id"]

    def test_a_refused_submit_left_nothing_to_resume(self, sandbox: Sandbox, muse: Muse):
        sandbox.fault("pictory.submit_image", "status", status=401)
        task = fox(muse)
        with pytest.raises(e.AuthenticationError):
            task.run()
        assert task.run()
        assert prompts(sandbox) == ["A fox, idea 1"]

    @pytest.mark.parametrize("is_random", [False, True])
    def test_a_clear_calls_the_function_and_resumes_what_was_made_of_the_same(
        self, sandbox: Sandbox, muse: Muse, is_random: bool, logged: Any
    ):
        if not is_random:
            muse.ideas = ["A fox"] * 9
        task = fox(muse, deferrable=True)
        task.fire = lambda trigger: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            task.run()
        del task.fire
        task.ti.max_tries += 2
        assert task.run()
        assert muse.calls == 2
        assert len(images(sandbox)) == (2 if is_random else 1)
        warned = "The inputs have changed: starting over, without what an earlier try left behind" in str(logged())
        assert warned == is_random

    def test_other_arguments_are_other_inputs(self, sandbox: Sandbox):
        task = tries(pictory_image_task, lambda colour: f"A {colour} fox", "red", deferrable=True, **FAST)
        task.operator.wait_for_completion = True
        task.fire = lambda trigger: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            task.run()
        del task.fire
        task.operator.op_args = ("blue",)
        assert task.run()
        assert prompts(sandbox) == ["A red fox", "A blue fox"]

    def test_a_stored_picture_is_used_again_by_a_retry(self, sandbox: Sandbox, muse: Muse, tmp_path: Path):
        options = {"save_to": f"file://{tmp_path}/{{fingerprint}}", "if_exists": "reuse"}
        made = fox(muse, **options).run()
        assert Path(made["path"].removeprefix("file://")).is_file()
        muse.ideas[1] = muse.ideas[0]
        later = fox(muse, **options)
        assert later.run()["path"] == later.run()["path"] == made["path"]
        assert (len(images(sandbox)), muse.calls) == (1, 2)

    @pytest.mark.parametrize("source", [{"image": URL}, {"media_ids": None}], ids=["url", "library"])
    def test_a_post_whose_answer_was_lost_is_found_though_the_text_would_be_another(
        self, sandbox: Sandbox, muse: Muse, source: dict[str, Any]
    ):
        task = caption(muse, **(source if "image" in source else {"media_ids": library_media()}))
        lose_the_answer(sandbox, task)
        assert task.run()["post_id"] == posts(sandbox)[0]["post_id"]
        assert [post["content"] for post in posts(sandbox)] == ["A fox, idea 0"]
        assert calls(sandbox, "posteverywhere.create_post") == muse.calls == 1

    def test_media_whose_answer_was_lost_is_paid_for_once_more_with_the_same_prompt(self, sandbox: Sandbox, muse: Muse):
        sandbox.fault("posteverywhere.generate_image", "reset", when="after")
        task = tries(posteverywhere_media_task, lambda: muse())
        with pytest.raises(e.OutcomeUnknownError):
            task.run()
        assert task.run()["prompt"] == "A fox, idea 0"
        assert muse.calls == 1

    def test_nothing_is_sent_if_what_the_function_returned_cannot_be_kept(
        self, sandbox: Sandbox, muse: Muse, monkeypatch: pytest.MonkeyPatch
    ):
        task = fox(muse)
        monkeypatch.setattr(type(task.store), "set", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            task.run()
        assert not images(sandbox)


@pytest.fixture
def dag() -> Iterator[Any]:
    with DAG("foxes", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        yield dag


class TestDags:
    """As ``@task.…``, in DAGs whose tasks are rendered."""

    def test_the_names_lead_to_the_decorators(self):
        assert task.pictory_image is pictory_image_task
        assert task.posteverywhere_media is posteverywhere_media_task
        assert task.posteverywhere_post is posteverywhere_post_task

    def test_tasks_follow_one_another(self, sandbox: Sandbox, dag: Any, run_task: RunTask):
        @task.pictory_image(wait_for_completion=True, retries=3)
        def fox(colour: str, ds: Any = None) -> str:
            return f"A {colour} fox on {ds}"

        @task.posteverywhere_post(account_ids="{{ params.accounts }}")
        def post(image: dict[str, Any]) -> dict[str, Any]:
            return {"content": "Hi", "image": image, "account_ids": [2280]}

        post(fox("{{ params.colour }}"))
        assert dag.get_task("fox").retries == 3
        assert dag.get_task("post").upstream_task_ids == {"fox"}
        image = run_task(
            dag.get_task("fox"),
            params={"colour": "red"},
            logical_date=dt.datetime(2026, 3, 29, tzinfo=dt.timezone.utc),
        )
        assert prompts(sandbox) == ["A red fox on 2026-03-29"]
        run_task(dag.get_task("post"), upstream={"fox": image}, params={"accounts": []})
        assert len(posts(sandbox)) == 1

    def test_an_image_may_be_given_to_the_decorator(self, sandbox: Sandbox, dag: Any, run_task: RunTask):
        @task.pictory_image
        def fox() -> str:
            return "A red fox"

        @task.posteverywhere_post(account_ids=[2280], image=fox())
        def post() -> str:
            return "Hi"

        post()
        assert dag.get_task("post").upstream_task_ids == {"fox"}
        assert run_task(dag.get_task("post"), upstream={"fox": URL})["post_id"] == posts(sandbox)[0]["post_id"]

    def test_mapped_and_overridden(self, sandbox: Sandbox, dag: Any, run_task: RunTask):
        @task.pictory_image(model="flux-schnell")
        def fox(colour: str, place: str) -> str:
            return f"A {colour} fox {place}"

        fox.override(task_id="foxes", model="nanobanana", retries=5).partial(place="at dawn").expand(
            colour=["red", "grey"]
        )
        fox.expand_kwargs([{"colour": "blue", "place": "at sea"}])
        foxes = dag.get_task("foxes")
        assert foxes.retries == 5
        for colour in ("red", "grey"):
            run_task(foxes, mapped={"colour": colour})
        run_task(dag.get_task("fox"), mapped={"colour": "blue", "place": "at sea"})
        assert [(image["prompt"], image["model"]) for image in images(sandbox)] == [
            ("A red fox at dawn", "nanobanana"),
            ("A grey fox at dawn", "nanobanana"),
            ("A blue fox at sea", "flux-schnell"),
        ]

    @pytest.mark.parametrize("native", [False, True])
    def test_what_is_returned_is_not_rendered(self, sandbox: Sandbox, run_task: RunTask, native: bool):
        start = pendulum.datetime(2026, 1, 1, tz="UTC")
        with DAG("native", schedule=None, start_date=start, render_template_as_native_obj=native) as dag:

            @task.pictory_image(model="{{ ds }}")
            def fox(place: str) -> dict[str, Any]:
                return {"prompt": f"'{{{{ ds }}}}' {place}", "model": "flux-schnell"}

            fox("{{ '{{ 1 + 1 }}' }}")
        run_task(dag.get_task("fox"))
        assert prompts(sandbox) == ["'{{ ds }}' {{ 1 + 1 }}"]
        assert images(sandbox)[0]["model"] == "flux-schnell"

    def test_the_scheduler_can_read_the_tasks(self):
        with DAG("foxes", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:

            @task.pictory_image(model="flux-schnell")
            def fox(colour: str) -> str:
                return f"A {colour} fox"

            fox("red")
            fox.expand(colour=["grey"])
        try:
            from airflow.serialization.serialized_objects import DagSerialization as Serialized
        except ImportError:
            from airflow.serialization.serialized_objects import SerializedDAG as Serialized
        found = Serialized.from_dict(Serialized.to_dict(dag)).task_dict
        assert {item.operator_name for item in found.values()} == {"@task.pictory_image"}
        assert found["fox"].prompt == "NOT_GIVEN"
