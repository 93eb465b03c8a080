"""
Fill Airflow's database: real runs of the DAGs beside this file, copies of one of them, users and what they may see.

It is one process, because each start of Airflow takes seconds. ``fill.py 60`` makes 60 copies of a run with 50 images,
``fill.py 30 posts`` 30 nights of 100 images, with a post for each but one of a night, which failed. ``fill.py kept``
runs the DAG of that name alone.
"""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from contextlib import suppress
from typing import Any

from airflow.cli.cli_parser import get_parser
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance

try:
    from airflow.models.xcom import XComModelV2 as XComModel
except ImportError:  # Airflow below 3.4
    from airflow.models.xcom import XComModel
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import delete, insert, select, update

from airflow_provider_pictory.ui.approval_form import form_body

# From Airflow 3.4 each try has a row of its own, and XComs belong to it.
PER_TRY = hasattr(XComModel, "task_instance_id")
WITH_POSTS = "posts" in sys.argv
RUNS = int(next(filter(str.isdecimal, sys.argv[1:]), 40))
IMAGES_OF_A_RUN, HOURS_BETWEEN = (100, 24) if WITH_POSTS else (50, 3.5)
KEPT_RUNS = 30  # whose rendered fields Airflow keeps
POST = {"operator": "PostImageOperator", "custom_operator_name": "PostImageOperator", "task_display_name": "post"}
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
        columns = set(TaskInstance.__table__.columns.keys())
        task_key = {"dag_id": dag_id, "task_id": task["task_id"]}
        pictures = session.execute(select(XComModel.value).where(XComModel.key == "pictory_image")).scalars()
        urls = [value["url"] for value in pictures if isinstance(value, dict) and "/pictures/" in str(value.get("url"))]
        for number in range(RUNS):
            moment = now - dt.timedelta(hours=1 + number * HOURS_BETWEEN)
            run_id = f"archive__{number:02}"
            dates = {"run_after": moment, "queued_at": moment, "start_date": moment, "end_date": moment}
            copy = {**run, **dates, "run_id": run_id, "logical_date": None}
            key = session.execute(insert(DagRun.__table__).values(copy)).inserted_primary_key[0]
            tasks, xcoms, fields = [], [], []
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
                tasks.append({**task, **place, "id": task_id, **{**dates, "updated_at": moment}})
                fails = WITH_POSTS and not index
                if fails:
                    tasks[-1]["state"] = "failed"
                    del image["url"]
                    image["error"] = "Image generation failed: the model is overloaded"
                pushed = moment + dt.timedelta(milliseconds=index)  # PostgreSQL gives no order to those of one moment
                xcoms.append({**xcom, **owner, "timestamp": pushed, "value": image})
                asked = {"prompt": image["prompt"], "model": model}
                fields.append({**task_key, "run_id": run_id, "map_index": index, "rendered_fields": asked})
                if WITH_POSTS and not fails:
                    tasks.append({**tasks[-1], "id": as_id(str(uuid.uuid4())), "task_id": "post", **POST})
                    post = {"job_id": image["job_id"], "post_id": str(uuid.uuid4()), "status": "published"}
                    xcoms.append({**xcoms[-1], "task_id": "post", "key": "posteverywhere_post", "value": post})
                    asked = {"content": f"Text {index}", "image": {"job_id": image["job_id"]}}
                    fields.append({**fields[-1], "task_id": "post", "rendered_fields": asked})
            for row in tasks:
                for name in set(row) - columns:
                    del row[name]
            session.execute(insert(TaskInstance.__table__), tasks)
            session.execute(insert(XComModel.__table__), xcoms)
            if number < KEPT_RUNS and not PER_TRY:
                session.execute(insert(RenderedTaskInstanceFields.__table__), fields)


