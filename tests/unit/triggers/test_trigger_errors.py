"""A task whose trigger broke says in its error what broke, not only that something did."""

from __future__ import annotations

import asyncio
import importlib
import time
import traceback
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.triggers.pictory import ImageJobTrigger
from airflow_provider_pictory.triggers.turn import TurnTrigger
from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException, TaskDeferralError
from tests.conftest import TaskInstance


def approval() -> Any:
    module = pytest.importorskip("airflow_provider_pictory.operators.approval", exc_type=ImportError)
    return module.ApproveImageOperator(task_id="task", image={"url": "https://a.example/b.png"})


TASKS: dict[str, Callable[[], Any]] = {
    "generate": lambda: GenerateImageOperator(task_id="task", prompt="A red fox at dawn"),
    "media": lambda: GenerateMediaOperator(task_id="task", prompt="A red fox at dawn"),
    "post": lambda: PostImageOperator(task_id="task", content="Hello", account_ids=[1], media_ids=["m"]),
    "sensor": lambda: ImageJobSensor(task_id="task", job_id="job"),
    "sensor that may skip": lambda: ImageJobSensor(task_id="task", job_id="job", soft_fail=True),
    "approval": approval,
}


def load_a_class_that_is_gone() -> None:
    getattr(importlib.import_module("airflow_provider_pictory.triggers.pictory"), "Gone")  # noqa: B009


def load_a_row_with_an_unknown_argument() -> None:
    ImageJobTrigger(job_id="job", pictory_conn_id="pictory_default", poll_interval=1, deadline=1, colour="red")  # type: ignore[call-arg]


def import_what_is_not_there() -> None:
    from airflow_provider_pictory.hooks.base import Gone  # type: ignore[attr-defined]  # noqa: F401


def fail_in_several_lines_after_another_error() -> None:
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("one\n  two\nthree") from error


def failed(what: Callable[[], None] | None) -> dict[str, Any]:
    """Return the arguments with which Airflow resumes a task whose trigger failed so."""
    lines = None
    if what is not None:
        try:
            what()
        except Exception as error:
            lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {"error": "Trigger failure", "traceback": lines}


def resume(task: Any, next_kwargs: dict[str, Any] | None) -> tuple[AirflowException, TaskInstance]:
    ti = TaskInstance()
    with pytest.raises(AirflowException) as caught:
        task.resume_execution("__fail__", next_kwargs, {"ti": ti, "task": task})
    return caught.value, ti


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(
    ("what", "text"),
    [
        (load_a_class_that_is_gone, "AttributeError: module 'airflow_provider_pictory.triggers.pictory' has no"),
        (load_a_row_with_an_unknown_argument, "TypeError: ImageJobTrigger.__init__() got an unexpected keyword"),
        (import_what_is_not_there, "ImportError: cannot import name 'Gone' from 'airflow_provider_pictory.hooks.base'"),
        (fail_in_several_lines_after_another_error, "ValueError: one two three"),
    ],
    ids=lambda item: getattr(item, "__name__", ""),
)
def test_the_error_has_the_text_of_what_broke_and_leaves_retries_to_airflow(
    name: str, what: Callable[[], None], text: str
):
    error, _ = resume(TASKS[name](), failed(what))
    assert str(error).startswith(f"Trigger failure: {text}")
    assert isinstance(error, TaskDeferralError)
    assert not isinstance(error, AirflowFailException)


@pytest.mark.parametrize("name", TASKS)
def test_a_trigger_that_left_no_traceback_is_reported_as_airflow_does(name: str):
    assert str(resume(TASKS[name](), failed(None))[0]) == "Trigger failure"
    assert str(resume(TASKS[name](), {"error": "Trigger timeout"})[0]) == "Trigger timeout"
    assert str(resume(TASKS[name](), None)[0]) == "Unknown"


class BrokenTrigger(ImageJobTrigger):
    async def wait(self) -> dict[str, Any]:
        raise TypeError("broken")


def test_a_trigger_that_breaks_at_once_leaves_airflow_time_to_see_the_end_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("airflow_provider_pictory.triggers.base.MIN_WAIT", 0.3)
    trigger = BrokenTrigger("job", "pictory_default", 1, deadline=0)
    trigger.task_instance = mock.Mock(spec=["task_id"])
    began = time.monotonic()
    with pytest.raises(TypeError, match="broken"):
        asyncio.run(anext(trigger.run()))
    assert time.monotonic() - began >= 0.3


def test_a_task_that_was_sent_away_goes_on_although_its_turn_cannot_be_waited_for():
    moment = time.time() + 0.3
    trigger = TurnTrigger("unknown", "pictory_default", moment, 1, deadline=moment + 60)
    asyncio.run(anext(trigger.run()))
    assert time.time() >= moment


def test_galleries_are_not_shown_what_any_error_may_hold():
    _, ti = resume(TASKS["post"](), failed(import_what_is_not_there))
    assert ti.pushed["posteverywhere_post"]["error"] == "TaskDeferralError: the task's log says more"
