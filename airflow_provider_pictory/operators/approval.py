"""Operators for approving images in Airflow's forms; need Airflow 3.1 or later."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.requests import ImageRequest
from airflow_provider_pictory.exceptions import InvalidRequestError, one_line
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.task.log_messages import with_trigger_error
from airflow_provider_pictory.ui.approval_form import form_body, form_title
from airflow_provider_pictory.version_compat import (
    AirflowException,
    AirflowSkipException,
    Param,
    XComNotFound,
)

try:
    from airflow.providers.standard.operators.hitl import HITLOperator
except (ImportError, AirflowException) as error:  # on Airflow 3.0, importing the module raises
    raise ImportError("ApproveImageOperator needs Airflow 3.1 or later") from error

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_pictory.version_compat import Context

PROMPT_KEY = "prompt"
"""The XCom key of the prompt for another image."""

ANSWER_KEY = "answer"
"""The XCom key of the answer."""


class ApproveImageOperator(HITLOperator):
    """
    Asks a person to approve an image, and returns it if approved; otherwise the task is skipped.

    Airflow shows the image, its prompt and its price in a form, with a button for each answer. While waiting, the task
    uses no worker slot and, from Airflow 3.3, no triggerer.

    - **Approve**: the task succeeds, and downstream tasks run.
    - **Reject**: the task and its downstream tasks are skipped.
    - **Make another**, with ``another=True``: the task is skipped as well. The form has a field to edit the prompt,
      whose value is pushed under the XCom key ``prompt``, for a :class:`RegenerateImageOperator`.

    The answer is pushed under the XCom key ``answer``: ``{"chosen_options", "params_input", "responded_at",
    "responded_by_user"}``. Further parameters are those of Airflow's ``HITLOperator``, such as ``notifiers`` and
    ``assigned_users``.

    :param image: the image, as in the XCom ``pictory_image``: ``image=wait.output["pictory_image"]``. Templated.
    :param details: further values to show in the form, by label, such as the text of the post. Templated.
    :param another: whether people can ask for another image.
    :param subject: the form's title; by default the prompt. Templated.
    :param defaults: the answer on a timeout: ``Reject``, ``Approve`` or ``Make another``. The form does not highlight
        it.
    :param response_timeout: how long to wait for an answer, as a timedelta; None for no limit. ``execution_timeout``
        limits the worker's run time, as for any task, and not the wait.
    :return: the image.
    """

    APPROVE = "Approve"
    ANOTHER = "Make another"
    REJECT = "Reject"

    # The body is not templated: prompts are untrusted, and must not be evaluated as templates.
    template_fields: Sequence[str] = ("subject", "image", "details")
    ui_color = "#efe7fb"

    def __init__(
        self,
        *,
        image: Mapping[str, Any],
        details: Mapping[str, Any] | None = None,
        another: bool = False,
        subject: str = "",
        defaults: str = REJECT,
        response_timeout: dt.timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        options = [self.APPROVE, self.ANOTHER, self.REJECT] if another else [self.APPROVE, self.REJECT]
        if response_timeout is not None:
            # Airflow cannot serialize subclasses such as pendulum's Duration.
            response_timeout = dt.timedelta(seconds=response_timeout.total_seconds())
        if defaults not in options:
            raise InvalidRequestError.of("defaults", f"is {one_line(repr(defaults), 80)}", ", ".join(options))
        super().__init__(
            subject=subject,
            options=options,
            # Airflow's form highlights these, as if they were recommended: the timeout's answer is given below instead.
            defaults=None,
            body=None,
            multiple=False,
            # Without it, HITLOperator uses the execution_timeout.
            response_timeout=response_timeout or dt.timedelta.max,
            **kwargs,
        )
        self.response_timeout = response_timeout
        self.answer_on_timeout = defaults
        self.image = image
        self.details = details
        self.another = another

    def execute(self, context: Context) -> Any:
        """Show the form."""
        if not isinstance(self.image, Mapping):
            raise InvalidRequestError.of(
                "image", f"is of type {type(self.image).__name__}", "an image as in XCom, a dict"
            )
        self.subject = self.subject or form_title(self.image)
        image = dict(self.image)
        if self.another:
            image["prompt"] = None  # it stands in the field below, and the buttons stand below that
        self.body = form_body(image, self.details)
        if self.another:
            # Added only now, since Airflow merges a task's params with those of the DAG run.
            self.params["prompt"] = Param(
                self.image.get("prompt"),
                type=["string", "null"],
                title="Prompt of another image",
                description=f"Counts for “{self.ANOTHER}” alone, which costs credits.",
                format="multiline",
            )
        return super().execute(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the wait for an answer."""
        return super().resume_execution(next_method, with_trigger_error(next_method, next_kwargs), context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the image, or skip the task, depending on the answer."""
        if self.another:
            self.params["prompt"] = Param(None)
        if event.get("error_type") == "timeout":
            event = self._answer_of_nobody()
        answer = super().execute_complete(context, event)
        [choice] = answer["chosen_options"]
        user = answer.get("responded_by_user")
        message = f"{choice}: {user['name'] if user else 'nobody has answered in time'}"
        context["ti"].xcom_push(key=ANSWER_KEY, value=answer)
        if choice == self.APPROVE:
            self.log.info(message)
            return self.image
        if choice == self.ANOTHER:
            prompt = answer["params_input"].get("prompt") or self.image.get("prompt")
            try:
                ImageRequest(prompt=str(prompt))
            except InvalidRequestError as error:
                raise AirflowException(f"{error}; a retry asks again") from error
            context["ti"].xcom_push(key=PROMPT_KEY, value=prompt)
        # Skip this task itself: in a mapped task group, Airflow 3.3 runs the tasks that a branching operator skips.
        raise AirflowSkipException(message)

    def _answer_of_nobody(self) -> dict[str, Any]:
        return {
            "chosen_options": [self.answer_on_timeout],
            "params_input": {},
            "responded_at": dt.datetime.now(dt.timezone.utc),
            "responded_by_user": None,
        }


class RegenerateImageOperator(GenerateImageOperator):
    """
    Generates an image if a person has asked for another one; otherwise it is skipped.

    It differs from :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator` in its default
    ``trigger_rule="none_failed"``, with which it runs after skipped tasks.

    :param prompt: the new prompt, from the approving task: ``prompt=approve.output["prompt"]``.
    """

    def __init__(self, *, prompt: Any, **kwargs: Any) -> None:
        # Not as a default in the signature, which default_args would override.
        super().__init__(prompt=prompt, **{"trigger_rule": "none_failed", **kwargs})

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Prepare a mapped task; Airflow does not ask the constructor for its ``trigger_rule``."""
        return super().partial(**{"trigger_rule": "none_failed", **kwargs})

    def render_template_fields(self, *args: Any, **kwargs: Any) -> None:
        """Render the template fields, or skip the task if there is no prompt."""
        try:
            super().render_template_fields(*args, **kwargs)
        except XComNotFound as error:
            raise AirflowSkipException("Nobody has asked for another image") from error


def __getattr__(name: str) -> type[RegenerateImageOperator]:
    """Resolve the operator's old name."""
    if name != "GenerateAnotherImageOperator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is now RegenerateImageOperator", DeprecationWarning, stacklevel=2)
    return RegenerateImageOperator
