"""
What the function of a decorated task has returned, for the task's later processes.

Airflow 3.3 and later keeps it in the task's state store, written before a request that costs or publishes is sent. A
retry that has such a request to resume uses it instead of calling the function again: an AI model or a random choice
would return something else, and that would be paid for too. Below 3.3, an XCom keeps it across a deferral.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.task.state import Store

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

STORE_KEY = "airflow_provider_pictory_returned"
"""The key in the task state store."""

XCOM_KEY = "returned_inputs"
"""The XCom key, below Airflow 3.3."""

SCHEMA_VERSION = 1
"""Of the record in the store; one of another version is not used."""


def remember(context: Context, arguments: Any, inputs: Mapping[str, Any]) -> None:
    """
    Keep what the function has returned.

    :param arguments: what the function was called with.
    :param inputs: what it returned, as JSON values by the operator's parameters.
    """
    store: Any = context.get("task_state_store")
    if store is None:
        context["ti"].xcom_push(key=XCOM_KEY, value=inputs)
        return
    from airflow_provider_pictory.version_compat import NEVER_EXPIRE

    record = {
        "schema_version": SCHEMA_VERSION,
        "arguments": digest(arguments),
        "max_tries": context["ti"].max_tries,
        "inputs": inputs,
    }
    store.set(STORE_KEY, record, retention=NEVER_EXPIRE)


def recall(context: Context, arguments: Any, *, is_resumed: bool) -> dict[str, Any] | None:
    """
    Return what the function returned before, or None if it is to be called.

    :param is_resumed: whether this process resumes a try after a deferral. Otherwise, what an earlier try's function
        returned counts if that try was not cleared, had the same arguments, and left a request to resume.
    """
    ti: Any = context["ti"]
    store: Any = context.get("task_state_store")
    if store is None:
        found = _pull(context) if is_resumed else None
        return found if isinstance(found, dict) else None
    record = store.get(STORE_KEY)
    if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
        return None
    inputs: dict[str, Any] = record["inputs"]
    if is_resumed:
        return inputs
    if record["max_tries"] != ti.max_tries or record["arguments"] != digest(arguments):
        return None
    entry = Store(context).read()
    return inputs if entry and entry.is_under_way else None


def _pull(context: Context) -> Any:
    ti: Any = context["ti"]
    return ti.xcom_pull(task_ids=context["task"].task_id, key=XCOM_KEY, map_indexes=ti.map_index)


def to_json(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return inputs as JSON values, so that a later process sees the same.

    :raises TypeError: if that is not possible.
    """
    converted: dict[str, Any] = json.loads(json.dumps(dict(inputs), default=_json_value))
    return converted


def _json_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, Integral):  # NumPy's
        return int(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):  # such as Airflow's lazy ones
        return list(value)
    raise TypeError(f"of type {type(value).__name__}")


def digest(arguments: Any) -> str:
    """Return a hash of a function's arguments, which may be any objects."""
    return hashlib.sha256(repr(_plain(arguments)).encode(errors="backslashreplace")).hexdigest()


def _plain(value: Any) -> Any:
    """Convert to what has the same text in every process: the lists of Airflow have not, nor have sets."""
    if isinstance(value, Mapping):
        return tuple(sorted(((repr(name), _plain(item)) for name, item in value.items()), key=lambda pair: pair[0]))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return repr(value) if isinstance(value, (str, bytes)) else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
