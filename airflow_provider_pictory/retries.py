"""A retry policy for your own tasks that call the hooks; needs Airflow 3.3 or later."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from airflow_provider_pictory.client.rate_limits_and_retries import pause_before_retry

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context, RetryDecision, RetryPolicy
else:
    try:
        from airflow_provider_pictory.version_compat import RetryPolicy
    except (ImportError, AttributeError):
        RetryPolicy = object


class ServiceRetryPolicy(RetryPolicy):
    """
    Waits for the service's ``Retry-After`` before a task runs again.

    For a ``@task`` that calls :class:`~airflow_provider_pictory.hooks.pictory.PictoryHook` or
    :class:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook`: ``@task(retries=3,
    retry_policy=ServiceRetryPolicy())``, or in a DAG's ``default_args``, where Airflow below 3.3 ignores it. A 429
    without ``Retry-After`` waits 30 s; other errors without it use the task's ``retry_delay``. Permanent errors fail
    without retries under any policy. The package's own operators need no policy: they wait for the service without
    using up a retry.

    On Airflow 3.3, each wait uses up a retry. From Airflow 3.4, each try waits as many times as the task has retries,
    and uses none up. After each wait the whole task runs again, with all that it pays for; a task with ``retries=0``
    does not.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """
        Decide when to retry the task.

        :param exception: the error of the failed try.
        :param max_tries: how many retries the task has.
        """
        from airflow_provider_pictory.version_compat import RetryDecision

        delay = pause_before_retry(exception)
        if delay is None:
            return RetryDecision.default()
        wait = dt.timedelta(seconds=delay)
        reason = f"the service refuses for now: again in {delay:.0f} s"
        if max_tries > 0 and hasattr(RetryDecision, "reschedule"):  # Airflow 3.4
            decision: RetryDecision = RetryDecision.reschedule(delay=wait, max_reschedules=max_tries, reason=reason)
            return decision
        return RetryDecision.retry(delay=wait, reason=reason)
