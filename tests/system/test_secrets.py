"""After all that the other system tests did in an Airflow: no key is to be found in anything that it keeps or shows."""

from __future__ import annotations

import json

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.conftest import Slots
from tests.system.processes import Airflow
from tests.system.rows import Outcome, Row, stop_at

KEYS = (Sandbox.pictory_key, Sandbox.posteverywhere_key)
PAGES = (
    "dags/{dag}/dagRuns/{run}/taskInstances/task",
    "dags/{dag}/dagRuns/{run}/taskInstances/task/tries",
    "dags/{dag}/dagRuns/{run}/taskInstances/task/links",
    "dags/{dag}/dagRuns/{run}/taskInstances/task/logs/1?full_content=true",
    "dags/{dag}/dagRuns/{run}/taskInstances/task/xcomEntries",
    "dags/{dag}/details",
    "dagSources/{dag}",
    "eventLogs?limit=100",
    "jobs",
    "importErrors",
    "dagWarnings",
    "plugins",
    "providers",
)


def echo(sandbox: Sandbox) -> None:
    """Let the services repeat the key that they were sent, in the answers that end up in errors."""
    for call, key in (("pictory.submit_image", KEYS[0]), ("posteverywhere.create_post", KEYS[1])):
        body = {"error": {"message": f"Bad header Authorization: {key}", "code": key}, "message": f"key {key}"}
        sandbox.fault(call, "status", status=500, headers={"X-Request-Id": key}, body=json.dumps(body))


@pytest.mark.parametrize("task", ["generate", "post"])
def test_no_key_is_anywhere(airflow: Airflow, sandboxes: Slots, task: str) -> None:
    row = Row(task, "triggerer", "waiting", "")
    with sandboxes.one() as (number, sandbox):
        echo(sandbox)
        dag_run, held = stop_at(row, airflow, number, sandbox)
        assert any(f"_{number}" in kwargs for (kwargs,) in airflow.query("select kwargs from trigger"))
        found = {"the database while the trigger waits": airflow.postgresql.dump("airflow")}
        held.release()
        assert Outcome.of(airflow, dag_run, sandbox).state == "success"
    assert "***" in airflow.logs(dag_run, "task")
    pages = [page.format(dag=row.dag_id, run=dag_run) for page in PAGES]
    entries = f"dags/{row.dag_id}/dagRuns/{dag_run}/taskInstances/task/xcomEntries"
    pages += [f"{entries}/{entry['key']}" for entry in json.loads(airflow.get(entries))["xcom_entries"]]
    found |= {page: airflow.get(page) for page in pages}
    found["the database"] = airflow.postgresql.dump("airflow")
    found |= {str(path): path.read_text(errors="replace") for path in airflow.home.rglob("*") if path.is_file()}
    assert [place for place, text in found.items() if any(key in text for key in KEYS)] == []
