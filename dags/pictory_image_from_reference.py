"""
An image from a reference: make a scene, then three variations that keep its composition.

Each variation costs credits of its own. In place of the first image, any public URL will do.
"""

from __future__ import annotations

import pendulum

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

from airflow_provider_pictory.operators.pictory import GenerateImageOperator

with DAG(
    dag_id="pictory_image_from_reference",
    description="Make a scene, then variations of it",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=1)},
    tags=["pictory", "example"],
    doc_md=__doc__,
):
    scene = GenerateImageOperator(
        task_id="scene",
        prompt="A park bench under an old oak tree by a lake, a dog sitting on the bench",
        aspect_ratio="16:9",
        style="photorealistic",
        wait_for_completion=True,
        deferrable=True,
    )
    variations = GenerateImageOperator.partial(
        task_id="variation",
        # A field of what another task returned; `scene.output["url"]` would mean an XCom *key* named url.
        reference_image_url="{{ ti.xcom_pull(task_ids='scene')['url'] }}",
        aspect_ratio="16:9",
        wait_for_completion=True,
        deferrable=True,
        map_index_template="{{ task.style }}",
    ).expand_kwargs(
        [
            {"style": "vintage", "prompt": "Replace the dog in the referenced image with a white cat"},
            {"style": "cartoon", "prompt": "The referenced scene in deep snow, lanterns lit"},
            {"style": "futuristic", "prompt": "The referenced scene a thousand years from now, at night"},
        ]
    )
    scene >> variations
