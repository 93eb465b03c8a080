"""The context of a running task, also in unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import BaseOperator, Context


class NoTaskInstance:
    """Replaces the task instance if an operator is executed without Airflow, in a unit test."""

    start_date = None
    map_index = -1
    try_number = 1
    max_tries = 0

    def xcom_push(self, key: str, value: Any) -> None:
        """Do nothing."""

    def xcom_pull(self, **_: Any) -> None:
        """Return None."""


def with_task_instance(context: Context, task: BaseOperator) -> Context:
    """Complete a context that Airflow did not make, such as the ``{}`` of a unit test, and that of Airflow 3.0."""
    if "ti" not in context:
        return cast("Context", {"ti": NoTaskInstance(), "task": task, **context})
    context["task"] = task  # Airflow 3.0 has it there as it was before its templates were rendered, as for labels
    return context
