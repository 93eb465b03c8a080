"""What the triggers share: one wait, and the event that tells its outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSensorTimeout
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pictory import exceptions
from airflow_provider_pictory.exceptions import ServiceError


class WaitTrigger(BaseTrigger):
    """
    Waits, and fires one event: ``{"result": …}``, ``{"timeout": message}`` or ``{"error": message, "kind": class}``.

    Its row in Airflow's database holds ids and times, no key and no address.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's class has no annotations

    async def wait(self) -> dict[str, Any]:
        """Wait, and return the result that goes into the event."""
        raise NotImplementedError

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and tell how it ended."""
        try:
            event: dict[str, Any] = {"result": await self.wait()}
        except AirflowSensorTimeout as error:
            event = {"timeout": str(error)}
        except ServiceError as error:
            event = {"error": str(error), "kind": type(error).__name__}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's class has no annotations


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
