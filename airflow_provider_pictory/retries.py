"""A retry policy for tasks of one's own that call the hooks; Airflow has such policies from 3.3."""

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
    Lets a task's next try wait for as long as the service has asked for, and not longer.

    For a ``@task`` that calls :class:`~airflow_provider_pictory.hooks.pictory.PictoryHook` or
    :class:`~airflow_provider_pictory.hooks.posteverywhere.PostEverywhereHook`: ``@task(retries=3,
    retry_policy=ServiceRetryPolicy())``, or in a DAG's ``default_args``, where Airflow below 3.3 ignores it. A 429 that
    names no delay counts as one of 30 s; else, where none is named, the task's own ``retry_delay`` counts. The
    package's operators need no policy: they wait for the service without using up a retry. What cannot pass by itself
    fails without retries under any policy.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """
        Decide when the task is tried again.

        :param exception: what the try ended with.
        """
        from airflow_provider_pictory.version_compat import RetryDecision

        delay = pause_before_retry(exception)
        if delay is None:
            return RetryDecision.default()
        return RetryDecision.retry(
            delay=dt.timedelta(seconds=delay), reason=f"the service refuses for now: again in {delay:.0f} s"
        )
