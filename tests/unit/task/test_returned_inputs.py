"""What identifies a function's arguments, and what is kept of what it returned."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pictory.task.returned_inputs import STORE_KEY, digest, recall, remember, to_json
from airflow_provider_pictory.task.state import KEY
from tests.conftest import StateStore, TaskInstance, needs_state_store


class Lazy(Sequence[Any]):
    """A list as Airflow passes XComs of mapped tasks: its text differs from process to process."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


class Table(Mapping[str, Any]):
    def __init__(self, **items: Any) -> None:
        self.items_ = items

    def __getitem__(self, key: str) -> Any:
        return self.items_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_)

    def __len__(self) -> int:
        return len(self.items_)


SAME = [
    ((1, 2), [1, 2]),
    (Lazy({"a": 1}, 2), [{"a": 1}, 2]),
    (Table(a=1, b=2), {"b": 2, "a": 1}),
    (object(), object()),
    ({1: object(), "1": 2}, {"1": 2, 1: object()}),
]
OTHER = [("1", 1), ([1, 2], [2, 1]), ({"a": 1}, {"a": 2}), (None, "None"), ([], {}), ([["a"], "b"], [["a", "b"]])]


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda value: type(value).__name__)
def test_the_same_arguments(one: Any, other: Any):
    assert digest([(one,), {"x": one}]) == digest([[other], {"x": other}])


@pytest.mark.parametrize(("one", "other"), OTHER, ids=str)
def test_other_arguments(one: Any, other: Any):
    assert digest([one]) != digest([other])


def test_a_set_is_the_same_in_every_process():
    code = "from airflow_provider_pictory.task.returned_inputs import digest; print(digest({'red', 'grey', 'blue'}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout.splitlines()[-1]
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {digest({"red", "grey", "blue"})}


def test_inputs_are_json():
    moment = dt.datetime(2026, 3, 29, tzinfo=dt.timezone.utc)
    inputs = {
        "scheduled_for": moment,
        "timeout": dt.timedelta(minutes=1),
        "image": Table(url="u"),
        "media_ids": Lazy(1),
    }
    assert to_json(inputs) == {
        "scheduled_for": "2026-03-29T00:00:00+00:00",
        "timeout": 60.0,
        "image": {"url": "u"},
        "media_ids": [1],
    }
    with pytest.raises(TypeError, match="of type bytes"):
        to_json({"prompt": b"A fox"})


def context(max_tries: int = 1, **store: Any) -> Any:
    return {"ti": TaskInstance(max_tries=max_tries), "task_state_store": StateStore(store)}


def entry(**values: Any) -> dict[str, Any]:
    return {"fingerprint": "f", "max_tries": 1, "values": values}


@needs_state_store
@pytest.mark.parametrize(
    ("values", "resumes"),
    [
        ({"job_id": "j"}, True),
        ({"job_id": "j", "done": True}, True),
        ({"done": True}, True),  # a stored picture that was used again
        ({"spending": True}, True),
        ({"lost": 1}, True),
        ({"post_id": "p"}, True),
        ({"calling": 1.0, "media_ids": ["m"]}, True),
        ({"media": {"media_id": "m"}}, True),
        ({"failed_jobs": [{"job_id": "j"}], "since": 1.0}, False),
        ({"media_ids": ["m"], "started": 1.0}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_retry_uses_what_was_returned_if_there_is_something_to_resume(values: dict[str, Any], resumes: bool):
    found = context(**{KEY: entry(**values)})
    remember(found, ["a"], {"prompt": "A fox"})
    assert (recall(found, ["a"], is_resumed=False) is not None) is resumes
    assert recall(found, ["b"], is_resumed=False) is None
    assert recall(found, ["b"], is_resumed=True) == {"prompt": "A fox"}
    found["ti"].max_tries += 2
    assert recall(found, ["a"], is_resumed=False) is None


@needs_state_store
def test_a_record_of_another_release_is_not_used():
    found = context(**{KEY: entry(job_id="j")})
    remember(found, [], {"prompt": "A fox"})
    found["task_state_store"][STORE_KEY]["schema_version"] = 2
    assert recall(found, [], is_resumed=True) is None


def test_without_a_store_what_was_returned_survives_a_deferral():
    found: Any = {"ti": TaskInstance("own"), "task": SimpleNamespace(task_id="own")}
    remember(found, [], {"prompt": "A fox"})
    assert recall(found, [], is_resumed=True) == {"prompt": "A fox"}
    assert recall(found, [], is_resumed=False) is None
