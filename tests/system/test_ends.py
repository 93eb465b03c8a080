"""Waits that end in the triggerer: no worker hears of them, and nothing is lost by that."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW, MAP_INDEX, XCOM, Airflow, wait_until

ON_3_4 = AIRFLOW >= (3, 4)
needs_3_4 = pytest.mark.skipif(not ON_3_4, reason="Airflow discards the state of a cleared task from 3.4")


def xcom(airflow: Airflow, dag: str, run: str, task: str, key: str, map_index: int = -1) -> Any:
    path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}?map_index={map_index}"
    return json.loads(airflow.get(path))["value"]


def links(airflow: Airflow, dag: str, run: str, task: str, map_index: int = -1) -> dict[str, str]:
    """Return the links that the task's page shows: those that lead somewhere."""
    found = json.loads(airflow.get(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/links?map_index={map_index}"))
    return {name: url for name, url in found["extra_links"].items() if url}


def xcoms(airflow: Airflow, run: str, task: str) -> set[str]:
    found = airflow.query(f"select key from {XCOM} where run_id = %s and task_id = %s", run, task)
    return {key for (key,) in found}


def test_a_wait_that_succeeds_costs_no_worker(airflow: Airflow, night: Sandbox):
    now = time.time()
    night.world.clock = lambda: now  # no image is done before its sensor waits
    run = airflow.trigger("ends")
    deferred = "select 1 from task_instance where run_id = %s and task_id = 'wait' and state = 'deferred'"
    wait_until(lambda: airflow.query(deferred, run), "the sensor waits")
    night.world.clock = time.time
    assert airflow.ends(run) == "success"
    starts = 2 if ON_3_4 else 1  # of a task that pays or posts, and waits; on 3.4, a worker ends it
    assert {task: airflow.starts(run, task) for task in ("whole", "post", "job", "wait", "read", "many", "posts")} == {
        "whole": starts, "post": starts, "job": 1, "wait": 1, "read": 1, "many": 2 * starts, "posts": 2 * starts,
    }  # fmt: skip
    ended = set() if ON_3_4 else {"ended_in_trigger"}
    ledger = night.world.ledger()
    assert (len(ledger["images"]), len(ledger["posts"])) == (4, 3)

    image = xcom(airflow, "ends", run, "whole", "return_value")
    assert image["url"].startswith(night.url)
    assert xcom(airflow, "ends", run, "whole", "pictory_image")["prompt"] == "A red fox at dawn"
    assert links(airflow, "ends", run, "whole") == {"Generated image": image["url"]}
    pushed = {"return_value", "pictory_image", "pictory_request", "_link_ImageLink"}
    assert xcoms(airflow, run, "whole") == {*pushed, *ended}
    assert "ended_in_trigger" in xcoms(airflow, run, "wait")
    post = xcom(airflow, "ends", run, "post", "return_value")
    assert post["media_ids"]
    assert links(airflow, "ends", run, "post") == {"Post on LinkedIn": post["destinations"][0]["url"]}
    assert xcom(airflow, "ends", run, "post", "posteverywhere_post") == {
        **post, "job_id": image["job_id"], "image_url": image["url"], "error": None, "content": "Good morning",
    }  # fmt: skip
    assert xcoms(airflow, run, "post") == {
        "return_value", "posteverywhere_post", "_link_LinkedInLink", *ended,
    }  # fmt: skip
    seen = xcom(airflow, "ends", run, "wait", "pictory_image")
    assert (seen["prompt"], seen["model"]) == ("A white cat", "seedream3.0")
    assert xcom(airflow, "ends", run, "read", "return_value") == seen["url"]
    for index, prompt in enumerate(["A grey wolf", "A brown bear"]):
        assert xcom(airflow, "ends", run, "many", "pictory_image", index)["prompt"] == prompt
        assert links(airflow, "ends", run, "posts", index)
    labels = "select rendered_map_index from task_instance where run_id = %s and task_id = 'many' order by "
    assert airflow.query(labels + MAP_INDEX, run) == [("A grey wolf",), ("A brown bear",)]
    job = f"Pictory job {image['job_id']}: "
    assert f"{job}submitted (seedream3.0, 2 credits expected)" in airflow.logs(run, "whole")
    assert re.search(rf"{job}completed after \d+ s, 1024×1024 px, 2 credits", airflow.logs(run, "whole"))
    assert f"PostEverywhere post {post['post_id']}: on linkedin at {post['destinations'][0]['url']}" in airflow.logs(
        run, "post"
    )


def test_what_only_a_worker_can_do_at_the_end_is_done(airflow: Airflow, night: Sandbox):
    run = airflow.trigger("ends_on_a_worker")
    assert airflow.ends(run) == "success"
    tasks = ("outlets", "callback", "no_xcom", "post_execute", "own", "label")
    assert {task: airflow.starts(run, task) for task in tasks} == dict.fromkeys(tasks, 2)
    for task in tasks:
        assert list(links(airflow, "ends_on_a_worker", run, task, 0 if task == "label" else -1)) == ["Generated image"]
    assert airflow.query("select 1 from asset_event where source_run_id = %s", run)
    [(label,)] = airflow.query("select rendered_map_index from task_instance where task_id = 'label'")
    assert label in {image["job_id"] for image in night.world.ledger()["images"]}
    assert len(night.world.ledger()["images"]) == len(tasks)


def test_a_failure_is_told_by_a_worker(airflow: Airflow, night: Sandbox):
    run = airflow.trigger("ends_badly")
    assert airflow.ends(run) == "failed"
    assert airflow.starts(run, "refused") == 2
    [(tries,)] = airflow.query("select try_number from task_instance where run_id = %s and task_id = 'refused'", run)
    assert tries == 1
    assert "JobRejectedError" in airflow.logs(run, "refused")
    post = xcom(airflow, "ends_badly", run, "partial", "posteverywhere_post")
    assert (post["status"], [item["status"] for item in post["destinations"]]) == (
        "partially_failed", ["published", "failed"],
    )  # fmt: skip
    said = f"PostEverywhere post {post['post_id']} (connection 'posteverywhere_night') failed on 1 of 2 accounts: x "
    assert post["error"].startswith(said)
    assert links(airflow, "ends_badly", run, "partial") == {"Post on LinkedIn": post["destinations"][0]["url"]}
    refused = xcom(airflow, "ends_badly", run, "unknown", "posteverywhere_post")
    assert (refused["post_id"], refused["status"], refused["image_url"]) == (
        None, "failed", "https://pictures.example/a.png",
    )  # fmt: skip
    assert "returned 400 for create post: invalid_accounts" in refused["error"]


def cut_off(airflow: Airflow, night: Sandbox, state: str | None = None) -> str:
    """Start a run whose image is under way, end its task as ``state``, and return it."""
    fault = night.fault("pictory.get_job", "hold", times=None)
    run = airflow.trigger("ends_again")
    wait_until(lambda: airflow.state(run) == "deferred", "it waits")
    wait_until(lambda: night.world.faults.get(fault).held, "it asks")
    if state:
        airflow.mark("ends_again", run, state)
        assert airflow.ends(run) == state
    night.clear_faults()
    return run


@pytest.mark.parametrize("state", ["failed", "success", None], ids=["marked-failed", "marked-success", "waiting"])
def test_a_wait_that_was_cut_off_is_gone_on_with_after_a_clear(airflow: Airflow, night: Sandbox, state: str | None):
    run = cut_off(airflow, night, state)
    airflow.clear("ends_again", run)
    wait_until(lambda: airflow.query("select 1 from dag_run where run_id = %s and state = 'running'", run), "it runs")
    assert airflow.ends(run) == "success"
    assert len(night.world.ledger()["images"]) == 1


@needs_3_4
def test_an_image_whose_state_is_discarded_is_paid_for_again_and_the_log_says_so(airflow: Airflow, night: Sandbox):
    run = cut_off(airflow, night, "failed")
    airflow.clear("ends_again", run, keep_state=False)
    wait_until(lambda: airflow.state(run) != "failed", "it is cleared")
    assert airflow.ends(run) == "success"
    assert len(night.world.ledger()["images"]) == 2
    assert "The task was cleared, and has no state of its earlier tries" in airflow.logs(run, "task")


@pytest.mark.parametrize("how", ["cleared", "run cleared", pytest.param("cleared without its state", marks=needs_3_4)])
def test_a_delivered_image_is_made_anew_after_a_clear(airflow: Airflow, night: Sandbox, how: str):
    run = airflow.trigger("ends_again")
    assert airflow.ends(run) == "success"
    first = xcom(airflow, "ends_again", run, "task", "return_value")["job_id"]
    if how == "run cleared":
        airflow.clear_run("ends_again", run)
    else:
        airflow.clear("ends_again", run, keep_state=how == "cleared")
    wait_until(lambda: airflow.state(run) != "success", "it is cleared")
    assert airflow.ends(run) == "success"
    assert xcom(airflow, "ends_again", run, "task", "return_value")["job_id"] != first
    assert len(night.world.ledger()["images"]) == 2


def test_a_post_of_a_killed_worker_is_not_made_twice_by_a_clear(airflow: Airflow, night: Sandbox):
    """The worst case: no retries, the post was created, its id was not saved, and somebody clears the task."""
    fault = night.fault("posteverywhere.create_post", "hold", when="after")
    run = airflow.trigger("posts_once")
    wait_until(lambda: night.world.faults.get(fault).held, "it has posted")
    airflow.kill_task(run, "task")
    assert airflow.ends(run) == "failed"
    night.clear_faults()
    [post] = night.world.ledger()["posts"]
    if ON_3_4:
        airflow.clear("posts_once", run, keep_state=False)
        wait_until(lambda: airflow.state(run) != "failed", "it is cleared")
        assert airflow.ends(run) == "failed"
        assert f"it may be posted already: PostEverywhere post {post['post_id']} has" in airflow.logs(run, "task")
        assert len(night.world.ledger()["posts"]) == 1
    airflow.clear("posts_once", run)
    wait_until(lambda: airflow.state(run) != "failed", "it is cleared")
    assert airflow.ends(run) == "success"
    assert xcom(airflow, "posts_once", run, "task", "return_value")["post_id"] == post["post_id"]
    assert len(night.world.ledger()["posts"]) == 1
