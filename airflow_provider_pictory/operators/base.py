"""The base classes of the operators, which defer while a service refuses requests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client.rate_limits_and_retries import pause_before_retry
from airflow_provider_pictory.client.validation import check_each, optional, read_boolean, read_time, seconds
from airflow_provider_pictory.exceptions import InvalidRequestError, TransientError, one_line
from airflow_provider_pictory.hooks.base import ServiceHook, read_connection
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.links import Linked
from airflow_provider_pictory.task.context import with_task_instance
from airflow_provider_pictory.task.lineage import WithLineage
from airflow_provider_pictory.task.log_messages import with_trigger_error
from airflow_provider_pictory.task.template_fields import check_literals, restore_texts, texts
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


class _NotGiven:
    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Any = _NotGiven()
"""The default of parameters that distinguish None from a missing argument."""


def check_wait(arguments: Mapping[str, Any]) -> None:
    """Check the parameters for waiting."""
    for name in arguments:
        if name in ("poll_interval", "timeout"):
            seconds(name, arguments[name])
        elif name in ("wait_for_completion", "wait_for_publish", "deferrable"):
            read_boolean(name, arguments[name])


def check_conn_ids(conn_ids: Any) -> list[str]:
    """Check a list of connection ids."""
    is_list = isinstance(conn_ids, Sequence) and not isinstance(conn_ids, str)
    if not is_list or not all(isinstance(item, str) and item.strip() not in ("", "None") for item in conn_ids):
        raise InvalidRequestError.of("check_conn_ids", f"is {one_line(repr(conn_ids), 80)}", "a list of connection ids")
    return list(conn_ids)


def check_paying(arguments: Mapping[str, Any]) -> None:
    """Check the parameters for requests that cost."""
    check_each(arguments, skip_after=optional(partial(read_time, "skip_after")), check_conn_ids=check_conn_ids)


class ServiceOperator(WithLineage, Linked):
    """
    Calls a service, and defers while the service refuses requests.

    A refused request (429, or 503 with ``Retry-After``) uses up no retry until ``timeout`` seconds after the try's
    start: the task defers for ``Retry-After``, and until the connection's rate limit allows its requests.
    """

    timeout: float | dt.timedelta = 3600
    text_fields: ClassVar[Sequence[str]] = ()
    """The template fields that stay text with ``render_template_as_native_obj``."""
    requests_per_attempt: ClassVar[int] = 1
    """The number of rate-limited requests of an attempt."""
    _other_hook: ServiceHook | None = None
    """The hook in use, if it is not the task's own."""

    def _check_literals(self, check: Callable[[Mapping[str, Any]], None]) -> None:
        """Check the arguments that are known while the DAG file is parsed; call last in ``__init__``."""
        self._text_templates = texts(self, self.text_fields)
        check_literals(self, check, {*self.template_fields, "deferrable"} & set(vars(self)))

    @cached_property
    def hook(self) -> ServiceHook:
        """The service's hook."""
        raise NotImplementedError

    def attempt(self, context: Context) -> Any:
        """Run the task to its end, or to a deferral."""
        raise NotImplementedError

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Resume after the wait in the triggerer."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Run the task."""
        context = with_task_instance(context, self)
        restore_texts(self, self._text_templates, context)
        with self.reporting_failure(context):
            self.prepare(context, is_resumed=False)
            return self._attempt_or_pause(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a pause, or after the wait in the triggerer."""
        context = with_task_instance(context, self)
        restore_texts(self, self._text_templates, context)
        with self.reporting_failure(context):
            self.prepare(context, is_resumed=True)
            kwargs = with_trigger_error(next_method, next_kwargs)
            if next_method == "execute_complete" and kwargs is not None:
                return self._attempt_or_pause(context, waited=kwargs)
            return super().resume_execution(next_method, kwargs, context)

    def prepare(self, context: Context, *, is_resumed: bool) -> None:
        """Override to set arguments that are not known before; called in each process of the task."""

    @contextmanager
    def reporting_failure(self, context: Context) -> Iterator[None]:
        """Override to report a failure in more than the log; encloses everything that the task does."""
        yield

    def execute_after_pause(self, context: Context, event: Any) -> Any:
        """
        Resume after a pause.

        :param event: a :class:`~airflow_provider_pictory.triggers.turn.TurnTrigger`'s, or that of a plain wait.
        """
        return self._attempt_or_pause(context, event)

    def execute_complete_after_pause(self, context: Context, event: Any, waited: dict[str, Any] | None = None) -> Any:
        """
        Resume after a pause that followed the wait in the triggerer.

        :param waited: the arguments of :meth:`execute_complete`; None in ``dags test``, which drops them.
        """
        if waited is None:  # a new attempt could pay again
            raise AirflowFailException("The service asked for a delay, after which `dags test` cannot go on")
        return self._attempt_or_pause(context, event, waited)

    def _attempt_or_pause(self, context: Context, event: Any = None, waited: dict[str, Any] | None = None) -> Any:
        # On Airflow 3.0 to 3.2.1, start_date is the time of resuming: a service that always refuses would never fail.
        deadline = event["deadline"] if isinstance(event, dict) else None
        try:
            return self.attempt(context) if waited is None else self.execute_complete(context, **waited)
        except TransientError as error:
            delay = pause_before_retry(error)
            now = dt.datetime.now(dt.timezone.utc)
            if deadline is None:
                started_at = context["ti"].start_date or now  # none in 2.11's `dags test`
                deadline = started_at.timestamp() + seconds("timeout", self.timeout)
            if delay is None or now.timestamp() + delay > deadline:
                raise
            self.log.warning("%s; resuming in %.0f s", error, delay)
        from airflow_provider_pictory.triggers.base import MIN_WAIT
        from airflow_provider_pictory.triggers.turn import TurnTrigger

        moment = now.timestamp() + max(delay, MIN_WAIT)
        hook = self._other_hook or self.hook
        self.defer(
            trigger=TurnTrigger(hook.conn_type, hook.conn_id, moment, self.requests_per_attempt, max(deadline, moment)),
            method_name="execute_after_pause" if waited is None else "execute_complete_after_pause",
            kwargs=None if waited is None else {"waited": waited},
        )

    def pause(self, delay: float) -> None:
        """Defer the task for ``delay`` seconds."""
        from airflow_provider_pictory.triggers.base import MIN_WAIT
        from airflow_provider_pictory.version_compat import TimeDeltaTrigger

        self.defer(
            trigger=TimeDeltaTrigger(dt.timedelta(seconds=max(delay, MIN_WAIT))),
            method_name="execute_after_pause",
        )


class PayingOperator(ServiceOperator):
    """Sends requests that cost credits, unless ``skip_after`` has passed or one of ``check_conn_ids`` does not work."""

    skip_after: dt.datetime | str | None
    check_conn_ids: Sequence[str]

    def check_before_paying(self, context: Context) -> None:
        """
        Check ``skip_after`` and ``check_conn_ids`` right before a request that costs.

        :raises AirflowSkipException: if ``skip_after`` has passed.
        :raises ServiceError: if a connection does not work.
        """
        if self.skip_after is not None:
            moment = read_time("skip_after", self.skip_after)
            if moment < dt.datetime.now(dt.timezone.utc):
                raise AirflowSkipException(
                    f"Run {context.get('run_id')} is too late, nothing is submitted: "
                    f"skip_after, {moment:%Y-%m-%dT%H:%M:%SZ}, has passed"
                )
        for conn_id in check_conn_ids(self.check_conn_ids):
            self._other_hook = _hook_for(conn_id)
            self.log.info("Connection %s: %s", conn_id, self._other_hook.check())
        self._other_hook = None


def _hook_for(conn_id: str) -> ServiceHook:
    allowed = "pictory or posteverywhere"
    conn_type = read_connection("check_conn_ids", conn_id, allowed).conn_type
    for hook in (PictoryHook, PostEverywhereHook):
        if hook.conn_type == conn_type:
            return hook(conn_id)
    raise InvalidRequestError.of("check_conn_ids", f"connection {conn_id!r} is of type {conn_type!r}", allowed)
