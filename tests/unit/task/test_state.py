"""What a task knows across its tries: what was stored before the schema had a version, a clear, other releases."""

from __future__ import annotations

import importlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task import state as states
from airflow_provider_pictory.task.find_or_create_post import Stage, stage_of
from airflow_provider_pictory.task.state import (
    KEY,
    Entry,
    ImageState,
    MediaState,
    PostState,
    WaitState,
    load_state,
    take_over,
)
from airflow_provider_pictory.version_compat import AirflowFailException
from tests.conftest import StateStore, TaskInstance, needs_state_store

RECORDED = json.loads((Path(__file__).parent / "state_before_schema.json").read_text())
OPERATORS: dict[str, Any] = {
    kind.__name__: kind for kind in (GenerateImageOperator, GenerateMediaOperator, PostImageOperator, ImageJobSensor)
}
KINDS: dict[str, Any] = {
    "GenerateImageOperator": ImageState,
    "GenerateMediaOperator": MediaState,
    "PostImageOperator": PostState,
    "ImageJobSensor": WaitState,
}


def context(store: StateStore, max_tries: int = 1) -> Any:
    return {"ti": TaskInstance(max_tries=max_tries), "task_state_store": store}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['operator']}: {case['name']}")
def test_what_an_earlier_release_has_stored_is_the_same_tasks_state(case: dict[str, Any], monkeypatch: Any):
    """The task's own request has the fingerprint that was stored, so that it resumes and does not pay again."""
    seen: list[str] = []

    def load(context: Any, kind: Any, fingerprint: str, store: Any = None) -> Any:
        assert store is None
        assert kind is KINDS[case["operator"]]
        seen.append(fingerprint)
        raise InterruptedError

    kind = OPERATORS[case["operator"]]
    monkeypatch.setattr(f"{kind.__module__}.load_state", load)
    task = kind(task_id="task", **case["arguments"])
    with pytest.raises(InterruptedError):
        task.execute({"ti": TaskInstance(), "task": task})
    assert {row["fingerprint"] for row in case["rows"]} == set(seen)


@needs_state_store
@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['operator']}: {case['name']}")
def test_every_field_that_an_earlier_release_has_stored_is_read_and_written_back(case: dict[str, Any]):
    for row in case["rows"]:
        store = StateStore({KEY: row})
        state = load_state(context(store), KINDS[case["operator"]], row["fingerprint"])
        state.save()
        kept = {name: value for name, value in row["values"].items() if value and name != "done"}
        assert store[KEY] == {**row, "values": kept, "schema_version": 1}


def test_the_fields_have_the_names_of_this_release():
    values = {"spending": True, "lost": 1, "since": 2.0, "gone": True, "job_id": "j", "failed_jobs": [{"job_id": "i"}]}
    assert states._from_store(ImageState, values) == ImageState(
        request_pending=True,
        unknown_outcomes=1,
        started_at=2.0,
        is_missing=True,
        job_id="j",
        failed_jobs=({"job_id": "i"},),
    )
    assert states._from_store(PostState, {"calling": 1.0, "started": 0.5, "media_ids": ["m"]}) == PostState(
        requested_at=1.0, first_requested_at=0.5, media_ids=("m",)
    )


@pytest.mark.parametrize("case", [case for case in RECORDED if case["triggers"]], ids=lambda case: case["operator"])
def test_the_trigger_of_an_earlier_release_goes_on_waiting(case: dict[str, Any]):
    for path, kwargs in case["triggers"]:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name)(**kwargs).serialize() == (path, kwargs)


def test_a_newer_schema_is_refused_instead_of_paying_again():
    store = StateStore({KEY: {"schema_version": 2, "values": {}}})
    with pytest.raises(AirflowFailException, match="schema version 2, which another release"):
        load_state(context(store), ImageState, "f")


@needs_state_store
def test_what_a_newer_release_has_added_stays():
    values = {"job_id": "j", "of_tomorrow": 3}
    store = StateStore({KEY: {"fingerprint": "f", "max_tries": 1, "values": values, "delivered": ["i"]}})
    load_state(context(store), ImageState, "f").mark_delivered("j")
    assert store[KEY]["values"] == {**values, "done": True}
    assert store[KEY]["delivered"] == ["i", "j"]


def entry(**values: Any) -> Entry:
    return Entry(fingerprint="f", max_tries=1, values=values, delivered=("i",))


@pytest.mark.parametrize(
    ("before", "fingerprint", "max_tries", "values", "level"),
    [
        (None, "f", 1, {}, None),
        (entry(job_id="j", spending=True), "f", 1, {"job_id": "j", "spending": True}, None),
        (entry(job_id="j", done=True), "f", 1, {"job_id": "j"}, None),
        (entry(job_id="j", since=1.0), "f", 3, {"job_id": "j"}, None),
        (entry(job_id="j", done=True), "f", 3, {}, logging.INFO),
        (entry(spending=True, lost=1), "f", 3, {}, logging.WARNING),
        (entry(job_id="j", done=True), "g", 1, {}, logging.INFO),
        (entry(since=1.0), "g", 1, {}, logging.INFO),
        (entry(job_id="j"), "g", 1, {}, logging.WARNING),
        (entry(failed_jobs=["j"], since=1.0), "g", 1, {"failed_jobs": ["j"]}, logging.INFO),
        (entry(failed_jobs=["j"]), "g", 3, {}, logging.WARNING),
    ],
    ids=[
        "first try",
        "retry",
        "retry of what was delivered",
        "clear",
        "clear of what was delivered",
        "clear after lost answers",
        "other inputs after what was delivered",
        "other inputs after a wait",
        "other inputs after a submit",
        "other inputs after a failed job",
        "other inputs after a failed job and a clear",
    ],
)
def test_with_what_a_try_begins(
    before: Entry | None, fingerprint: str, max_tries: int, values: dict[str, Any], level: int | None
):
    found, said = take_over(before, fingerprint, max_tries)
    assert (found.fingerprint, found.max_tries, dict(found.values)) == (fingerprint, max_tries, values)
    assert found.delivered == (before.delivered if before else ())
    assert (said and said[0]) == level


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        (PostState(), Stage.NOT_CREATED),
        (PostState(media_ids=("m",), first_requested_at=1.0), Stage.NOT_CREATED),
        (PostState(requested_at=2.0), Stage.OUTCOME_UNKNOWN),
        (PostState(post_id="p"), Stage.CREATED),
        (PostState(post_id="p", requested_at=2.0), Stage.RETRY_OUTCOME_UNKNOWN),
    ],
)
def test_how_far_earlier_tries_have_come_with_a_post(state: PostState, stage: Stage):
    assert stage_of(state) == stage
