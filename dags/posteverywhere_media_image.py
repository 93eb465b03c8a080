"""
An image of the media library's own models, posted straight away: no second service, no upload.

PostEverywhere generates it within seconds, and the post names it by its media id.
"""

from __future__ import annotations

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator

with DAG(
    dag_id="posteverywhere_media_image",
    description="Generate an image in the media library and post it",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    tags=["posteverywhere", "example"],
    doc_md=__doc__,
):

    @task
    def accounts() -> list[int]:
        """Take the first two accounts that can post."""
        return [item.account_id for item in PostEverywhereHook().list_accounts() if item.can_post][:2]

    picture = GenerateMediaOperator(
        task_id="generate",
        prompt="A professional photo of a modern office workspace with natural lighting",
        model="flux-schnell",
        aspect_ratio="4:5",
    )
    PostImageOperator(
        task_id="post",
        content="Our new workspace: more light, fewer walls.",
        image=picture.output,
        account_ids=accounts(),
        wait_for_publish=True,
        deferrable=True,
    )
