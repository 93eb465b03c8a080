"""The command line: the banner, the ready file, clean ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

COMMAND = [sys.executable, "-m", "airflow_provider_pictory.sandbox"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"
    command = [*COMMAND, "--port", "0", "--ready-file", str(ready), "--latency", "0", "--ai-credits", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        while "POSTEVERYWHERE" not in (lines or [""])[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], process.communicate()
        banner = "".join(lines)
        exports = dict(re.findall(r"export AIRFLOW_CONN_(\w+)_DEFAULT='(.*)'", banner))
        pictory, posteverywhere = (json.loads(exports[name]) for name in ("PICTORY", "POSTEVERYWHERE"))
        assert (pictory["conn_type"], posteverywhere["conn_type"]) == ("pictory", "posteverywhere")

        headers = {"Authorization": pictory["password"]}
        quota = requests.get(f"{pictory['host']}/v1/quota", headers=headers, timeout=10)
        assert quota.json()["aiCredits"]["limit"] == 5
        headers = {"Authorization": f"Bearer {posteverywhere['password']}"}
        assert requests.get(f"{posteverywhere['host']}/me", headers=headers, timeout=10).status_code == 200
        feed = re.search(r"Feed +(\S+)", banner)
        assert feed
        assert requests.get(feed[1], timeout=10).status_code == 200

        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
        assert (process.returncode, rest.strip(), errors) == (0, "", "")
        assert ready.read_text() == feed[1].rstrip("/")


def test_help_names_every_setting() -> None:
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=30, check=True)
    assert {
        "--host",
        "--port",
        "--ready-file",
        "--latency",
        "--generate-latency",
        "--publish-latency",
        "--ai-credits",
        "--media-credits",
        "--failure-rate",
        "--retention",
        "--pictory-rate",
        "--posteverywhere-rate",
        "--posteverywhere-hourly-rate",
        "--seed",
    } <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_a_bad_value() -> None:
    done = subprocess.run([*COMMAND, "--latency", "soon"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "latency" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [*COMMAND, "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr
