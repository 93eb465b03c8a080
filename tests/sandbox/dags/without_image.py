"""Posts whose image is None, for all the reasons there are."""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group

from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSkipException

IMAGE = {"url": "https://pictures.example/a.png"}
POST: dict[str, Any] = {"account_ids": [2280], "trigger_rule": "all_done"}

with DAG("without_image", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):

    @task
    def skipped() -> dict[str, str]:
        raise AirflowSkipException("Nothing today")

    @task
    def failed() -> dict[str, str]:
        raise AirflowFailException("No luck")

    @task
    def nothing() -> None:
        return None

    @task
    def images() -> list[dict[str, str] | None]:
        return [IMAGE, None]

    made = {"skipped": skipped(), "failed": failed(), "nothing": nothing()}
    for name, maker in made.items():
        PostImageOperator(task_id=f"argument_{name}", content="argument", image=maker, **POST)
        PostImageOperator(task_id=f"media_{name}", content="media", media_ids=maker, **POST)
        text = f"{{{{ ti.xcom_pull(task_ids='{name}') }}}}"
        maker >> PostImageOperator(task_id=f"template_{name}", content="template", image=text, **POST)
        partial = PostImageOperator.partial(task_id=f"partial_{name}", image=maker, **POST)
        partial.expand(content=["partial 0", "partial 1"])
    PostImageOperator.partial(task_id="expand", content="expand", **POST).expand(image=images())
    PostImageOperator(task_id="literal", content="literal", image=None, **POST)

    @task_group
    def some(number: int) -> None:
        """Make no image of the number 1."""

        @task
        def even(number: int) -> dict[str, str]:
            if number % 2:
                raise AirflowSkipException("Odd")
            return IMAGE

        PostImageOperator(task_id="post", content=f"some {number}", image=even(number), **POST)

    some.expand(number=[0, 1, 2])
