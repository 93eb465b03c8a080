"""The asset events and the lineage of tasks that make, store and post images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.operators.storage import SaveImageOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.version_compat import Asset, AssetAlias
from tests.conftest import Tries
from tests.sandbox.tasks import ACCOUNTS, PROMPT, generate, images, post, posts, rendered, sensor
from tests.unit.task.test_asset_events import outlet_events

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")

ASSET = Asset("s3://bucket/pictures")


def give(task: Tries, outlet: Any) -> Any:
    """Give a task an outlet, and return the accessors of its events, as Airflow makes them."""
    task.operator.outlets = [outlet]
    task.ti.task = task.operator
    events = outlet_events()
    task.more = {"outlet_events": events}
    return events


def run_with_outlet(task: Tries, outlet: Any = ASSET) -> tuple[Any, dict[str, Any]]:
    """Run a task, and return its result and the ``extra`` of the event that Airflow makes of it."""
    events = give(task, outlet)
    result = task.run()
    extra = events[outlet].extra
    assert extra == json.loads(json.dumps(extra))
    return result, extra


def test_an_image(deferrable: bool):
    image, extra = run_with_outlet(generate(wait_for_completion=True, deferrable=deferrable))
    assert image.items() <= extra.items()
    assert posted_from(extra)["post_id"]
    assert extra["model"] == "seedream3.0"
    assert "prompt" not in extra


def test_an_image_that_a_sensor_waited_for(deferrable: bool):
    image, extra = run_with_outlet(sensor(generate().run(), deferrable=deferrable))
    assert image.items() <= extra.items()


def test_a_stored_image_and_its_reuse(tmp_path: Path):
    arguments = {"wait_for_completion": True, "save_to": f"file://{tmp_path}/fox", "if_exists": "reuse"}
    image, extra = run_with_outlet(generate(**arguments))
    assert extra["path"] == image["path"] == f"file://{tmp_path}/fox.png"
    assert extra["sha256"] == image["sha256"]
    again, reused = run_with_outlet(generate(**arguments))
    assert again["path"] == image["path"]
    assert reused == {**extra, "ai_credits_used": 0}


def test_a_picture_that_another_task_stores(tmp_path: Path):
    image = generate(wait_for_completion=True).run()
    stored, extra = run_with_outlet(
        Tries(rendered(SaveImageOperator, task_id="save", image=image, save_to=f"file://{tmp_path}/fox"))
    )
    assert stored.items() <= extra.items()


def test_an_image_of_posteverywheres_own_models():
    media, extra = run_with_outlet(Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT)))
    assert (extra["media_id"], extra["model"], extra["ai_credits_used"]) == (
        media["media_id"], media["model"], media["credits_used"]
    )  # fmt: skip
    assert posted_from(extra)["media_ids"] == media["media_ids"]


def posted_from(extra: dict[str, Any]) -> Any:
    """Post what an event tells, as a task that is scheduled by the asset does."""
    return post(image=extra).run()


def test_a_post(sandbox: Sandbox, deferrable: bool):
    image = generate(wait_for_completion=True).run()
    _, extra = run_with_outlet(post(image=image, wait_for_publish=True, deferrable=deferrable))
    [made] = posts(sandbox)
    assert (extra["post_id"], extra["job_id"], extra["url"]) == (made["post_id"], image["job_id"], image["url"])
    assert sorted(item["account_id"] for item in extra["destinations"]) == sorted(ACCOUNTS)
    assert {item["status"] for item in extra["destinations"]} == {"published"}


def test_an_alias_gets_the_asset_of_the_stored_file(tmp_path: Path):
    task = generate(wait_for_completion=True, save_to=f"file://{tmp_path}/fox")
    alias = AssetAlias("pictures")
    events = give(task, alias)
    image = task.run()
    [event] = getattr(events[alias], "asset_alias_events", None) or events[alias].dataset_alias_events
    assert f"file://{tmp_path}/fox.png" in str(event)
    extra = event["extra"] if isinstance(event, dict) else event.extra  # a dict on Airflow 2.11
    assert extra["job_id"] == image["job_id"]


def test_lineage_of_a_job_that_failed_after_it_was_paid_for(sandbox: Sandbox):
    sandbox.change_settings(failure_rate=1)
    task = generate(wait_for_completion=True)
    with pytest.raises(e.JobFailedError):
        task.run()
    record = task.operator.lineage_record
    [job] = images(sandbox)
    assert (record["job_id"], record["status"], record["ai_credits_expected"]) == (job["job_id"], "failed", 2)
    assert record["error"]


def test_lineage_of_a_submitted_job():
    task = generate()
    job_id = task.run()
    assert task.operator.lineage_record["job_id"] == job_id
    assert task.operator.lineage_record["prompt"] == PROMPT