def ask_people(dag_id: str) -> None:
    """Let some images wait for approval, or have been answered; let others be underway, or a post be overdue."""
    now = dt.datetime.now(dt.timezone.utc)
    answers = {
        "waiting": ("awaiting_input" if hasattr(TaskInstanceState, "AWAITING_INPUT") else "deferred", None),
        "rejected": ("skipped", "Reject"),
        "replaced": ("skipped", "Make another"),
        "unanswered": ("skipped", None),
    }
    with create_session() as session:
        of = TaskInstance.__table__.c
        images = dict(session.execute(xcoms_of(dag_id, "pictory_image", of.task_id, XComModel.value)).all())
        for name, (state, choice) in answers.items():
            [row] = session.execute(
                select(TaskInstance.__table__).where(of.dag_id == dag_id, of.task_id == name)
            ).mappings()
            task_id = type(row["id"])(str(uuid.uuid4())) if isinstance(row["id"], str) else uuid.uuid4()
            copied = {
                **row,
                "id": task_id,
                "task_id": f"approve_{name}",
                "state": state,
                **operator("ApproveImageOperator"),
            }
            session.execute(insert(TaskInstance.__table__).values(copied))
            if not PER_TRY:
                asked = {part: row[part] for part in ("dag_id", "run_id", "map_index")} | {"task_id": copied["task_id"]}
                asked["rendered_fields"] = {"image": images[name]}
                session.execute(insert(RenderedTaskInstanceFields.__table__).values(asked))
            answer = {"chosen_options": [choice], "responded_at": now, "responded_by": {"id": "1", "name": "ann"}}
            session.add(
                HITLDetail(
                    ti_id=task_id,
                    options=["Approve", "Make another", "Reject"],
                    subject="Approve this image?",
                    body=form_body(images[name]),
                    params={"prompt": {"value": images[name]["prompt"], "description": None, "schema": {}}},
                    **(answer if choice else {}),
                )
            )
        for name, state in (("underway", "running"), ("wait_underway", "deferred")):
            ids = [row.id for row in session.execute(select(of.id).where(of.dag_id == dag_id, of.task_id == name))]
            session.execute(update(TaskInstance.__table__).where(of.id.in_(ids)).values(state=state, end_date=None))
            keep(session, dag_id, name, "pictory_image", None)
        for task, post in session.execute(xcoms_of(dag_id, "posteverywhere_post", of.task_id, XComModel.value)).all():
            due = (now - dt.timedelta(hours=5)).isoformat()
            keep(session, dag_id, task, "posteverywhere_post", ("posteverywhere_post", {**post, "scheduled_for": due}))


def xcoms_of(dag_id: str, key: str, *columns: Any) -> Any:
    """Select the XComs of a DAG, joined with their tasks."""
    task = TaskInstance.__table__.c
    if PER_TRY:
        same = XComModel.task_instance_id == task.id
    else:
        same = (
            (XComModel.run_id == task.run_id) & (XComModel.task_id == task.task_id) & (XComModel.dag_id == task.dag_id)
        )
    return select(*columns).join_from(XComModel, TaskInstance, same).where(task.dag_id == dag_id, XComModel.key == key)


def keep(session: Any, dag_id: str, task_id: str, key: str, instead: tuple[str, Any] | None) -> None:
    """Replace an XCom of a task by another, or remove it."""
    table, task = XComModel.__table__, TaskInstance.__table__.c
    [row] = session.execute(xcoms_of(dag_id, key, *table.c).where(task.task_id == task_id)).mappings()
    keys = [column for column in table.columns if column.primary_key]
    session.execute(delete(table).where(*(column == row[column.name] for column in keys)))
    if instead:
        session.execute(insert(table).values({**row, "key": instead[0], "value": instead[1]}))


def operator(name: str) -> dict[str, str]:
    return {"operator": name, "custom_operator_name": name, "task_display_name": name}


airflow("db", "migrate")
if "kept" in sys.argv:
    airflow("dags", "test", "kept")
else:
    for dag in ("archive", "strange", "night_shift", "desk", "spring_campaign"):
        airflow("dags", "test", dag)
    multiply("archive")
    ask_people("desk")
add_users()
