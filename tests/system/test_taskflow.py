"""Decorated tasks on whole Airflows, whose processes are killed: what was paid for is what counts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW, MAP_INDEX, XCOM, Airflow, wait_until


@pytest.fixture
def still(night: Sandbox) -> Sandbox:
    """A sandbox whose clock stands still: no job is done."""
    moment = night.world.clock()
    night.world.clock = lambda: moment
    return night


def prompts(sandbox: Sandbox) -> list[str]:
    return [image["prompt"] for image in sandbox.ledger()["images"]]


def pushed(airflow: Airflow, run: str, key: str) -> dict[int, Any]:
    """Return an XCom of the run's tasks, by map index."""
    return dict(airflow.query(f"select {MAP_INDEX}, value from {XCOM} where run_id = %s and key = %s", run, key))


def test_mapped_tasks_make_and_post_an_image_each(any_airflow: Airflow, still: Sandbox):
    run = any_airflow.trigger("decorated")
    deferred = "select count(*) from task_instance where run_id = %s and task_id = 'fox' and state = 'deferred'"
    wait_until(lambda: any_airflow.query(deferred, run) == [(2,)], "two tasks wait in the triggerer")
    still.world.clock = time.time
    assert any_airflow.ends(run) == "success"
    assert len(prompts(still)) == len(still.ledger()["posts"]) == 2
    if AIRFLOW >= (3, 0):
        found = pushed(any_airflow, run, "pictory_image")
        assert sorted(found[index]["prompt"] for index in found) == sorted(prompts(still))
        contents = [post["content"] for post in still.ledger()["posts"]]
        assert all(content.startswith("A posted fox, idea ") for content in contents)
    if AIRFLOW >= (3, 3):  # their waits end in the triggerer
        assert any_airflow.starts(run, "fox") == any_airflow.starts(run, "post") == 2


@pytest.mark.parametrize("victims", ["task", "both"])
def test_a_task_that_is_killed_while_it_waits_resumes_its_job(airflow: Airflow, still: Sandbox, victims: str):
    run = airflow.trigger("decorated_worker")
    wait_until(lambda: still.ledger()["requests"].get("pictory.get_job"), "it waits on a worker")
    airflow.kill_task(run, victims)
    wait_until(lambda: airflow.tries(run) == 2, "it is retried")
    still.world.clock = time.time
    assert airflow.ends(run) == "success"
    [prompt] = prompts(still)
    assert pushed(airflow, run, "pictory_image")[-1]["prompt"] == prompt
    assert "without calling the function again" in airflow.logs(run, "task")


def test_a_task_that_is_killed_while_its_submit_is_on_its_way_repeats_that_one(airflow: Airflow, night: Sandbox):
    fault = night.fault("pictory.submit_image", "hold", when="after")
    run = airflow.trigger("decorated_worker")
    wait_until(lambda: prompts(night), "the job is made, its answer is held")
    airflow.kill_task(run, "both")
    night.release(fault)
    assert airflow.ends(run) == "success"
    first, second = prompts(night)
    assert first == second


def test_a_task_that_comes_back_from_the_triggerer_knows_its_prompt(airflow: Airflow, night: Sandbox):
    night.change_settings(failure_rate=1)
    run = airflow.trigger("decorated_triggerer")
    wait_until(lambda: prompts(night), "the job is made")
    night.change_settings(failure_rate=0)
    assert airflow.ends(run) == "success"
    first, second = prompts(night)
    assert first != second
    image = pushed(airflow, run, "pictory_image")[-1]
    assert image["prompt"] == second
    assert [job["job_id"] for job in image["failed_jobs"]] == [night.ledger()["images"][0]["job_id"]]


def test_a_post_whose_task_was_killed_is_found(airflow: Airflow, night: Sandbox):
    fault = night.fault("posteverywhere.create_post", "hold", when="after")
    run = airflow.trigger("decorated_post")
    wait_until(lambda: night.ledger()["posts"], "the post is made, its answer is held")
    airflow.kill_task(run, "both")
    night.release(fault)
    assert airflow.ends(run) == "success"
    assert len(night.ledger()["posts"]) == 1
