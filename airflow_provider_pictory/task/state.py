"""
What a task knows across its tries: what it has paid for and posted, and which request it was about to send.

Before a request that costs or publishes is sent, the task's entry in Airflow's task state store says so; what the
request brought is added right after. A later try reads the entry and goes on from there. Airflow below 3.3 has no such
store: there every try starts with nothing, and nothing is kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.task.end_in_triggerer import ENDED_KEY, left_xcoms
from airflow_provider_pictory.version_compat import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

KEY = "airflow_provider_pictory"

SCHEMA_VERSION = 1
"""Of the entry. Workers of two releases may share one: fields are added under new names, and none is renamed there."""


def _stored_as(name: str, default: Any = None) -> Any:
    return field(default=default, metadata={"name": name})


@dataclass(frozen=True, kw_only=True)
class WaitState:
    """
    What a task that waits keeps.

    :param started_at: the unix time at which the wait began.
    """

    started_at: float | None = _stored_as("since")


@dataclass(frozen=True, kw_only=True)
class PaidState:
    """
    What a task that pays keeps.

    :param request_pending: a paid request is being sent, or its outcome is not known.
    :param unknown_outcomes: how many before that one have an outcome that is not known.
    """

    request_pending: bool = _stored_as("spending", False)
    unknown_outcomes: int = _stored_as("lost", 0)


@dataclass(frozen=True, kw_only=True)
class ImageState(WaitState, PaidState):
    """
    What :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator` keeps.

    :param job_id: the job that was submitted.
    :param submitted_at: the unix time at which it was.
    :param is_missing: Pictory did not know the job any more.
    :param failed_jobs: those that were paid for and brought no image.
    """

    job_id: str | None = None
    submitted_at: float | None = None
    is_missing: bool = _stored_as("gone", False)
    failed_jobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MediaState(PaidState):
    """
    What :class:`~airflow_provider_pictory.operators.posteverywhere.GenerateMediaOperator` keeps.

    :param media: the media record.
    """

    media: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class PostState(WaitState):
    """
    What :class:`~airflow_provider_pictory.operators.posteverywhere.PostImageOperator` keeps.

    :param post_id: the post that was made.
    :param media_ids: what it shows.
    :param scheduled_for: when it is to be published, in UTC.
    :param requested_at: the unix time at which the post was requested last, or its failed accounts were, if the outcome
        is not known.
    :param first_requested_at: the unix time at which the post was requested first.
    """

    post_id: str | None = None
    media_ids: tuple[str, ...] = ()
    scheduled_for: str | None = None
    requested_at: float | None = _stored_as("calling")
    first_requested_at: float | None = _stored_as("started")


S = TypeVar("S", bound=WaitState | PaidState)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    A task's entry in the store.

    :param fingerprint: of the request that it was made for. State of another does not count: the prompt of a cleared
        task may have been corrected, the list that a mapped task came from reordered.
    :param max_tries: the task's; retries leave it as it is, only a clear changes it.
    :param values: the fields of a state, by their names in the store.
    :param delivered: the ids of what the task has handed over, also before it was cleared.
    """

    fingerprint: str
    max_tries: int
    values: Mapping[str, Any] = field(default_factory=dict)
    delivered: tuple[str, ...] = ()

    @property
    def is_delivered(self) -> bool:
        """Whether the result was handed over: a clear since then means to do it again."""
        return bool(self.values.get("done"))


class Store:
    """Reads and writes the entry of a running task."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._store = context.get("task_state_store")

    @property
    def is_durable(self) -> bool:
        """Whether later tries will know what this one writes."""
        return self._store is not None

    def read(self) -> Entry | None:
        """Return the entry; None if there is none."""
        found = self._store.get(KEY) if self._store is not None else None
        if not isinstance(found, dict):
            return None
        if found.get("schema_version", 1) != SCHEMA_VERSION:
            raise AirflowFailException(
                f"The task's state has schema version {found['schema_version']}, which another release of "
                f"airflow-provider-pictory has written; this one reads {SCHEMA_VERSION}"
            )
        return Entry(
            fingerprint=found["fingerprint"],
            max_tries=found["max_tries"],
            values=found["values"],
            delivered=tuple(found.get("delivered") or ()),
        )

    def write(self, entry: Entry) -> None:
        """Write the entry."""
        if self._store is not None:
            from airflow_provider_pictory.version_compat import NEVER_EXPIRE

            kept = {"schema_version": SCHEMA_VERSION, **vars(entry), "delivered": list(entry.delivered)}
            self._store.set(KEY, kept, retention=NEVER_EXPIRE)


def take_over(entry: Entry | None, fingerprint: str, max_tries: int) -> tuple[Entry, tuple[int, str] | None]:
    """
    Decide with what a try begins.

    :param entry: what earlier tries have left.
    :param fingerprint: of this try's request.
    :param max_tries: this try's.
    :return: the entry to go on with, and what the log should say, with its level.
    """
    if entry is None:
        return Entry(fingerprint=fingerprint, max_tries=max_tries), None
    is_cleared = entry.max_tries != max_tries
    values = entry.values
    new = replace(entry, fingerprint=fingerprint, max_tries=max_tries, values={})
    if entry.fingerprint != fingerprint:
        left = {} if entry.is_delivered else {name: value for name, value in values.items() if name != "since"}
        if not left:
            return new, (logging.INFO, "The inputs have changed since an earlier try: starting over")
        text = f"The inputs have changed: starting over, without what an earlier try left behind: {left}"
        return new, (logging.WARNING, text)
    if is_cleared and entry.is_delivered:
        return new, (logging.INFO, "The task was cleared after its result was delivered: starting over")
    # What is done again is not done; a clear allows what retries may not do any more.
    left_out = {"done", "spending", "lost", "since"} if is_cleared else {"done"}
    going_on = replace(new, values={name: value for name, value in values.items() if name not in left_out})
    if is_cleared and (values.get("spending") or values.get("lost")):
        text = "The outcome of an earlier request is not known, but the task was cleared: it may be sent again"
        return going_on, (logging.WARNING, text)
    return going_on, None


def load_state(context: Context, kind: type[S], fingerprint: str) -> TaskState[S]:
    """
    Read what earlier tries have left; once for each process of a task.

    :param kind: the class of the state.
    :param fingerprint: of the request.
    """
    ti: Any = context["ti"]
    store = Store(context)
    entry = store.read()
    if entry and entry.max_tries != ti.max_tries and not entry.is_delivered and ENDED_KEY in (left_xcoms(ti) or ()):
        # The trigger that delivered could not write it down, and only the first process after a clear is told.
        made = entry.values.get("post_id") or entry.values.get("job_id")
        delivered = (*entry.delivered, made) if made else entry.delivered
        entry = replace(entry, values={**entry.values, "done": True}, delivered=delivered)
        store.write(entry)
    entry, said = take_over(entry, fingerprint, ti.max_tries)
    if said:
        log.log(*said)
    return TaskState(store, entry, _from_store(kind, entry.values))


class TaskState(Generic[S]):
    """
    The state of a running task.

    :param store: where it is kept.
    :param entry: what this try began with.
    :param values: its fields.
    """

    def __init__(self, store: Store, entry: Entry, values: S) -> None:
        self._store = store
        self._entry = entry
        self.values = values

    @property
    def is_durable(self) -> bool:
        """Whether later tries will know what this one saves."""
        return self._store.is_durable

    @property
    def delivered(self) -> tuple[str, ...]:
        """The ids of what the task has handed over, also before it was cleared."""
        return self._entry.delivered

    def save(self, **changes: Any) -> None:
        """
        Change fields, and keep them for later tries.

        A request that costs or publishes must come after this, and must not follow its failure: a process that its
        supervisor has lost cannot write any more, and so cannot send beside its own retry.
        """
        self.values = replace(self.values, **changes)
        self._write()

    def save_result(self, **changes: Any) -> None:
        """Keep what a request that costs or publishes has brought, however long Airflow cannot take it."""
        made = {name: value for name, value in changes.items() if value}
        attempt = 0
        while True:
            try:
                return self.save(**changes)
            except BrokenPipeError:
                log.error("Cannot save %s: this process has lost its supervisor", made)
                raise
            except Exception as error:
                attempt += 1
                log.error("Cannot save %s yet (%s: %s); trying again", made, type(error).__name__, error)
                time.sleep(backoff(attempt))

    def mark_delivered(self, made: str) -> None:
        """
        Keep that the result is about to be handed over: a clear from here on means to do it again.

        :param made: its id.
        """
        if made not in self.delivered:
            self._entry = replace(self._entry, delivered=(*self.delivered, made))
        self._write(done=True)

    def _write(self, **more: Any) -> None:
        # What another release has added stays.
        ours = {"done", *map(_name, fields(self.values))}
        others = {name: value for name, value in self._entry.values.items() if name not in ours}
        self._entry = replace(self._entry, values={**others, **_to_store(self.values), **more})
        self._store.write(self._entry)


def started_at(state: TaskState[Any]) -> float:
    """Tell when the wait began, in unix time: in whichever try, or in the first one after a clear."""
    if state.values.started_at is None:
        state.save(started_at=time.time())
    return float(state.values.started_at)


def _name(item: Any) -> str:
    name: str = item.metadata.get("name", item.name)
    return name


def _from_store(kind: type[S], values: Mapping[str, Any]) -> S:
    known: dict[str, Any] = {item.name: values[_name(item)] for item in fields(kind) if _name(item) in values}
    make: Callable[..., S] = kind
    return make(**{name: tuple(value) if isinstance(value, list) else value for name, value in known.items()})


def _to_store(values: WaitState | PaidState) -> dict[str, Any]:
    given = {_name(item): getattr(values, item.name) for item in fields(values)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value}
