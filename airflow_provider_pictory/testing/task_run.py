"""Running one task as Airflow does, deferrals included, without Airflow's processes and database."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow_provider_pictory import version_compat

RETURN_VALUE = "return_value"

POLL_INTERVAL = 0.05
"""The seconds between two polls of a job: nobody waits for tests."""


@dataclass
class TaskInstance:
    """
    What a task sees of its task instance.

    :param task: the task, in the process that runs.
    :param pushed: the XComs that the try has pushed, by key.
    :param upstream: the XComs of other tasks, by task id and key.
    :param states: the states of other tasks, by task id.
    """

    task_id: str = "task"
    dag_id: str = "dag"
    run_id: str = "run"
    try_number: int = 1
    max_tries: int = 1
    map_index: int = -1
    start_date: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))
    task: Any = None
    pushed: dict[str, Any] = field(default_factory=dict)
    upstream: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any, **_: Any) -> None:
        """Keep an XCom; Airflow 2 gives more arguments for a task with outlets."""
        self.pushed[key] = value

    def xcom_pull(self, task_ids: Any = None, key: str = RETURN_VALUE, default: Any = None, **_: Any) -> Any:
        """Return an XCom of another task, or of this one; of several tasks, a list."""
        if task_ids is not None and not isinstance(task_ids, str):
            return [self.xcom_pull(task_id, key, default) for task_id in task_ids]
        own = self.pushed if task_ids in (None, self.task_id) else {}
        return own.get(key, self.upstream.get((str(task_ids), key), default))

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        """Return the states of other tasks of the run."""
        return {self.run_id: self.states}

    def get_relevant_upstream_map_indexes(self, *_: Any, **__: Any) -> None:
        """Return None: XComs are found by task id and key."""


class StateStore(dict[str, Any]):
    """A task state store, as Airflow has it from 3.3: JSON in, JSON out."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Keep a value."""
        self[key] = json.loads(json.dumps(value))


def has_state_store() -> bool:
    """Whether this Airflow has a task state store."""
    return hasattr(version_compat, "NEVER_EXPIRE")


class TaskRun:
    """
    Runs a task try by try; what an earlier try has paid for is resumed by the next, where Airflow does that.

    :param task: the task; it is not changed.
    :param ti: its task instance.
    """

    def __init__(self, task: Any, ti: TaskInstance) -> None:
        self.task = task
        self.ti = ti
        self.store = StateStore() if has_state_store() else None
        self.more: dict[str, Any] = {}
        self.paused: list[float] = []

    def context_of(self, task: Any) -> dict[str, Any]:
        """Return the context of one process of the task."""
        context = {"ti": self.ti, "task_instance": self.ti, "task": task, **self.more}
        return context if self.store is None else {**context, "task_state_store": self.store}

    def prepared(self) -> tuple[Any, dict[str, Any]]:
        """Return the task with its templates rendered, as each process has it, and its context."""
        task = self.ti.task = self.task.prepare_for_execution()
        context = self.context_of(task)
        task.render_template_fields(context)
        for name in ("poll_interval", "poke_interval"):
            if hasattr(task, name):
                setattr(task, name, POLL_INTERVAL)
        return task, context

    def run(self) -> Any:
        """Run one try to its end, and return its result or raise its error."""
        task, context = self.prepared()
        step: Callable[[], Any] = lambda: self._execute(task, context)  # noqa: E731
        from airflow_provider_pictory.task import find_or_create_post

        clock = SimpleNamespace(sleep=time.sleep, time=lambda: time.time() + sum(self.paused))
        try:
            while True:
                try:
                    with _outside_of_airflow(), mock.patch(f"{find_or_create_post.__name__}.time", clock):
                        return step()
                except version_compat.TaskDeferred as deferral:
                    is_pause = deferral.method_name.endswith("_after_pause")
                    event = self.pause(deferral.trigger) if is_pause else self.fire(deferral.trigger)
                    step = self._resume(deferral, event)
        finally:
            self.ti.try_number += 1

    def pause(self, trigger: Any) -> Any:
        """Pass over a delay that a service asked for, or that a request may still take, in no time."""
        moment = trigger.moment
        self.paused.append((moment.timestamp() if isinstance(moment, dt.datetime) else moment) - time.time() + 0.1)
        return moment

    def fire(self, trigger: Any) -> Any:
        """Run a trigger, and return its event's payload."""
        return first_event(*trigger.serialize())

    def _execute(self, task: Any, context: dict[str, Any]) -> Any:
        self.ti.pushed.clear()
        task.pre_execute(context)
        result = task.execute(context)
        task.post_execute(context, result)
        return result

    def _resume(self, deferral: Any, event: Any) -> Callable[[], Any]:
        task, context = self.prepared()
        kwargs = {**(deferral.kwargs or {}), "event": event}
        return lambda: task.resume_execution(deferral.method_name, kwargs, context)


