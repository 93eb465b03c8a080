"""What the triggers share: one wait, and the event that tells its outcome."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from airflow_provider_pictory import exceptions
from airflow_provider_pictory.exceptions import ServiceError, one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook
from airflow_provider_pictory.polling.next_poll import CompletionTimes
from airflow_provider_pictory.polling.poller import SharedPoller
from airflow_provider_pictory.version_compat import AirflowSensorTimeout

if sys.version_info >= (3, 11):
    from asyncio import timeout as timeout
else:
    from async_timeout import timeout as timeout  # which aiohttp needs there, too

LAST_CALL = 600.0
"""Seconds for the last request, which is due at the deadline: until it is its turn, or the service can be asked."""

MIN_WAIT = 10.0
"""Seconds. A task that resumes before the scheduler has seen its process end, up to 6 s late, is taken for killed."""


@lru_cache(maxsize=1000)
def completion_times(conn_id: str, kind: str | None) -> CompletionTimes:
    """Return what this process has seen of the jobs of one kind."""
    return CompletionTimes()


def shared_poller(hook: type[AsyncServiceHook], conn_id: str) -> SharedPoller:
    """Return the poller of a connection."""
    return SharedPoller(hook.conn_type, conn_id, lambda: hook(conn_id).transport)


class ServiceTrigger(BaseTrigger):
    """Keeps each parameter as an attribute of the same name, so that another process can go on with it."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process needs to go on waiting."""
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}


class WaitTrigger(ServiceTrigger):
    """
    Waits, and fires one event: ``{"result": …}``, ``{"timeout": message}`` or ``{"error": message, "kind": class}``.

    Its row in Airflow's database, which is encrypted, holds no key and not where the service is.

    :param deadline: the unix time at which waiting ends.
    :param end_from_trigger: end the task here if all went well, instead of firing the event.
    """

    subject: str
    """What is waited for, with its id, as logs call it."""

    def __init__(self, deadline: float, end_from_trigger: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
        self.deadline = deadline
        self.end_from_trigger = end_from_trigger

    async def wait(self) -> dict[str, Any]:
        """Wait, and return the result that goes into the event."""
        raise NotImplementedError

    async def end(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """
        Push what the task returns.

        :return: the XComs that come with its success, :data:`ENDED_KEY` first; None if it does not end well.
        """
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and tell how it ended."""
        clock = asyncio.get_running_loop().time
        settled = clock() + (MIN_WAIT if self.task_instance is not None else 0.0)  # there is none in `dags test`
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
            await asyncio.sleep(settled - clock())
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
        await asyncio.sleep(settled - clock())
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's class has no annotations

    @property
    def ti_key(self) -> dict[str, Any]:
        """The task instance, as XCom calls it."""
        return {name: getattr(self.task_instance, name) for name in ("dag_id", "task_id", "run_id", "map_index")}


def result_of(event: dict[str, Any]) -> dict[str, Any]:
    """
    Return the result that a trigger's event carries.

    :raises AirflowSensorTimeout: if the deadline has passed.
    :raises ServiceError: if asking again is useless; it is an ``AirflowFailException`` too.
    """
    if "timeout" in event:
        raise AirflowSensorTimeout(event["timeout"])
    if "error" in event:
        kind: type[ServiceError] = getattr(exceptions, event["kind"])
        raise kind(event["error"])
    result: dict[str, Any] = event["result"]
    return result
