"""Whether a task may end in the triggerer, without another worker process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_pictory.version_compat import XCom, has_rows_for_tries

ENDED_KEY = "ended_in_trigger"
"""The XCom key that marks a task as ended in the triggerer."""


def can_end_from_trigger(context: Mapping[str, Any], *, costs: bool = True) -> bool:
    """
    Whether the task may succeed in the triggerer.

    Airflow then skips: asset outlets, success callbacks, listeners, ``post_execute``, labels that depend on the result,
    the length of a mapped result, a result of the DAG run. Tasks with one of these end in a worker; so do subclasses,
    and tasks that store pictures or have a custom XCom backend, both of which may block.

    :param costs: whether the task pays or posts. It ends in a worker where a clear of it after its success could not be
        distinguished from a clear before: on Airflow 3.4.
    """
    try:
        if costs and previous_xcom_keys(context["ti"]) is None:
            return False
        return _can_end_from_trigger(context)
    except (AttributeError, ImportError):  # parts of Airflow that are not public, see docs/airflow-versions.md
        return False


def _can_end_from_trigger(context: Mapping[str, Any]) -> bool:
    from airflow_provider_pictory.version_compat import BaseXCom, get_listener_manager

    ti, task = context["ti"], context["task"]
    listeners = get_listener_manager().hook.on_task_instance_success.get_hookimpls()
    label = task.map_index_template
    # What a decorated task's function returns is not known when its label is rendered first.
    later = r"\bti\b|\btask_instance\b" + (r"|\btask\b" if hasattr(task, "python_callable") else "")
    return (
        "task_state_store" in context  # Airflow below 3.3 is not tested
        and getattr(ti, "_ti_context_from_server", None) is not None  # run by Airflow
        and type(task).__module__.startswith("airflow_provider_pictory.")
        and XCom is BaseXCom
        and task.do_xcom_push
        and not task.multiple_outputs
        and not task.outlets
        and getattr(task, "save_to", None) is None
        and not task.on_success_callback
        and not getattr(task, "returns_dag_result", False)
        and task._post_execute_hook is None
        and all(getattr(item.plugin, "__name__", "").startswith("airflow.example_dags.") for item in listeners)
        and (label is None or (bool(ti.rendered_map_index) and not re.search(later, label)))
        and (ti.map_index >= 0 or next(task.iter_mapped_dependants(), None) is None)
    )


def previous_xcom_keys(ti: Any) -> list[str] | None:
    """
    Return the keys of the previous try's XComs; None if this Airflow does not provide them, as from 3.4.

    The XComs themselves are deleted before a try starts; the first process of each try receives their keys.
    """
    if has_rows_for_tries():
        return None
    ti_context: Any = getattr(ti, "_ti_context_from_server", None)
    return (ti_context.xcom_keys_to_clear or []) if hasattr(ti_context, "xcom_keys_to_clear") else None
