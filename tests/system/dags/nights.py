"""Many images in one run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.retries import ServiceRetryPolicy
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

COMMON: dict[str, Any] = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": {"retries": 6, "retry_delay": dt.timedelta(seconds=5)},
}

POLICY = {"retries": 1, "retry_delay": dt.timedelta(hours=1), "retry_policy": ServiceRetryPolicy()}

with DAG(dag_id="night", **COMMON):

    @task
    def prompts(**context: Any) -> list[str]:
        return [f"Picture {number}" for number in range(context["dag_run"].conf["size"])]

    images = GenerateImageOperator.partial(
        task_id="generate",
        pictory_conn_id="pictory_night",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=2,
    ).expand(prompt=prompts())
    PostImageOperator.partial(
        task_id="post",
        posteverywhere_conn_id="posteverywhere_night",
        content="Good night",
        account_ids=[2280],
    ).expand(image=images.output)

with DAG(dag_id="own", **{**COMMON, "default_args": POLICY}):

    @task
    def submit() -> str:
        return PictoryHook("pictory_night").submit_image("A red fox at dawn")

    submit()

with DAG(dag_id="waiting", **COMMON):

    @task
    def jobs(**context: Any) -> list[str]:
        return list(context["dag_run"].conf["jobs"])

    ImageJobSensor.partial(task_id="wait", pictory_conn_id="pictory_night", poke_interval=2).expand(job_id=jobs())

with DAG(dag_id="fan_out", **{**COMMON, "default_args": {"retries": 0}}):

    @task
    def pictures(**context: Any) -> list[str]:
        return [f"https://pictures.example/{number}.png" for number in range(context["dag_run"].conf["size"])]

    PostImageOperator.partial(
        task_id="post",
        posteverywhere_conn_id="posteverywhere_night",
        content="Good night",
        account_ids=[2280],
        wait_for_publish=True,
        deferrable=True,
    ).expand(image=pictures())
