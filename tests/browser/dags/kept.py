"""Images that are stored by every task that can store one, and one that is not."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.operators.storage import SaveImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

TOMORROW = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)).isoformat()
PICTURES = f"{Path(os.environ.get('AIRFLOW_HOME', '~/airflow')).expanduser().absolute().as_uri()}/pictures"
NOW: dict[str, Any] = {"wait_for_completion": True, "deferrable": False, "poll_interval": 1}


def generate(name: str, prompt: str, **options: Any) -> GenerateImageOperator:
    return GenerateImageOperator(**{"task_id": name, "prompt": prompt, "aspect_ratio": "16:9", **NOW, **options})


with DAG("kept", schedule=None, start_date=pendulum.datetime(2026, 1, 1), default_args={"retries": 0}):
    stored = generate("stored", "A picture that its task has stored", save_to=f"{PICTURES}/{{job_id}}")
    PostImageOperator(
        task_id="post", content="Spring is here", image=stored.output, account_ids=[2281], scheduled_for=TOMORROW
    )
    for style in ("vintage", "minimalist"):
        generate(style, "A glass house by the sea", style=style, save_to=f"{PICTURES}/{{fingerprint}}")
    submit = GenerateImageOperator(task_id="submit", prompt="A picture that a sensor has stored", aspect_ratio="9:16")
    ImageJobSensor(
        task_id="wait", job_id=submit.output, deferrable=False, poke_interval=1, save_to=f"{PICTURES}/{{job_id}}"
    )
    copied = generate("copied", "A picture that another task has copied")
    SaveImageOperator(task_id="copy", image=copied.output, save_to=f"{PICTURES}/copied")
    generate("lost", "A picture that nothing has stored")
    GenerateMediaOperator(
        task_id="media",
        prompt="An entry of the library that is stored",
        model="flux-schnell",
        save_to=f"{PICTURES}/media",
    )
    entry = GenerateMediaOperator(task_id="entry", prompt="An entry that another task has copied", model="flux-schnell")
    SaveImageOperator(task_id="copy_entry", image=entry.output, save_to=f"{PICTURES}/entry")
    GenerateMediaOperator(task_id="lost_entry", prompt="An entry that nothing has stored", model="flux-schnell")
