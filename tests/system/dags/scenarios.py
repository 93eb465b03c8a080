"""Tasks that each end in one way; the test beside this folder knows which."""

from __future__ import annotations

import datetime as dt

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

PROMPT = "A red fox at dawn"

with DAG(
    dag_id="scenarios",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 1, "retry_delay": dt.timedelta(0)},
    params={"animal": "fox"},
):
    GenerateImageOperator(task_id="short_prompt", prompt="{{ 'abcd' }}")
    GenerateImageOperator(task_id="wrong_style", prompt=PROMPT, style="{{ 'photo' }}")
    GenerateImageOperator(task_id="missing_connection", prompt=PROMPT, pictory_conn_id="nowhere")
    GenerateImageOperator(task_id="empty_key", prompt=PROMPT, pictory_conn_id="pictory_empty")
    GenerateImageOperator(task_id="no_scheme", prompt=PROMPT, pictory_conn_id="pictory_bare")
    GenerateImageOperator(task_id="wrong_key", prompt=PROMPT, pictory_conn_id="pictory_wrong")
    GenerateImageOperator(task_id="unreachable", prompt=PROMPT, pictory_conn_id="pictory_closed")
    GenerateImageOperator(task_id="sent_away", prompt=PROMPT, pictory_conn_id="pictory_busy")
    PostImageOperator(
        task_id="no_zone", content="Hi", account_ids=[2280], media_ids=["m"], scheduled_for="{{ '2999-01-01' }}"
    )
    PostImageOperator(task_id="unknown_account", content="Hi", account_ids=[1], image="https://pictures.example/a.png")

    for mode, deferrable in (("worker", False), ("triggerer", True)):
        wait = {"wait_for_completion": True, "deferrable": deferrable, "poll_interval": 0.2}
        GenerateImageOperator(task_id=f"templated_{mode}", prompt="A {{ params.animal }} at dawn", **wait)
        GenerateImageOperator(task_id=f"failing_{mode}", prompt="[fail] a red fox", **wait)
        GenerateImageOperator(task_id=f"refused_{mode}", prompt="[policy] a red fox", **wait)
        GenerateImageOperator(
            task_id=f"slow_{mode}", prompt=PROMPT, **{**wait, "timeout": 0.3}, pictory_conn_id="pictory_slow"
        )
        job = GenerateImageOperator(task_id=f"submit_failing_{mode}", prompt="[fail] a red fox")
        for option in ({}, {"soft_fail": True}, {"never_fail": True}):
            kind = next(iter(option), "sensor")
            ImageJobSensor(
                task_id=f"{kind}_{mode}", job_id=job.output, deferrable=deferrable, poke_interval=0.2, **option
            )
        PostImageOperator(
            task_id=f"partial_{mode}",
            content=f"[partial] {mode}",
            account_ids=[2280, 2282],
            image="https://pictures.example/a.png",
            wait_for_publish=True,
            deferrable=deferrable,
            poll_interval=0.2,
        )

    media = GenerateMediaOperator.partial(task_id="mapped_media", model="flux-schnell").expand(
        prompt=["A red fox", "A white cat"]
    )
    PostImageOperator.partial(task_id="mapped_media_post", content="Hello", account_ids=[2280]).expand(
        image=media.output
    )

    @task
    def briefs() -> list[dict[str, object]]:
        return [{"prompt": f"A red fox, number {number}", "style": "vintage"} for number in range(3)]

    mapped = GenerateImageOperator.partial(
        task_id="mapped", map_index_template="{{ task.prompt | truncate(12, True) }}"
    ).expand_kwargs(briefs())
    images = ImageJobSensor.partial(
        task_id="mapped_wait", poke_interval=0.2, map_index_template="{{ task.job_id }}"
    ).expand(job_id=mapped.output)
    PostImageOperator.partial(task_id="mapped_post", content="Hello", account_ids=[2280]).expand(image=images.output)
