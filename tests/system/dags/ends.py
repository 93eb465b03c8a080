"""Waits that end in the triggerer, and some that must not."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, Asset, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

COMMON: dict[str, Any] = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": {"retries": 1},
}
ASK = {"pictory_conn_id": "pictory_night"}
WAIT = {**ASK, "wait_for_completion": True, "deferrable": True, "poll_interval": 1}
POST = {
    "posteverywhere_conn_id": "posteverywhere_night",
    "content": "Good morning",
    "account_ids": [2280],
    "wait_for_publish": True,
    "deferrable": True,
    "poll_interval": 1,
}


class Own(GenerateImageOperator):
    """What a user has derived: it may do more at the end."""


def called(context: Any) -> None:
    """Do something at the end."""


with DAG(dag_id="ends", **COMMON):
    whole = GenerateImageOperator(task_id="whole", prompt="A red fox at dawn", **WAIT)
    PostImageOperator(task_id="post", image=whole.output, **POST)
    job = GenerateImageOperator(task_id="job", prompt="A white cat", **ASK)
    wait = ImageJobSensor(task_id="wait", job_id=job.output, poke_interval=1, **ASK)

    @task
    def read(image: dict[str, Any]) -> str:
        return str(image["url"])

    read(wait.output)
    many = GenerateImageOperator.partial(task_id="many", map_index_template="{{ task.prompt }}", **WAIT).expand(
        prompt=["A grey wolf", "A brown bear"]
    )
    PostImageOperator.partial(task_id="posts", **POST).expand(image=many.output)

with DAG(dag_id="ends_on_a_worker", **COMMON):
    GenerateImageOperator(task_id="outlets", prompt="A red fox", outlets=[Asset("fox")], **WAIT)
    GenerateImageOperator(task_id="callback", prompt="A red fox", on_success_callback=called, **WAIT)
    GenerateImageOperator(task_id="no_xcom", prompt="A red fox", do_xcom_push=False, **WAIT)
    GenerateImageOperator(task_id="post_execute", prompt="A red fox", post_execute=lambda *_: None, **WAIT)
    Own(task_id="own", prompt="A red fox", **WAIT)
    GenerateImageOperator.partial(
        task_id="label", map_index_template="{{ ti.xcom_pull(key='pictory_image')['job_id'] }}", **WAIT
    ).expand(prompt=["A red fox"])

with DAG(dag_id="ends_badly", **COMMON):
    GenerateImageOperator(task_id="refused", prompt="[policy] a red fox", **WAIT)
    PICTURE = "https://pictures.example/a.png"
    PostImageOperator(
        task_id="partial",
        image=PICTURE,
        retries=0,
        **{**POST, "content": "[partial] hello", "account_ids": [2280, 2282]},
    )
    PostImageOperator(task_id="unknown", image=PICTURE, **{**POST, "account_ids": [1]})

with DAG(dag_id="ends_again", **COMMON):
    GenerateImageOperator(task_id="task", prompt="A red fox at dawn", **WAIT)

with DAG(dag_id="posts_once", **{**COMMON, "default_args": {"retries": 0}}):
    PostImageOperator(task_id="task", image=PICTURE, **POST)
