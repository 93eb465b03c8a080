"""Letting tasks that a service has sent away come back one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from airflow.triggers.base import TriggerEvent

from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook
from airflow_provider_pictory.triggers.base import ServiceTrigger, shared_poller, timeout

HOOKS: dict[str, type[AsyncServiceHook]] = {
    hook.conn_type: hook for hook in (PictoryAsyncHook, PostEverywhereAsyncHook)
}


class TurnTrigger(ServiceTrigger):
    """
    Waits as long as the service has said, and then until it is this task's turn.

    A crowd that comes back at once would be sent away again. What else waits through the same connection waits as long:
    the service counts all requests of a key together.

    :param conn_type: of the connection.
    :param conn_id: the connection.
    :param moment: the unix time from which on the service may be asked again.
    :param requests: how many the task is going to send.
    :param deadline: the unix time at which it goes on in any case.
    """

    def __init__(self, conn_type: str, conn_id: str, moment: float, requests: int, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
        self.conn_type = conn_type
        self.conn_id = conn_id
        self.moment = moment
        self.requests = requests
        self.deadline = deadline

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        try:
            async with (
                timeout(self.deadline - time.time()),
                shared_poller(HOOKS[self.conn_type], self.conn_id) as poller,
            ):
                poller.pause(self.moment - time.time())
                await poller.acquire(self.requests)
        except asyncio.TimeoutError:
            pass
        except Exception as error:
            self.log.warning("%s: %s; not waiting for other tasks", type(error).__name__, one_line(error))
            await asyncio.sleep(self.moment - time.time())
        yield TriggerEvent(None)  # type: ignore[no-untyped-call]  # Airflow's class has no annotations
