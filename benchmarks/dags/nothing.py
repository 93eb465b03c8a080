"""As many tasks as a night's images take with this provider, which do nothing: what Airflow itself takes."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group

with DAG(
    dag_id="nothing",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
):

    @task
    def prompts(**context: Any) -> list[str]:
        return [f"Picture {number}" for number in range(context["dag_run"].conf["size"])]

    @task
    def generate(prompt: str) -> str:
        return prompt

    @task
    def post(image: str) -> str:
        return image

    @task_group
    def publish(prompt: str) -> None:
        post(generate(prompt))

    publish.expand(prompt=prompts())
