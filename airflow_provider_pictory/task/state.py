"""What a task remembers across its tries."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_pictory.client.responses import backoff
from airflow_provider_pictory.exceptions import OutcomeUnknownError, ServiceError
from airflow_provider_pictory.task.end_in_triggerer import ENDED_KEY, left_xcoms
from airflow_provider_pictory.version_compat import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_pictory.hooks.base import ServiceHook
    from airflow_provider_pictory.version_compat import BaseOperator, Context

T = TypeVar("T")

log = logging.getLogger(__name__)

KEY = "airflow_provider_pictory"


class NoTaskInstance:
    """Stands in for the task instance where an operator is executed by itself, in a unit test: it keeps nothing."""

    start_date = None
    map_index = -1
    try_number = 1
    max_tries = 0

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep nothing."""

    def xcom_pull(self, **_: Any) -> None:
        """Find nothing."""


def with_task_instance(context: Context, task: BaseOperator) -> Context:
    """Complete a context that Airflow has not made, such as the ``{}`` of a unit test."""
    return context if "ti" in context else cast("Context", {"ti": NoTaskInstance(), "task": task, **context})


class TaskState:
    """
    The task's entry in Airflow's task state store, bound to the inputs that it was made for.

    Airflow below 3.3 has no such store: there every try starts with nothing, and nothing is kept.

    :param context: the running task's context.
    :param inputs: what makes the task's result what it is. State of other inputs does not count: the prompt of a
        cleared task may have been corrected, the list that a mapped task came from reordered.
    """

    def __init__(self, context: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        self._store = context.get("task_state_store")
        self._max_tries = context["ti"].max_tries
        # Without what is not given, so that a release which knows one input more goes on with this one's state.
        given = {name: value for name, value in inputs.items() if value is not None}
        self._fingerprint = hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()
        self._values: dict[str, Any] = {}
        self.delivered: list[str] = []
        """The ids of what the task has delivered, also before it was cleared."""
        entry = self._store.get(KEY) if self._store is not None else None
        if not isinstance(entry, dict):
            return
        self.delivered = entry.get("delivered") or []
        # Retries leave max_tries as it is, only a clear changes it.
        cleared = entry.get("max_tries") != self._max_tries
        values = entry["values"]
        if cleared and not values.get("done") and ENDED_KEY in (left_xcoms(context["ti"]) or ()):
            # The trigger that delivered could not write it down, and only the first process after a clear is told.
            values["done"] = True
            if made := values.get("post_id") or values.get("job_id"):
                entry["delivered"] = self.delivered = [*self.delivered, made]
            self._set(entry)
        if entry.get("fingerprint") != self._fingerprint:
            left = {} if values.get("done") else {name: value for name, value in values.items() if name != "since"}
            if left:
                log.warning("The inputs have changed: starting over, without what an earlier try left behind: %s", left)
            else:
                log.info("The inputs have changed since an earlier try: starting over")
        elif cleared and values.get("done"):
            log.info("The task was cleared after its result was delivered: starting over")
        else:
            if cleared and (values.get("spending") or values.get("lost")):
                log.warning(
                    "The outcome of an earlier call is not known, but the task was cleared: it may be made again"
                )
            # What is done again is not done.
            forgiven = {"done", "spending", "lost", "since"} if cleared else {"done"}
            self._values = {name: value for name, value in values.items() if name not in forgiven}

    @property
    def durable(self) -> bool:
        """Whether later tries will know what this one saves."""
        return self._store is not None

    def get(self, name: str) -> Any:
        """Return what an earlier try, or this one, has saved under a name; None if nothing."""
        return self._values.get(name)

    def save(self, **values: Any) -> None:
        """
        Keep values for later tries; None removes one.

        A call that costs or publishes must come after this, and must not follow its failure: a process that its
        supervisor has lost cannot write any more, and so cannot act beside its own retry.
        """
        kept = {**self._values, **values}
        self._values = {name: value for name, value in kept.items() if value is not None}
        self._write()

    def save_result(self, **values: Any) -> None:
        """Keep what a call that costs or publishes has brought, however long Airflow cannot take it."""
        made = {name: value for name, value in values.items() if value is not None}
        attempt = 0
        while True:
            try:
                return self.save(**values)
            except BrokenPipeError:
                log.error("Cannot write down %s: this process has lost its supervisor", made)
                raise
            except Exception as error:
                attempt += 1
                log.error("Cannot write down %s yet (%s: %s); trying again", made, type(error).__name__, error)
                time.sleep(backoff(attempt))

    def save_refusal(self, **values: Any) -> None:
        """Keep that a call was refused, if Airflow can take it; the refusal is what the task has to end with."""
        try:
            self.save(**values)
        except Exception:
            log.exception("Cannot write down that the call was refused: it will count as one of unknown outcome")

    def since(self) -> float:
        """Tell when the wait began, in unix time: in whichever try, or in the first one after a clear."""
        if self.get("since") is None:
            self.save(since=time.time())
        return float(self.get("since"))

    def deliver(self, made: str) -> None:
        """
        Note that the result is about to be handed over: a clear from here on means to do it again.

        :param made: its id.
        """
        if made not in self.delivered:
            self.delivered = [*self.delivered, made]
        self.save(done=True)

    @contextmanager
    def mark(self, hook: ServiceHook, mark: Callable[[], dict[str, Any]]) -> Iterator[None]:
        """
        Keep that a call is made which costs or publishes, right before it is sent; remove that where it was refused.

        :param hook: makes the call.
        :param mark: returns the values to keep; its first is what a refusal removes.
        """
        marked: dict[str, None] = {}

        def before_effect() -> None:
            values = mark()
            self.save(**values)
            marked[next(iter(values))] = None

        hook.before_effect = before_effect
        try:
            yield
        except OutcomeUnknownError:
            raise
        except ServiceError:
            if marked:
                self.save_refusal(**marked)
            raise
        finally:
            hook.before_effect = None

    def spend(self, hook: ServiceHook, call: Callable[[], T], keep: Callable[[T], dict[str, Any]]) -> T:
        """
        Make a call that costs, at most once more after one whose outcome is not known, counted across tries.

        :param hook: makes the call.
        :param call: calls its method.
        :param keep: names what of its result later tries need.
        :raises AirflowFailException: if that once more has been used up. A clear of the task allows it anew.
        """
        lost = (self.get("lost") or 0) + (1 if self.get("spending") else 0)
        if lost > 1:
            raise AirflowFailException(
                f"The outcome of {lost} calls is not known: each may have been paid for. No other is made; look up "
                "what the service has charged before clearing the task, which allows it again"
            )
        if lost:
            log.warning("The outcome of an earlier call is not known, it may have been paid for: calling once more")
        with self.mark(hook, lambda: {"spending": True, "lost": lost}):
            result = call()
        self.save_result(spending=None, lost=None, **keep(result))
        return result

    def _write(self) -> None:
        self._set(
            {
                "fingerprint": self._fingerprint,
                "max_tries": self._max_tries,
                "delivered": self.delivered,
                "values": self._values,
            }
        )

    def _set(self, entry: dict[str, Any]) -> None:
        if self._store is not None:
            from airflow_provider_pictory.version_compat import NEVER_EXPIRE

            self._store.set(KEY, entry, retention=NEVER_EXPIRE)
