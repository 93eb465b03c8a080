"""
A night's images without this provider: with Airflow's HTTP provider, used well.

What costs is the launch of a task, so there are four for an image and no more: the sensor that sees it ready hands over
its URL (asking for that by itself would be a fifth), and the upload and the post are one task (else there were six).
The calls are made with ``HttpHook``: an ``HttpOperator`` is a launch just the same, has no templated JSON body, and
looks its hook up among all that are installed. The waits are ``HttpSensor``s with ``mode="reschedule"``, which hold no
worker: where an ``HttpSensor`` has a ``response_check`` it does not defer.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_pictory.version_compat import AirflowFailException, PokeReturnValue

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.sensors.http import HttpSensor
from requests import Response

WAIT: dict[str, Any] = {"mode": "reschedule", "poke_interval": 15, "timeout": 3600}


def image_url(response: Response) -> PokeReturnValue:
    job = response.json()["data"]
    if job["status"] == "failed":
        raise AirflowFailException(response.text)
    return PokeReturnValue(job["status"] == "completed", job.get("url"))


def is_published(response: Response) -> bool:
    status = response.json()["data"]["post_status"]
    if status in ("failed", "partially_failed"):
        raise AirflowFailException(response.text)
    return bool(status == "published")


with DAG(
    dag_id="by_hand",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
):

    @task
    def prompts(**context: Any) -> list[str]:
        return [f"Picture {number}" for number in range(context["dag_run"].conf["size"])]

    @task
    def submit(prompt: str) -> str:
        answer = HttpHook("POST", "pictory_http").run("v1/aistudio/images", json={"prompt": prompt})
        return f"v1/jobs/{answer.json()['data']['jobId']}"

    @task
    def post(prompt: str, url: str) -> str:
        http = HttpHook("POST", "posteverywhere_http")
        media = http.run("media/upload-from-url", json={"url": url}).json()["data"]["media_id"]
        request = {"content": prompt, "account_ids": [2280], "media_ids": [media]}
        return f"posts/{http.run('posts', json=request).json()['data']['post_id']}/results"

    @task_group
    def publish(prompt: str) -> None:
        image = HttpSensor(
            task_id="image",
            http_conn_id="pictory_http",
            endpoint=submit(prompt),
            response_check=image_url,
            **WAIT,
        )
        HttpSensor(
            task_id="published",
            http_conn_id="posteverywhere_http",
            endpoint=post(prompt, image.output),
            response_check=is_published,
            **WAIT,
        )

    publish.expand(prompt=prompts())
