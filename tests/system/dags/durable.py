"""Tasks that are killed on their way: one DAG for each operator and place to wait."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum
import requests

from airflow_provider_pictory.version_compat import BaseHook

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task.state import TaskState

SANDBOX = "{{ dag_run.conf['sandbox'] }}"


def checkpoint(context: Any, path: str) -> None:
    """Call the run's sandbox, where a test may hold the call and so stop the process at exactly this line."""
    conn = BaseHook.get_connection(f"pictory_{context['dag_run'].conf['sandbox']}")
    headers = {"Authorization": conn.password or "", "User-Agent": "tests"}
    requests.get(f"{conn.host}{path}", headers=headers, timeout=600).raise_for_status()


def starting(context: Any) -> None:
    checkpoint(context, "/v1/quota")
    save_result = TaskState.save_result

    def stop_before_it(self: TaskState, **values: Any) -> None:
        checkpoint(context, "/v1/aicredits/usage")
        save_result(self, **values)

    TaskState.save_result = stop_before_it  # type: ignore[method-assign]


def ending(context: Any, result: Any = None) -> None:
    checkpoint(context, "/v1/jobs")


CONNECTIONS = {"pictory_conn_id": f"pictory_{SANDBOX}"}
ACCOUNTS = {"posteverywhere_conn_id": f"posteverywhere_{SANDBOX}", "account_ids": [2280, 2282]}
IMAGE = {"image": "https://pictures.example/a.png", "wait_for_publish": True}
TASKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "generate": (GenerateImageOperator, {"prompt": "A red fox", "wait_for_completion": True, **CONNECTIONS}),
    "post": (PostImageOperator, {"content": "Hello", **IMAGE, **ACCOUNTS}),
    "repost": (PostImageOperator, {"content": "[partial] hello", **IMAGE, **ACCOUNTS}),
}

for name, (operator, options) in TASKS.items():
    for mode, deferrable in (("worker", False), ("triggerer", True)):
        with DAG(
            dag_id=f"{name}_{mode}",
            schedule=None,
            start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
            catchup=False,
            default_args={"retries": 4, "retry_delay": dt.timedelta(0)},
        ) as dag:
            operator(
                task_id="task",
                deferrable=deferrable,
                poll_interval=0.5,
                pre_execute=starting,
                post_execute=ending,
                **options,
            )
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
        **CONNECTIONS,
    )
