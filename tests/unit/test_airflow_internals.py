"""The parts of Airflow that are not public and that the package uses: each exists, and is missed without harm."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pictory import version_compat
from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger, previous_xcom_keys
from airflow_provider_pictory.version_compat import (
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
    has_rows_for_tries,
)
from tests.conftest import needs_state_store
from tests.pages import ROOT

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

AIRFLOW = tuple(map(int, version("apache-airflow").split(".")[:2]))


@dataclass(frozen=True)
class Internal:
    """
    A part of Airflow that is not public.

    :param name: as Airflow's source has it.
    :param used_in: the module of this package.
    :param since: the first Airflow that has it.
    :param until: the last Airflow on which the package uses it.
    :param without: what happens where it is missing.
    :param exists: whether the installed Airflow has it.
    """

    name: str
    used_in: str
    since: tuple[int, int]
    without: str
    exists: Callable[[], bool]
    until: tuple[int, int] = (9, 9)


def module(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError(names)


def source(*names: str) -> str:
    return inspect.getsource(module(*names))


ON_A_WORKER = "a worker ends each task; nothing is paid or posted twice"

INTERNALS = [
    Internal(
        "RuntimeTaskInstance._ti_context_from_server",
        "task/end_in_triggerer.py",
        (3, 0),
        ON_A_WORKER,
        lambda: "_ti_context_from_server" in source("airflow.sdk.execution_time.task_runner"),
    ),
    Internal(
        "TIRunContext.xcom_keys_to_clear",
        "task/end_in_triggerer.py",
        (3, 0),
        ON_A_WORKER,
        # The server sends the keys of the task's XComs, those of earlier tries included.
        lambda: (
            "xcom_keys_to_clear" in module("airflow.sdk.api.datamodels._generated").TIRunContext.model_fields
            and re.search(
                r"XCom(Model)?\.run_id == ti\.run_id", source("airflow.api_fastapi.execution_api.routes.task_instances")
            )
            is not None
        ),
        until=(3, 3),
    ),
    Internal(
        "BaseOperator._post_execute_hook",
        "task/end_in_triggerer.py",
        (2, 11),
        ON_A_WORKER,
        lambda: hasattr(BaseOperator(task_id="t"), "_post_execute_hook"),
    ),
    Internal(
        "BaseOperator.iter_mapped_dependants",
        "task/end_in_triggerer.py",
        (2, 11),
        ON_A_WORKER,
        lambda: hasattr(BaseOperator, "iter_mapped_dependants"),
    ),
    Internal(
        "get_listener_manager().hook.on_task_instance_success",
        "task/end_in_triggerer.py",
        (2, 11),
        ON_A_WORKER,
        lambda: hasattr(
            module("airflow.sdk.listener", "airflow.listeners.listener")
            .get_listener_manager()
            .hook.on_task_instance_success,
            "get_hookimpls",
        ),
    ),
    Internal(
        "BaseOperator.__from_mapped",
        "task/template_fields.py",
        (2, 11),
        "arguments are checked when the task runs, not while the DAG file is parsed",
        lambda: hasattr(BaseOperator, "_BaseOperator__from_mapped"),
    ),
    Internal(
        'next_method "__fail__" with the traceback in next_kwargs',
        "task/log_messages.py",
        (2, 11),
        'a task whose trigger failed says "Trigger failure" without the reason',
        lambda: (
            '"__fail__"' in source("airflow.triggers.base", "airflow.sdk.bases.operator")
            or "__fail__" in source("airflow.models.trigger")
        ),
    ),
    Internal(
        "XComArg.iter_references",
        "operators/posteverywhere.py",
        (2, 11),
        "where an image is None, the states of all upstream tasks decide whether the task is skipped",
        lambda: hasattr(module("airflow.sdk", "airflow.models.xcom_arg").XComArg, "iter_references"),
    ),
    Internal(
        "BaseSensorOperator._get_next_poke_interval",
        "sensors/pictory.py",
        (2, 11),
        "a sensor that does not defer pokes every `poke_interval`",
        lambda: hasattr(BaseSensorOperator, "_get_next_poke_interval"),
    ),
    Internal(
        "DAG.get_template_env",
        "task/template_fields.py",
        (2, 11),
        "with `render_template_as_native_obj` a task fails before anything is sent",
        lambda: hasattr(module("airflow.sdk", "airflow").DAG, "get_template_env"),
    ),
    Internal(
        "BaseHook.aget_connection",
        "version_compat.py",
        (3, 1),
        "triggers read the connection in a thread, as on Airflow below 3.1",
        lambda: hasattr(BaseHook, "aget_connection"),
    ),
    Internal(
        "determine_kwargs",
        "decorators/base.py",
        (2, 11),
        "decorated tasks fail before anything is sent",
        lambda: hasattr(version_compat, "determine_kwargs"),  # also of 3.0, where the first module lacks it
    ),
    Internal(
        "ExecutorSafeguard.test_mode",
        "testing/task_run.py",
        (2, 11),
        "`run_task` logs a warning, and refuses tasks with `allow_nested_operators=False`",
        lambda: hasattr(
            module("airflow.sdk.bases.operator", "airflow.models.baseoperator").ExecutorSafeguard, "test_mode"
        ),
    ),
    Internal(
        "plugins_manager.get_hook_lineage_readers_plugins",
        "version_compat.py",
        (3, 2),
        "hook lineage lacks the images and posts, and the task's log has a warning",
        lambda: hasattr(module("airflow.sdk.plugins_manager"), "get_hook_lineage_readers_plugins"),
    ),
    Internal(
        "AssetRef",
        "task/asset_events.py",
        (3, 0),
        "the events of outlets that are `Asset.ref(…)` have no `extra`",
        lambda: hasattr(module("airflow.sdk.definitions.asset"), "AssetRef"),
    ),
    Internal(
        "BaseOperatorLink.xcom_key",
        "links.py",
        (3, 0),
        "a task's page has no link for each platform, as on Airflow 2.11",
        lambda: hasattr(BaseOperatorLink, "xcom_key"),
    ),
]


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda item: item.name)
def test_it_exists_on_this_airflow(internal: Internal):
    if not internal.since <= AIRFLOW <= internal.until:
        pytest.skip("not used on this Airflow")
    assert internal.exists()


@pytest.mark.parametrize("internal", INTERNALS, ids=lambda item: item.name)
def test_the_docs_say_what_happens_without_it(internal: Internal):
    page = (ROOT / "docs" / "airflow-versions.md").read_text()
    since = ".".join(map(str, internal.since))
    if internal.until < (9, 9):
        since += f" to {'.'.join(map(str, internal.until))}"
    assert f"| `{internal.name}` | `{internal.used_in}` | {since} | {internal.without} |\n" in page


def task_and_context(**ti: Any) -> tuple[Any, dict[str, Any]]:
    with DAG("d", schedule=None):
        task = GenerateImageOperator(task_id="generate", prompt="A red fox at dawn")
    server = SimpleNamespace(xcom_keys_to_clear=[])
    values = {"map_index": -1, "rendered_map_index": None, "_ti_context_from_server": server, **ti}
    return task, {"ti": SimpleNamespace(**values), "task": task, "task_state_store": {}}


def test_which_airflow_has_a_row_for_each_try():
    """The archived tries of 3.4 are what keeps earlier tries' keys from the worker."""
    assert has_rows_for_tries() == (AIRFLOW >= (3, 4))
    if AIRFLOW >= (3, 4):
        assert "working_set" in source("airflow.models.taskinstance")


