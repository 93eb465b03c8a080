"""
TaskFlow: functions return the prompts and the texts, decorators make the images and the posts of them.

Each colour becomes an image and a post of its own. A function may return something else each time, as an AI model
does: what was paid for or posted counts, also for retries.
"""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

with DAG(
    dag_id="pictory_taskflow",
    description="Functions return the prompts and the texts, decorators make images and posts of them",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    tags=["pictory", "posteverywhere", "example"],
    doc_md=__doc__,
):

    @task
    def colours() -> list[str]:
        """Read what to make images of: in your pipeline, from a warehouse."""
        return ["red", "silver"]

    @task.pictory_image(model="flux-schnell", aspect_ratio="16:9", wait_for_completion=True, deferrable=True)
    def fox(colour: str, ds: str | None = None) -> str:
        """Return the prompt; Airflow gives the date, as to any TaskFlow function."""
        return f"A {colour} fox in the morning mist, as seen on {ds}"

    @task.posteverywhere_post(draft=True)
    def post(image: dict[str, Any], ds: str | None = None) -> dict[str, Any]:
        """Return the text and the image: any parameter of the operator that the decorator does not give."""
        return {"content": f"The fox of {ds}, {image['width']} pixels wide", "image": image}

    post.expand(image=fox.expand(colour=colours()))
