"""Every snippet on the pages runs as it stands there, against the sandbox: DAGs by Airflow, the rest as scripts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.conftest import has_state_store
from tests.pages import ROOT, Block, blocks
from tests.sandbox.run_dags import run_dags

AIRFLOW = tuple(map(int, version("apache-airflow").split(".")[:2]))


def is_dag(block: Block) -> bool:
    return re.search(r"\bDAG\(|@dag\b", block.code) is not None


def fits(block: Block) -> bool:
    since = re.search(r"from Airflow (\d+)\.(\d+)", block.remark)
    return since is None or (int(since[1]), int(since[2])) <= AIRFLOW


DAGS = [block for block in blocks("python") if is_dag(block) and fits(block)]
TESTS = [block for block in blocks("python") if "def test_" in block.code]
SCRIPTS = [
    block for block in blocks("python") if not is_dag(block) and block not in TESTS and fits(block) and block.is_run
]
INCLUDED = sorted({(block.page.parent / block.argument).resolve() for block in blocks("{literalinclude}")})


def code(block: Block) -> str:
    """Return a snippet as this Airflow takes it: the pages say what comes from elsewhere on older ones."""
    text = block.code if AIRFLOW >= (3, 2) else block.code.replace("airflow.sdk.exceptions", "airflow.exceptions")
    return text if find_spec("airflow.sdk") else text.replace("airflow.sdk", "tests.airflow_2")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Import all DAGs, and run them."""
    home = tmp_path_factory.mktemp("snippets")
    folder = home / "dags"
    folder.mkdir()
    for block in DAGS:
        own = code(block).replace("file:///tmp/", f"{home.as_uri()}/")  # without what earlier runs have stored
        (folder / f"{block.stem}.py").write_text(own, encoding="utf-8")
    names = [block.stem for block in DAGS if block.is_run]
    with Sandbox(latency=0, generate_latency=0, publish_latency=0) as sandbox:
        return run_dags(home, folder, sandbox, *names)


def test_every_dag_is_imported(outcome: dict[str, Any]):
    assert outcome["errors"] == {}


@pytest.mark.parametrize("block", [block for block in DAGS if block.is_run], ids=str)
def test_a_dag_runs(block: Block, outcome: dict[str, Any]):
    if AIRFLOW == (3, 0) and "outlets" in block.code:
        pytest.skip("needs a scheduler, which makes its asset active")
    states = outcome["ended"][block.stem]
    assert states
    assert set(states.values()) == {"success"}, outcome["log"]


@pytest.mark.usefixtures("connections")
@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_a_script_runs(block: Block, settings: Callable[..., None]):
    settings(latency=0)
    exec(compile(code(block), str(block), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_tests_pass(block: Block, tmp_path: Path):
    """In a folder with the page's files: the first line of each is a comment with its path."""
    for other in blocks("python"):
        if other.page == block.page and (name := re.match(r"# (\S+\.py)\n", other.code)):
            file = tmp_path / name[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(code(other), encoding="utf-8")
    name = re.match(r"# (\S+)", block.code)
    assert name is not None
    deselect = [] if has_state_store() else ["--deselect", f"{name[1]}::test_a_lost_answer_does_not_post_twice"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", name[1], *deselect],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", INCLUDED, ids=lambda path: path.name)
def test_an_included_file_is_a_dag_file(path: Path):
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), {"__name__": path.stem, "__file__": str(path)})


SANDBOX = "http://127.0.0.1:8765"
REQUESTS = [
    command
    for block in blocks("console")
    for command in block.commands
    if command[0] == "curl" and any(word.startswith(SANDBOX) for word in command)
]


@pytest.mark.parametrize("command", REQUESTS, ids=lambda command: command[-1])
def test_a_request_to_the_sandbox(command: list[str], sandbox: Sandbox):
    _, option, method, url, data, body = command
    assert (option, data) == ("-X", "--json")
    answer = requests.request(method, url.replace(SANDBOX, sandbox.url), json=json.loads(body), timeout=10)
    assert answer.ok, answer.text
