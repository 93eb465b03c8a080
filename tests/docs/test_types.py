"""What a type checker makes of the decorators, as docs/taskflow.md says."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.pages import ROOT

CODE = """
from airflow.sdk import task

from airflow_provider_pictory.decorators.pictory import pictory_image_task

@pictory_image_task(model="flux-schnell")
def imported(colour: str) -> str:
    return colour

@pictory_image_task
def bare(colour: str) -> dict[str, str]:
    return {"prompt": colour}

@task.pictory_image(model="flux-schnell")
def by_name(colour: str) -> str:
    return colour

for fox in (imported, bare, by_name):
    fox("red")
    fox.partial().expand(colour=["red"])
    fox.override(task_id="other")("red")

imported(1)  # wrong
bare(1)  # wrong
by_name(1)  # wrong

@pictory_image_task  # wrong
def number() -> int:
    return 1
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("airflow.sdk") is None, reason="Airflow declares its types from 3.0")
def test_wrong_arguments_and_results_are_found(tmp_path: Path):
    file = tmp_path / "dag.py"
    file.write_text(CODE, encoding="utf-8")
    options = ["--config-file", "", "--strict", "--python-version", "3.11", "--no-pretty"]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = [int(line.split(":")[1]) for line in run.stdout.splitlines() if ": error:" in line]
    assert found == [number for number, line in enumerate(CODE.splitlines(), 1) if "# wrong" in line], run.stdout