@needs_state_store
def test_with_all_of_it_a_task_may_end_in_the_triggerer():
    _, context = task_and_context()
    assert can_end_from_trigger(context) == (not has_rows_for_tries())
    with DAG("d", schedule=None):
        context["task"] = ImageJobSensor(task_id="wait", job_id="job")
    assert can_end_from_trigger(context, costs=False)


@needs_state_store
def test_without_the_context_from_the_server_a_worker_ends_the_task():
    _, context = task_and_context()
    del context["ti"]._ti_context_from_server
    assert previous_xcom_keys(context["ti"]) is None
    assert not can_end_from_trigger(context)


@needs_state_store
def test_without_the_keys_of_the_previous_try_a_worker_ends_the_task():
    _, context = task_and_context(_ti_context_from_server=SimpleNamespace())
    assert previous_xcom_keys(context["ti"]) is None
    assert not can_end_from_trigger(context)


@needs_state_store
@pytest.mark.parametrize("name", ["_post_execute_hook", "iter_mapped_dependants"])
def test_without_an_attribute_of_the_operator_a_worker_ends_the_task(name: str):
    _, context = task_and_context()

    class Renamed:
        def __getattr__(self, attribute: str) -> Any:
            if attribute == name:
                raise AttributeError(attribute)
            return getattr(task_and_context()[0], attribute)

    Renamed.__module__ = "airflow_provider_pictory.operators.pictory"
    context["task"] = Renamed()
    assert not can_end_from_trigger(context)


@needs_state_store
def test_without_the_listeners_a_worker_ends_the_task(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("airflow_provider_pictory.version_compat.get_listener_manager", SimpleNamespace, raising=False)
    assert not can_end_from_trigger(task_and_context()[1])


def test_without_the_mark_of_mapped_tasks_arguments_are_checked_when_the_task_runs(monkeypatch: pytest.MonkeyPatch):
    def without(task: Any, name: str, *default: Any) -> Any:
        return default[0] if name.endswith("__from_mapped") else getattr(task, name, *default)

    monkeypatch.setattr("airflow_provider_pictory.task.template_fields.getattr", without, raising=False)
    task = GenerateImageOperator(task_id="generate", prompt="abc")
    with pytest.raises(InvalidRequestError, match="prompt: has 3 characters"):
        task.execute({})
