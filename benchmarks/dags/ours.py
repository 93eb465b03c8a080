"""A night's images with this provider."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator

with DAG(
    dag_id="ours",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
):

    @task
    def prompts(**context: Any) -> list[str]:
        return [f"Picture {number}" for number in range(context["dag_run"].conf["size"])]

    @task_group
    def publish(prompt: str) -> None:
        image = GenerateImageOperator(task_id="generate", prompt=prompt, wait_for_completion=True, deferrable=True)
        PostImageOperator(
            task_id="post",
            content=prompt,
            image=image.output,
            account_ids=[2280],
            wait_for_publish=True,
            deferrable=True,
        )

    publish.expand(prompt=prompts())
