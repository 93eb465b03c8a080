"""
Storing a picture: looked for before it is paid for, downloaded, verified, written, and marked by its sidecar.

The order is what makes it safe to be killed anywhere: the picture is downloaded to a local file and verified there,
written as a whole, and the sidecar is written last. A later try finds what is there and does the rest.
"""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    TransientError,
)
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.storage.download import Download, download
from airflow_provider_pictory.storage.errors import disk_errors
from airflow_provider_pictory.storage.image_file import EXTENSIONS
from airflow_provider_pictory.storage.keys import fill, placeholders
from airflow_provider_pictory.storage.preview import preview_of_file, preview_of_stored
from airflow_provider_pictory.storage.sidecar import Sidecar

log = logging.getLogger(__name__)

_CHOICES = "another name, if_exists='reuse' for the stored picture of the same request, or 'overwrite' to replace it"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """
    A picture to store.

    :param image: the image or media record, as in XCom.
    :param url: where it can be downloaded; None to ask ``fresh_url`` first.
    :param fresh_url: asks the service for the URL again; None if no service can be asked.
    :param fingerprint: identifies the request; None if that is not known.
    :param prompt: as in the sidecar, like all that follow.
    """

    image: Mapping[str, Any]
    url: str | None
    fresh_url: Callable[[], str | None] | None
    fingerprint: str | None = None
    prompt: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str | None]:
        """The values of the placeholders in ``save_to``."""
        return {
            "fingerprint": self.fingerprint,
            "job_id": self.image.get("job_id"),
            "media_id": self.image.get("media_id"),
        }

    @property
    def label(self) -> str:
        """The picture, for logs and errors."""
        names = self.names
        if names["job_id"]:
            return f"Pictory job {names['job_id']}"
        return f"PostEverywhere media {names['media_id']}" if names["media_id"] else "The picture"


@dataclass(frozen=True)
class Stored:
    """A stored picture: its URL, the image as in XCom when it was stored, and a small copy, if there is one."""

    path: str
    image: Mapping[str, Any]
    preview: str | None = None

    def with_preview(self) -> Stored:
        """Return this with its preview, for which the picture is read."""
        return replace(self, preview=preview_of_stored(self.path))


