"""
Assets: one DAG makes and stores pictures, another is scheduled by them and posts each.

One event names all pictures of a run, each with its job, its file and its credits. An event for each picture would take
outlets on the mapped task; below 3.4, Airflow may leave some of many events at once for a later run. Without a bucket,
the pictures are in a folder of the worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, Asset, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task

from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator

PICTURES = Asset("file:///tmp/pictory-assets")  # s3://bucket/pictures

with DAG(
    dag_id="pictory_assets",
    description="Make pictures, and say so in the asset's events",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    tags=["pictory", "example"],
    doc_md=__doc__,
):
    generate = GenerateImageOperator.partial(
        task_id="generate",
        model="flux-schnell",
        wait_for_completion=True,
        deferrable=True,
        save_to=f"{PICTURES.uri}/{{job_id}}",
    ).expand(prompt=["A tram in the rain, seen from a café", "A ferry at dawn, seen from the pier"])

    @task(outlets=[PICTURES])
    def announce(images: Iterable[dict[str, Any]], outlet_events: Any = None) -> None:
        """Make one event for all of them."""
        outlet_events[PICTURES].extra = {"images": list(images)}

    announce(generate.output)

with DAG(
    dag_id="pictory_assets_post",
    description="Post each new picture",
    schedule=[PICTURES],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    tags=["posteverywhere", "example"],
    doc_md=__doc__,
):

    @task
    def pictures(triggering_asset_events: Any = None, triggering_dataset_events: Any = None) -> list[dict[str, Any]]:
        """Return what the events since the last run say; Airflow 2.11 calls them dataset events."""
        events = triggering_asset_events or triggering_dataset_events or {}
        return [image for event in chain.from_iterable(events.values()) for image in event.extra["images"]]

    @task
    def account() -> list[int]:
        """Take the first account that can post."""
        return [item.account_id for item in PostEverywhereHook().list_accounts() if item.can_post][:1]

    PostImageOperator.partial(task_id="post", content="Seen today", account_ids=account()).expand(image=pictures())
