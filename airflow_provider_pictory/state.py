"""What a task remembers across its tries."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

KEY = "airflow_provider_pictory"


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
        self._fingerprint = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
        self._values: dict[str, Any] = {}
        self.delivered: dict[str, Any] = {}
        """What an earlier try had saved whose result was delivered, if the task was cleared since."""
        entry = self._store.get(KEY) if self._store is not None else None
        if not isinstance(entry, dict):
            return
        if entry.get("fingerprint") != self._fingerprint:
            log.info("The inputs have changed since an earlier try: starting anew")
        elif entry.get("delivered_at_max_tries") not in (None, self._max_tries):
            # Only a clear changes max_tries: the user asks for the task to be done again.
            log.info("The task was cleared after its result was delivered: starting anew")
            self.delivered = entry["values"]
        else:
            self._values = entry["values"]

    @property
    def durable(self) -> bool:
        """Whether later tries will know what this one saves."""
        return self._store is not None

    def get(self, name: str) -> Any:
        """Return what an earlier try, or this one, has saved under a name; None if nothing."""
        return self._values.get(name)

    def save(self, **values: Any) -> None:
        """Keep values for later tries; None removes one. A call that costs or publishes must not follow a failure."""
        kept = {**self._values, **values}
        self._values = {name: value for name, value in kept.items() if value is not None}
        self._write()

    def deliver(self) -> None:
        """Note that the result is about to be handed over: a clear from here on means to do it again."""
        self._write(delivered_at_max_tries=self._max_tries)

    def _write(self, **marks: Any) -> None:
        if self._store is None:
            return
        from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # absent from its type stubs alone

        entry = {"fingerprint": self._fingerprint, "values": self._values, **marks}
        self._store.set(KEY, entry, retention=NEVER_EXPIRE)
