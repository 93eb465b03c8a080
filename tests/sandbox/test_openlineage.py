"""The events that OpenLineage's listener writes while a DAG stores a picture and posts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.tasks import images, posts

pytest.importorskip("airflow.providers.openlineage", reason="the extra lineage-tests is not installed")

DAG = """
from airflow.sdk import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator

with DAG("lineage", schedule=None):
    generate = GenerateImageOperator(
        task_id="generate", prompt="A red fox", wait_for_completion=True, save_to="file://{folder}/fox"
    )
    PostImageOperator(
        task_id="post",
        content="A fox",
        account_ids=[2280],
        image=generate.output,
        wait_for_publish=True,
        deferrable=True,
    )
"""


def test_events_name_what_was_used_and_made(sandbox: Sandbox, tmp_path: Path, quick: None):
    log, dags = tmp_path / "events.jsonl", tmp_path / "dags"
    dags.mkdir()
    (dags / "lineage.py").write_text(DAG.replace("{folder}", str(tmp_path / "kept")))
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    settings = {
        **os.environ,
        **sandbox.connections,
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "120",
    }
    # Not from the checkout, and without it in the path: Airflow would find this package's plugin twice, and then leaves
    # out the plugins after it.
    settings.pop("PYTHONPATH", None)
    for command in ("db migrate", "dags test lineage"):
        run = subprocess.run(
            [sys.executable, "-m", "airflow", *command.split()],
            env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr

    events = [json.loads(line) for line in log.read_text().splitlines()]
    made, posted = (ended(events, f"lineage.{task}") for task in ("generate", "post"))
    [job], [post] = images(sandbox), posts(sandbox)
    host, picture = sandbox.url, f"/pictures/{job['job_id']}.png"
    file = ("file", f"{tmp_path}/kept/fox.png")
    assert names(made["inputs"]) == [(host, picture)]
    assert names(made["outputs"]) == names(posted["inputs"]) == [file]
    assert names(posted["outputs"]) == [("posteverywhere", f"posts/{post['post_id']}")]

    image = made["run"]["facets"]["pictory_image"]
    assert (image["job_id"], image["model"], image["ai_credits_used"]) == (job["job_id"], "seedream3.0", 2)
    assert (image["prompt"], image["status"], image["path"]) == ("A red fox", "completed", f"file://{file[1]}")
    assert made["outputs"][0]["facets"]["pictory_image"]["sha256"] == image["sha256"]
    facet = posted["outputs"][0]["facets"]["posteverywhere_post"]
    assert (facet["post_id"], facet["status"], facet["job_id"]) == (post["post_id"], "published", job["job_id"])
    for secret in (sandbox.pictory_key, sandbox.posteverywhere_key):
        assert secret not in log.read_text()


def ended(events: list[dict[str, Any]], job: str) -> dict[str, Any]:
    [event] = [event for event in events if event["job"]["name"] == job and event["eventType"] == "COMPLETE"]
    return event


def names(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["namespace"], item["name"]) for item in datasets]
