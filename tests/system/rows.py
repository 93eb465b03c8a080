"""The rows of the matrix: one run of a DAG each, what happens to it at an exact point, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import Airflow, wait_until

POINTS = {
    "generate": {
        "before the submit": ("pictory.get_quota", "before"),
        "submit on its way": ("pictory.submit_image", "before"),
        "submit's answer on its way": ("pictory.submit_image", "after"),
        "answer there, not yet kept": ("pictory.list_credit_usage", "before"),
        "waiting": ("pictory.get_job", "before"),
        "result noted, not yet reported": ("pictory.list_jobs", "before"),
    },
    "post": {
        "before the upload": ("pictory.get_quota", "before"),
        "upload on its way": ("posteverywhere.upload_media_from_url", "before"),
        "upload's answer on its way": ("posteverywhere.upload_media_from_url", "after"),
        "post on its way": ("posteverywhere.create_post", "before"),
        "post's answer on its way": ("posteverywhere.create_post", "after"),
        "answer there, not yet kept": ("pictory.list_credit_usage", "before"),
        "waiting": ("posteverywhere.get_post_results", "before"),
        "result noted, not yet reported": ("pictory.list_jobs", "before"),
    },
    "repost": {
        "failed accounts' retry on its way": ("posteverywhere.retry_post", "before"),
        "failed accounts' retry's answer on its way": ("posteverywhere.retry_post", "after"),
        "waiting": ("posteverywhere.get_post_results", "before"),
    },
}
"""By task of ``dags/durable.py``: the call that stops it there, and whether before or after the call's effect."""

RESUMING = "back from the triggerer"
FINISHED = "finished"
UNKNOWABLE = ("submit on its way", "submit's answer on its way", "answer there, not yet kept")
"""Where a dying process leaves a submit that nobody can know of: the one documented window."""


@dataclass(frozen=True)
class Row:
    """
    One run, and what happens to it.

    :param task: ``generate``, ``post``, or ``repost``, whose accounts fail at first.
    :param mode: where it waits: ``worker`` or ``triggerer``.
    :param point: where it is when it happens.
    :param deed: what happens.
    :param survives: whether the process lives on where it is.
    """

    task: str
    mode: str
    point: str
    deed: str
    survives: bool = False

    def __str__(self) -> str:
        return f"{self.task}, {self.mode}: {self.point}: {self.deed}"

    @property
    def dag_id(self) -> str:
        return f"{self.task}_{self.mode}"

    @property
    def made(self) -> int:
        """How many images are paid for, or posts made."""
        done_again = self.point == FINISHED
        paid_twice = self.task == "generate" and self.point in UNKNOWABLE and not self.survives
        return 2 if done_again or paid_twice else 1


class Hold:
    """A call that the sandbox holds when it comes."""

    def __init__(self, sandbox: Sandbox, call: str, when: str = "before") -> None:
        self._sandbox = sandbox
        self._id = sandbox.fault(call, "hold", when=when)

    def wait(self) -> None:
        """Wait until the call is held."""
        answer = requests.get(f"{self._sandbox.url}/sandbox/faults/{self._id}", params={"wait": 90}, timeout=120)
        assert answer.json()["held"] == 1, answer.text

    def release(self) -> None:
        self._sandbox.release(self._id)


def stop_at(row: Row, airflow: Airflow, number: int, sandbox: Sandbox) -> tuple[str, Hold]:
    """Start the row's run, and return it when it is at the row's point, with what holds it there."""
    held = Hold(sandbox, *POINTS[row.task]["waiting" if row.point == RESUMING else row.point])
    dag_run = airflow.trigger(row.dag_id, sandbox=number)
    held.wait()
    if row.mode == "triggerer":
        wait_until(lambda: airflow.state(dag_run) == "deferred", "the task is deferred")
    if row.point == RESUMING:
        polling, held = held, Hold(sandbox, "pictory.get_quota")
        polling.release()
        held.wait()
    return dag_run, held


@dataclass(frozen=True)
class Outcome:
    """What came of a row."""

    state: str
    tries: int
    images: int
    posts: int
    publications: int

    @classmethod
    def of(cls, airflow: Airflow, dag_run: str, sandbox: Sandbox) -> Outcome:
        """Wait for the end of the run, and count."""
        wait_until(lambda: airflow.state(dag_run) in ("success", "failed"), f"the task of {dag_run} ends", 180)
        state, ledger = airflow.ends(dag_run), sandbox.world.ledger()
        published = sum(item["published_at"] is not None for item in ledger["publications"])
        return cls(state, airflow.tries(dag_run), len(ledger["images"]), len(ledger["posts"]), published)

    def check(self, row: Row) -> None:
        """Check that nothing was lost, and nothing paid for or posted twice."""
        assert self.state == "success"
        if row.task == "generate":
            assert (self.images, self.posts) == (row.made, 0)
        else:
            assert (self.posts, self.publications) == (row.made, 2 * row.made)
