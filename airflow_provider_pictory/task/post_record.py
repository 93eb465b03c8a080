"""
A post's record in object storage, by which later runs find the post.

It is a JSON file under a name of the user's, with the state of the task that makes the post: saved right before the
request, and with its result right after. Only the first task under a name may make the post. Any other finds it, or
fails.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.exceptions import InvalidRequestError, TransientError
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.storage.errors import disk_errors
from airflow_provider_pictory.storage.keys import check_file_url
from airflow_provider_pictory.task.state import Entry, Store
from airflow_provider_pictory.version_compat import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

log = logging.getLogger(__name__)

_TASK = ("dag_id", "run_id", "task_id", "map_index")


def check_record_to(record_to: Any) -> None:
    """Check the URL of a record."""
    check_file_url("record_to", record_to, "the URL of a file, such as s3://aws_default@bucket/posts/{{ ds }}")


class PostRecord(Store):
    """
    The state of a task that posts, in a file that outlives its run.

    :param record_to: the file's URL; ``.json`` is added.
    :param fingerprint: identifies the request of this task.
    """

    is_kept_by_clears = True

    def __init__(self, context: Context, record_to: str, fingerprint: str) -> None:
        super().__init__(context)
        self.is_durable = True
        ti: Any = context["ti"]
        self._max_tries = ti.max_tries
        self._fingerprint = fingerprint
        self._url = f"{record_to.removesuffix('.json')}.json"
        self._task = {name: getattr(ti, name) for name in _TASK}
        self._owner: Mapping[str, Any] | None = None
        self._is_anothers = False
        """Whether another task has begun the post, and it is not known whether it made it."""

    def read(self) -> Entry | None:
        """Return the record's entry, as if this task had written it; without a record, the task's own."""
        content = store.read(self._url)
        if content is None:
            return super().read()
        try:
            record = json.loads(content)
            self._owner = {name: record[name] for name in _TASK}
            entry = self.decode(record["state"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidRequestError.of(
                "record_to", f"{self._url} is not the record of a post ({error!r})", "another name"
            ) from None
        post_id = entry.values.get("post_id")
        self._is_anothers = self._owner != self._task and not post_id
        values = dict(entry.values)
        if self._owner != self._task:
            values.pop("since", None)  # its wait is not this task's
            log.info("record_to: %s says that %s has begun this post", self._url, self._owner_name)
        if entry.fingerprint != self._fingerprint and post_id:
            log.warning(
                "PostEverywhere post %s has other inputs than this task, and is its result all the same, since it is "
                "recorded in %s. For another post use another name, or delete the file",
                post_id,
                self._url,
            )
        elif entry.fingerprint != self._fingerprint:
            raise self._unknown("has other inputs")
        return replace(
            entry,
            values=values,
            fingerprint=self._fingerprint,
            max_tries=self._max_tries,
            delivered=tuple(item for item in entry.delivered if item != post_id),  # it may have to be found again
        )

    def write(self, entry: Entry) -> None:
        """
        Write the entry of this task, and while there is a post, or may be one, its record.

        :raises TransientError: if another task has just begun to make the post.
        :raises AirflowFailException: if another task may have made the post, and it is not listed.
        """
        if self._is_anothers and not entry.values.get("post_id"):
            raise self._unknown("is not listed")
        super().write(entry)
        if entry.values.get("post_id") or entry.values.get("calling"):
            self._write_record(entry)
            self._owner = self._task
        elif self._owner is not None:
            store.delete(self._url)  # the service has refused the post
            self._owner = None

    def _write_record(self, entry: Entry) -> None:
        record = {**self._task, "post_id": entry.values.get("post_id"), "state": self.encode(entry)}
        with disk_errors(tempfile.gettempdir()), tempfile.TemporaryDirectory(prefix="pictory-") as folder:
            file = Path(folder) / "record.json"
            file.write_text(json.dumps(record, indent=2) + "\n")
            try:
                store.write(file, self._url, replace=self._owner is not None)
            except FileExistsError:
                raise TransientError(f"record_to: another task has just begun this post: {self._url}") from None

    @property
    def _owner_name(self) -> str:
        owner = self._owner or {}
        return f"DAG {owner.get('dag_id')}, run {owner.get('run_id')}, task {owner.get('task_id')}"

    def _unknown(self, why: str) -> AirflowFailException:
        return AirflowFailException(
            f"record_to: nothing is posted, since {self._owner_name} may have made this post: the response to its "
            f"request was lost, and its post {why}. Clear that task, or look into PostEverywhere; if the post is not "
            f"there, delete {self._url}"
        )
