"""Deferring a task until the service accepts requests again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from airflow.triggers.base import TriggerEvent

from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook
from airflow_provider_pictory.triggers.base import ServiceTrigger, shared_dispatcher, timeout

HOOKS: dict[str, type[AsyncServiceHook]] = {
    hook.conn_type: hook for hook in (PictoryAsyncHook, PostEverywhereAsyncHook)
}


class TurnTrigger(ServiceTrigger):
    """
    Defers a task until the service accepts requests again, and the connection's rate limit allows the task's requests.

    All other requests through the connection pause too, since the service counts all requests of a key together.

    :param conn_type: the connection type.
    :param conn_id: the connection id.
    :param moment: the unix time from which the service accepts requests.
    :param requests: the number of requests that the task is going to send.
    :param deadline: the unix time at which the task resumes in any case.
    """

    def __init__(self, conn_type: str, conn_id: str, moment: float, requests: int, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
        self.conn_type = conn_type
        self.conn_id = conn_id
        self.moment = moment
        self.requests = requests
        self.deadline = deadline

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire an event with the deadline, which counts for the next pause too."""
        try:
            async with (
                timeout(self.deadline - time.time()),
                shared_dispatcher(HOOKS[self.conn_type], self.conn_id) as dispatcher,
            ):
                dispatcher.pause(self.moment - time.time())
                await dispatcher.acquire(self.requests)
        except asyncio.TimeoutError:
            pass
        except Exception as error:
            self.log.warning("%s: %s; not waiting for other tasks", type(error).__name__, one_line(error))
            await asyncio.sleep(self.moment - time.time())
        yield TriggerEvent({"deadline": self.deadline})  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
