"""Operators in a loop, which Airflow has from 3.4: each iteration makes, waits for and posts an image of its own."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task_group
except ImportError:  # Airflow 2.11
    task_group = None  # type: ignore[assignment]

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

if hasattr(task_group and task_group(lambda: None), "loop"):
    with DAG("loop", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), default_args={"retries": 1}):

        @task_group
        def picture() -> Any:
            job = GenerateImageOperator(task_id="generate", prompt="A red fox at dawn, picture {{ loop.index }}")
            image = ImageJobSensor(task_id="wait", job_id=job.output, poke_interval=1)
            return PostImageOperator(
                task_id="post",
                content="Picture {{ loop.index }}",
                account_ids=[2280],
                image=image.output,
                wait_for_publish=True,
                deferrable=True,
                poll_interval=1,
            )

        picture.loop(max_iterations=2)
