"""What is wrong in a DAG file fails where the file is read; what is known only later, when the task runs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task.template_fields import is_literal

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

IMAGE = {"prompt": "A red fox at dawn"}
POST = {"content": "Hello", "account_ids": [2280], "image": "https://pictures.example/a.png"}
WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (GenerateImageOperator, {"prompt": "abc"}, "prompt: has 3 characters"),
    (GenerateImageOperator, {"prompt": "a    "}, "prompt: has 1 characters"),
    (GenerateImageOperator, {"prompt": 2026}, "prompt: is of type int"),
    (GenerateImageOperator, {**IMAGE, "style": "photo"}, "style: is 'photo'"),
    (GenerateImageOperator, {**IMAGE, "style": ""}, "style: is ''"),
    (GenerateImageOperator, {**IMAGE, "model": " "}, "model: is ' '"),
    (GenerateImageOperator, {**IMAGE, "model": "None"}, "model: is 'None'"),
    (GenerateImageOperator, {**IMAGE, "aspect_ratio": ""}, "aspect_ratio: is ''"),
    (GenerateImageOperator, {**IMAGE, "aspect_ratio": "4:3"}, "aspect_ratio: is '4:3'"),
    (GenerateImageOperator, {**IMAGE, "reference_image_url": ""}, "reference_image_url: is ''"),
    (GenerateImageOperator, {**IMAGE, "webhook": "None"}, "webhook: is 'None'"),
    (GenerateImageOperator, {**IMAGE, "poll_interval": 0}, "poll_interval: is 0"),
    (GenerateImageOperator, {**IMAGE, "timeout": dt.timedelta(0)}, "timeout: is "),
    (GenerateImageOperator, {**IMAGE, "wait_for_completion": "perhaps"}, "wait_for_completion: is 'perhaps'"),
    (GenerateImageOperator, {**IMAGE, "deferrable": "None"}, "deferrable: is 'None'"),
    (GenerateMediaOperator, {"prompt": " "}, "prompt: has 0 characters"),
    (GenerateMediaOperator, {"prompt": "None"}, "prompt: is 'None'"),
    (GenerateMediaOperator, {**IMAGE, "aspect_ratio": "2:1"}, "aspect_ratio: is '2:1'"),
    (PostImageOperator, {**POST, "content": " "}, "content: has 0 characters"),
    (PostImageOperator, {**POST, "account_ids": ["2280"]}, "account_ids: holds '2280'"),
    (PostImageOperator, {**POST, "account_ids": "12"}, "account_ids: is '12'"),
    (PostImageOperator, {**POST, "account_ids": ""}, "account_ids: is ''"),
    (PostImageOperator, {**POST, "account_ids": []}, "account_ids: is empty"),
    (PostImageOperator, {**POST, "image": "http://pictures.example/a.png"}, "image: is 'http"),
    (PostImageOperator, {**POST, "image": ""}, "image: is ''"),
    (PostImageOperator, {**POST, "scheduled_for": ""}, "scheduled_for: is ''"),
    (PostImageOperator, {**POST, "scheduled_for": "None"}, "scheduled_for: is 'None'"),
    (PostImageOperator, {**POST, "scheduled_for": "tomorrow"}, "scheduled_for: is 'tomorrow'"),
    (PostImageOperator, {**POST, "timezone": ""}, "timezone: is ''"),
    (PostImageOperator, {**POST, "timezone": "Mars"}, "timezone: is 'Mars'"),
    (PostImageOperator, {**POST, "platform_content": ""}, "platform_content: is ''"),
    (PostImageOperator, {**POST, "draft": "perhaps"}, "draft: is 'perhaps'"),
    (PostImageOperator, {"content": "Hello", "account_ids": [1]}, "image, media_ids: neither is given"),
    (PostImageOperator, {"content": "Hello", "account_ids": [1], "media_ids": "abc"}, "media_ids: is 'abc'"),
    (ImageJobSensor, {"job_id": ""}, "job_id: has 0 characters"),
    (ImageJobSensor, {"job_id": "None"}, "job_id: is 'None'"),
    (ImageJobSensor, {"job_id": "j", "poke_interval": 0}, "poke_interval: is 0"),
    (ImageJobSensor, {"job_id": "j", "timeout": "None"}, "timeout: is 'None'"),
]


@pytest.mark.parametrize(("kind", "given", "fault"), WRONG)
class TestWrong:
    def test_what_is_written_out_fails_while_the_file_is_read(self, kind: Any, given: dict[str, Any], fault: str):
        with DAG("d", schedule=None), pytest.raises(InvalidRequestError) as caught:
            kind(task_id="t", **given)
        assert str(caught.value).startswith(fault)

    def test_a_template_of_any_form_is_not_looked_into(self, kind: Any, given: dict[str, Any], fault: str):
        if kind is ImageJobSensor and "job_id: " not in fault:
            pytest.skip("no template field")
        if "deferrable" in given or "neither is given" in fault:
            pytest.skip("no template field")
        with DAG("d", schedule=None, jinja_environment_kwargs={"variable_start_string": "<<"}):
            kind(task_id="t", **given)


@pytest.mark.parametrize(
    "value", ["{{ ds }}", "{% if x %}y{% endif %}", "{# nothing #}", ["{{ a }}"], {"x": "{{ a }}"}, print]
)
def test_what_is_resolved_later_is_no_literal(value: Any):
    assert not is_literal(value)


def test_what_other_tasks_return_is_not_looked_into():
    with DAG("d", schedule=None):

        @task
        def made() -> Any:
            return None

        arg = made()
        GenerateImageOperator(task_id="generate", prompt=arg, style=arg, poll_interval=arg)
        PostImageOperator(task_id="post", content=arg, account_ids=[arg], image=arg, scheduled_for=arg, draft=arg)
        ImageJobSensor(task_id="wait", job_id=arg)


def test_what_is_mapped_is_checked_when_the_task_runs():
    with DAG("d", schedule=None):
        mapped = GenerateImageOperator.partial(task_id="generate", style="photo").expand(prompt=["abc"])
        PostImageOperator.partial(task_id="post", content="Hello").expand_kwargs([{"account_ids": ["1"], "image": ""}])
    assert mapped.partial_kwargs["style"] == "photo"
    operator = GenerateImageOperator(task_id="t", prompt="abc", style="photo", _airflow_from_mapped=True)
    with pytest.raises(InvalidRequestError, match="prompt: has 3 characters"):
        operator.execute({})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in (True, "true", "True", 1, "1", " TRUE ")),
        *((value, False) for value in (False, "false", "False", 0, "0")),
    ],
)
def test_what_is_true_and_what_is_false_has_one_reading(value: Any, expected: bool):
    from airflow_provider_pictory.client.requests import PostRequest
    from airflow_provider_pictory.client.validation import read_boolean

    assert read_boolean("draft", value) is expected
    assert PostRequest(content="Hello", account_ids=[1], draft=value).to_api().get("draft", False) is expected


@pytest.mark.parametrize("value", [None, "", "None", "yes", 2, 1.0, [], "on"])
def test_nothing_else_is_true_or_false(value: Any):
    from airflow_provider_pictory.client.validation import read_boolean

    with pytest.raises(InvalidRequestError, match="draft: is "):
        read_boolean("draft", value)


def test_numbers_of_numpy_are_account_ids():
    from numbers import Integral

    class Int64:
        def __int__(self) -> int:
            return 2280

    Integral.register(Int64)
    from airflow_provider_pictory.client.validation import check_account_ids

    found = check_account_ids([Int64()], required=True)
    assert found == [2280]
    assert type(found[0]) is int
