"""Whether a task may end in the triggerer, without a worker that is started just to hear that all went well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_pictory.version_compat import XCom

ENDED_KEY = "ended_in_trigger"
"""The XCom that a task has if it was ended in the triggerer, and only then: it comes with the success."""


def can_end_from_trigger(context: Mapping[str, Any]) -> bool:
    """
    Tell whether nothing is lost if the task's success is not reported by a worker.

    Airflow itself skips there: asset outlets, success callbacks, listeners, ``post_execute``, labels that depend on
    what the task has done, the length of a result that is mapped over, a result that is the run's. A result that goes
    into a custom XCom back end is left to a worker as well, since the back end may block; and what a subclass does at
    the end, too.
    """
    ti, task = context["ti"], context["task"]
    if "task_state_store" not in context or left_xcoms(ti) is None:
        return False  # Airflow below 3.3, where it was not tried; or one where a clear could not be told from a retry
    try:
        from airflow_provider_pictory.version_compat import BaseXCom, get_listener_manager
    except ImportError:
        return False
    listeners = get_listener_manager().hook.on_task_instance_success.get_hookimpls()
    label = task.map_index_template
    return (
        type(task).__module__.startswith("airflow_provider_pictory.")
        and XCom is BaseXCom
        and task.do_xcom_push
        and not task.multiple_outputs
        and not task.outlets
        and not task.on_success_callback
        and not getattr(task, "returns_dag_result", False)
        and task._post_execute_hook is None
        and all(getattr(item.plugin, "__name__", "").startswith("airflow.example_dags.") for item in listeners)
        and (label is None or (bool(ti.rendered_map_index) and not re.search(r"\bti\b|\btask_instance\b", label)))
        and (ti.map_index >= 0 or next(task.iter_mapped_dependants(), None) is None)
    )


def left_xcoms(ti: Any) -> list[str] | None:
    """
    Tell which XComs the try before has left; None if this Airflow does not say.

    They are removed before a try begins, but the first process of each try is told their keys.
    """
    told = getattr(ti, "_ti_context_from_server", None)
    return None if told is None else getattr(told, "xcom_keys_to_clear", None) or []
