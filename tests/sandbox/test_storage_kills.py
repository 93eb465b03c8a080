"""A process that stores a picture is killed at each point: no half file is there, and the next try does the rest."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.pages import ROOT
from tests.sandbox.s3 import S3, needs_s3

pytestmark = pytest.mark.slow


@pytest.fixture
def url(sandbox: Sandbox, submit: Callable[..., str], travel: Callable[[float], None]) -> str:
    job_id = submit()
    travel(60)
    return f"{sandbox.url}/pictures/{job_id}.png"


def store_and_kill(sandbox: Sandbox, url: str, folder: str, **env: str) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("killed_while_storing.py")
    run = subprocess.run(
        [sys.executable, str(script), url, sandbox.pictory_url, folder],
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def check(points: list[dict[str, Any]], url: str, folder: str, fewest: int) -> None:
    sha256 = hashlib.sha256(requests.get(url, timeout=10).content).hexdigest()
    assert len(points) >= fewest
    for point in points:
        after = point["after_kill"]
        assert after["picture"] in (None, sha256), point
        assert after["sidecar"] in (None, sha256), point
        assert after["picture"] or not after["sidecar"], point  # the sidecar marks that all is there
        assert point["path"] == f"{folder}/{point['at']}/fox.png"
        assert point["at_last"] == {"picture": sha256, "sidecar": sha256}, point
    states = {(bool(point["after_kill"]["picture"]), bool(point["after_kill"]["sidecar"])) for point in points}
    assert states == {(False, False), (True, False), (True, True)}


def test_in_a_folder(sandbox: Sandbox, url: str, tmp_path: Path):
    folder = f"file://{tmp_path}"
    check(store_and_kill(sandbox, url, folder), url, folder, 20)


@needs_s3
def test_in_a_bucket(sandbox: Sandbox, url: str, s3: S3):
    folder = s3.url("kills")
    check(store_and_kill(sandbox, url, folder, **s3.connection), url, folder, 12)
