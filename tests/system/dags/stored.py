"""A picture that is stored and posted from there; the first process that stores one may be killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.storage import store

KILL_ONCE = Path(os.environ.get("KILL_ONCE", "/none/such"))


def kill_before_the_sidecar(context: Any) -> None:
    write = store.write

    def write_or_be_killed(local: Path, url: str, **options: Any) -> None:
        if url.endswith(".json") and KILL_ONCE.exists():
            KILL_ONCE.unlink()
            os.killpg(0, signal.SIGKILL)  # with the scheduler of `dags test`, which would wait for it
        write(local, url, **options)

    store.write = write_or_be_killed


with DAG("stored", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    generate = GenerateImageOperator(
        task_id="generate",
        prompt="A red fox at dawn",
        wait_for_completion=True,
        save_to=os.environ.get("STORED_PICTURES", "file:///none/such") + "/{fingerprint}",
        if_exists="reuse",
        poll_interval=0.1,
        pre_execute=kill_before_the_sidecar,
    )
    PostImageOperator(
        task_id="post", content="Hello", image="{{ ti.xcom_pull(task_ids='generate')['path'] }}", account_ids=[2280]
    ).set_upstream(generate)
