"""Images whose tasks end in the triggerer, and the same with an outlet, which has a worker end them."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, task

from airflow_provider_pictory.operators.pictory import GenerateImageOperator

for dag_id, outlets in (("triggerer", []), ("worker", [Asset("pictory://images/benchmark")])):
    with DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    ):

        @task
        def prompts(**context: Any) -> list[str]:
            return [f"Picture {number}" for number in range(context["dag_run"].conf["size"])]

        GenerateImageOperator.partial(
            task_id="generate", wait_for_completion=True, deferrable=True, outlets=outlets
        ).expand(prompt=prompts())
