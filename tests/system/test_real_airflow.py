"""The example DAGs and a set of failures, run by `airflow dags test`."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory.links import PLATFORM_LINKS
from airflow_provider_pictory.sandbox import Sandbox
from tests.conftest import has_state_store
from tests.system.processes import AIRFLOW, MAP_INDEX, XCOM

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [
    "pictory_text_to_image",
    "pictory_image_from_reference",
    "pictory_taskflow",
    "pictory_assets",
    "posteverywhere_media_image",
    "nightly_content",
]
WAITS_FOR_A_PERSON = AIRFLOW >= (3, 1)
NEEDS_ACTIVE_ASSETS = AIRFLOW == (3, 0)
if not WAITS_FOR_A_PERSON:
    EXAMPLES.append("pictory_approval")  # makes drafts; where it waits for a person, see test_approval_form.py


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(latency=0, generate_latency=0, publish_latency=0) as sandbox:
        yield sandbox


@dataclass
class Airflow:
    """An Airflow with a database of its own, whose default connections lead to a sandbox."""

    home: Path
    connections: dict[str, str]

    def __call__(self, *command: str, dags: Path = ROOT / "dags") -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            **self.connections,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        return subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
        )  # fmt: skip

    def query(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql).fetchall()

    def xcoms(self, task_id: str) -> dict[str, Any]:
        found = {}
        sql = f"select key, value from {XCOM} where task_id = '{task_id}' and substr(key, 1, 1) != '_'"
        for key, value in self.query(sql):
            value = json.loads(value)  # a JSON column since 3.0, which holds JSON as text
            found[key] = json.loads(value) if isinstance(value, str) else value
        return found

    def link(self, task_id: str, name: str) -> str:
        """Ask for a link as Airflow's own API does."""
        code = f"""
try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
dag = DagBag({str(ROOT / "tests" / "system" / "dags")!r}).dags["scenarios"]
task = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task({task_id!r})
with create_session() as session:
    ti = session.query(TaskInstance).filter_by(task_id={task_id!r}).one()
    print("LINK", task.get_extra_links(ti, {name!r}))
"""
        env = {**os.environ, "AIRFLOW_HOME": str(self.home)}
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert "LINK " in run.stdout, run.stdout + run.stderr
        return run.stdout.rpartition("LINK ")[2].strip()


