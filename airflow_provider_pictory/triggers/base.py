"""The base classes of the triggers: they wait, and fire one event with the result."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from airflow_provider_pictory import exceptions
from airflow_provider_pictory.client.pictory import list_jobs
from airflow_provider_pictory.client.services import PICTORY
from airflow_provider_pictory.exceptions import ServiceError, one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook
from airflow_provider_pictory.polling.dispatcher import Dispatcher
from airflow_provider_pictory.polling.next_poll import CompletionTimes
from airflow_provider_pictory.version_compat import AirflowSensorTimeout

if sys.version_info >= (3, 11):
    from asyncio import timeout as timeout
else:
    from async_timeout import timeout as timeout  # a dependency of aiohttp there

LAST_CALL = 600.0
"""The timeout in seconds for the last request, which is due at the deadline and may have to wait to be sent."""

MIN_WAIT = 10.0
"""The minimum wait in seconds: the scheduler, up to 6 s late, treats a task that resumes earlier as killed."""

LISTS = {PICTORY.conn_type: list_jobs}
"""The requests for a service's list of jobs, which is read where many jobs are due."""


@lru_cache(maxsize=1000)
def completion_times(conn_id: str, kind: str | None) -> CompletionTimes:
    """Return the completion times that this process has seen of one kind of job."""
    return CompletionTimes()


_dispatchers: dict[tuple[asyncio.AbstractEventLoop, str, str], Dispatcher] = {}


@asynccontextmanager
async def shared_dispatcher(hook: type[AsyncServiceHook], conn_id: str) -> AsyncIterator[Dispatcher]:
    """Enter a connection's dispatcher, which is created on first use and closed after the last."""
    key = (asyncio.get_running_loop(), hook.conn_type, conn_id)
    if key not in _dispatchers:
        _dispatchers[key] = Dispatcher(hook(conn_id).transport, LISTS.get(hook.conn_type))
    dispatcher = _dispatchers[key]
    dispatcher.users += 1
    try:
        yield dispatcher
    finally:
        dispatcher.users -= 1
        if not dispatcher.users:
            del _dispatchers[key]
            await dispatcher.close()


class ServiceTrigger(BaseTrigger):
    """Serializes each parameter of ``__init__`` from the attribute of the same name."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the parameters."""
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}


class WaitTrigger(ServiceTrigger):
    """
    Waits, and fires one event: ``{"result": …}``, ``{"timeout": message}`` or ``{"error": message, "kind": class}``.

    Its encrypted row in Airflow's database contains neither the key nor the base URL.

    :param deadline: the unix time at which waiting ends.
    :param end_from_trigger: on success, end the task in the triggerer instead of firing the event.
    """

    subject: str
    """The job or post with its id, for logs."""

    def __init__(self, deadline: float, end_from_trigger: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
        self.deadline = deadline
        self.end_from_trigger = end_from_trigger

    async def wait(self) -> dict[str, Any]:
        """Wait, and return the result for the event."""
        raise NotImplementedError

    async def end(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """
        Push the task's XComs.

        :return: the XComs that mark the success, :data:`ENDED_KEY` first; None if the task must end in a worker.
        """
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire the event."""
        clock = asyncio.get_running_loop().time
        earliest_event = clock() + (MIN_WAIT if self.task_instance is not None else 0.0)  # there is none in `dags test`
        try:
            async with timeout(max(0.0, self.deadline - time.time()) + LAST_CALL):
                event: dict[str, Any] = {"result": await self.wait()}
        except asyncio.TimeoutError:
            event = {"timeout": f"{self.subject}: the timeout has passed, and the service could not be asked since"}
        except AirflowSensorTimeout as error:
            event = {"timeout": str(error)}
        except ServiceError as error:
            event = {"error": str(error), "kind": type(error).__name__}
        except Exception:
            await asyncio.sleep(earliest_event - clock())
            raise
        if self.task_instance is not None and self.end_from_trigger and "result" in event:
            try:
                xcoms = await self.end(event["result"])
            except Exception as error:
                self.log.warning("A worker has to end the task (%s: %s)", type(error).__name__, one_line(error))
                xcoms = None
            if xcoms is not None:
                yield TaskSuccessEvent(xcoms=xcoms)
                return
        await asyncio.sleep(earliest_event - clock())
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's class has no annotations

    @property
    def ti_key(self) -> dict[str, Any]:
        """The task instance's key for XCom."""
        return {name: getattr(self.task_instance, name) for name in ("dag_id", "task_id", "run_id", "map_index")}


def result_of(event: dict[str, Any]) -> dict[str, Any]:
    """
    Return the result in a trigger's event.

    :raises AirflowSensorTimeout: if the deadline has passed.
    :raises ServiceError: on a permanent error, which is an ``AirflowFailException`` too.
    """
    if "timeout" in event:
        raise AirflowSensorTimeout(event["timeout"])
    if "error" in event:
        kind: type[ServiceError] = getattr(exceptions, event["kind"])
        raise kind(event["error"])
    result: dict[str, Any] = event["result"]
    return result
