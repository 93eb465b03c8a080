"""Posts that are recorded in a folder or a bucket: what other runs find, and what they never post."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException
from tests.conftest import Tries
from tests.sandbox.tasks import calls, library_media, lose_the_answer, post, posts

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")

URL = "https://pictures.example/a.png"

Run = Callable[..., Tries]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "posts" / "2026-11-20-fox.json"


@pytest.fixture
def run(record: Path) -> Run:
    """Make the task of another run each time."""
    number = itertools.count(1)

    def another(**kwargs: Any) -> Tries:
        task = post(**{"image": URL, "record_to": f"file://{record.with_suffix('')}", **kwargs})
        task.ti.run_id = f"run_{next(number)}"
        return task

    return another


def test_another_run_finds_the_post(run: Run, sandbox: Sandbox, record: Path):
    first = run().run()
    assert run().run()["post_id"] == first["post_id"]
    assert len(posts(sandbox)) == 1
    assert calls(sandbox, "posteverywhere.upload_media_from_url") == 1
    written = json.loads(record.read_text())
    assert {name: written[name] for name in ("run_id", "task_id", "post_id")} == {
        "run_id": "run_2",
        "task_id": "post",
        "post_id": first["post_id"],
    }
    assert list(record.parent.iterdir()) == [record]


def test_so_does_a_cleared_task(run: Run, sandbox: Sandbox, record: Path):
    task = run()
    task.run()
    for keep_state in (True, False):
        task.clear(keep_state=keep_state)
        task.run()
    assert len(posts(sandbox)) == 1
    record.unlink()
    task.clear()
    task.run()
    assert len(posts(sandbox)) == 2


def test_the_post_is_waited_for_by_each(run: Run, sandbox: Sandbox, travel: Callable[[float], None]):
    waiting: dict[str, Any] = {"wait_for_publish": True, "deferrable": True}
    first = run(**waiting).run()
    travel(7200)  # longer than the timeout of the first
    task = run(**waiting)
    assert task.run() == {**first, "scheduled_for": task.operator._post.scheduled_for}
    [(_, trigger)] = task.triggers
    assert trigger["deadline"] - trigger["start"] == 20
    assert len(posts(sandbox)) == 1


def test_a_post_whose_answer_was_lost_is_found_by_another_run(run: Run, sandbox: Sandbox):
    lose_the_answer(sandbox, run())
    task = run()
    assert task.run()["post_id"] == posts(sandbox)[0]["post_id"]
    assert len(task.paused) == 1  # until the request of the first run has ended
    assert len(posts(sandbox)) == 1


def test_so_is_one_with_media_of_the_library(run: Run, sandbox: Sandbox):
    media_ids = library_media()
    lose_the_answer(sandbox, run(image=None, media_ids=media_ids))
    run(image=None, media_ids=media_ids).run()
    assert len(posts(sandbox)) == 1


def test_only_the_task_whose_request_was_lost_may_repeat_it(run: Run, sandbox: Sandbox, record: Path):
    sandbox.fault("posteverywhere.create_post", "reset")
    first = run()
    with pytest.raises(e.OutcomeUnknownError):
        first.run()
    with pytest.raises(AirflowFailException, match=r"run run_1, task post may have made this post: .* is not listed"):
        run().run()
    assert calls(sandbox, "posteverywhere.create_post") == 1
    assert first.run()["post_id"] == run().run()["post_id"]
    assert len(posts(sandbox)) == 1


def test_with_other_inputs_nothing_tells_the_post_from_others(run: Run, sandbox: Sandbox):
    lose_the_answer(sandbox, run())
    with pytest.raises(AirflowFailException, match="its post has other inputs"):
        run(content="Another text").run()
    assert len(posts(sandbox)) == 1


def test_the_name_alone_decides(run: Run, sandbox: Sandbox, caplog: pytest.LogCaptureFixture):
    first = run().run()
    assert run(content="Another text").run()["post_id"] == first["post_id"]
    assert f"PostEverywhere post {first['post_id']} has other inputs than this task" in caplog.text
    assert len(posts(sandbox)) == 1


def test_a_refused_post_leaves_no_record(run: Run, sandbox: Sandbox, record: Path):
    sandbox.fault("posteverywhere.create_post", "status", status=422)
    with pytest.raises(AirflowException):
        run().run()
    assert not record.exists()
    run(content="A text that is accepted").run()
    assert len(posts(sandbox)) == 1


def test_accounts_that_failed_are_published_on_by_another_run(run: Run, sandbox: Sandbox):
    waiting: dict[str, Any] = {"content": "[partial] hello", "wait_for_publish": True}
    with pytest.raises(e.PublishError):
        run(**waiting).run()
    assert run(**waiting).run()["status"] == "published"
    assert len(posts(sandbox)) == 1


def test_of_two_runs_at_once_one_posts(run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    write = store.write

    def after_another(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(store, "write", write)
        run().run()
        write(*args, **kwargs)

    monkeypatch.setattr(store, "write", after_another)
    late = run()
    with pytest.raises(e.TransientError, match="another task has just begun this post"):
        late.run()
    late.run()
    assert len(posts(sandbox)) == 1


class Killed(BaseException):
    """What a process that is killed does not outlive."""


def kill_at(point: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process die before or after one of its writes and requests."""
    points = itertools.count()

    def wrap(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(points) == point:
                raise Killed
            result = real(*args, **kwargs)
            if next(points) == point:
                raise Killed
            return result

        monkeypatch.setattr(owner, name, call)

    for owner, name in ((store, "read"), (store, "write"), (store, "delete"), (requests.Session, "send")):
        wrap(owner, name)


def test_whenever_the_first_run_is_killed_there_is_one_post(run: Run, sandbox: Sandbox, tmp_path: Path):
    outcomes, repeated = [], 0
    for point in itertools.count():
        inputs = {"content": f"Killed at {point}", "record_to": f"file://{tmp_path}/{point}"}
        first = run(**inputs)
        with pytest.MonkeyPatch.context() as killing:
            kill_at(point, killing)
            try:
                first.run()
            except Killed:
                pass
            else:
                break
        try:
            outcomes.append(run(**inputs).run())
        except AirflowFailException:
            outcomes.append(first.run())  # its retry
            repeated += 1
        assert run(**inputs).run()["post_id"] == outcomes[-1]["post_id"]
        assert [post["content"] for post in posts(sandbox)] == [f"Killed at {item}" for item in range(point + 1)]
    assert len(outcomes) >= 10
    assert 1 <= repeated < len(outcomes)


def test_nothing_is_posted_that_cannot_be_recorded(run: Run, sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(e.InvalidRequestError, match="can be a file"):
        run(record_to=f"file://{tmp_path}/file/record").run()
    assert calls(sandbox, "posteverywhere.create_post") == 0


def test_a_post_that_the_service_does_not_know_is_looked_for_by_a_cleared_task(run: Run, sandbox: Sandbox):
    made = run().run()
    sandbox.fault("posteverywhere.get_post", "status", status=404)
    task = run()
    with pytest.raises(e.NotFoundError, match=f"looks for post {made['post_id']} again"):
        task.run()
    task.clear()
    assert task.run()["post_id"] == made["post_id"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(
    ("record_to", "fault"),
    [
        ("", "record_to"),
        ("2026-11-20-fox", "is '2026-11-20-fox'"),
        ("s3://bucket", "names no file"),
        ("s3://user:secret@bucket/fox", "has credentials in it"),
    ],
)
def test_another_record_is_refused(run: Run, sandbox: Sandbox, record_to: str, fault: str):
    with pytest.raises(e.InvalidRequestError, match=fault) as caught:
        run(record_to=record_to).run()
    assert "secret" not in str(caught.value)
    assert not sandbox.world.requests


def test_a_file_that_is_no_record_is_left_alone(run: Run, sandbox: Sandbox, record: Path):
    record.parent.mkdir()
    record.write_text('{"file": "fox.png"}')
    with pytest.raises(e.InvalidRequestError, match="is not the record of a post"):
        run().run()
    assert not posts(sandbox)
    assert record.read_text() == '{"file": "fox.png"}'
