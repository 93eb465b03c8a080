"""
Files in object storage, through Airflow's ``ObjectStoragePath``: read, compared, and written as a whole or not at all.

A local file is written under another name and then renamed. An object store shows an object once all of it has arrived.
fsspec's own files are not used for writing: closed after an error, they keep the part that was written.
"""

from __future__ import annotations

import errno
import hashlib
import inspect
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.storage.errors import missing_bucket, storage_errors
from airflow_provider_pictory.version_compat import AirflowNotFoundException, BaseHook, ObjectStoragePath

CHUNK = 1024 * 1024

TRANSFER_TIMEOUT = 300.0
"""The maximum time of an upload or a download, in seconds."""

LOCAL = ("file", "local")
OBJECT_STORES = ("s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "az", "adl")
"""The schemes whose uploads appear as a whole; on others, such as SFTP, an upload gets another name first."""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def check_writable(url: str) -> None:
    """
    Check that a file can be written, as far as that shows without writing one.

    :raises ServiceError: if the bucket does not exist, or may not be read.
    """
    with storage_errors(url):
        scheme, fs, path = _open(url)
        if scheme in OBJECT_STORES:
            bucket = path.lstrip("/").partition("/")[0]
            if not fs.exists(bucket):  # or an error, which s3fs takes for the same
                try:
                    fs.info(bucket)
                except FileNotFoundError:
                    raise missing_bucket(url, bucket) from None
            return
        fs.makedirs(os.path.dirname(path), exist_ok=True)
        if scheme in LOCAL and not os.access(os.path.dirname(path), os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def read(url: str) -> bytes | None:
    """Return a small file's content; None if there is no such file."""
    with storage_errors(url):
        _, fs, path = _open(url)
        try:
            content: bytes = fs.cat_file(path)
        except FileNotFoundError:
            return None
        return content


def size(url: str) -> int | None:
    """Return a file's size in bytes; None if there is no such file."""
    with storage_errors(url):
        _, fs, path = _open(url)
        try:
            info = fs.info(path)
        except FileNotFoundError:
            return None
        return int(info["size"]) if info.get("type") == "file" else None


def sha256(url: str) -> str:
    """Return a file's checksum, read in chunks."""
    checksum = hashlib.sha256()
    with storage_errors(url):
        _, fs, path = _open(url)
        with fs.open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                checksum.update(chunk)
    return checksum.hexdigest()


def download(url: str, local: Path) -> None:
    """Copy a file to a local one."""
    with storage_errors(url):
        _, fs, path = _open(url)
        _transfer(fs, "get_file", path, str(local))


def write(local: Path, url: str, *, replace: bool) -> None:
    """
    Copy a local file, as a whole or not at all, also if the process is killed.

    :param local: the file; an object store takes the content type from its extension.
    :param replace: whether to replace an existing file.
    :raises FileExistsError: if there is a file and it may not be replaced. Where the store cannot check that in the
        same step, a file that another process writes at the same moment may be replaced.
    """
    with storage_errors(url):
        scheme, fs, path = _open(url)
        if scheme in LOCAL:
            _write_locally(local, Path(path), replace)
        elif scheme in OBJECT_STORES:
            _upload(fs, local, path, replace)
        else:
            _upload_and_rename(fs, local, path, replace)


def delete(url: str) -> None:
    """Delete a file, if it exists."""
    with storage_errors(url):
        _, fs, path = _open(url)
        with suppress(FileNotFoundError):
            fs.rm_file(path)


def _open(url: str) -> tuple[str, Any, str]:
    """Return a file's scheme, its file system and its path in there."""
    scheme, _, rest = url.partition("://")
    conn_id = rest.partition("/")[0].rpartition("@")[0]
    if conn_id:
        _check_connection(conn_id)
    path = ObjectStoragePath(url)
    return scheme, path.fs, path.path


@lru_cache(maxsize=100)
def _check_connection(conn_id: str) -> None:
    """Raise Airflow's error if there is no such connection: the Amazon provider would use other credentials instead."""
    for attempt in (1, 2, 3):
        try:
            BaseHook.get_connection(conn_id)
        except AirflowNotFoundException:  # also during an outage of Airflow's API server or of a secrets backend
            if attempt == 3:
                raise
            time.sleep(backoff(attempt))
        else:
            return


def _write_locally(local: Path, path: Path, replace: bool) -> None:
    def move(part: Path) -> None:
        if replace:
            os.replace(part, path)
            return
        try:
            os.link(part, path)  # unlike a rename, it fails if the file exists
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _refuse(path.exists(), str(path))
            os.replace(part, path)

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with local.open("rb") as source, part.open("xb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
        move(part)
    finally:
        part.unlink(missing_ok=True)


def _upload(fs: Any, local: Path, path: str, replace: bool) -> None:
    parameters = _put_parameters(fs)
    if replace:
        _transfer(fs, "put_file", str(local), path, **({"overwrite": True} if "overwrite" in parameters else {}))
    elif parameters & {"mode", "overwrite"}:
        only_new = {"mode": "create"} if "mode" in parameters else {"overwrite": False}
        try:
            _transfer(fs, "put_file", str(local), path, **only_new)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOTSUP):  # a store that does not know conditional writes
                raise
            _refuse(fs.exists(path), path)
            _transfer(fs, "put_file", str(local), path)
    else:
        _refuse(fs.exists(path), path)
        _transfer(fs, "put_file", str(local), path)


def _transfer(fs: Any, method: str, source: str, target: str, **options: Any) -> None:
    """Copy a file from or to the store, in a bounded time: s3fs can wait for ever after a connection was lost."""
    if not fs.async_impl:
        getattr(fs, method)(source, target, **options)
        return
    from fsspec.asyn import sync  # type: ignore[import-untyped]

    sync(fs.loop, getattr(fs, f"_{method}"), source, target, timeout=TRANSFER_TIMEOUT, **options)


def _put_parameters(fs: Any) -> set[str]:
    """
    Return the names of an upload's parameters.

    Newer versions of s3fs and gcsfs take ``mode="create"``, and adlfs ``overwrite=False``, to fail if the file exists.
    """
    put: Callable[..., Any] = getattr(type(fs), "_put_file", type(fs).put_file)
    return set(inspect.signature(put).parameters)


def _upload_and_rename(fs: Any, local: Path, path: str, replace: bool) -> None:
    folder, _, _ = path.rpartition("/")
    part = f"{folder}/.{uuid4().hex}.part"
    fs.makedirs(folder, exist_ok=True)
    if not replace:
        _refuse(fs.exists(path), path)
    try:
        fs.put_file(str(local), part)
        fs.mv(part, path)
    except BaseException:
        with suppress(Exception):
            fs.rm_file(part)
        raise


def _refuse(exists: bool, path: str) -> None:
    if exists:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
