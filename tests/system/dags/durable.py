"""Tasks that are killed on their way."""

from __future__ import annotations

import datetime as dt

import pendulum
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

for dag_id, operator, options in (
    ("generate", GenerateImageOperator, {"prompt": "A red fox at dawn", "wait_for_completion": True}),
    (
        "post",
        PostImageOperator,
        {
            "content": "Hello",
            "account_ids": [2280, 2282],
            "image": "https://pictures.example/a.png",
            "wait_for_publish": True,
        },
    ),
):
    for mode, deferrable in (("worker", False), ("triggerer", True)):
        with DAG(
            dag_id=f"{dag_id}_{mode}",
            schedule=None,
            start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
            catchup=False,
            default_args={"retries": 3, "retry_delay": dt.timedelta(0)},
        ) as dag:
            operator(task_id="task", deferrable=deferrable, poll_interval=0.5, **options)
        globals()[dag.dag_id] = dag

with DAG(
    dag_id="rescheduled",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
):
    ImageJobSensor(
        task_id="task",
        job_id="{{ dag_run.conf['job_id'] }}",
        deferrable=False,
        mode="reschedule",
        poke_interval=5,  # not less: Airflow may requeue a task before it has seen its process end, and fail it
    )
