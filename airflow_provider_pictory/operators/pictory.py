"""Submitting images to Pictory."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client import inputs
from airflow_provider_pictory.client.connection import read_boolean
from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.exceptions import NotFoundError, ServiceError
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.links import IMAGE_LINK
from airflow_provider_pictory.operators.base import PayingOperator
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import is_job_done, wait
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from airflow_provider_pictory.task.log_messages import job_ended, job_submitted
from airflow_provider_pictory.task.state import TaskState
from airflow_provider_pictory.task.xcom import REQUEST_KEY, describe_failure, push_image
from airflow_provider_pictory.version_compat import conf

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


def _check(given: Mapping[str, Any]) -> None:
    inputs.check_image(given)
    inputs.check_wait(given)
    inputs.check_before_paying(given)


class GenerateImageOperator(PayingOperator):
    """
    Generates an image from a prompt, and from a reference image if there is one.

    By default it submits the job and returns its id, for an
    :class:`~airflow_provider_pictory.sensors.pictory.ImageJobSensor` to wait for. **Each submit costs AI credits.**

    Wrong inputs, a wrong key, missing credits and prompts that the service refuses fail the task without retries.
    A job that fails otherwise is left to Airflow's retries, each of which submits a new one. Where the answer to a
    submit was lost, it may have been paid for: retries submit once more at most (on Airflow below 3.3, as often as
    ``retries`` says).

    :param prompt: 5 to 5,000 characters. Templated, like all parameters.
    :param model: ``seedream3.0`` (the service's default), ``flux-schnell``, ``nanobanana``, ``nanobanana-pro``, or any
        that the service adds.
    :param aspect_ratio: ``1:1``, ``16:9`` or ``9:16``; by default the first that the model supports.
    :param style: ``photorealistic``, ``artistic``, ``cartoon``, ``minimalist``, ``vintage`` or ``futuristic``.
    :param reference_image_url: a public image to be guided by.
    :param webhook: a URL that the service notifies when the job ends; nothing here depends on it.
    :param pictory_conn_id: the Pictory connection.
    :param skip_after: a datetime, or ISO 8601 text, with a zone. If it has passed when a job would be submitted, none
        is, and the task is skipped: for runs that come too late, such as backfills.
    :param check_conn_ids: connections of either service that later tasks need. Before a job is submitted, each is asked
        whether its key is accepted, which is free; if one does not work, the task fails.
    :param wait_for_completion: wait for the image and return it: ``{"job_id", "status", "url", "width", "height",
        "ai_credits_used"}``.
    :param deferrable: wait in the triggerer instead of a worker slot; by default as Airflow's ``[operators]
        default_deferrable`` says.
    :param poll_interval: seconds, or a timedelta, between two requests while waiting, once the end has come near.
    :param timeout: how long to wait, in seconds or as a timedelta; then the task fails, without retries. On Airflow
        3.3 and up it counts from the submit, whatever happens to the task since.

    See https://docs.pictory.ai/api-reference/ai-studio/generate-image
    """

    template_fields: Sequence[str] = (
        "prompt",
        "model",
        "aspect_ratio",
        "style",
        "reference_image_url",
        "webhook",
        "pictory_conn_id",
        "skip_after",
        "check_conn_ids",
        "wait_for_completion",
        "poll_interval",
        "timeout",
    )
    text_fields = template_fields[:8]
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "doc"}
    operator_extra_links = (IMAGE_LINK,)
    ui_color = "#efe7fb"

    def __init__(
        self,
        *,
        prompt: str,
        model: str | None = None,
        aspect_ratio: str | None = None,
        style: str | None = None,
        reference_image_url: str | None = None,
        webhook: str | None = None,
        pictory_conn_id: str = PictoryHook.default_conn_name,
        skip_after: dt.datetime | str | None = None,
        check_conn_ids: Sequence[str] = (),
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | dt.timedelta = 15,
        timeout: float | dt.timedelta = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.model = model
        self.aspect_ratio = aspect_ratio
        self.style = style
        self.reference_image_url = reference_image_url
        self.webhook = webhook
        self.pictory_conn_id = pictory_conn_id
        self.skip_after = skip_after
        self.check_conn_ids = check_conn_ids
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._check_literals(_check)

    @cached_property
    def hook(self) -> PictoryHook:
        """The hook that submits."""
        return PictoryHook(self.pictory_conn_id)

    @property
    def _request(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "model": self.model,
            "aspect_ratio": self.aspect_ratio,
            "style": self.style,
            "reference_image_url": self.reference_image_url,
            "webhook": self.webhook,
        }

    def _state(self, context: Context) -> TaskState:
        return TaskState(context, {**self._request, "pictory_conn_id": self.pictory_conn_id})

    def attempt(self, context: Context) -> Any:
        """Submit the job, or find the one that an earlier try has submitted; wait for it if asked to."""
        inputs.image_request(**self._request)
        timeout = inputs.seconds("timeout", self.timeout)
        interval = inputs.seconds("poll_interval", self.poll_interval)
        is_waiting = read_boolean("wait_for_completion", self.wait_for_completion)
        is_deferrable = read_boolean("deferrable", self.deferrable)
        state = self._state(context)
        model = self.model or inputs.PICTORY_DEFAULT_MODEL
        job_id = self._earlier_job(state)
        if job_id is None:
            self.check_before_paying(context)
            now = time.time()
            job_id = state.spend(
                self.hook,
                lambda: self.hook.submit_image(**self._request),
                keep=lambda job_id: {"job_id": job_id, "since": now, "submitted_at": now, "gone": None},
            )
            self.log.info(job_submitted(job_id, model, self.aspect_ratio))
        if not is_waiting:
            request = {
                "job_id": job_id,
                "prompt": self.prompt,
                "model": model,
                "submitted_at": state.get("submitted_at"),
            }
            context["ti"].xcom_push(key=REQUEST_KEY, value=request)
            state.deliver(job_id)
            return job_id
        deadline = state.since() + timeout
        if is_deferrable:
            from airflow_provider_pictory.triggers.pictory import ImageJobTrigger

            self.defer(
                trigger=ImageJobTrigger(
                    job_id,
                    self.pictory_conn_id,
                    interval,
                    deadline,
                    submitted_at=state.get("submitted_at"),
                    model=model,
                    prompt=self.prompt,
                    end_from_trigger=can_end_from_trigger(context) and not state.get("failed_jobs"),
                ),
                method_name="execute_complete",
            )
        progress = Progress(f"Pictory job {job_id}", self.log, state.get("submitted_at"))
        with self._forgetting_lost_jobs(state):
            job = wait(
                lambda: self.hook.get_job(job_id),
                is_job_done,
                interval=interval,
                deadline=deadline,
                progress=progress,
            )
        self.log.info(job_ended(job, progress.age))
        return self._finish(context, job)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on after the wait in the triggerer."""
        from airflow_provider_pictory.triggers.base import result_of

        with self._forgetting_lost_jobs(self._state(context)):
            result = result_of(event)
        return self._finish(context, ImageJob.from_event(result))

    def _earlier_job(self, state: TaskState) -> str | None:
        job_id: str | None = state.get("job_id")
        if job_id is not None and state.get("gone"):
            try:
                self.hook.get_job(job_id)
            except NotFoundError:
                self.hook.get_quota()  # which fails if it is not Pictory that does not know the job
                self.log.warning("Pictory does not know job %s any more: submitting again", job_id)
                return None
        if job_id is not None:
            self.log.info("Resuming Pictory job %s, submitted by an earlier try", job_id)
        return job_id

    @contextmanager
    def _forgetting_lost_jobs(self, state: TaskState) -> Iterator[None]:
        """Let a clear of the task submit again if Pictory still does not know the job then."""
        try:
            yield
        except NotFoundError:
            state.save(gone=True)
            raise

    def _finish(self, context: Context, job: ImageJob) -> dict[str, Any]:
        state = self._state(context)
        model = self.model or inputs.PICTORY_DEFAULT_MODEL
        failed = state.get("failed_jobs") or []
        try:
            image = push_image(context, job, self.prompt, model, self.pictory_conn_id, failed)
        except ServiceError as error:
            state.save(job_id=None, failed_jobs=[*failed, describe_failure(job, model, error)])
            raise
        state.deliver(job.job_id)
        return image
