"""What the operators share: a service may send them away for a while, and no worker is held meanwhile."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pictory.exceptions import TransientError
from airflow_provider_pictory.http import MAX_DELAY, asked_delay
from airflow_provider_pictory.waiting import seconds

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

MIN_PAUSE = 5.0
"""Seconds. An event that fires before the scheduler has seen the process end can be taken for a killed task."""


class ServiceOperator(BaseOperator):
    """
    Calls a service, and comes back when the service says so.

    A refusal that had no effect (429, or 503 with ``Retry-After``) uses up no retry until ``timeout`` has passed since
    the try began: the task waits for as long as it was told, if that is long deferred on a time trigger.
    """

    timeout: float | dt.timedelta = 3600

    def attempt(self, context: Context) -> Any:
        """Do the task's work, up to its end or to a deferral."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Do the task's work, in as many goes as the service wants."""
        return self._go(context)

    def execute_after_pause(self, context: Context, event: Any) -> Any:
        """Go on after a pause."""
        return self._go(context)

    def _go(self, context: Context) -> Any:
        while True:
            try:
                return self.attempt(context)
            except TransientError as error:
                delay = asked_delay(error)
                now = dt.datetime.now(dt.timezone.utc)
                spent = (now - (context["ti"].start_date or now)).total_seconds()  # none in 2.11's `dags test`
                if delay is None or spent + delay > seconds("timeout", self.timeout):
                    raise
                self.log.warning("%s; going on in %.0f s", error, delay)
            if delay > MAX_DELAY:
                self.pause(delay)
            time.sleep(delay)

    def pause(self, delay: float) -> None:
        """
        Leave the worker, and run again later.

        :param delay: seconds.
        """
        from airflow.providers.common.compat.standard.triggers import TimeDeltaTrigger

        self.defer(
            trigger=TimeDeltaTrigger(dt.timedelta(seconds=max(delay, MIN_PAUSE))),
            method_name="execute_after_pause",
        )
