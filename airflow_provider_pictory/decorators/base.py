"""The base class of the decorated tasks: an operator whose inputs a function returns."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.operators.base import NOT_GIVEN, ServiceOperator
from airflow_provider_pictory.task.returned_inputs import recall, remember, to_json
from airflow_provider_pictory.version_compat import DecoratedOperator, determine_kwargs

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


class InputsFromFunction(DecoratedOperator, ServiceOperator):
    """
    Calls a function once in each try, and uses what it returns as the operator's inputs; inherit before the operator.

    The function returns the :attr:`returned_parameter`, or a dict of any of the operator's templated parameters, which
    replace those of the decorator. What it returns is data: templates in it are not rendered.
    """

    returned_parameter: ClassVar[str]
    """The parameter that a returned text is for."""
    overwrite_rtif_after_execution = True
    """Show what the function has returned among the rendered templates, from Airflow 3.0."""

    xcom_push: ClassVar[Any] = None
    """Airflow 3.0's base class passes this on after the task's work, though its own operators have no such method."""

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(python_callable=python_callable, **{self.returned_parameter: NOT_GIVEN}, **kwargs)

    def _check_literals(self, check: Callable[[Mapping[str, Any]], None]) -> None:
        # The function may give what the decorator does not.
        super()._check_literals(
            lambda arguments: check(
                {name: value for name, value in arguments.items() if value is not None and value is not False}
            )
        )

    def prepare(self, context: Context, *, is_resumed: bool) -> None:
        """Set the inputs that the function returns, or returned before a deferral or in an earlier try."""
        arguments = [self.op_args, self.op_kwargs]
        inputs = recall(context, arguments, is_resumed=is_resumed)
        if inputs is None:
            inputs = self._call_function(context)
            remember(context, arguments, inputs)
        elif not is_resumed:
            self.log.info("An earlier try may have paid or posted: resuming it, without calling the function again")
        self._set_inputs(inputs)

    def _set_inputs(self, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            setattr(self, name, value)

    def _call_function(self, context: Context) -> dict[str, Any]:
        function = self.python_callable
        kwargs = determine_kwargs(function, self.op_args, ChainMap(dict(self.op_kwargs), context))  # type: ignore[arg-type]
        returned = function(*self.op_args, **kwargs)
        if isinstance(returned, str):
            returned = {self.returned_parameter: returned}
        if not isinstance(returned, Mapping):
            raise self._wrong_function(function, f"has returned {type(returned).__name__}")
        if unknown := sorted(map(str, set(returned) - self._returnable)):
            raise self._wrong_function(function, f"has returned {', '.join(unknown)}")
        if self.returned_parameter not in returned:
            raise self._wrong_function(function, f"has returned no {self.returned_parameter}")
        try:
            return to_json(returned)
        except TypeError as error:
            raise self._wrong_function(function, f"has returned a value {error}") from error

    @property
    def _returnable(self) -> set[str]:
        return set(self.template_fields) - set(DecoratedOperator.template_fields)

    def _wrong_function(self, function: Callable[..., Any], fault: str) -> InvalidRequestError:
        name = getattr(function, "__name__", "function")
        others = ", ".join(sorted(self._returnable - {self.returned_parameter}))
        allowed = f"a function that returns the {self.returned_parameter}, or a dict with it and any of {others}"
        return InvalidRequestError.of(f"{name}()", fault, allowed)
