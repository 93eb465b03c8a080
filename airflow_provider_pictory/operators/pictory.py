"""Operators for Pictory."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client.models import ImageJob
from airflow_provider_pictory.client.pictory import submit_image
from airflow_provider_pictory.client.requests import PICTORY_DEFAULT_MODEL, ImageRequest
from airflow_provider_pictory.client.validation import read_boolean, seconds
from airflow_provider_pictory.exceptions import InvalidRequestError, NotFoundError, ServiceError
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.links import IMAGE_LINK
from airflow_provider_pictory.operators.base import PayingOperator, check_paying, check_wait
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import wait
from airflow_provider_pictory.storage.keys import check_known_before_submit, check_save_to
from airflow_provider_pictory.storage.save_picture import Destination, Stored
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from airflow_provider_pictory.task.log_messages import job_ended, job_submitted
from airflow_provider_pictory.task.paid_requests import send_paid
from airflow_provider_pictory.task.save_image import (
    describe_request,
    find_stored_image,
    read_destination,
    save_job_image,
)
from airflow_provider_pictory.task.state import ImageState, TaskState, load_state, started_at
from airflow_provider_pictory.task.xcom import (
    REQUEST_KEY,
    check_image,
    describe_failure,
    for_galleries,
    push_failed_image,
    push_if_possible,
    push_image,
    push_not_stored,
    push_request,
    reporting_failure,
)
from airflow_provider_pictory.version_compat import conf

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


def _check(arguments: Mapping[str, Any]) -> None:
    ImageRequest.check(arguments)
    check_wait(arguments)
    check_paying(arguments)
    check_save_to(arguments)
    if arguments.get("save_to") is not None:
        if "wait_for_completion" in arguments:
            _check_waits(arguments["wait_for_completion"])
        if "if_exists" in arguments:
            check_known_before_submit(arguments["save_to"], arguments["if_exists"])


def _check_waits(wait_for_completion: Any) -> None:
    """Check that the operator waits for the image that it is to store."""
    if not read_boolean("wait_for_completion", wait_for_completion):
        raise InvalidRequestError.of(
            "save_to",
            "is given without wait_for_completion=True: there is no image to store yet",
            "wait_for_completion=True, or save_to of the ImageJobSensor that waits",
        )


class GenerateImageOperator(PayingOperator):
    """
    Generates an image from a prompt, and optionally a reference image.

    By default it submits the job and returns its id, for an
    :class:`~airflow_provider_pictory.sensors.pictory.ImageJobSensor` to wait for. **Each submit costs AI credits.**

    Invalid parameters, an invalid key, missing credits and rejected prompts fail the task without retries. A job that
    fails otherwise is retried with Airflow's retries, each of which submits a new job. If the response to a submit was
    lost, it may have been paid for: retries submit only once more (on Airflow below 3.3, up to ``retries`` times).

    :param prompt: 5 to 5,000 characters. Templated, like all parameters.
    :param model: ``seedream3.0`` (the service's default), ``flux-schnell``, ``nanobanana``, ``nanobanana-pro``, or any
        newer model.
    :param aspect_ratio: ``1:1``, ``16:9`` or ``9:16``; by default the first that the model supports.
    :param style: ``photorealistic``, ``artistic``, ``cartoon``, ``minimalist``, ``vintage`` or ``futuristic``.
    :param reference_image_url: the URL of a public image to use as a reference.
    :param webhook: a URL that the service calls when the job ends; the operator does not need it.
    :param pictory_conn_id: the Pictory connection.
    :param skip_after: a datetime, or ISO 8601 text, with a zone. If it has passed before the submit, the task is
        skipped: for late runs, such as backfills.
    :param check_conn_ids: ids of connections to either service that later tasks need. Before the submit, each is
        checked with a free request; if one does not work, the task fails.
    :param wait_for_completion: wait for the image and return it: ``{"job_id", "status", "url", "width", "height",
        "ai_credits_used"}``.
    :param save_to: with ``wait_for_completion``, where to store the picture, as a URL of Airflow's
        ``ObjectStoragePath`` without an extension: ``s3://aws_default@bucket/ds={{ ds }}/{fingerprint}``. ``{job_id}``
        and ``{fingerprint}``, a hash of the request, are replaced. The image then has the key ``path``. With it, the
        task ends in a worker.
    :param if_exists: what to do if a picture is there: ``fail`` before anything is submitted; ``reuse`` it, if it is of
        the same request, without submitting anything; or ``overwrite`` it.
    :param deferrable: wait in the triggerer instead of a worker slot; by default Airflow's ``[operators]
        default_deferrable``.
    :param poll_interval: seconds, or a timedelta, between two polls; in the triggerer, the first is sent when the job
        is expected to be done.
    :param timeout: how long to wait, in seconds or as a timedelta; then the task fails without retries. On Airflow 3.3
        and later, it counts from the submit, across all tries.

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
        "save_to",
        "if_exists",
        "poll_interval",
        "timeout",
    )
    text_fields = (*template_fields[:8], "save_to", "if_exists")
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
        save_to: str | None = None,
        if_exists: str = "fail",
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
        self.save_to = save_to
        self.if_exists = if_exists
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._state: TaskState[ImageState] | None = None
        self._has_pushed_job = False
        self._check_literals(_check)

    @cached_property
    def hook(self) -> PictoryHook:
        """The hook for Pictory."""
        return PictoryHook(self.pictory_conn_id)

    @contextmanager
    def reporting_failure(self, context: Context) -> Iterator[None]:
        """Push the error, and what was paid for, for galleries."""

        def push(error: str) -> None:
            if not self._has_pushed_job:
                known = self._state.values if self._state else ImageState()
                push_failed_image(
                    context,
                    error,
                    prompt=self.prompt,
                    model=self._model,
                    job_id=known.job_id,
                    failed_jobs=known.failed_jobs,
                )

        with reporting_failure(push):
            yield

    def _load_state(self, context: Context) -> tuple[ImageRequest, TaskState[ImageState]]:
        request = ImageRequest(
            prompt=self.prompt,
            model=self.model,
            aspect_ratio=self.aspect_ratio,
            style=self.style,
            reference_image_url=self.reference_image_url,
            webhook=self.webhook,
        )
        self._state = load_state(context, ImageState, request.fingerprint(self.pictory_conn_id))
        return request, self._state

    def attempt(self, context: Context) -> Any:
        """Submit the job, or resume that of an earlier try; wait for it if ``wait_for_completion``."""
        timeout = seconds("timeout", self.timeout)
        interval = seconds("poll_interval", self.poll_interval)
        is_waiting = read_boolean("wait_for_completion", self.wait_for_completion)
        is_deferrable = read_boolean("deferrable", self.deferrable)
        destination = read_destination(self)
        if destination:
            _check_waits(is_waiting)
            check_known_before_submit(destination.save_to, destination.if_exists)
        request, state = self._load_state(context)
        job_id = self._earlier_job(state)
        if job_id is None:
            self.check_before_paying(context)
            if destination and (stored := find_stored_image(context, destination, request, state)):
                return self._reuse(context, state, stored)
            now = time.time()
            job_id = send_paid(
                state,
                self.hook.transport,
                submit_image(request),
                lambda job_id: {"job_id": job_id, "started_at": now, "submitted_at": now, "is_missing": False},
            )
            self.log.info(job_submitted(job_id, self._model, self.aspect_ratio))
        submitted_at = state.values.submitted_at
        submitted = {"job_id": job_id, **self._describe(request), "submitted_at": submitted_at}
        if not is_waiting:
            push_request(context, submitted)
            state.mark_delivered(job_id)
            return job_id
        push_if_possible(context, {REQUEST_KEY: submitted})
        deadline = started_at(state) + timeout
        if is_deferrable:
            from airflow_provider_pictory.triggers.pictory import ImageJobTrigger

            self.defer(
                trigger=ImageJobTrigger(
                    job_id,
                    self.pictory_conn_id,
                    interval,
                    deadline,
                    submitted_at=submitted_at,
                    model=self._model,
                    prompt=self.prompt,
                    end_from_trigger=can_end_from_trigger(context) and not state.values.failed_jobs,
                ),
                method_name="execute_complete",
            )
        progress = Progress(f"Pictory job {job_id}", self.log, submitted_at)
        with self._recording_missing_jobs(state):
            job = wait(lambda: self.hook.get_job(job_id), interval=interval, deadline=deadline, progress=progress)
        self.log.info(job_ended(job, progress.age))
        return self._finish(context, request, state, job)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Resume after the wait in the triggerer."""
        from airflow_provider_pictory.triggers.base import result_of

        request, state = self._load_state(context)
        with self._recording_missing_jobs(state):
            result = result_of(event)
        return self._finish(context, request, state, ImageJob.from_event(result))

    @property
    def _model(self) -> str:
        return self.model or PICTORY_DEFAULT_MODEL

    def _describe(self, request: ImageRequest) -> dict[str, Any]:
        return {**describe_request(request), "model": self._model}

    def _earlier_job(self, state: TaskState[ImageState]) -> str | None:
        job_id = state.values.job_id
        if job_id is not None and state.values.is_missing:
            try:
                self.hook.get_job(job_id)
            except NotFoundError:
                self.hook.get_quota()  # fails if the 404 came from another server
                self.log.warning("Pictory does not know job %s any more: submitting again", job_id)
                return None
        if job_id is not None:
            self.log.info("Resuming Pictory job %s, submitted by an earlier try", job_id)
        return job_id

    @contextmanager
    def _recording_missing_jobs(self, state: TaskState[ImageState]) -> Iterator[None]:
        """Record a 404 for the job, so that a cleared task submits again if Pictory still returns 404."""
        try:
            yield
        except NotFoundError:
            state.save(is_missing=True)
            raise

    def _finish(
        self, context: Context, request: ImageRequest, state: TaskState[ImageState], job: ImageJob
    ) -> dict[str, Any]:
        failed_jobs = state.values.failed_jobs
        try:
            check_image(context, job, self.prompt, self._model, self.pictory_conn_id, failed_jobs)
        except ServiceError as error:
            self._has_pushed_job = True
            self._give_up(state, job, error)
            raise
        image: Mapping[str, Any] = job.as_xcom()
        if destination := read_destination(self):
            image = self._save(context, destination, request, state, job)
        image = push_image(context, image, self.prompt, self._model, failed_jobs)
        state.mark_delivered(job.job_id)
        return image

    def _save(
        self,
        context: Context,
        destination: Destination,
        request: ImageRequest,
        state: TaskState[ImageState],
        job: ImageJob,
    ) -> dict[str, Any]:
        """Store the picture. If that fails, the job stays in the state, and a later try stores it."""
        try:
            stored = save_job_image(context, destination, self.hook.transport, job.as_xcom(), self._describe(request))
        except ServiceError as error:
            push_not_stored(context, for_galleries(job, self.prompt, self._model), error)
            self._has_pushed_job = True
            if isinstance(error, NotFoundError):  # the picture is gone: if the task is cleared, it makes another
                self._give_up(state, job, error)
            raise
        return {**stored.image, "ai_credits_used": job.ai_credits_used}

    def _reuse(self, context: Context, state: TaskState[ImageState], stored: Stored) -> dict[str, Any]:
        """Return a picture that an earlier run has stored: this one costs nothing."""
        self.log.info("A picture of the same request is stored already, nothing is submitted: %s", stored.path)
        image = push_image(context, {**stored.image, "ai_credits_used": 0}, self.prompt, self._model)
        state.mark_delivered(stored.path)
        return image

    def _give_up(self, state: TaskState[ImageState], job: ImageJob, error: ServiceError) -> None:
        """Record that a job which was paid for has no image: the next submit makes another."""
        failure = describe_failure(job, self._model, error)
        state.save(job_id=None, failed_jobs=(*state.values.failed_jobs, failure))
