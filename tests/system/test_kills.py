"""Real processes are killed at exact points; the sandbox counts what was paid and what was posted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.conftest import needs_state_store
from tests.system.processes import Airflow, postgresql_is_there, wait_until

pytestmark = [
    needs_state_store,
    pytest.mark.skipif(not postgresql_is_there(), reason="needs PostgreSQL on 127.0.0.1, user postgres"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(latency=1, publish_latency=1) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def airflow(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("airflow")
    with Airflow(home, Path(__file__).parent / "dags", sandbox.connections) as airflow:
        yield airflow


@pytest.fixture(autouse=True)
def clean(sandbox: Sandbox) -> None:
    sandbox.world.clock = time.time
    sandbox.reset()


def held(sandbox: Sandbox, call: str, when: str) -> str:
    return sandbox.fault(call, "hold", when=when)


def is_holding(sandbox: Sandbox, fault: str) -> None:
    """Wait until a request is held."""
    answer = requests.get(f"{sandbox.url}/sandbox/faults/{fault}", params={"wait": 60}, timeout=90)
    assert answer.json()["held"] == 1, answer.text


@pytest.mark.parametrize(
    ("dag_id", "call", "when", "paid"),
    [
        # Nobody can know of a submit whose answer was lost: the one documented window, closed after one more.
        ("generate_worker", "pictory.submit_image", "after", 2),
        ("generate_triggerer", "pictory.submit_image", "after", 2),
        ("generate_worker", "pictory.get_job", "before", 1),
    ],
)
def test_a_task_is_killed_while_it_generates(
    airflow: Airflow, sandbox: Sandbox, dag_id: str, call: str, when: str, paid: int
):
    fault = held(sandbox, call, when)
    run = airflow.trigger(dag_id)
    is_holding(sandbox, fault)
    airflow.kill_task(run)
    sandbox.release(fault)
    assert airflow.ends(run) == "success"
    assert airflow.tries(run) == 2
    assert len(sandbox.world.ledger()["images"]) == paid


@pytest.mark.parametrize("dag_id", ["post_worker", "post_triggerer"])
@pytest.mark.parametrize(
    ("call", "when"),
    [
        ("posteverywhere.upload_media_from_url", "after"),
        ("posteverywhere.create_post", "after"),
        ("posteverywhere.get_post_results", "before"),
    ],
)
def test_a_task_is_killed_while_it_posts(airflow: Airflow, sandbox: Sandbox, dag_id: str, call: str, when: str):
    if (dag_id, call) == ("post_triggerer", "posteverywhere.get_post_results"):
        pytest.skip("there is no task process while the triggerer asks")
    fault = held(sandbox, call, when)
    run = airflow.trigger(dag_id)
    is_holding(sandbox, fault)
    airflow.kill_task(run)
    sandbox.release(fault)
    assert airflow.ends(run) == "success"
    assert airflow.tries(run) == 2
    assert len(sandbox.world.ledger()["posts"]) == 1
    assert len(sandbox.world.ledger()["publications"]) == 2


@pytest.mark.parametrize(
    ("dag_id", "call", "when", "paid", "posted"),
    [
        ("generate_worker", "pictory.submit_image", "after", 2, 0),
        ("generate_worker", "pictory.get_job", "before", 1, 0),
        ("post_worker", "posteverywhere.create_post", "after", 0, 1),
    ],
)
def test_a_task_is_killed_together_with_its_supervisor(
    airflow: Airflow, sandbox: Sandbox, dag_id: str, call: str, when: str, paid: int, posted: int
):
    fault = held(sandbox, call, when)
    run = airflow.trigger(dag_id)
    is_holding(sandbox, fault)
    airflow.kill_task(run, supervisor=True)
    sandbox.release(fault)
    assert airflow.ends(run) == "success"
    assert airflow.tries(run) == 2
    ledger = sandbox.world.ledger()
    assert (len(ledger["images"]), len(ledger["posts"])) == (paid, posted)


def test_a_task_that_has_lost_its_supervisor_does_not_post_beside_its_own_retry(airflow: Airflow, sandbox: Sandbox):
    fault = held(sandbox, "posteverywhere.upload_media_from_url", "before")
    run = airflow.trigger("post_worker")
    is_holding(sandbox, fault)
    orphan = airflow.kill_task(run, task=False, supervisor=True)
    assert airflow.ends(run) == "success"
    assert Path(f"/proc/{orphan}").exists()
    sandbox.release(fault)
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), "the orphan has ended")
    ledger = sandbox.world.ledger()
    assert len(ledger["media"]) == 2  # it went on until it had to write down what it was about to do
    assert len(ledger["posts"]) == 1


def test_a_clear_after_delivery_makes_another_image(airflow: Airflow, sandbox: Sandbox):
    run = airflow.trigger("generate_triggerer")
    assert airflow.ends(run) == "success"
    airflow.clear("generate_triggerer", run)
    wait_until(lambda: len(sandbox.world.ledger()["images"]) == 2, "another image is submitted")
    assert airflow.ends(run) == "success"
    assert len(sandbox.world.ledger()["images"]) == 2


@pytest.mark.parametrize("dag_id", ["generate_worker", "generate_triggerer"])
def test_a_task_that_a_user_failed_and_cleared_goes_on_with_its_job(airflow: Airflow, sandbox: Sandbox, dag_id: str):
    fault = held(sandbox, "pictory.get_job", "before")
    run = airflow.trigger(dag_id)
    is_holding(sandbox, fault)
    if dag_id == "generate_triggerer":
        wait_until(lambda: airflow.state(run) == "deferred", "the task is deferred")
    airflow.mark_failed(dag_id, run)
    assert airflow.ends(run) == "failed"
    sandbox.release(fault)
    airflow.clear(dag_id, run)
    wait_until(lambda: airflow.state(run) == "success", "the cleared task succeeds")
    assert len(sandbox.world.ledger()["images"]) == 1


@pytest.mark.parametrize("dag_id", ["generate_triggerer", "post_triggerer"])
def test_the_triggerer_is_killed_and_another_goes_on(airflow: Airflow, sandbox: Sandbox, dag_id: str):
    call = "pictory.get_job" if dag_id.startswith("generate") else "posteverywhere.get_post_results"
    fault = held(sandbox, call, "before")
    run = airflow.trigger(dag_id)
    is_holding(sandbox, fault)
    airflow.kill("triggerer")
    sandbox.release(fault)
    airflow.start("triggerer")
    assert airflow.ends(run) == "success"
    assert airflow.tries(run) == 1
    ledger = sandbox.world.ledger()
    assert (len(ledger["images"]), len(ledger["posts"])) == ((1, 0) if dag_id.startswith("generate") else (0, 1))


@pytest.mark.parametrize("component", ["scheduler", "api-server"])
def test_a_component_is_killed_while_a_task_is_deferred(airflow: Airflow, sandbox: Sandbox, component: str):
    fault = held(sandbox, "pictory.get_job", "before")
    run = airflow.trigger("generate_triggerer")
    is_holding(sandbox, fault)
    wait_until(lambda: airflow.state(run) == "deferred", "the task is deferred")
    airflow.kill(component)
    sandbox.release(fault)
    airflow.start(component)
    assert airflow.ends(run) == "success"
    assert len(sandbox.world.ledger()["images"]) == 1


@pytest.mark.parametrize(("prompt", "state"), [("A red fox at dawn", "success"), ("[fail] a red fox", "failed")])
def test_a_rescheduled_sensor_gives_its_slot_back_between_two_pokes(
    airflow: Airflow, sandbox: Sandbox, prompt: str, state: str
):
    submitted = requests.post(
        f"{sandbox.pictory_url}/v1/aistudio/images",
        json={"prompt": prompt},
        headers={"Authorization": sandbox.pictory_key, "User-Agent": "tests"},
        timeout=10,
    )
    before = sandbox.world.clock()
    sandbox.world.clock = lambda: before  # the job stays in progress until the clock goes on
    run = airflow.trigger("rescheduled", job_id=submitted.json()["data"]["jobId"])
    wait_until(lambda: airflow.state(run) == "up_for_reschedule", "the task is rescheduled")
    sandbox.world.clock = lambda: before + 60
    assert airflow.ends(run) == state
    assert airflow.tries(run) == 1
