"""Texts in a DAG that renders templates to native Python objects, through Airflow itself: unmapped and mapped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.pages import ROOT

pytestmark = pytest.mark.slow

TEXTS = ['"Good morning!"', "2026", "3, 2, 1", "None of us", "True", "[1, 2]", "{'a': 1}", "it's {{ 1 + 1 }} o'clock"]
FROM_XCOM = ["{{ 7 * 7 }}", "'quoted'", "12345"]

DAG_FILE = f"""
import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

from airflow_provider_pictory.operators.posteverywhere import PostImageOperator

TEXTS = {TEXTS!r}

with DAG("native", schedule=None, start_date=pendulum.datetime(2026, 1, 1), render_template_as_native_obj=True):
    common = {{"account_ids": "{{{{ [2280, 2282] }}}}", "image": "https://p.example/a.png", "draft": "{{{{ False }}}}"}}

    @task
    def texts():
        return {FROM_XCOM!r}

    for number, text in enumerate(TEXTS):
        PostImageOperator(task_id=f"post_{{number}}", content=text, **common)
    PostImageOperator.partial(task_id="mapped", **common).expand(content=TEXTS)
    PostImageOperator.partial(task_id="of_others", **common).expand(content=texts())
    PostImageOperator.partial(task_id="partial", content="2026", account_ids=[2280]).expand(image=[common["image"]])
"""


def test_a_text_is_posted_as_it_is_written(tmp_path: Path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "native.py").write_text(DAG_FILE, encoding="utf-8")
    with Sandbox(latency=0, publish_latency=0) as sandbox:
        env = {
            **os.environ,
            **sandbox.connections,
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(ROOT),
        }
        for command in (["db", "migrate"], ["dags", "test", "native"]):
            run = subprocess.run(
                [sys.executable, "-m", "airflow", *command],
                env=env, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert run.returncode == 0, run.stdout + run.stderr
        posted = [post["content"] for post in sandbox.world.ledger()["posts"]]
    written = [text.replace("{{ 1 + 1 }}", "2") for text in TEXTS]
    assert sorted(posted) == sorted([*written, *written, *FROM_XCOM, "2026"])
