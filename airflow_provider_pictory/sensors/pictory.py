"""Sensors for Pictory."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.client.requests import fingerprint
from airflow_provider_pictory.client.validation import check_text, read_boolean, seconds
from airflow_provider_pictory.exceptions import JobFailedError, ServiceError
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.links import IMAGE_LINK, Linked
from airflow_provider_pictory.polling.next_poll import Pace
from airflow_provider_pictory.polling.progress import Progress, span
from airflow_provider_pictory.storage.keys import check_save_to
from airflow_provider_pictory.task.context import with_task_instance
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from airflow_provider_pictory.task.lineage import WithLineage
from airflow_provider_pictory.task.log_messages import job_ended, with_trigger_error
from airflow_provider_pictory.task.save_image import read_destination, save_job_image
from airflow_provider_pictory.task.state import WaitState, load_state, started_at
from airflow_provider_pictory.task.template_fields import check_literals, restore_texts, texts
from airflow_provider_pictory.task.xcom import (
    REQUEST_KEY,
    check_image,
    find_request,
    for_galleries,
    push_failed_image,
    push_if_possible,
    push_image,
    push_not_stored,
    reporting_failure,
)
from airflow_provider_pictory.version_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseOperator,
    BaseSensorOperator,
    PokeReturnValue,
)

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


def _check(arguments: Mapping[str, Any]) -> None:
    if "job_id" in arguments:
        check_text("job_id", arguments["job_id"], 1, 200)
    if "deferrable" in arguments:
        read_boolean("deferrable", arguments["deferrable"])
    check_save_to(arguments)


class ImageJobSensor(WithLineage, Linked, BaseSensorOperator):
    """
    Waits for an image job of Pictory, and returns the image.

    Network errors, 5xx and 429 responses are retried until the timeout. A failed job fails the task without retries,
    which would not help. Waiting is free: a cleared sensor waits again.

    ``soft_fail`` and ``never_fail`` skip the task on a timeout or a permanent error, in all modes.
    ``exponential_backoff``, ``max_wait`` and ``silent_fail`` only apply without deferring.

    :param job_id: the job id, as returned by
        :class:`~airflow_provider_pictory.operators.pictory.GenerateImageOperator`. Templated.
    :param pictory_conn_id: the Pictory connection. Templated.
    :param deferrable: wait in the triggerer (the default); otherwise in a worker slot, or with ``mode="reschedule"``
        without one between pokes.
    :param poke_interval: seconds between two requests; in the triggerer, the first is sent when the job is expected to
        be done.
    :param timeout: how long to wait, in seconds or as a timedelta; then the task fails without retries. On Airflow 3.3
        and later, it counts from the first try.
    :param save_to: where to store the picture, as a URL of Airflow's ``ObjectStoragePath`` without an extension:
        ``s3://aws_default@bucket/{job_id}``. ``{fingerprint}`` is known if an upstream task submitted the job.
        Templated. With it, the task ends in a worker.
    :param if_exists: what to do if another picture is there: ``fail``, ``reuse`` it if it is of the same request, or
        ``overwrite``. Templated.
    :return: ``{"job_id", "status", "url", "width", "height", "ai_credits_used"}``, and ``path`` with ``save_to``; under
        the XCom key ``pictory_image``, the same with prompt and model if an upstream task submitted the job.

    See https://docs.pictory.ai/api-reference/ai-studio/get-image-job
    """

    template_fields: Sequence[str] = ("job_id", "pictory_conn_id", "save_to", "if_exists")
    operator_extra_links = (IMAGE_LINK,)
    ui_color = "#efe7fb"

    def __init__(
        self,
        *,
        job_id: str,
        pictory_conn_id: str = PictoryHook.default_conn_name,
        deferrable: bool = True,
        poke_interval: float | dt.timedelta = 15,
        timeout: float | dt.timedelta = 3600,
        save_to: str | None = None,
        if_exists: str = "fail",
        **kwargs: Any,
    ) -> None:
        interval, timeout_seconds = seconds("poke_interval", poke_interval), seconds("timeout", timeout)
        super().__init__(poke_interval=interval, timeout=timeout_seconds, **kwargs)
        self.job_id = job_id
        self.pictory_conn_id = pictory_conn_id
        self.deferrable = deferrable
        self.save_to = save_to
        self.if_exists = if_exists
        self._has_pushed_job = False
        self._text_templates = texts(self, self.template_fields)
        check_literals(self, _check, ("job_id", "deferrable", "save_to", "if_exists"))

    @cached_property
    def hook(self) -> PictoryHook:
        """The hook for Pictory."""
        return PictoryHook(self.pictory_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait for the job."""
        context = with_task_instance(context, self)
        restore_texts(self, self._text_templates, context)
        with self._soft_failing(), self._reporting_failure(context):
            check_text("job_id", self.job_id, 1, 200)
            read_destination(self)
            is_deferrable = read_boolean("deferrable", self.deferrable)
            if not is_deferrable and self.reschedule:
                return super().execute(context)  # counts the timeout from the first try
            inputs = {"job_id": self.job_id, "pictory_conn_id": self.pictory_conn_id}
            deadline = started_at(load_state(context, WaitState, fingerprint(inputs))) + self.timeout
            left = max(0.0, deadline - time.time())
            self.log.info("Pictory job %s: waiting for it, for %s at most", self.job_id, span(left))
            if not is_deferrable:
                self.timeout = left
                return super().execute(context)
            # A job that is done needs no deferral. Also, the scheduler may treat a task as killed if its trigger fires
            # before the scheduler sees that this process ended.
            if now := self.poke(context):
                return now.xcom_value
            from airflow_provider_pictory.triggers.pictory import ImageJobTrigger

            request = find_request(context, self.job_id)
            push_if_possible(context, {REQUEST_KEY: request})
            self.defer(
                trigger=ImageJobTrigger(
                    self.job_id,
                    self.pictory_conn_id,
                    self.poke_interval,
                    deadline,
                    start=time.time() + self._delay,
                    submitted_at=request.get("submitted_at"),
                    model=request["model"],
                    prompt=request["prompt"],
                    end_from_trigger=can_end_from_trigger(context, costs=False),
                ),
                method_name="execute_complete",
            )

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once; in mode ``reschedule``, again until a permanent error is confirmed."""
        while True:
            self._error: ServiceError | None = None
            try:
                job = self.hook.get_job(self.job_id)
            except ServiceError as error:
                self._error = error
            else:
                if job.has_ended:
                    request = find_request(context, job.job_id)
                    submitted_at = request.get("submitted_at")
                    self.log.info(job_ended(job, time.time() - submitted_at if submitted_at else None))
                    push_if_possible(context, {REQUEST_KEY: request})
                    return PokeReturnValue(is_done=True, xcom_value=self._finish(context, job, request))
            self._delay = self._pace.after(self._error)
            self._progress.note(self._error, self._delay)
            if not (self.reschedule and isinstance(self._error, AirflowFailException)):
                return PokeReturnValue(is_done=False)
            time.sleep(backoff(self._pace.faults, limit=5))

    @cached_property
    def _pace(self) -> Pace:
        return Pace(self.poke_interval)

    @cached_property
    def _progress(self) -> Progress:
        return Progress(f"Pictory job {self.job_id}", self.log)

    def _get_next_poke_interval(
        self, started_at: dt.datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        delay = self._delay
        if self._error is None and self.exponential_backoff:
            delay = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        # The last poke is due just after the timeout, when the base class checks it.
        return min(delay, max(0.0, self.timeout - run_duration()) + 0.01)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Resume after the wait in the triggerer."""
        from airflow_provider_pictory.triggers.base import result_of

        job = ImageJob.from_event(result_of(event))
        return self._finish(context, job, find_request(context, job.job_id))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume like any operator: the sensors' base class differs between Airflow's versions."""
        context = with_task_instance(context, self)
        restore_texts(self, self._text_templates, context)
        with self._soft_failing(), self._reporting_failure(context):
            kwargs = with_trigger_error(next_method, next_kwargs)
            return BaseOperator.resume_execution(self, next_method, kwargs, context)

    @contextmanager
    def _soft_failing(self) -> Iterator[None]:
        try:
            yield
        except AirflowSkipException as skip:
            # The base class raises this without the reason, and with never_fail for any error.
            cause = skip.__cause__
            if isinstance(cause, Exception) and not isinstance(
                cause, (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException)
            ):
                raise cause from None
            raise AirflowSkipException(str(cause or skip)) from cause
        except (AirflowSensorTimeout, AirflowFailException) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise

    @contextmanager
    def _reporting_failure(self, context: Context) -> Iterator[None]:
        """Push the error, and the job that was paid for, for galleries."""

        def push(error: str) -> None:
            if not self._has_pushed_job:
                request = find_request(context, self.job_id)
                push_failed_image(context, error, prompt=request["prompt"], model=request["model"], job_id=self.job_id)

        with reporting_failure(push):
            yield

    def _finish(self, context: Context, job: ImageJob, request: dict[str, Any]) -> dict[str, Any]:
        prompt, model = request["prompt"], request["model"]
        try:
            check_image(context, job, prompt, model, self.pictory_conn_id)
        except ServiceError as error:
            self._has_pushed_job = True
            if isinstance(error, JobFailedError):
                raise AirflowFailException(str(error)) from error
            raise
        image: Mapping[str, Any] = job.as_xcom()
        if destination := read_destination(self):
            try:
                stored = save_job_image(context, destination, self.hook.transport, image, request)
            except ServiceError as error:
                push_not_stored(context, for_galleries(image, prompt, model), error)
                self._has_pushed_job = True
                raise
            image = {**stored.image, "ai_credits_used": job.ai_credits_used}
        return push_image(context, image, prompt, model)
