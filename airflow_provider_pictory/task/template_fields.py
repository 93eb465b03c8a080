"""What is known of an operator's arguments while a DAG file is parsed, and what templates make of texts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import BaseOperator, Context


def check_literals(task: BaseOperator, check: Callable[[Mapping[str, Any]], None], names: Collection[str]) -> None:
    """
    Check the arguments that are known while the DAG file is parsed: an error there is one of the DAG's import.

    What is mapped is left to the task's execution: its constructor runs within the task, where a failure would go
    untold.

    :param check: checks those arguments that it is given.
    :param names: the attributes that hold them.
    """
    # Airflow sets it before the constructor runs. Where it is not known, nothing is checked yet.
    if getattr(task, "_BaseOperator__from_mapped", True):
        return
    dag = task.get_dag()
    if dag is not None and dag.jinja_environment_kwargs:  # templates may look like anything
        return
    values = {name: getattr(task, name) for name in names}
    check({name: value for name, value in values.items() if is_literal(value)})


def is_literal(value: Any) -> bool:
    """Whether a value will be the same when the task runs: no template, no XCom, nothing that is to be resolved."""
    if isinstance(value, str):
        return re.search(r"{[{%#]", value) is None
    if isinstance(value, (list, tuple)):
        return all(map(is_literal, value))
    if isinstance(value, dict):
        return all(map(is_literal, value.values()))
    return value is None or isinstance(value, (bool, int, float, dt.date, dt.timedelta))


def texts(task: BaseOperator, names: Collection[str]) -> dict[str, str]:
    """Note the texts among an operator's arguments as they are written, for :func:`restore_texts`."""
    return {name: value for name in names if isinstance(value := getattr(task, name), str)}


def restore_texts(task: BaseOperator, written: Mapping[str, str], context: Context) -> None:
    """
    Have texts as they are written where the DAG renders templates to native Python objects.

    That takes the quotes off a text, and makes a number of digits. What Airflow has not rendered, such as the XCom
    that a mapped task is given, is not rendered here either.
    """
    dag = context.get("dag")
    if dag is None or not dag.render_template_as_native_obj:
        return
    env = dag.get_template_env(force_sandboxed=True)
    for name, text in written.items():
        if getattr(task, name) != text:
            setattr(task, name, env.from_string(text).render(dict(context)))
