"""Which tasks may end in the triggerer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pictory.decorators.pictory import pictory_image_task
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from tests.conftest import needs_state_store

pytestmark = needs_state_store

TASKS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "generate": (GenerateImageOperator, {"prompt": "A red fox at dawn"}),
    "post": (PostImageOperator, {"content": "Hello", "account_ids": [1], "media_ids": ["m"]}),
    "sensor": (ImageJobSensor, {"job_id": "job"}),
}


def context(task: Any) -> dict[str, Any]:
    server = SimpleNamespace(xcom_keys_to_clear=[])
    ti = SimpleNamespace(map_index=0, rendered_map_index=None, _ti_context_from_server=server)
    return {"ti": ti, "task": task, "task_state_store": {}}


@pytest.fixture(autouse=True)
def on_airflow_3_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_pictory.task.end_in_triggerer.has_rows_for_tries", lambda: False)


@pytest.mark.parametrize("name", TASKS)
def test_a_plain_task_of_the_package_may(name: str):
    kind, arguments = TASKS[name]
    assert can_end_from_trigger(context(kind(task_id="task", **arguments)))


@pytest.mark.parametrize("name", TASKS)
def test_where_the_keys_of_earlier_tries_do_not_arrive_only_what_costs_nothing_may(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("airflow_provider_pictory.task.end_in_triggerer.has_rows_for_tries", lambda: True)
    kind, arguments = TASKS[name]
    task = context(kind(task_id="task", **arguments))
    assert not can_end_from_trigger(task)
    assert can_end_from_trigger(task, costs=False)


@pytest.mark.parametrize("name", TASKS)
def test_a_subclass_of_a_user_may_not(name: str):
    kind, arguments = TASKS[name]
    mine = type("Mine", (kind,), {"__module__": "my_dags"})
    assert not can_end_from_trigger(context(mine(task_id="task", **arguments)))


def decorated(**kwargs: Any) -> Any:
    return pictory_image_task(task_id="task", **kwargs)(lambda: "A red fox")().operator


def test_a_decorated_task_may():
    assert can_end_from_trigger(context(decorated()))


@pytest.mark.parametrize(
    ("label", "may"), [("{{ task.prompt }}", False), ("{{ ti.map_index }}", False), ("{{ ds }}", True)]
)
def test_a_decorated_task_whose_label_is_what_its_function_returns_may_not(label: str, may: bool):
    found = context(decorated(map_index_template=label))
    found["ti"].rendered_map_index = "label"
    assert can_end_from_trigger(found) is may


def test_a_task_with_a_success_callback_may_not():
    kind, arguments = TASKS["generate"]
    assert not can_end_from_trigger(context(kind(task_id="task", on_success_callback=print, **arguments)))
