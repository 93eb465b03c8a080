"""
A task's state across tries: what it has paid for and posted, and the request it was about to send.

It is saved in Airflow's task state store right before each request that costs or publishes, and with its result right
after. The next try resumes from it. Airflow below 3.3 has no such store: nothing is kept there. From Airflow 3.4, a
clear discards what is in it, unless told to keep it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.task.end_in_triggerer import ENDED_KEY, previous_xcom_keys
from airflow_provider_pictory.version_compat import AirflowFailException, has_rows_for_tries

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

KEY = "airflow_provider_pictory"

KEEP_STATE = "'Keep task state and resume' (\"keep_task_state\": true in the API)"
"""What to choose in a clear on Airflow 3.4."""

SCHEMA_VERSION = 1
"""Of the entry, which workers of different releases may share: fields may be added but not renamed."""


def _stored_as(name: str, default: Any = None) -> Any:
    return field(default=default, metadata={"name": name})


@dataclass(frozen=True, kw_only=True)
class WaitState:
    """The state of a task that waits; ``started_at`` is the unix time at which the wait started."""

    started_at: float | None = _stored_as("since")


@dataclass(frozen=True, kw_only=True)
class PaidState:
    """
    The state of a task that pays.

    :param request_pending: whether a paid request is being sent, or its outcome is not known.
    :param unknown_outcomes: the number of earlier requests with an unknown outcome.
    """

    request_pending: bool = _stored_as("spending", False)
    unknown_outcomes: int = _stored_as("lost", 0)


@dataclass(frozen=True, kw_only=True)
class ImageState(WaitState, PaidState):
    """
    The state of :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator`.

    :param job_id: the submitted job.
    :param submitted_at: the unix time of the submit.
    :param is_missing: whether Pictory returned 404 for the job.
    :param failed_jobs: earlier jobs that were paid for and failed.
    """

    job_id: str | None = None
    submitted_at: float | None = None
    is_missing: bool = _stored_as("gone", False)
    failed_jobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MediaState(PaidState):
    """The state of :class:`~airflow_provider_pictory.operators.posteverywhere.GenerateMediaOperator`."""

    media: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class PostState(WaitState):
    """
    The state of :class:`~airflow_provider_pictory.operators.posteverywhere.PostImageOperator`.

    :param post_id: the created post.
    :param media_ids: its media.
    :param scheduled_for: the time to publish at, in UTC.
    :param requested_at: the unix time of the last request for the post or for its failed accounts, if its outcome is
        not known.
    :param first_requested_at: the unix time of the first request for the post.
    :param question: what a person has to decide before anything is posted: a clear is the answer, a retry is not.
    """

    post_id: str | None = None
    media_ids: tuple[str, ...] = ()
    scheduled_for: str | None = None
    requested_at: float | None = _stored_as("calling")
    first_requested_at: float | None = _stored_as("started")
    question: str | None = None


S = TypeVar("S", bound=WaitState | PaidState)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    A task's entry in the store.

    :param fingerprint: identifies the request. The state of another request is not used: a cleared task may have
        another prompt, and a mapped task another map index.
    :param max_tries: the task instance's, which a clear changes but a retry does not.
    :param values: the fields of a state, by their stored names.
    :param delivered: the ids of all results that the task has returned, also before a clear.
    """

    fingerprint: str
    max_tries: int
    values: Mapping[str, Any] = field(default_factory=dict)
    delivered: tuple[str, ...] = ()

    @property
    def is_delivered(self) -> bool:
        """Whether the task has returned its result: a clear since then repeats the work."""
        return bool(self.values.get("done"))

    @property
    def is_under_way(self) -> bool:
        """Whether there is a result, or a request that costs or publishes may have been sent, to be resumed."""
        names = ("spending", "lost", "calling", "job_id", "media", "post_id", "done")
        return any(self.values.get(name) for name in names)


class Store:
    """Reads and writes a running task's entry."""

    is_kept_by_clears = False
    """Whether a clear never discards the entry."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._store = context.get("task_state_store")
        self.is_durable = self._store is not None
        """Whether later tries can read what this one writes."""

    def read(self) -> Entry | None:
        """Return the entry; None if there is none."""
        stored = self._store.get(KEY) if self._store is not None else None
        return self.decode(stored) if isinstance(stored, dict) else None

    def write(self, entry: Entry) -> None:
        """Write the entry."""
        if self._store is not None:
            from airflow_provider_pictory.version_compat import NEVER_EXPIRE

            self._store.set(KEY, self.encode(entry), retention=NEVER_EXPIRE)

    def decode(self, stored: Mapping[str, Any]) -> Entry:
        """Return an entry from its stored form."""
        if stored.get("schema_version", 1) != SCHEMA_VERSION:
            raise AirflowFailException(
                f"The task's state has schema version {stored['schema_version']}, which another release of "
                f"airflow-provider-pictory has written; this one reads {SCHEMA_VERSION}"
            )
        return Entry(
            fingerprint=stored["fingerprint"],
            max_tries=stored["max_tries"],
            values=stored["values"],
            delivered=tuple(stored.get("delivered") or ()),
        )

    def encode(self, entry: Entry) -> dict[str, Any]:
        """Return an entry in its stored form."""
        return {"schema_version": SCHEMA_VERSION, **vars(entry), "delivered": list(entry.delivered)}


def take_over(entry: Entry | None, fingerprint: str, max_tries: int) -> tuple[Entry, tuple[int, str] | None]:
    """
    Return the entry that a try starts with, and a log level and message or None.

    :param entry: the entry of earlier tries.
    :param fingerprint: the fingerprint of this try's request.
    :param max_tries: the task instance's.
    """
    if entry is None:
        return Entry(fingerprint=fingerprint, max_tries=max_tries), None
    is_cleared = entry.max_tries != max_tries
    values = entry.values
    new = replace(entry, fingerprint=fingerprint, max_tries=max_tries, values={})
    if entry.fingerprint != fingerprint:
        left = {} if entry.is_delivered else values
        # A retry with other inputs has paid for them too.
        new = replace(new, values={name: left[name] for name in {"failed_jobs"} & set(left) if not is_cleared})
        silent = {"since", "question", *new.values}
        discarded = {name: value for name, value in left.items() if name not in silent}
        if not discarded:
            return new, (logging.INFO, "The inputs have changed since an earlier try: starting over")
        text = f"The inputs have changed: starting over, without what an earlier try left behind: {discarded}"
        return new, (logging.WARNING, text)
    if is_cleared and entry.is_delivered:
        return new, (logging.INFO, "The task was cleared after its result was delivered: starting over")
    # A clear also resets the limit of paid requests and the timeout.
    reset = {"done", "spending", "lost", "since", "question"} if is_cleared else {"done"}
    resumed = replace(new, values={name: value for name, value in values.items() if name not in reset})
    if is_cleared and (values.get("spending") or values.get("lost")):
        text = "The outcome of an earlier request is not known, but the task was cleared: it may be sent again"
        return resumed, (logging.WARNING, text)
    return resumed, None


def load_state(context: Context, kind: type[S], fingerprint: str, store: Store | None = None) -> TaskState[S]:
    """
    Read the state of earlier tries as an instance of ``kind``; call once per process of a task.

    :param store: where it is kept; by default Airflow's task state store.
    """
    ti: Any = context["ti"]
    store = store or Store(context)
    entry = store.read()
    ended_in_trigger = ENDED_KEY in (previous_xcom_keys(ti) or ())
    if entry and entry.max_tries != ti.max_tries and not entry.is_delivered and ended_in_trigger:
        # A trigger that ends the task cannot save this; only the first process after a clear receives the keys.
        result_id = entry.values.get("post_id") or entry.values.get("job_id")
        delivered = (*entry.delivered, result_id) if result_id else entry.delivered
        entry = replace(entry, values={**entry.values, "done": True}, delivered=delivered)
        store.write(entry)
    is_kept = store.is_kept_by_clears or not store.is_durable
    may_be_lost = entry is None and not is_kept and _may_have_been_discarded(context)
    if may_be_lost and kind is not WaitState:  # a wait costs nothing
        log.warning(
            "The task was cleared, and has no state of its earlier tries. What they may have paid for is not resumed: "
            "for that, clear a task with %s",
            KEEP_STATE,
        )
    entry, message = take_over(entry, fingerprint, ti.max_tries)
    if message:
        log.log(*message)
    return TaskState(store, entry, _from_store(kind, entry.values), may_be_lost)


def _may_have_been_discarded(context: Mapping[str, Any]) -> bool:
    """Whether a clear may have discarded the state of earlier tries; a clear adds the tries so far to ``max_tries``."""
    ti = context["ti"]
    return has_rows_for_tries() and ti.try_number > 1 and ti.max_tries > context["task"].retries


class TaskState(Generic[S]):
    """The state of a running task: ``values`` are its fields, of the class that :func:`load_state` was called with."""

    def __init__(self, store: Store, entry: Entry, values: S, may_be_lost: bool = False) -> None:
        self._store = store
        self._entry = entry
        self.values = values
        self.may_be_lost = may_be_lost
        """Whether a clear may have discarded the state of earlier tries, so that what they did is not known."""

    @property
    def is_durable(self) -> bool:
        """Whether later tries can read what this one saves."""
        return self._store.is_durable

    @property
    def delivered(self) -> tuple[str, ...]:
        """The ids of all results that the task has returned, also before a clear."""
        return self._entry.delivered

    def save(self, **changes: Any) -> None:
        """
        Change fields, and save them for later tries.

        Call it before a request that costs or publishes, and do not send the request if it fails: a process that has
        lost its supervisor cannot save, and so cannot send a request while the task's retry runs.
        """
        self.values = replace(self.values, **changes)
        self._write()

    def save_result(self, **changes: Any) -> None:
        """Save the result of a request that costs or publishes; repeat until Airflow accepts it."""
        result = {name: value for name, value in changes.items() if value}
        attempt = 0
        while True:
            try:
                return self.save(**changes)
            except BrokenPipeError:
                log.error("Cannot save %s: this process has lost its supervisor", result)
                raise
            except Exception as error:
                attempt += 1
                log.error("Cannot save %s yet (%s: %s); trying again", result, type(error).__name__, error)
                time.sleep(backoff(attempt))

    def mark_delivered(self, *result_ids: str) -> None:
        """Save that the task is about to return a result: a clear from here on repeats the work."""
        self._entry = replace(self._entry, delivered=tuple(dict.fromkeys((*self.delivered, *result_ids))))
        self._write(done=True)

    def _write(self, **more: Any) -> None:
        # Keep the fields of other releases.
        own = {"done", *map(_name, fields(self.values))}
        others = {name: value for name, value in self._entry.values.items() if name not in own}
        self._entry = replace(self._entry, values={**others, **_to_store(self.values), **more})
        self._store.write(self._entry)


def started_at(state: TaskState[Any]) -> float:
    """Return the unix time at which the wait started, in any try since the last clear."""
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
    stored = {_name(item): getattr(values, item.name) for item in fields(values)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in stored.items() if value}
