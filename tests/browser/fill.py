"""
Fill Airflow's database: real runs of the DAGs beside this file, copies of one of them, users and what they may see.

It is one process, because each start of Airflow takes seconds.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from typing import Any

from airflow.cli.cli_parser import get_parser
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance

try:
    from airflow.models.xcom import XComModelV2 as XComModel
except ImportError:  # Airflow below 3.4
    from airflow.models.xcom import XComModel
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.session import create_session
from sqlalchemy import insert, select

# From Airflow 3.4 each try has a row of its own, and XComs belong to it.
PER_TRY = hasattr(XComModel, "task_instance_id")
RUNS, IMAGES_OF_A_RUN = 40, 50
MODELS = [("seedream3.0", 2), ("flux-schnell", 0.6), ("nanobanana", 4)]
MAY_READ = ["Website", "DAG Runs", "Task Instances", "XComs"]
ROLES = {"Designer": [*MAY_READ, "Plugins", "DAG:spring_campaign"], "Newcomer": MAY_READ}
USERS = {"admin": "Admin", "designer": "Designer", "viewer": "Viewer", "newcomer": "Newcomer"}


def airflow(*command: str) -> None:
    arguments = get_parser().parse_args(command)
    with suppress(SystemExit):  # of a run that failed
        arguments.func(arguments)


def add_users() -> None:
    with get_application_builder() as builder:
        manager = builder.sm
        for name, resources in ROLES.items():
            role = manager.add_role(name)
            for resource in resources:
                manager.add_permission_to_role(role, manager.create_permission("can_read", resource))
        for name, role in USERS.items():
            manager.add_user(name, name, name, f"{name}@example.org", manager.find_role(role), name)


def multiply(dag_id: str) -> None:
    """Copy a run with one image many times, over the days before."""
    now = dt.datetime.now(dt.timezone.utc)
    with create_session() as session:

        def only(model: Any) -> dict[str, Any]:
            columns = [column for column in model.__table__.columns if not column.primary_key or column.name != "id"]
            rows = select(*columns)
            if PER_TRY and model is XComModel:
                rows = rows.join(TaskInstance, XComModel.task_instance_id == TaskInstance.id)
                rows = rows.where(TaskInstance.dag_id == dag_id)
            else:
                rows = rows.where(model.__table__.c.dag_id == dag_id)
            found = session.execute(rows).mappings()
            return next(dict(row) for row in found if row.get("key", "pictory_image") == "pictory_image")

        as_id = TaskInstance.__table__.c.id.type.python_type  # a text, below Airflow 3.2
        run, task, xcom = only(DagRun), only(TaskInstance), only(XComModel)
        pictures = session.execute(select(XComModel.value).where(XComModel.key == "pictory_image")).scalars()
        urls = [value["url"] for value in pictures if isinstance(value, dict) and "/pictures/" in str(value.get("url"))]
        for number in range(RUNS):
            moment = now - dt.timedelta(hours=1 + number * 3.5)
            run_id = f"archive__{number:02}"
            dates = {"run_after": moment, "queued_at": moment, "start_date": moment, "end_date": moment}
            copy = {**run, **dates, "run_id": run_id, "logical_date": None}
            key = session.execute(insert(DagRun.__table__).values(copy)).inserted_primary_key[0]
            tasks, xcoms = [], []
            for index in range(IMAGES_OF_A_RUN):
                model, credits = MODELS[(number * IMAGES_OF_A_RUN + index) % len(MODELS)]
                image = {
                    **(xcom["value"]),
                    "job_id": str(uuid.uuid4()),
                    "url": urls[index % len(urls)],
                    "prompt": f"Picture {index} of night {number}: a lighthouse above a stormy sea",
                    "model": model,
                    "ai_credits_used": credits,
                }
                place = {"run_id": run_id, "region_index" if PER_TRY else "map_index": index}
                task_id = as_id(str(uuid.uuid4()))
                owner = {"id": uuid.uuid4(), "task_instance_id": task_id} if PER_TRY else {**place, "dag_run_id": key}
                tasks.append({**task, **place, "id": task_id})
                xcoms.append({**xcom, **owner, "timestamp": moment, "value": image})
            session.execute(insert(TaskInstance.__table__), tasks)
            session.execute(insert(XComModel.__table__), xcoms)


airflow("db", "migrate")
for dag in ("archive", "strange", "night_shift", "spring_campaign"):
    airflow("dags", "test", dag)
multiply("archive")
add_users()
