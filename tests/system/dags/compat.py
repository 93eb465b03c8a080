"""The main path, and a wait whose trigger can be broken."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.triggers.pictory import ImageJobTrigger

COMMON: dict[str, Any] = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": {"retries": 1, "retry_delay": dt.timedelta(seconds=1)},
}


class BrokenTrigger(ImageJobTrigger):
    """A trigger that needs what is not installed."""

    async def wait(self) -> dict[str, Any]:
        from airflow_provider_pictory.hooks.pictory import gone  # type: ignore[attr-defined]

        return dict(gone)


for dag_id in ("submit_wait_post", "cleared"):
    with DAG(dag_id=dag_id, **COMMON) as dag:
        submit = GenerateImageOperator(task_id="submit", prompt="A red fox at dawn")
        wait = ImageJobSensor(task_id="wait", job_id=submit.output, poke_interval=1)
        PostImageOperator(
            task_id="post",
            image=wait.output,
            content="Good morning",
            account_ids=[2280],
            wait_for_publish=True,
            deferrable=True,
            poll_interval=1,
        )
    globals()[dag_id] = dag

with DAG(dag_id="wait_on_a_worker", **COMMON):
    submitted = GenerateImageOperator(task_id="submit", prompt="A red fox at dawn")
    ImageJobSensor(task_id="wait", job_id=submitted.output, poke_interval=1, deferrable=False)

with DAG(dag_id="generate_and_wait", **COMMON):
    GenerateImageOperator(
        task_id="generate", prompt="A red fox", wait_for_completion=True, deferrable=True, poll_interval=1
    )

with DAG(dag_id="mapped", **COMMON):
    jobs = GenerateImageOperator.partial(task_id="submit").expand(prompt=["A red fox", "A grey wolf", "A brown bear"])
    images = ImageJobSensor.partial(task_id="wait", poke_interval=1).expand(job_id=jobs.output)
    PostImageOperator.partial(
        task_id="post",
        content="Good morning",
        account_ids=[2280],
        wait_for_publish=True,
        deferrable=True,
        poll_interval=1,
    ).expand(image=images.output)

with DAG(dag_id="wait", **COMMON):
    ImageJobSensor(task_id="wait", job_id="{{ dag_run.conf['job_id'] }}", poke_interval=1)
