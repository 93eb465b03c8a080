"""Decorated tasks whose functions return something else each time."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

COMMON: dict[str, Any] = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": {"retries": 1, "retry_delay": dt.timedelta(seconds=1)},
}


def idea(colour: str) -> str:
    return f"A {colour} fox, idea {secrets.token_hex(4)}"


with DAG(dag_id="decorated", **COMMON):

    @task.pictory_image(wait_for_completion=True, deferrable=True, poll_interval=1)
    def fox(colour: str) -> str:
        return idea(colour)

    @task.posteverywhere_post(account_ids=[2280], wait_for_publish=True, deferrable=True, poll_interval=1)
    def post(image: dict[str, Any]) -> dict[str, Any]:
        return {"content": idea("posted"), "image": image}

    post.expand(image=fox.expand(colour=["red", "grey"]))

for mode, options in {"worker": {}, "triggerer": {"deferrable": True}}.items():
    with DAG(dag_id=f"decorated_{mode}", **COMMON) as dag:

        @task.pictory_image(task_id="task", wait_for_completion=True, poll_interval=1, **options)
        def killed() -> str:
            return idea("red")

        killed()
    globals()[dag.dag_id] = dag

with DAG(dag_id="decorated_post", **COMMON):

    @task.posteverywhere_post(task_id="task", account_ids=[2280], image="https://pictures.example/a.png")
    def killed_post() -> str:
        return idea("red")

    killed_post()
