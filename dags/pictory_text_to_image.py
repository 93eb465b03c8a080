"""
Text to image: submit a prompt, wait without a worker, have the image.

Trigger it with a prompt of your own, or as it is.
"""

from __future__ import annotations

import pendulum

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models.param import Param

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

with DAG(
    dag_id="pictory_text_to_image",
    description="Submit a prompt, wait without a worker, have the image",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    params={
        "prompt": Param(
            "A golden retriever running through a sunlit meadow with wildflowers",
            type="string",
            minLength=5,
            maxLength=5000,
        ),
        "aspect_ratio": Param("16:9", enum=["1:1", "16:9", "9:16"]),
    },
    tags=["pictory", "example"],
    doc_md=__doc__,
):
    generate = GenerateImageOperator(
        task_id="generate",
        prompt="{{ params.prompt }}",
        aspect_ratio="{{ params.aspect_ratio }}",
        style="photorealistic",
    )
    # Two tasks rather than one with wait_for_completion=True: on every version of Airflow, a wait that is
    # interrupted then goes on without paying for the image again.
    ImageJobSensor(task_id="wait", job_id=generate.output, timeout=30 * 60)