@dataclass(frozen=True, kw_only=True)
class Destination:
    """
    Where pictures go.

    :param save_to: the URL of the file, with placeholders.
    :param if_exists: what to do if another picture is there: ``fail``, ``reuse`` or ``overwrite``.
    :param sidecar: whether to write a sidecar.
    """

    save_to: str
    if_exists: str
    sidecar: bool = True

    def find_before_submit(self, fingerprint: str, task: Mapping[str, Any] | None = None) -> Stored | None:
        """
        Look for a stored picture of the same request, and check that another can be stored.

        :param task: as in the sidecar: what this task has stored before is returned with ``fail``, too.
        :raises InvalidRequestError: if another picture is there and may not be replaced.
        :raises ServiceError: if the storage cannot be used.
        """
        is_known = placeholders(self.save_to) <= {"fingerprint"}
        base = fill(self.save_to, {"fingerprint": fingerprint, "job_id": "job", "media_id": "media"})
        found = self._read_sidecar(base)  # also tells whether the storage can be used
        store.check_writable(base)
        if not is_known or self.if_exists == "overwrite":
            return None
        if found is not None:
            stored = self._stored(base, found)
            is_own = task is not None and all(getattr(found, name) == value for name, value in task.items())
            if stored and (self.if_exists == "reuse" or is_own) and found.fingerprint == fingerprint:
                return stored.with_preview()
            if stored:
                raise _exists(stored.path, found)
        for extension in EXTENSIONS.values():
            if store.size(base + extension) is not None:
                raise _exists(base + extension, found)
        return None

    def save(self, picture: Picture, endpoint: Endpoint) -> Stored:
        """
        Store a picture, unless it is stored.

        :param endpoint: the connection that it is downloaded through.
        :raises InvalidRequestError: if another picture is there and may not be replaced.
        :raises ServiceError: if it cannot be downloaded, verified or written.
        """
        base = fill(self.save_to, picture.names)
        found = self._read_sidecar(base) if self.sidecar else None
        if found is not None and (stored := self._reusable(base, found, picture)):
            return stored.with_preview()
        with disk_errors(tempfile.gettempdir()):
            folder = tempfile.TemporaryDirectory(prefix="pictory-")
        with folder as name:
            local = Path(name) / "picture"
            with disk_errors(str(local)):
                file = local.open("w+b")
            with file:
                downloaded = _download(picture, file, endpoint)
            local = local.rename(local.with_suffix(downloaded.image.extension))
            stored = self._write(base, local, downloaded, found, picture)
            if stored.image["sha256"] != downloaded.sha256:  # what another task has stored meanwhile
                return stored.with_preview()
            return replace(stored, preview=preview_of_file(local))

    def _write(self, base: str, local: Path, downloaded: Download, found: Sidecar | None, picture: Picture) -> Stored:
        path = base + downloaded.image.extension
        size = {"width": downloaded.image.width, "height": downloaded.image.height}
        stored = Stored(path, {**picture.image, **size, "path": path, "sha256": downloaded.sha256})
        is_same = found is not None and found.sha256 == downloaded.sha256 and self._stored(base, found) is not None
        if is_same:
            log.info("%s: its picture is stored already: %s", picture.label, path)
            return stored
        replace = self.if_exists == "overwrite"
        if found is not None and not replace and (other := self._stored(base, found)):
            raise _exists(other.path, found)
        try:
            if not (replace and _is_stored(path, downloaded)):
                if found is not None:  # it would mark the new picture as the old one, if this process was killed
                    store.delete(f"{base}.json")
                store.write(local, path, replace=replace)
        except FileExistsError:
            if not _is_stored(path, downloaded):
                return self._after_race(base, path, picture)
        if self.sidecar:
            sidecar = _describe(path, downloaded, picture)
            local = local.with_suffix(".json")
            with disk_errors(str(local)):
                local.write_bytes(sidecar.to_json())
            store.write(local, f"{base}.json", replace=True)
            if found is not None and found.file != sidecar.file:
                store.delete(f"{base.rpartition('/')[0]}/{found.file}")
        log.info("%s: stored as %s (%s bytes)", picture.label, path, f"{downloaded.size:,}")
        return stored

    def _after_race(self, base: str, path: str, picture: Picture) -> Stored:
        """Return what another task has stored while this one was downloading, or raise an error."""
        found = self._read_sidecar(base) if self.sidecar else None
        if found is not None and (stored := self._reusable(base, found, picture)):
            return stored
        if found is None and self.if_exists == "reuse" and self.sidecar:
            raise TransientError(
                f"save_to: {path} is another picture, without a sidecar: another task may be about to write it. "
                "If none is, delete the file, or use if_exists='overwrite'"
            )
        raise _exists(path, found)

    def _reusable(self, base: str, found: Sidecar, picture: Picture) -> Stored | None:
        """Return a stored picture that is the wanted one: of the same job, or with ``reuse`` of the same request."""
        names = picture.names
        is_same = any(names[name] and names[name] == found.image.get(name) for name in ("job_id", "media_id"))
        is_equal = picture.fingerprint is not None and picture.fingerprint == found.fingerprint
        if not is_same and not (is_equal and self.if_exists == "reuse"):
            return None
        stored = self._stored(base, found)
        if stored:
            log.info("%s: its picture is stored already: %s", picture.label, stored.path)
            if is_same:
                return Stored(stored.path, {**picture.image, "path": stored.path, "sha256": found.sha256})
        return stored

    def _stored(self, base: str, found: Sidecar) -> Stored | None:
        """Return the picture of a sidecar, if its file is there with the right size."""
        path = f"{base.rpartition('/')[0]}/{found.file}"
        if store.size(path) != found.size:
            return None
        return Stored(path, {**found.image, "path": path, "sha256": found.sha256})

    def _read_sidecar(self, base: str) -> Sidecar | None:
        content = store.read(f"{base}.json")
        if content is None:
            return None
        try:
            return Sidecar.from_json(content)
        except ValueError as error:
            if self.if_exists == "overwrite" or not self.sidecar:
                return None
            raise InvalidRequestError.of(
                "save_to",
                f"{base}.json is not the sidecar of a picture ({error})",
                "another name, or if_exists='overwrite'",
            ) from None


def _download(picture: Picture, file: Any, endpoint: Endpoint) -> Download:
    """Download a picture; ask for a fresh URL once if the first does not work any more."""
    size = picture.image.get("width"), picture.image.get("height")
    url = picture.url
    if url is not None:
        try:
            return download(url, file, endpoint, size)
        except (NotFoundError, PermissionDeniedError) as error:
            if picture.fresh_url is None:
                raise type(error)(f"{picture.label}: its URL does not work any more: {error}") from error
            log.warning("%s: its URL does not work any more (%s): asking for a fresh one", picture.label, error)
    fresh = picture.fresh_url() if picture.fresh_url else None
    if fresh is None:
        raise NotFoundError(f"{picture.label}: the service has no URL for its picture: it cannot be stored")
    try:
        return download(fresh, file, endpoint, size)
    except (NotFoundError, PermissionDeniedError) as error:
        kind = type(error)
        raise kind(
            f"{picture.label}: its picture is gone: a URL that the service has just given does not work: {error}"
        ) from error


def _is_stored(path: str, downloaded: Download) -> bool:
    return store.size(path) == downloaded.size and store.sha256(path) == downloaded.sha256


def _describe(path: str, downloaded: Download, picture: Picture) -> Sidecar:
    return Sidecar(
        file=path.rpartition("/")[2],
        size=downloaded.size,
        sha256=downloaded.sha256,
        content_type=downloaded.image.content_type,
        width=downloaded.image.width,
        height=downloaded.image.height,
        fingerprint=picture.fingerprint,
        image=dict(picture.image),
        prompt=picture.prompt,
        model=picture.model,
        parameters=picture.parameters,
        saved_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        **picture.task,
    )


def _exists(path: str, found: Sidecar | None) -> InvalidRequestError:
    if found is None:
        by = ", without a sidecar: somebody else's file, or a task was killed right before it wrote one"
    else:
        by = f", stored by DAG {found.dag_id}, run {found.run_id}, task {found.task_id}" if found.dag_id else ""
    return InvalidRequestError.of("save_to", f"{path} is another picture{by}", _CHOICES)
