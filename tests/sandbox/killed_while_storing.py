"""
Store a picture again and again, each time in a process that is killed at a later point, until one is not.

The arguments are the picture's URL, the base URL of the service, and where to store. Each line of the output is JSON:
the point, what was there after the kill, and what was there after another try. A point is before or after a call that
reads, writes, renames or deletes something, or in the middle of one.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import urllib3

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.storage.save_picture import Destination, Picture

CALLS: list[tuple[Any, str]] = [
    (urllib3.HTTPResponse, "read1"),
    (os, "fsync"),
    (os, "link"),
    (os, "replace"),
    (Path, "unlink"),
    (Path, "rename"),
    (Path, "write_bytes"),
    (Path, "mkdir"),
]


class Killer:
    """Counts the points, and kills the process at one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def point(self) -> None:
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def wrap(self, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        @functools.wraps(real)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.point()
            result = real(*args, **kwargs)
            self.point()
            return result

        @functools.wraps(real)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            self.point()
            result = await real(*args, **kwargs)
            self.point()
            return result

        setattr(owner, name, call_async if asyncio.iscoroutinefunction(real) else call)

    def copy_half(self, source: Any, target: Any, length: int = 0) -> None:
        content = source.read()
        target.write(content[: len(content) // 2])
        target.flush()
        self.point()
        target.write(content[len(content) // 2 :])


def save(url: str, base_url: str, save_to: str) -> str:
    image = {"job_id": None, "status": "completed", "url": url, "ai_credits_used": 2}
    picture = Picture(image=image, url=url, fresh_url=None, fingerprint="f")
    endpoint = Endpoint(base_url, "pictai_sandbox", 60)
    return Destination(save_to=save_to, if_exists="fail").save(picture, endpoint).path


def look(save_to: str) -> dict[str, Any]:
    picture, sidecar = store.size(f"{save_to}.png"), store.read(f"{save_to}.json")
    return {
        "picture": store.sha256(f"{save_to}.png") if picture is not None else None,
        "sidecar": json.loads(sidecar)["sha256"] if sidecar is not None else None,
    }


def in_a_process(function: Any, *args: Any) -> Any:
    """Run a function in a forked process; return its result, or None if it was killed."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        status = 1
        try:
            result = json.dumps(function(*args)).encode()
            os.write(write, result)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.waitstatus_to_exitcode(status) == 0, result
    return json.loads(result)


def main(url: str, base_url: str, folder: str) -> None:
    store.size("file:///none/such")  # loads Airflow's file systems once, and not in each process
    if not folder.startswith("file:"):
        # Imports start no thread, so that forked processes start their own.
        importlib.import_module("airflow.providers.amazon.aws.hooks.s3")
        CALLS.append((importlib.import_module("s3fs").S3FileSystem, "_call_s3"))

    def killed(at: int, save_to: str) -> str:
        killer = Killer(at)
        for owner, name in CALLS:
            killer.wrap(owner, name)
        shutil.copyfileobj = killer.copy_half  # type: ignore[assignment]
        return save(url, base_url, save_to)

    def try_again(save_to: str) -> dict[str, Any]:
        return {"after_kill": look(save_to), "path": save(url, base_url, save_to), "at_last": look(save_to)}

    at = 0
    while True:
        save_to = f"{folder}/{at}/fox"
        ended = in_a_process(killed, at, save_to)
        sys.stdout.write(json.dumps({"at": at, **in_a_process(try_again, save_to)}) + "\n")
        if ended is not None:
            return
        at += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
