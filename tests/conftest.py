"""Airflow with a home of its own, and tasks that run as Airflow runs them, deferral included."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

# Before the first import of Airflow, which reads its configuration then.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-provider-pictory-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

if TYPE_CHECKING:
    from airflow_provider_pictory.sandbox import Sandbox


QUICK = {"test_compat.py"}
"""What `make test` runs of the tests with whole Airflows."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name in ("system", "browser") and item.path.name not in QUICK:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Define an Airflow connection."""

    def define(conn_id: str, **fields: Any) -> None:
        conn_type = conn_id.partition("_")[0]
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": conn_type, **fields}))

    return define


@pytest.fixture
def connections(sandbox: Sandbox, connect: Callable[..., None]) -> Callable[..., None]:
    """Lead both default connections to the sandbox."""
    connect("pictory_default", host=sandbox.pictory_url, password=sandbox.pictory_key)
    connect("posteverywhere_default", host=sandbox.posteverywhere_url, password=sandbox.posteverywhere_key)
    return connect


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let hooks repeat at once; the list tells how long they would have slept."""
    slept: list[float] = []
    monkeypatch.setattr("airflow_provider_pictory.client.transport.time.sleep", slept.append)
    return slept


@dataclass
class TaskInstance:
    """What an operator sees of its task instance."""

    try_number: int = 1
    max_tries: int = 1
    map_index: int = -1
    start_date: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))
    pushed: dict[str, Any] = field(default_factory=dict)
    upstream: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    dag_id: str = "dag"
    run_id: str = "run"

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        return {self.run_id: self.states}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.upstream.get((task_ids, key))


class StateStore(dict[str, Any]):
    """A task state store, as Airflow has it from 3.3: JSON in, JSON out."""

    def set(self, key: str, value: Any, *, retention: Any) -> None:
        assert retention is importlib.import_module("airflow.sdk").NEVER_EXPIRE
        self[key] = json.loads(json.dumps(value))


def has_state_store() -> bool:
    try:
        return hasattr(importlib.import_module("airflow.sdk"), "NEVER_EXPIRE")
    except ImportError:
        return False


needs_state_store = pytest.mark.skipif(not has_state_store(), reason="Airflow has a task state store from 3.3")


@dataclass
class Tries:
    """
    Runs a task try by try. What Airflow does between them happens here too: templates are not rendered, all else is.

    :param store: the task's state store, where this Airflow has one.
    """

    operator: Any
    store: StateStore | None = field(default_factory=lambda: StateStore() if has_state_store() else None)
    ti: TaskInstance = field(default_factory=TaskInstance)
    due: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))
    deferred: int = 0
    paused: list[float] = field(default_factory=list)
    triggers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def context(self) -> dict[str, Any]:
        context = {"ti": self.ti, "task": self.operator, "data_interval_end": self.due}
        return context if self.store is None else {**context, "task_state_store": self.store}

    def run(self) -> Any:
        """Run one try to its end, and return its result or raise its error."""
        from airflow_provider_pictory.version_compat import TaskDeferred

        step = functools.partial(self.operator.execute, self.context)
        clock = SimpleNamespace(sleep=time.sleep, time=lambda: time.time() + sum(self.paused))
        try:
            while True:
                self.operator.__dict__.pop("hook", None)  # every worker is a process of its own
                try:
                    with mock.patch("airflow_provider_pictory.task.find_or_create_post.time", clock):
                        return step()
                except TaskDeferred as deferral:
                    event = self.pause(deferral) if deferral.method_name == "execute_after_pause" else None
                    if event is None:
                        self.deferred += 1
                        event = self.fire(deferral.trigger)
                    kwargs = {**(deferral.kwargs or {}), "event": event}
                    step = functools.partial(self.operator.resume_execution, deferral.method_name, kwargs, self.context)
        finally:
            self.ti.try_number += 1

    def pause(self, deferral: Any) -> Any:
        """Pass over a pause, in no time."""
        moment = deferral.trigger.moment
        delay = (moment.timestamp() if isinstance(moment, dt.datetime) else moment) - time.time()
        self.paused.append(delay + 0.1)
        return moment

    def fire(self, trigger: Any) -> Any:
        """Run a trigger as the triggerer does: from its row."""
        path, kwargs = trigger.serialize()
        self.triggers.append((path, json.loads(json.dumps(kwargs))))
        return self.revive(*self.triggers[-1])

    @staticmethod
    def revive(path: str, kwargs: dict[str, Any]) -> Any:
        """Run a trigger's row, and return its event."""
        module, _, name = path.rpartition(".")
        revived = getattr(importlib.import_module(module), name)(**kwargs)

        async def first_event() -> Any:
            async for event in revived.run():
                return json.loads(json.dumps(event.payload))

        return asyncio.run(first_event())
