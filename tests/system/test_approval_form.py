"""People's answers decide what is posted: the example DAG, answered over Airflow's own API."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW, MAP_INDEX, Airflow, wait_until

DAG = "pictory_approval"
HOSTILE = "A fox ![x](http://evil.example/?a) {{ conn.pictory_default.password }}"
CHANGED = "A fox in the snow, {{ conn.pictory_default.password }}"
BRIEFS = [
    {"prompt": HOSTILE, "caption": "approved"},
    {"prompt": "A boat on a calm sea", "caption": "rejected"},
    {"prompt": "A fox in the rain", "caption": "made anew"},
    {"prompt": "A lamp that nobody sees", "caption": "left unanswered"},
]


class Form:
    """What a person is asked about one picture."""

    def __init__(self, airflow: Airflow, run: str, task_id: str, caption: str) -> None:
        index = [brief["caption"] for brief in BRIEFS].index(caption)
        self._airflow = airflow
        self._path = f"dags/{DAG}/dagRuns/{run}/taskInstances/{task_id}/{index}/hitlDetails"
        # Nobody answers before the scheduler has seen the end of the process that has asked: it would take the answered
        # task for a killed one, and ask again.
        asked = rf"TaskInstance Finished: .*task_id={task_id}, .*map_index={index}, .*state=(awaiting_input|deferred)"
        log = airflow.home / "scheduler.log"
        wait_until(lambda: re.search(asked, log.read_text()), f"{task_id} asks about {caption}", 180)
        self.shown = airflow.api("GET", self._path)

    def answer(self, choice: str, **params: Any) -> None:
        prefilled = {name: param["value"] for name, param in self.shown["params"].items()}
        self._airflow.api("PATCH", self._path, {"chosen_options": [choice], "params_input": {**prefilled, **params}})


def answer(airflow: Airflow, run: str, task: str, index: int) -> Any:
    path = f"dags/{DAG}/dagRuns/{run}/taskInstances/{task}/xcomEntries/answer?map_index={index}"
    return json.loads(airflow.get(path))["value"]["chosen_options"]


def test_each_picture_goes_the_way_that_a_person_chooses(any_airflow: Airflow, night: Sandbox):
    if AIRFLOW < (3, 1):
        pytest.skip("needs Airflow 3.1")
    airflow = any_airflow
    run = airflow.trigger(DAG, briefs=BRIEFS)
    first, second = "publish.first.approve", "publish.second.approve"

    form = Form(airflow, run, first, "approved")
    assert form.shown["options"] == ["Approve", "Make another", "Reject"]
    assert form.shown["defaults"] is None  # Airflow's form highlights what stands there
    assert form.shown["params"]["prompt"]["value"] == HOSTILE
    assert f"![The image](<{night.url}/pictures/" in form.shown["body"]
    assert "conn" not in form.shown["body"]  # the prompt stands in the field alone
    form.answer("Approve")
    Form(airflow, run, first, "rejected").answer("Reject")
    Form(airflow, run, first, "made anew").answer("Make another", prompt=CHANGED)
    form = Form(airflow, run, second, "made anew")
    assert form.shown["options"] == ["Approve", "Reject"]
    assert night.world.ledger()["images"][-1]["prompt"] == CHANGED
    form.answer("Approve")

    assert airflow.ends(run) == "success"
    ledger = night.world.ledger()
    prompts = [brief["prompt"] for brief in BRIEFS]
    assert sorted(image["prompt"] for image in ledger["images"]) == sorted([*prompts, CHANGED])
    assert sorted(post["content"] for post in ledger["posts"]) == ["approved", "made anew"]
    assert {brief["caption"]: answer(airflow, run, first, index) for index, brief in enumerate(BRIEFS)} == {
        "approved": ["Approve"],
        "rejected": ["Reject"],
        "made anew": ["Make another"],
        "left unanswered": ["Reject"],
    }
    [(waited,)] = airflow.query(
        "select task_instance.end_date - created_at from hitl_detail join task_instance on ti_id = task_instance.id"
        f" where run_id = %s and task_id = %s and {MAP_INDEX} = %s",
        run,
        first,
        len(BRIEFS) - 1,
    )
    assert waited > dt.timedelta(seconds=25)
