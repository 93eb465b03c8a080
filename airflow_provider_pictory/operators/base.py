"""What the operators share: a service may send them away for a while, and no worker is held meanwhile."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pictory.exceptions import TransientError
from airflow_provider_pictory.http import asked_delay
from airflow_provider_pictory.waiting import seconds

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

MIN_PAUSE = 5.0
"""Seconds. An event that fires before the scheduler has seen the process end can be taken for a killed task."""

PAUSE_OVERRUN = 600.0
"""How many seconds late a triggerer may be, before Airflow fails the try."""


class ServiceOperator(BaseOperator):
    """
    Calls a service, and comes back when the service says so.

    An answer that asks for a delay (429 or 503 with ``Retry-After``) and had no effect defers the task on a time
    trigger for as long, without using up a retry, until ``timeout`` has passed since the try began.
    """

    timeout: float | dt.timedelta = 3600

    def attempt(self, context: Context) -> Any:
        """Do the task's work, up to its end or to a deferral."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Do the task's work, in as many goes as the service wants."""
        try:
            return self.attempt(context)
        except TransientError as error:
            delay = asked_delay(error)
            now = dt.datetime.now(dt.timezone.utc)
            spent = (now - (context["ti"].start_date or now)).total_seconds()  # none in 2.11's `dags test`
            if delay is None or spent + delay > seconds("timeout", self.timeout):
                raise
            self.log.warning("%s; going on in %.0f s, without a worker until then", error, delay)
            self.pause(delay)

    def execute_after_pause(self, context: Context, event: Any) -> Any:
        """Go on after a pause."""
        return self.execute(context)

    def pause(self, delay: float) -> None:
        """
        Leave the worker, and run again later.

        :param delay: seconds.
        """
        from airflow.providers.common.compat.standard.triggers import TimeDeltaTrigger

        self.defer(
            trigger=TimeDeltaTrigger(dt.timedelta(seconds=max(delay, MIN_PAUSE))),
            method_name="execute_after_pause",
            timeout=dt.timedelta(seconds=delay + PAUSE_OVERRUN),
        )
