"""
Imports from Airflow that differ between its supported versions, resolved on first use.

Imports nothing of this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.exceptions import AirflowOptionalProviderFeatureException as AirflowOptionalProviderFeatureException
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger as TimeDeltaTrigger
    from airflow.sdk import NEVER_EXPIRE as NEVER_EXPIRE  # type: ignore[attr-defined]  # missing in its stubs
    from airflow.sdk import Asset as Asset
    from airflow.sdk import AssetAlias as AssetAlias
    from airflow.sdk import BaseHook as BaseHook
    from airflow.sdk import BaseOperator as BaseOperator
    from airflow.sdk import BaseOperatorLink as BaseOperatorLink
    from airflow.sdk import BaseSensorOperator as BaseSensorOperator
    from airflow.sdk import BaseXCom as BaseXCom
    from airflow.sdk import Context as Context
    from airflow.sdk import ObjectStoragePath as ObjectStoragePath
    from airflow.sdk import Param as Param
    from airflow.sdk import PokeReturnValue as PokeReturnValue
    from airflow.sdk import RetryDecision as RetryDecision
    from airflow.sdk import RetryPolicy as RetryPolicy
    from airflow.sdk.bases.decorator import DecoratedOperator as DecoratedOperator
    from airflow.sdk.bases.decorator import determine_kwargs as determine_kwargs
    from airflow.sdk.bases.decorator import task_decorator_factory as task_decorator_factory
    from airflow.sdk.bases.operator import ExecutorSafeguard as ExecutorSafeguard
    from airflow.sdk.configuration import conf as conf
    from airflow.sdk.exceptions import AirflowException as AirflowException
    from airflow.sdk.exceptions import AirflowFailException as AirflowFailException
    from airflow.sdk.exceptions import AirflowNotFoundException as AirflowNotFoundException
    from airflow.sdk.exceptions import AirflowRescheduleException as AirflowRescheduleException
    from airflow.sdk.exceptions import AirflowSensorTimeout as AirflowSensorTimeout
    from airflow.sdk.exceptions import AirflowSkipException as AirflowSkipException
    from airflow.sdk.exceptions import AirflowTaskTimeout as AirflowTaskTimeout
    from airflow.sdk.exceptions import TaskDeferralError as TaskDeferralError
    from airflow.sdk.exceptions import TaskDeferred as TaskDeferred
    from airflow.sdk.exceptions import XComNotFound as XComNotFound
    from airflow.sdk.execution_time.xcom import XCom as XCom
    from airflow.sdk.listener import get_listener_manager as get_listener_manager
    from airflow.sdk.timezone import coerce_datetime as coerce_datetime
    from airflow.sdk.types import TaskInstanceKey as TaskInstanceKey

_EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")

# Newest first: an older module may still have the name, with a deprecation warning. After a colon: its earlier name.
_MODULES: dict[str, tuple[str, ...]] = {
    "AirflowException": _EXCEPTIONS,
    "AirflowFailException": _EXCEPTIONS,
    "AirflowNotFoundException": _EXCEPTIONS,
    "AirflowOptionalProviderFeatureException": ("airflow.exceptions",),
    "AirflowRescheduleException": _EXCEPTIONS,
    "AirflowSensorTimeout": _EXCEPTIONS,
    "AirflowSkipException": _EXCEPTIONS,
    "AirflowTaskTimeout": _EXCEPTIONS,
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
    "AssetRef": ("airflow.sdk.definitions.asset",),
    "BaseHook": ("airflow.sdk.bases.hook", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "BaseXCom": ("airflow.sdk.bases.xcom", "airflow.models.xcom"),
    "DecoratedOperator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "ExecutorSafeguard": ("airflow.sdk.bases.operator", "airflow.models.baseoperator"),
    "NEVER_EXPIRE": ("airflow.sdk",),
    "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
    "Param": ("airflow.sdk", "airflow.models.param"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "RetryDecision": ("airflow.sdk",),
    "RetryPolicy": ("airflow.sdk",),
    "TaskDeferralError": _EXCEPTIONS,
    "TaskDeferred": _EXCEPTIONS,
    "TimeDeltaTrigger": ("airflow.providers.standard.triggers.temporal", "airflow.triggers.temporal"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "XComNotFound": _EXCEPTIONS,
    "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
    "task_decorator_factory": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "coerce_datetime": ("airflow.sdk.timezone", "airflow.utils.timezone"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "get_listener_manager": ("airflow.sdk.listener", "airflow.listeners.listener"),
}


def __getattr__(name: str) -> Any:
    for place in _MODULES.get(name, ()):
        module, _, earlier_name = place.partition(":")
        try:
            value = getattr(importlib.import_module(module), earlier_name or name)
        except (ImportError, AttributeError):
            continue
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r} on this version of Airflow")


def has_rows_for_tries() -> bool:
    """
    Whether each try of a task is a task instance of its own, as from Airflow 3.4.

    XComs then belong to one try, and the server does not send the keys of earlier tries' XComs. From the same release
    on, a clear discards the task's state unless told otherwise.
    """
    return _sdk_version() >= (1, 4)


def has_gallery() -> bool:
    """Whether Airflow's UI takes pages of plugins, as from Airflow 3.1."""
    return _sdk_version() >= (1, 1)


