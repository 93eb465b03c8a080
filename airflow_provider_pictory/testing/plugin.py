"""
The pytest plugin, which pytest loads by itself.

It imports neither Airflow nor the sandbox before a test asks for a fixture: test suites that use none of them notice
nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_pictory.sandbox import Sandbox
    from airflow_provider_pictory.testing.connected_sandbox import ConnectedSandbox
    from airflow_provider_pictory.testing.task_run import RunTask


@pytest.fixture(scope="session")
def _pictory_sandbox_server() -> Iterator[Sandbox]:
    try:
        from airflow_provider_pictory.sandbox import Sandbox
    except ImportError as error:
        message = f"{error}: the sandbox needs the extra airflow-provider-pictory[sandbox]"
        raise pytest.UsageError(message) from error
    with Sandbox(latency=0, generate_latency=0, publish_latency=0) as sandbox:
        yield sandbox


@pytest.fixture
def pictory_sandbox(_pictory_sandbox_server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectedSandbox]:
    """
    Serve both services on a local port, empty, and lead pictory_default and posteverywhere_default there.

    It answers at once. See airflow_provider_pictory.testing.connected_sandbox.ConnectedSandbox.
    """
    from airflow_provider_pictory.testing.connected_sandbox import ConnectedSandbox

    _pictory_sandbox_server.reset()
    sandbox = ConnectedSandbox(_pictory_sandbox_server, monkeypatch.setenv)
    sandbox.connect("pictory_default", "pictory")
    sandbox.connect("posteverywhere_default", "posteverywhere")
    yield sandbox
    _pictory_sandbox_server.clear_faults()  # so that nothing is held any more


@pytest.fixture
def run_task() -> RunTask:
    """
    Run one task, without a scheduler, a triggerer or a database, and return its result.

    ``post = run_task(dag.get_task("post"))``; see airflow_provider_pictory.testing.task_run.RunTask.
    """
    from airflow_provider_pictory.testing.task_run import RunTask

    return RunTask()