@pytest.fixture(scope="module")
def airflow(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    airflow = Airflow(tmp_path_factory.mktemp("airflow"), dict(sandbox.connections))
    migrated = airflow("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout
    return airflow


def test_airflow_lists_the_provider(airflow: Airflow):
    assert "airflow-provider-pictory" in airflow("providers", "list").stdout


@pytest.mark.parametrize("dag_id", EXAMPLES)
def test_an_example_runs_as_it_is(airflow: Airflow, sandbox: Sandbox, dag_id: str, record_property: Any):
    approval = "waits for a person: see Approval" if WAITS_FOR_A_PERSON else "makes drafts"
    assets = "; `pictory_assets` needs a scheduler" if NEEDS_ACTIVE_ASSETS else ""
    record_property("cell", f"yes; `pictory_approval` {approval}{assets}")
    if NEEDS_ACTIVE_ASSETS and dag_id == "pictory_assets":
        pytest.skip("needs a scheduler, which makes its asset active")
    sandbox.reset()
    run = airflow("dags", "test", dag_id)
    assert run.returncode == 0, run.stdout
    states = airflow.query(f"select distinct state from task_instance where dag_id = '{dag_id}'")
    assert states == [("success",)], run.stdout
    ledger = sandbox.world.ledger()
    charged, posts = {
        "pictory_approval": (3, 3),
        "pictory_text_to_image": (1, 0),
        "pictory_image_from_reference": (4, 0),
        "pictory_taskflow": (2, 2),
        "pictory_assets": (2, 0),
        "posteverywhere_media_image": (0, 1),
        "nightly_content": (6, 6),
    }[dag_id]
    assert (len(ledger["images"]), len(ledger["posts"])) == (charged, posts)
    for key in (sandbox.pictory_key, sandbox.posteverywhere_key):
        # Airflow 3.0's `dags test` prints what it masks.
        assert not [line for line in run.stdout.splitlines() if key in line and "MaskSecret(" not in line]


def test_the_nightly_example_makes_nothing_for_a_day_that_has_passed(airflow: Airflow, sandbox: Sandbox):
    sandbox.reset()
    run = airflow("dags", "test", "nightly_content", "2026-03-29")
    assert run.returncode == 0, run.stdout
    assert (sandbox.world.ledger()["images"], sandbox.world.ledger()["posts"]) == ([], [])
    assert re.search(r"Run manual__\S+ is too late, nothing is submitted: skip_after, 2026-03-29T", run.stdout)


@pytest.mark.skipif(NEEDS_ACTIVE_ASSETS, reason="needs a scheduler, which makes its asset active")
def test_the_event_of_the_assets_example_names_its_pictures(airflow: Airflow, sandbox: Sandbox):
    sandbox.reset()
    if AIRFLOW < (3, 0):
        airflow("dags", "reserialize")  # an asset that is not in the database gets no events
    run = airflow("dags", "test", "pictory_assets")
    assert run.returncode == 0, run.stdout
    table = "dataset_event" if AIRFLOW < (3, 0) else "asset_event"
    [(extra,)] = airflow.query(f"select extra from {table} order by id desc limit 1")
    images = json.loads(extra)["images"]
    assert {image["job_id"] for image in images} == {item["job_id"] for item in sandbox.world.ledger()["images"]}
    for image in images:
        assert image["path"] == f"file:///tmp/pictory-assets/{image['job_id']}.png"
        assert (image["ai_credits_used"], image["width"]) == (0.6, 1024)


def test_the_examples_set_retries():
    for path in sorted((ROOT / "dags").glob("*.py")):
        assert '"retries": 2' in path.read_text(), path


@pytest.fixture(scope="module")
def scenarios(airflow: Airflow, sandbox: Sandbox) -> dict[str, tuple[str, int]]:
    sandbox.reset()
    sandbox.world.change_settings(sandbox.world.settings.updated({"latency": 3}))
    here = sandbox.pictory_url
    fields = {
        "pictory_empty": {"host": here},
        "pictory_bare": {"host": "api.pictory.ai", "password": "k"},
        "pictory_wrong": {"host": here, "password": "pictai_wrong"},
        "pictory_closed": {"host": "http://127.0.0.1:9", "password": "k"},
    }
    with Sandbox(latency=600) as slow, Sandbox() as busy:
        busy.fault("pictory.submit_image", "status", status=503, headers={"Retry-After": "1"})
        fields["pictory_slow"] = {"host": slow.pictory_url, "password": slow.pictory_key}
        fields["pictory_busy"] = {"host": busy.pictory_url, "password": busy.pictory_key}
        for name, values in fields.items():
            airflow.connections[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps({"conn_type": "pictory", **values})
        run = airflow("dags", "test", "scenarios", dags=ROOT / "tests" / "system" / "dags")
    ended = airflow.query(
        f"select task_id, {MAP_INDEX}, state, try_number from task_instance"
        " where dag_id = 'scenarios' order by try_number"
    )
    assert ended, run.stdout
    return {
        task_id if map_index < 0 else f"{task_id}[{map_index}]": (state, tries)
        for task_id, map_index, state, tries in ended
    }


@pytest.mark.parametrize(
    "task_id",
    [
        "short_prompt", "wrong_style", "missing_connection", "empty_key", "no_scheme", "wrong_key", "no_zone",
        "unknown_account", "refused_worker", "refused_triggerer", "slow_worker", "slow_triggerer", "sensor_worker",
        "sensor_triggerer",
    ],
)  # fmt: skip
def test_what_cannot_pass_fails_without_retries(scenarios: dict[str, tuple[str, int]], task_id: str):
    assert scenarios[task_id] == ("failed", 1)


@pytest.mark.parametrize("task_id", ["unreachable", "failing_worker", "failing_triggerer"])
def test_what_may_pass_is_retried(scenarios: dict[str, tuple[str, int]], task_id: str):
    assert scenarios[task_id] == ("failed", 2)


def test_who_is_sent_away_for_a_while_comes_back_without_using_up_a_retry(scenarios: dict[str, tuple[str, int]]):
    assert scenarios["sent_away"] == ("success", 1)


@pytest.mark.parametrize("mode", ["worker", "triggerer"])
@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_a_sensor_that_may_skip_skips(scenarios: dict[str, tuple[str, int]], option: str, mode: str):
    assert scenarios[f"{option}_{mode}"] == ("skipped", 1)


@pytest.mark.parametrize("mode", ["worker", "triggerer"])
def test_a_partial_failure_is_mended_by_the_retry(scenarios: dict[str, tuple[str, int]], sandbox: Sandbox, mode: str):
    expected = ("success", 2) if has_state_store() else ("failed", 1)
    assert scenarios[f"partial_{mode}"] == expected
    assert [post["content"] for post in sandbox.world.ledger()["posts"]].count(f"[partial] {mode}") == 1


@pytest.mark.parametrize("mode", ["worker", "triggerer"])
def test_what_became_of_a_post(scenarios: dict[str, tuple[str, int]], airflow: Airflow, mode: str):
    found = airflow.xcoms(f"partial_{mode}")["posteverywhere_post"]
    mended = has_state_store()
    assert found["image_url"] == "https://pictures.example/a.png"
    assert found["status"] == ("published" if mended else "partially_failed")
    assert bool(found["error"]) is not mended
    urls = [item["url"] for item in found["destinations"]]
    if PLATFORM_LINKS:
        names = ["Post on LinkedIn", "Post on X", "Published post"]
        assert [airflow.link(f"partial_{mode}", name) for name in names] == [*(url or "" for url in urls), ""]
    else:
        assert airflow.link(f"partial_{mode}", "Published post") == urls[0]


@pytest.mark.parametrize("mode", ["worker", "triggerer"])
def test_templates_results_and_links(
    scenarios: dict[str, tuple[str, int]], airflow: Airflow, sandbox: Sandbox, mode: str
):
    task_id = f"templated_{mode}"
    assert scenarios[task_id] == ("success", 1)
    pushed = airflow.xcoms(task_id)
    assert pushed["return_value"]["url"].startswith(sandbox.url)
    assert pushed["pictory_image"] == {**pushed["return_value"], "prompt": "A fox at dawn", "model": "seedream3.0"}
    assert airflow.link(task_id, "Generated image") == pushed["return_value"]["url"]


def test_mapped_tasks_and_their_labels(scenarios: dict[str, tuple[str, int]], airflow: Airflow):
    for task_id in ("mapped", "mapped_wait", "mapped_post"):
        assert [scenarios[f"{task_id}[{index}]"] for index in range(3)] == [("success", 1)] * 3
    for task_id in ("mapped_media", "mapped_media_post"):
        assert [scenarios[f"{task_id}[{index}]"] for index in range(2)] == [("success", 1)] * 2
    labels = airflow.query(
        "select distinct rendered_map_index from task_instance where dag_id = 'scenarios' and task_id = 'mapped'"
    )
    assert labels == [("A red fox...",)]


def test_the_keys_are_nowhere_in_airflows_database(scenarios: dict[str, tuple[str, int]], airflow: Airflow):
    stored = (airflow.home / "airflow.db").read_bytes()
    for key in (Sandbox.pictory_key, Sandbox.posteverywhere_key, "pictai_wrong"):
        assert key.encode() not in stored
