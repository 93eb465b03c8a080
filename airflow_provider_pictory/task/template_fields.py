"""Checks of an operator's arguments while its DAG file is parsed, and template rendering of texts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import BaseOperator, Context


def check_literals(task: BaseOperator, check: Callable[[Mapping[str, Any]], None], names: Collection[str]) -> None:
    """
    Check the arguments that are known while the DAG file is parsed, so that errors are import errors of the DAG.

    Mapped arguments are checked on execution only: an error in the constructor of a mapped task would not be logged.

    :param check: checks the arguments it gets, by name.
    :param names: the operator's attributes.
    """
    # Airflow sets this before the constructor runs; without it, nothing is checked.
    if getattr(task, "_BaseOperator__from_mapped", True):
        return
    dag = task.get_dag()
    if dag is not None and dag.jinja_environment_kwargs:  # templates may have another syntax
        return
    values = {name: getattr(task, name) for name in names}
    check({name: value for name, value in values.items() if is_literal(value)})


def is_literal(value: Any) -> bool:
    """Whether a value is final while the DAG file is parsed: without templates or XCom references."""
    if isinstance(value, str):
        return re.search(r"{[{%#]", value) is None
    if isinstance(value, (list, tuple)):
        return all(map(is_literal, value))
    if isinstance(value, dict):
        return all(map(is_literal, value.values()))
    return value is None or isinstance(value, (bool, int, float, dt.date, dt.timedelta))


def texts(task: BaseOperator, names: Collection[str]) -> dict[str, str]:
    """Return the texts among an operator's arguments before rendering, for :func:`restore_texts`."""
    return {name: value for name in names if isinstance(value := getattr(task, name), str)}


def restore_texts(task: BaseOperator, templates: Mapping[str, str], context: Context) -> None:
    """
    Render texts as text in a DAG with ``render_template_as_native_obj``.

    Native rendering removes quotes from texts and turns digits into numbers. Texts that Airflow did not render, such as
    XComs of mapped tasks, are left as they are.
    """
    dag = context.get("dag")
    if dag is None or not dag.render_template_as_native_obj:
        return
    env = dag.get_template_env(force_sandboxed=True)
    for name, template in templates.items():
        if getattr(task, name) != template:
            setattr(task, name, env.from_string(template).render(dict(context)))