def _sdk_version() -> tuple[int, ...]:
    try:
        from airflow.sdk import __version__
    except ImportError:  # Airflow 2.11
        return (0,)
    return tuple(map(int, __version__.split(".")[:2]))


async def get_async_connection(hook: BaseHook, conn_id: str) -> Any:
    """Read an Airflow connection in an event loop, without blocking it."""
    if hasattr(hook, "aget_connection"):  # Airflow 3.1 and up
        return await hook.aget_connection(conn_id)
    # Not asyncio.to_thread: Airflow 3.0 calls its supervisor through this event loop.
    from asgiref.sync import sync_to_async

    return await sync_to_async(hook.get_connection)(conn_id)


class HookLineage:
    """Airflow's collector of hook lineage, whose methods had other names before Airflow 3."""

    def __init__(self, collector: Any) -> None:
        self._collector = collector
        self._noun = "asset" if hasattr(collector, "add_output_asset") else "dataset"

    def add_input(self, context: Any, uri: str, extra: dict[str, Any]) -> None:
        """Report that a hook has read an asset."""
        self._add("input", context, uri, extra)

    def add_output(self, context: Any, uri: str, extra: dict[str, Any]) -> None:
        """Report that a hook has written an asset."""
        self._add("output", context, uri, extra)

    def _add(self, direction: str, context: Any, uri: str, extra: dict[str, Any]) -> None:
        add = getattr(self._collector, f"add_{direction}_{self._noun}")
        add(context, uri=uri, **{f"{self._noun}_extra": extra})


def get_hook_lineage() -> HookLineage | None:
    """Return Airflow's collector of hook lineage; None if nothing reads it: to create it takes a part of a second."""
    try:
        from airflow.sdk.lineage import get_hook_lineage_collector  # Airflow 3.2 and up
        from airflow.sdk.plugins_manager import get_hook_lineage_readers_plugins

        is_read = bool(get_hook_lineage_readers_plugins())
    except ImportError:
        manager = importlib.import_module("airflow.plugins_manager")
        manager.initialize_hook_lineage_readers_plugins()
        is_read = bool(manager.hook_lineage_reader_classes)
        get_hook_lineage_collector = importlib.import_module("airflow.lineage.hook").get_hook_lineage_collector
    return HookLineage(get_hook_lineage_collector()) if is_read else None


def get_task_states(context: Context, task_ids: Iterable[str]) -> dict[str, str | None]:
    """
    Return the states of tasks in the same DAG run; of a mapped task, that with the running task's map index.

    :return: the states by task id; None if there is no such task instance or it has no state.
    """
    ti: Any = context["ti"]
    dag_run: Any = context.get("dag_run")
    ids = list(task_ids)
    states: dict[str, Any] = {}
    if ids and hasattr(ti, "get_task_states"):  # Airflow 3
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=ids, run_ids=[ti.run_id]).get(ti.run_id, {})
    elif ids and hasattr(dag_run, "get_task_instances"):
        for other in dag_run.get_task_instances():
            states[other.task_id if other.map_index < 0 else f"{other.task_id}_{other.map_index}"] = other.state
    return {task_id: states.get(f"{task_id}_{ti.map_index}", states.get(task_id)) for task_id in ids}
