"""
Nightly content: every brief becomes a picture, every picture a post for the next morning.

The briefs stand in `nightly_content.json` beside this file; in your pipeline they will come from a warehouse
query or an editorial calendar. Each goes its own way from generation to post, so one that fails holds up no other.

The pictures are kept in a folder of Airflow's home; set the environment variable PICTURES, or the run's parameter, to a
bucket such as `s3://aws_default@bucket/pictures`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group

from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

ZONE = "Europe/Berlin"
HOME = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser().absolute()
PICTURES = os.environ.get("PICTURES", f"file://{HOME}/pictures")

with DAG(
    dag_id="nightly_content",
    description="Every brief becomes a picture, every picture a post for the next morning",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    params={"pictures": PICTURES},
    tags=["pictory", "posteverywhere", "example"],
    doc_md=__doc__,
):

    @task
    def briefs(dag_run: Any = None, data_interval_end: Any = None) -> list[dict[str, Any]]:
        """Read the briefs; settle their accounts, and when after the run's time the clock next shows that of each."""
        accounts = {item.platform: item.account_id for item in PostEverywhereHook().list_accounts() if item.can_post}
        # The run's own time, not that of the machine: a backfill, or an old run that is cleared, is of its own day.
        by_hand = dag_run.run_type == "manual" and dag_run.logical_date
        run_time = by_hand or getattr(dag_run, "run_after", data_interval_end)  # Airflow 2.11 has no run_after
        earliest = pendulum.instance(run_time).in_timezone(ZONE).add(minutes=30)

        def next_time(clock: str) -> pendulum.DateTime:
            hour, minute = map(int, clock.split(":"))
            today = earliest.at(hour, minute)
            # Adding a day keeps the clock's time, also on the two nights a year when a day has 23 or 25 hours.
            return today if today > earliest else today.add(days=1)

        def settle(brief: dict[str, Any]) -> dict[str, Any]:
            account_ids = [accounts[name] for name in brief.pop("platforms") if name in accounts]
            post_at = next_time(brief["post_at"])
            times = {"post_at": post_at.isoformat(), "make_by": post_at.subtract(minutes=15).isoformat()}
            return {**brief, **times, "account_ids": account_ids}

        items = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
        return [settle(item) for item in items]

    @task_group
    def publish(
        prompt: str, style: str, aspect_ratio: str, caption: str, account_ids: list[int], post_at: str, make_by: str
    ) -> None:
        """Take one brief from prompt to post."""
        generate = GenerateImageOperator(
            task_id="generate",
            prompt=prompt,
            style=style,
            aspect_ratio=aspect_ratio,
            skip_after=make_by,
            map_index_template="{{ task.prompt | truncate(60) }}",
        )
        wait = ImageJobSensor(
            task_id="wait",
            job_id=generate.output,
            timeout=60 * 60,
            save_to="{{ params.pictures }}/nightly_content/{job_id}",
            map_index_template="{{ task.job_id }}",
        )
        PostImageOperator(
            task_id="post",
            content=caption,
            image=wait.output,
            account_ids=account_ids,
            scheduled_for=post_at,
            timezone=ZONE,
            map_index_template="{{ task.content | truncate(60) }}",
        )

    publish.expand_kwargs(briefs())