def first_event(path: str, kwargs: Mapping[str, Any]) -> Any:
    """Run a trigger as the triggerer does, from its row in the database; return the payload of its event."""
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**kwargs)

    async def run() -> Any:
        async for event in trigger.run():
            return event.payload
        raise RuntimeError(f"{path} has fired no event")

    return asyncio.run(run())


@contextmanager
def _outside_of_airflow() -> Iterator[None]:
    """Let ``execute`` be called by something else than Airflow."""
    safeguard: Any = getattr(version_compat, "ExecutorSafeguard", SimpleNamespace(test_mode=False))
    before = safeguard.test_mode
    safeguard.test_mode = True
    try:
        yield
    finally:
        safeguard.test_mode = before


class RunTask:
    """
    The fixture ``run_task``: runs one task to its end.

    Templates and the XComs of upstream tasks are resolved, and deferrals run their trigger. Calling it again with the
    same task is that task's next try, as Airflow retries it.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Any, Mapping[str, Any] | None, TaskRun]] = []
        self.xcoms: dict[str, Any] = {}
        """The XComs that the last task pushed beside its result, by key, such as ``pictory_image``."""

    def __call__(
        self,
        task: Any,
        *,
        upstream: Mapping[str | tuple[str, str], Any] | None = None,
        mapped: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        logical_date: dt.datetime | None = None,
        **context: Any,
    ) -> Any:
        """
        Run one try.

        :param task: an operator, or a task of a DAG: ``dag.get_task("post")``.
        :param upstream: what upstream tasks returned, by task id; other XComs by task id and key.
        :param mapped: the arguments of one task of a mapped task.
        :param params: params of the run, which replace those of the DAG and the task.
        :param logical_date: the run's logical date, with a time zone; by default now.
        :param context: further keys of the context that templates and functions see.
        :return: the task's result.
        :raises Exception: whatever the task raises, such as ``AirflowSkipException``.
        """
        run = self._find_or_create(task, mapped)
        run.ti.upstream = {
            key if isinstance(key, tuple) else (key, RETURN_VALUE): value for key, value in (upstream or {}).items()
        }
        run.more = {**_context(run, params or {}, logical_date), **context}
        try:
            return run.run()
        finally:
            self.xcoms = dict(run.ti.pushed)

    def _find_or_create(self, task: Any, mapped: Mapping[str, Any] | None) -> TaskRun:
        for other, arguments, run in self._runs:
            if other is task and arguments == mapped:
                return run
        ti = TaskInstance(task.task_id, max_tries=task.retries, map_index=-1 if mapped is None else 0)
        # What is given to a decorated function when it is mapped are its own arguments.
        kwargs = {"op_kwargs": mapped} if hasattr(task, "python_callable") else mapped
        run = TaskRun(task if mapped is None else task.unmap(kwargs), ti)
        self._runs.append((task, mapped, run))
        return run


def _context(run: TaskRun, params: Mapping[str, Any], logical_date: dt.datetime | None) -> dict[str, Any]:
    """Return what templates use most; a run by hand, whose data interval ends at its logical date."""
    now = dt.datetime.now(dt.timezone.utc)
    date = version_compat.coerce_datetime(logical_date or now)  # as templates have it: a pendulum DateTime
    dag = run.task.get_dag()
    all_params = {**(dag.params.dump() if dag else {}), **run.task.params.dump(), **params}
    return {
        "dag": dag,
        "dag_run": SimpleNamespace(
            dag_id=run.ti.dag_id,
            run_id=run.ti.run_id,
            run_type="manual",
            conf=dict(params),
            logical_date=date,
            data_interval_start=date,
            data_interval_end=date,
            run_after=date,
            start_date=now,
        ),
        "run_id": run.ti.run_id,
        "params": all_params,
        "logical_date": date,
        "data_interval_start": date,
        "data_interval_end": date,
        "ds": date.strftime("%Y-%m-%d"),
        "ds_nodash": date.strftime("%Y%m%d"),
        "ts": date.isoformat(),
        "ts_nodash": date.strftime("%Y%m%dT%H%M%S"),
        "expanded_ti_count": None,
    }
