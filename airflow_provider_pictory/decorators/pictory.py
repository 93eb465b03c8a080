"""The TaskFlow decorator for Pictory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from airflow_provider_pictory.decorators.base import InputsFromFunction
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.version_compat import DecoratedOperator, task_decorator_factory

if TYPE_CHECKING:
    from airflow.sdk.bases.decorator import Task
    from typing_extensions import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R", bound="str | Mapping[str, Any]")


class _DecoratedImageOperator(InputsFromFunction, GenerateImageOperator):
    custom_operator_name = "@task.pictory_image"
    returned_parameter = "prompt"
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *GenerateImageOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **GenerateImageOperator.template_fields_renderers,
    }


@overload
def pictory_image_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def pictory_image_task(**kwargs: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def pictory_image_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool = False, **kwargs: Any
) -> Any:
    """
    Make a task that generates an image from a function that returns its prompt; also ``@task.pictory_image``.

    The function is called once in each try, before the submit. A retry that resumes the job of an earlier try does not
    call it again.

    :param python_callable: returns the prompt, or a dict with ``prompt`` and any other templated parameter of
        :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator`. Its own parameters are those of any
        TaskFlow function.
    :param multiple_outputs: push each field of the image as an XCom of its own; needs ``wait_for_completion``.
    :param kwargs: the other parameters of the operator, and of any task.
    """
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_DecoratedImageOperator,
        **kwargs,
    )
