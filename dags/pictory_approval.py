"""
Approval: a person looks at each picture before it is posted.

Airflow shows the picture in a form of its own (*Required Actions*), with three answers: approve it, which posts it;
reject it; or ask, once, for another with a changed prompt. What nobody has answered in time is rejected.

Airflow below 3.1 has no such forms. There each picture becomes a draft in PostEverywhere, to be reviewed there.
"""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, Param, TaskGroup, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group
    from airflow.models.param import Param
    from airflow.utils.task_group import TaskGroup

from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

try:
    from airflow_provider_pictory.operators.approval import ApproveImageOperator, RegenerateImageOperator
except ImportError:
    ApproveImageOperator = None  # type: ignore[assignment,misc]

DEADLINE = pendulum.duration(hours=12)

BRIEFS = [
    {"prompt": "A red fox in a snowy forest at dawn, soft light", "caption": "Winter has come to the valley."},
    {"prompt": "A cosy bookshop on a rainy evening, warm windows", "caption": "Open until nine tonight."},
    {"prompt": "A sailing boat on a calm sea at sunset, wide view", "caption": "The season opens on Saturday."},
]

with DAG(
    dag_id="pictory_approval",
    description="A person approves each picture before it is posted",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    params={"briefs": Param(BRIEFS, type="array", items={"type": "object"}, description="Prompts and captions")},
    tags=["pictory", "posteverywhere", "example"],
    doc_md=__doc__,
):

    @task
    def briefs(params: dict[str, Any]) -> list[dict[str, Any]]:
        """Read the briefs, each for the first account that can post."""
        account_ids = [item.account_id for item in PostEverywhereHook().list_accounts() if item.can_post][:1]
        return [{**brief, "account_ids": account_ids} for brief in params["briefs"]]

    def picture(generate: GenerateImageOperator) -> ImageJobSensor:
        """Wait for a picture."""
        return ImageJobSensor(task_id="wait", job_id=generate.output, timeout=60 * 60)

    def ask(wait: ImageJobSensor, caption: str, account_ids: list[int], *, another: bool) -> ApproveImageOperator:
        """Ask about a picture, and post it if it is approved."""
        approve = ApproveImageOperator(
            task_id="approve",
            image=wait.output["pictory_image"],  # the XCom key under which prompt and model are, too
            details={"Caption": caption},
            another=another,
            response_timeout=DEADLINE,
            map_index_template="{{ task.image.prompt | truncate(60) }}",
        )
        PostImageOperator(task_id="post", content=caption, image=approve.output, account_ids=account_ids)
        return approve

    @task_group
    def publish(prompt: str, caption: str, account_ids: list[int]) -> None:
        """Take one brief from prompt to post."""
        if ApproveImageOperator is None:
            wait = picture(GenerateImageOperator(task_id="generate", prompt=prompt, aspect_ratio="16:9"))
            PostImageOperator(task_id="draft", content=caption, image=wait.output, account_ids=account_ids, draft=True)
            return
        with TaskGroup("first"):
            wait = picture(GenerateImageOperator(task_id="generate", prompt=prompt, aspect_ratio="16:9"))
            approve = ask(wait, caption, account_ids, another=True)
        with TaskGroup("second"):
            changed = approve.output["prompt"]
            wait = picture(RegenerateImageOperator(task_id="generate", prompt=changed, aspect_ratio="16:9"))
            ask(wait, caption, account_ids, another=False)

    publish.expand_kwargs(briefs())
