"""
Run DAGs of Airflow's DAGs folder, as ``airflow dags test`` does, in one process.

The arguments are the names of their files. After ``RESULT`` comes JSON: the errors of importing the folder, and how
each task has ended.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pictory.sandbox import Sandbox

HASTE = {"poll_interval": 0.1, "poke_interval": 0.1, "retries": 0}


def run_dags(home: Path, folder: Path, sandbox: Sandbox, *names: str) -> dict[str, Any]:
    """
    Run DAGs in an Airflow of their own.

    :param home: Airflow's, still without a database.
    :param folder: the DAGs folder.
    :param names: of the files.
    :return: ``errors`` of importing the folder, how each task of each file has ``ended``, and the ``log``.
    """
    env = {
        **os.environ,
        **sandbox.connections,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    for command in (["-m", "airflow", "db", "migrate"], [__file__, *names]):
        run = subprocess.run(
            [sys.executable, *command], env=env, capture_output=True, text=True, timeout=900, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(re.findall(r"^RESULT (.*)$", run.stdout, re.M)[-1])
    return {**found, "log": run.stdout + run.stderr}


def main() -> None:
    """Run them."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag

    bag = DagBag()
    ended = {}
    for dag in bag.dags.values():
        name = Path(dag.fileloc).stem
        if name in sys.argv[1:]:
            for task in dag.tasks:
                hasten(task)
            dag.test()
            with create_session() as session:
                tries = session.query(TaskInstance).filter_by(dag_id=dag.dag_id)
                ended[name] = {f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in tries}
    result = json.dumps({"errors": bag.import_errors, "ended": ended})
    sys.stdout.write(f"\nRESULT {result}\n")


def hasten(task: Any) -> None:
    """Let a task ask often and fail at once: nobody waits for tests."""
    if hasattr(task, "partial_kwargs"):
        known = {"retries", *task.template_fields, *signature(task.operator_class.__init__).parameters}
        task.partial_kwargs.update({name: value for name, value in HASTE.items() if name in known})
        return
    for name, value in HASTE.items():
        if hasattr(task, name):
            setattr(task, name, value)


if __name__ == "__main__":
    main()
