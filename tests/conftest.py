"""Airflow with a home of its own, and tasks that run as Airflow runs them, deferral included."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import os
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_pictory.testing import task_run
from airflow_provider_pictory.testing.task_run import TaskRun, first_event, has_state_store

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


class TaskInstance(task_run.TaskInstance):
    def xcom_push(self, key: str, value: Any, **more: Any) -> None:
        # Airflow 2 pushes a task's outlets itself, which it serializes.
        super().xcom_push(key, value if key == "pipeline_outlets" else json.loads(json.dumps(value)), **more)


class StateStore(task_run.StateStore):
    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        assert retention is importlib.import_module("airflow.sdk").NEVER_EXPIRE
        super().set(key, value)


needs_state_store = pytest.mark.skipif(not has_state_store(), reason="Airflow has a task state store from 3.3")


class Tries(TaskRun):
    """Runs a task try by try: templates as they are, triggers from a row of JSON."""

    def __init__(self, operator: Any) -> None:
        super().__init__(operator, TaskInstance(operator.task_id))
        self.operator = operator
        operator.retries = self.ti.max_tries
        self.store = StateStore() if has_state_store() else None
        self.due = dt.datetime.now(dt.timezone.utc)
        self.deferred = 0
        self.triggers: list[tuple[str, dict[str, Any]]] = []

    def prepared(self) -> tuple[Any, dict[str, Any]]:
        self.operator.__dict__.pop("hook", None)  # every worker is a process of its own
        return self.operator, self.context

    def clear(self, *, keep_state: bool = True) -> None:
        """Do as Airflow does when a user clears the task; 3.4 discards its state unless told otherwise."""
        self.ti.max_tries = self.ti.try_number - 1 + self.operator.retries
        if self.store is not None and not keep_state:
            self.store.clear()

    @property
    def context(self) -> dict[str, Any]:
        return {**self.context_of(self.operator), "data_interval_end": self.due}

    def fire(self, trigger: Any) -> Any:
        self.deferred += 1
        path, kwargs = trigger.serialize()
        self.triggers.append((path, json.loads(json.dumps(kwargs))))
        return self.revive(*self.triggers[-1])

    @staticmethod
    def revive(path: str, kwargs: dict[str, Any]) -> Any:
        """Run a trigger's row, and return its event."""
        return json.loads(json.dumps(first_event(path, kwargs)))
