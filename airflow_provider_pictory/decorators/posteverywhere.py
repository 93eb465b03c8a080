"""The TaskFlow decorators for PostEverywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from airflow_provider_pictory.decorators.base import InputsFromFunction
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.version_compat import DecoratedOperator, task_decorator_factory

if TYPE_CHECKING:
    from airflow.sdk.bases.decorator import Task
    from typing_extensions import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R", bound="str | Mapping[str, Any]")


class _DecoratedMediaOperator(InputsFromFunction, GenerateMediaOperator):
    custom_operator_name = "@task.posteverywhere_media"
    returned_parameter = "prompt"
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *GenerateMediaOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **GenerateMediaOperator.template_fields_renderers,
    }


class _DecoratedPostOperator(InputsFromFunction, PostImageOperator):
    custom_operator_name = "@task.posteverywhere_post"
    returned_parameter = "content"
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *PostImageOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **PostImageOperator.template_fields_renderers,
    }

    def _set_inputs(self, inputs: Mapping[str, Any]) -> None:
        super()._set_inputs(inputs)
        self._image_parameters = [
            name for name in ("image", "media_ids") if name in inputs or name in self._image_parameters
        ]


@overload
def posteverywhere_media_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def posteverywhere_media_task(**kwargs: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def posteverywhere_media_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool = False, **kwargs: Any
) -> Any:
    """
    Make a task that generates an image from a function that returns its prompt; also ``@task.posteverywhere_media``.

    The function is called once in each try, before the request. A retry of a try that may have paid does not call it
    again.

    :param python_callable: returns the prompt, or a dict with ``prompt`` and any other templated parameter of
        :class:`~airflow_provider_pictory.operators.posteverywhere.GenerateMediaOperator`. Its own parameters are those
        of any TaskFlow function.
    :param multiple_outputs: push each field of the media record as an XCom of its own.
    :param kwargs: the other parameters of the operator, and of any task.
    """
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_DecoratedMediaOperator,
        **kwargs,
    )


@overload
def posteverywhere_post_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def posteverywhere_post_task(**kwargs: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def posteverywhere_post_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool = False, **kwargs: Any
) -> Any:
    """
    Make a task that publishes a post from a function that returns its content; also ``@task.posteverywhere_post``.

    The function is called once in each try, before anything is sent. A retry that looks for the post of an earlier try
    does not call it again.

    :param python_callable: returns the content, or a dict with ``content`` and any other templated parameter of
        :class:`~airflow_provider_pictory.operators.posteverywhere.PostImageOperator`, such as ``image``. Its own
        parameters are those of any TaskFlow function.
    :param multiple_outputs: push each field of the post as an XCom of its own.
    :param kwargs: the other parameters of the operator, and of any task.
    """
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_DecoratedPostOperator,
        **kwargs,
    )
