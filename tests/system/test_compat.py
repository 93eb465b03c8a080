"""What holds on every supported Airflow: the main path, with waits that go through a triggerer's own process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.conftest import has_state_store
from tests.system.processes import AIRFLOW, LATEST_TRY, MAP_INDEX, XCOM, Airflow, wait_until


@pytest.fixture
def still(night: Sandbox) -> Sandbox:
    """A sandbox whose clock stands still: no job is done before its task waits in the triggerer."""
    moment = night.world.clock()
    night.world.clock = lambda: moment
    return night


def states(airflow: Airflow, run: str) -> dict[str, str]:
    return dict(airflow.query("select task_id, state from task_instance where run_id = %s order by try_number", run))


def test_an_image_is_submitted_waited_for_and_posted(any_airflow: Airflow, still: Sandbox):
    run = any_airflow.trigger("submit_wait_post")
    wait_until(lambda: states(any_airflow, run).get("wait") == "deferred", "the sensor waits in the triggerer")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    assert set(states(any_airflow, run).values()) == {"success"}
    for task, words in (("wait", "completed after"), ("post", "on linkedin at")):
        assert words in any_airflow.logs(run, task, "*.trigger.*.log")
    [image], [post] = still.world.ledger()["images"], still.world.ledger()["posts"]
    assert image["status"] == "completed"
    assert post["status"] == "published"


def made(sandbox: Sandbox) -> tuple[int, int]:
    """Count the images that were paid for, and the posts."""
    ledger = sandbox.world.ledger()
    return len(ledger["images"]), len(ledger["posts"])


def test_a_wait_that_succeeds_ends_in_the_triggerer_where_airflow_can(
    any_airflow: Airflow, still: Sandbox, record_property: Callable[[str, object], None]
):
    run = any_airflow.trigger("submit_wait_post")
    wait_until(lambda: states(any_airflow, run).get("wait") == "deferred", "the sensor waits in the triggerer")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    starts = any_airflow.starts(run, "wait")
    if AIRFLOW == (2, 11):
        running = "select count(*) from log where event = 'running' and run_id = %s and task_id = 'wait'"
        [(starts,)] = any_airflow.query(running, run)
    assert starts == (1 if has_state_store() else 2)
    record_property("cell", "in the triggerer" if has_state_store() else "on a worker")


def test_a_killed_wait_is_resumed_by_the_retry(any_airflow: Airflow, still: Sandbox):
    run = any_airflow.trigger("wait_on_a_worker")
    wait_until(lambda: states(any_airflow, run).get("wait") == "running", "the sensor waits on a worker")
    wait_until(lambda: "waiting for it" in any_airflow.logs(run, "wait"), "it is under way")
    any_airflow.kill_task(run, "both")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    assert any_airflow.tries(run) == 2
    assert made(still) == (1, 0)


def test_a_triggerer_that_is_killed_loses_no_wait(any_airflow: Airflow, still: Sandbox):
    run = any_airflow.trigger("submit_wait_post")
    wait_until(lambda: states(any_airflow, run).get("wait") == "deferred", "the sensor waits in the triggerer")
    any_airflow.kill("triggerer")
    any_airflow.start("triggerer")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    assert made(still) == (1, 1)


def test_mapped_tasks_make_and_post_an_image_each(any_airflow: Airflow, still: Sandbox):
    run = any_airflow.trigger("mapped")
    deferred = "select count(*) from task_instance where run_id = %s and task_id = 'wait' and state = 'deferred'"
    wait_until(lambda: any_airflow.query(deferred, run) == [(3,)], "three sensors wait in the triggerer")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    assert made(still) == (3, 3)


def test_a_clear_of_what_was_delivered_does_it_again(any_airflow: Airflow, still: Sandbox):
    still.world.clock = time.time
    run = any_airflow.trigger("cleared")
    assert any_airflow.ends(run) == "success"
    any_airflow.clear("cleared", run, task="post")
    wait_until(lambda: made(still) == (1, 2), "it is posted again")
    assert any_airflow.ends(run) == "success"


def test_a_trigger_that_breaks_says_why_and_the_retry_succeeds(
    any_airflow: Airflow, still: Sandbox, record_property: Callable[[str, object], None]
):
    broken = {
        "airflow_provider_pictory.triggers.pictory.Gone": "ImportError: Module ",
        "tests.system.dags.compat.BrokenTrigger": "ImportError: cannot import name 'gone' from ",
    }
    any_airflow.kill("triggerer")
    runs = {wait_with(any_airflow, still, trigger): text for trigger, text in broken.items()}
    still.world.clock = time.time
    any_airflow.start("triggerer")
    for run, text in runs.items():
        if AIRFLOW == (3, 0):  # its retries repeat the failure: apache/airflow#56704
            assert any_airflow.ends(run) == "failed"
            record_property("cell", "says why; a clear instead of a retry (apache/airflow#56704)")
            any_airflow.clear("wait", run)
            wait_until(lambda run=run: any_airflow.state(run) != "failed", "it is cleared")  # type: ignore[misc]
        assert any_airflow.ends(run) == "success"
        assert any_airflow.tries(run) > 1
        assert f"Trigger failure: {text}" in any_airflow.logs(run, "wait", "attempt=1.log").replace("\\", "")


def wait_with(airflow: Airflow, sandbox: Sandbox, trigger: str) -> str:
    """Start a run whose task waits with another trigger than it meant to, once a triggerer is there; return its id."""
    job = requests.post(
        f"{sandbox.pictory_url}/v1/aistudio/images",
        json={"prompt": "A red fox at dawn"},
        headers={"Authorization": sandbox.pictory_key},
        timeout=10,
    ).json()
    run = airflow.trigger("wait", job_id=job["data"]["jobId"])
    wait_until(lambda: airflow.state(run) == "deferred", "it waits for a triggerer")
    airflow.query(
        f"update trigger set classpath = %s where id = (select trigger_id {LATEST_TRY})",
        trigger,
        run,
    )
    # Else the scheduler may take the task for killed, and speak of that.
    ended = re.compile(rf"TaskInstance Finished: .*run_id={re.escape(run)}, .*state=deferred")
    wait_until(lambda: ended.search((airflow.home / "scheduler.log").read_text()), "its first process has ended")
    return run


def test_each_iteration_of_a_loop_makes_and_posts_an_image_of_its_own(any_airflow: Airflow, night: Sandbox):
    if AIRFLOW < (3, 4):
        pytest.skip("needs Airflow 3.4")
    run = any_airflow.trigger("loop")
    assert any_airflow.ends(run) == "success"
    ledger = night.world.ledger()
    jobs = {image["prompt"]: image["job_id"] for image in ledger["images"]}
    assert sorted(jobs) == ["A red fox at dawn, picture 0", "A red fox at dawn, picture 1"]
    assert len({post["media_ids"][0] for post in ledger["posts"]}) == 2
    found: dict[str, dict[int, Any]] = {"pictory_image": {}, "return_value": {}, "posteverywhere_post": {}}
    for key, iteration, value in any_airflow.query(
        f"select key, {MAP_INDEX}, value from {XCOM}"
        " where run_id = %s and key in %s and task_id in ('picture.wait', 'picture.post') order by task_id",
        run,
        tuple(found),
    ):
        found[key][iteration] = value
    for index, (prompt, job_id) in enumerate(sorted(jobs.items())):
        assert found["return_value"][index]["job_id"] == job_id
        assert found["pictory_image"][index]["prompt"] == prompt
        assert found["posteverywhere_post"][index]["job_id"] == job_id
    starts = "select task_id, count(*) from log where event = 'running' and run_id = %s group by task_id"
    counted = dict(any_airflow.query(starts, run))
    # The sensor's waits end in the triggerer, those for the posts on a worker.
    assert [counted[f"picture.{task}"] for task in ("generate", "wait", "post")] == [2, 2, 4]
