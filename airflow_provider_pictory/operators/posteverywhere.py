"""Operators for PostEverywhere."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client.models import Post
from airflow_provider_pictory.client.posteverywhere import generate_image
from airflow_provider_pictory.client.requests import (
    LibraryMedia,
    MediaGenerationRequest,
    PostRequest,
    check_image,
    image_source,
)
from airflow_provider_pictory.client.validation import (
    check_each,
    check_media_ids,
    optional,
    read_boolean,
    read_time,
    seconds,
)
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    OutcomeUnknownError,
    PublishError,
    ServiceError,
)
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.links import PLATFORM_LINKS, POST_LINK
from airflow_provider_pictory.operators.base import (
    NOT_GIVEN,
    PayingOperator,
    ServiceOperator,
    check_paying,
    check_wait,
)
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import wait
from airflow_provider_pictory.storage.keys import check_known_before_submit, check_save_to
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from airflow_provider_pictory.task.find_or_create_post import FindOrCreatePost
from airflow_provider_pictory.task.log_messages import media_generated, post_ended
from airflow_provider_pictory.task.paid_requests import send_paid
from airflow_provider_pictory.task.post_record import PostRecord, check_record_to
from airflow_provider_pictory.task.save_image import (
    describe_request,
    find_stored_image,
    read_destination,
    save_media,
)
from airflow_provider_pictory.task.state import MediaState, PostState, TaskState, load_state, started_at
from airflow_provider_pictory.task.xcom import (
    describe_source,
    media_for_galleries,
    push_failed_image,
    push_not_stored,
    push_post,
    push_record,
    reporting_failure,
)
from airflow_provider_pictory.version_compat import (
    AirflowFailException,
    AirflowSkipException,
    conf,
    get_task_states,
)

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context


def _check_media(arguments: Mapping[str, Any]) -> None:
    MediaGenerationRequest.check(arguments)
    check_paying(arguments)
    check_save_to(arguments)
    if arguments.get("save_to") is not None and "if_exists" in arguments:
        check_known_before_submit(arguments["save_to"], arguments["if_exists"])


class GenerateMediaOperator(PayingOperator):
    """
    Generates an image with one of PostEverywhere's own models, into its media library. **It costs AI credits.**

    :param prompt: at most 2,000 characters. Templated, like all parameters.
    :param model: ``nano-banana-pro`` (the service's default), ``ideogram-v2``, ``gemini-3-pro``, ``flux-schnell``, or
        any newer model.
    :param aspect_ratio: ``1:1`` (the service's default), ``16:9``, ``9:16``, ``4:3``, ``3:4``, ``4:5`` or ``5:4``.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param skip_after: a datetime, or ISO 8601 text, with a zone. If it has passed before the request, the task is
        skipped: for late runs, such as backfills.
    :param check_conn_ids: ids of connections to either service that later tasks need. Before the request, each is
        checked with a free request; if one does not work, the task fails.
    :param save_to: where to store the picture, as a URL of Airflow's ``ObjectStoragePath`` without an extension:
        ``s3://aws_default@bucket/ds={{ ds }}/{fingerprint}``. ``{media_id}`` and ``{fingerprint}``, a hash of the
        request, are replaced. The media record then has the key ``path``.
    :param if_exists: what to do if a picture is there: ``fail`` before anything is generated; ``reuse`` it, if it is of
        the same request, without generating anything; or ``overwrite`` it.
    :return: the media record, which ``PostImageOperator(image=…)`` takes: ``{"media_id", "media_ids", "type", "width",
        "height", "aspect_ratio", "model", "prompt", "credits_used", "credits_remaining", "created_at"}``.

    See https://developers.posteverywhere.ai/docs/api/ai/generate-image
    """

    template_fields: Sequence[str] = (
        "prompt",
        "model",
        "aspect_ratio",
        "posteverywhere_conn_id",
        "skip_after",
        "check_conn_ids",
        "save_to",
        "if_exists",
    )
    text_fields = (*template_fields[:5], "save_to", "if_exists")
    template_fields_renderers: ClassVar[dict[str, str]] = {"prompt": "doc"}
    ui_color = "#e2f3ea"

    def __init__(
        self,
        *,
        prompt: str,
        model: str | None = None,
        aspect_ratio: str | None = None,
        posteverywhere_conn_id: str = PostEverywhereHook.default_conn_name,
        skip_after: dt.datetime | str | None = None,
        check_conn_ids: Sequence[str] = (),
        save_to: str | None = None,
        if_exists: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.model = model
        self.aspect_ratio = aspect_ratio
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self.skip_after = skip_after
        self.check_conn_ids = check_conn_ids
        self.save_to = save_to
        self.if_exists = if_exists
        self._check_literals(_check_media)

    @cached_property
    def hook(self) -> PostEverywhereHook:
        """The hook for PostEverywhere."""
        return PostEverywhereHook(self.posteverywhere_conn_id)

    @contextmanager
    def reporting_failure(self, context: Context) -> Iterator[None]:
        """Push the error for galleries."""
        with reporting_failure(lambda error: push_failed_image(context, error, prompt=self.prompt, model=self.model)):
            yield

    def attempt(self, context: Context) -> dict[str, Any]:
        """Generate the image, or return that of an earlier try."""
        destination = read_destination(self)
        if destination:
            check_known_before_submit(destination.save_to, destination.if_exists)
        request = MediaGenerationRequest(prompt=self.prompt, model=self.model, aspect_ratio=self.aspect_ratio)
        state = load_state(context, MediaState, request.fingerprint(self.posteverywhere_conn_id))
        record = state.values.media
        if record is None:
            self.check_before_paying(context)
            if destination and (stored := find_stored_image(context, destination, request, state)):
                self.log.info("A picture of the same request is stored already, nothing is generated: %s", stored.path)
                return self._deliver(context, state, request, {**stored.image, "credits_used": 0})
            media = send_paid(
                state,
                self.hook.transport,
                generate_image(request),
                lambda media: {"media": media.as_xcom()},
            )
            self.log.info(media_generated(media))
            record = media.as_xcom()
        else:
            self.log.info("Resuming with PostEverywhere media %s, generated by an earlier try", record["media_id"])
        if destination:
            description = {**describe_request(request), "model": record.get("model") or request.model}
            try:
                saved = save_media(context, destination, self.hook.transport, record, description)
            except ServiceError as error:
                push_not_stored(context, media_for_galleries(record, request), error)
                raise
            record = {**saved.image, "credits_used": record["credits_used"]}
        return self._deliver(context, state, request, record)

    def _deliver(
        self,
        context: Context,
        state: TaskState[MediaState],
        request: MediaGenerationRequest,
        record: Mapping[str, Any],
    ) -> dict[str, Any]:
        push_record(context, media_for_galleries(record, request))
        state.mark_delivered(record["media_id"])
        return dict(record)


class PostImageOperator(ServiceOperator):
    """
    Publishes an image on social accounts, schedules it, or saves it as a draft. **Publishing cannot be undone.**

    The post is created once. A retry finds the post of an earlier try; if publishing failed on some accounts, it
    publishes again only on those.

    :param content: the text. Templated, like all parameters up to ``posteverywhere_conn_id``.
    :param account_ids: the accounts to publish on: whole numbers as in ``PostEverywhereHook().list_accounts()``;
        optional for a draft.
    :param image: the result of an upstream task: an image, a media record, a public URL, or the URL of a picture in
        object storage, such as ``s3://aws_default@bucket/fox.png``; or give:
    :param media_ids: ids of entries of the media library. If the given one of the two is None, nothing is posted: the
        task is skipped if the upstream task was skipped, and otherwise fails without retries.
    :param scheduled_for: when to publish: a datetime, or ISO 8601 text, with a zone. By default now.
    :param timezone: an IANA name, for the service's display only: it does not change ``scheduled_for``.
    :param platform_content: ``content``, ``contentType`` and ``settings`` for single platforms, by platform.
    :param draft: save for review without publishing.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param wait_for_publish: wait until the post is published on all accounts; if it failed on some, fail with their
        errors.
    :param deferrable: wait in the triggerer instead of a worker slot; by default Airflow's ``[operators]
        default_deferrable``.
    :param poll_interval: seconds, or a timedelta, between two polls; in the triggerer, the first is sent when the post
        is expected to be published.
    :param timeout: how long to wait from the time the post is due, in seconds or as a timedelta; then the task fails
        without retries.
    :param record_to: a file in object storage that records the post, as a URL of Airflow's ``ObjectStoragePath``:
        ``s3://aws_default@bucket/posts/{{ ds }}-{{ params.id }}``. A task in any run that finds a post there returns
        that post, and makes none.
    :return: ``{"post_id", "status", "media_ids", "scheduled_for", "destinations": [{"account_id", "platform", "status",
        "url", "error"}]}``; under the XCom key ``posteverywhere_post``, also if the try fails, the same with
        ``job_id``, ``image_url`` and ``error``.
    """

    template_fields: Sequence[str] = (
        "content",
        "account_ids",
        "image",
        "media_ids",
        "scheduled_for",
        "timezone",
        "platform_content",
        "draft",
        "posteverywhere_conn_id",
        "wait_for_publish",
        "poll_interval",
        "timeout",
        "record_to",
    )
    text_fields = ("content", "scheduled_for", "timezone", "posteverywhere_conn_id", "record_to")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "content": "doc",
        "image": "json",
        "platform_content": "json",
    }
    operator_extra_links = (POST_LINK, *PLATFORM_LINKS.values())
    requests_per_attempt = 3  # import the image, create the post, get its destinations
    ui_color = "#e2f3ea"

    def __init__(
        self,
        *,
        content: str,
        account_ids: Sequence[int] | None = None,
        image: dict[str, Any] | str | None = NOT_GIVEN,
        media_ids: Sequence[str] | None = NOT_GIVEN,
        scheduled_for: dt.datetime | str | None = None,
        timezone: str | None = None,
        platform_content: dict[str, dict[str, Any]] | None = None,
        draft: bool = False,
        posteverywhere_conn_id: str = PostEverywhereHook.default_conn_name,
        wait_for_publish: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | dt.timedelta = 15,
        timeout: float | dt.timedelta = 3600,
        record_to: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.content = content
        self.account_ids = account_ids
        sources: dict[str, Any] = {"image": image, "media_ids": media_ids}
        self._image_parameters = [name for name, value in sources.items() if value is not NOT_GIVEN]
        # Only of XComArgs: for templates and mapped arguments, all upstream tasks are used.
        references = [value.iter_references() for value in sources.values() if hasattr(value, "iter_references")]
        self._upstream_task_ids = sorted({task.task_id for items in references for task, _ in items})
        self.image: dict[str, Any] | str | None = None if image is NOT_GIVEN else image
        self.media_ids: Sequence[str] | None = None if media_ids is NOT_GIVEN else media_ids
        self.scheduled_for = scheduled_for
        self.timezone = timezone
        self.platform_content = platform_content
        self.draft = draft
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self.wait_for_publish = wait_for_publish
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.record_to = record_to
        self._post: Post | None = None
        self._check_literals(self._check_arguments)

    @cached_property
    def hook(self) -> PostEverywhereHook:
        """The hook for PostEverywhere."""
        return PostEverywhereHook(self.posteverywhere_conn_id)

    @contextmanager
    def reporting_failure(self, context: Context) -> Iterator[None]:
        """Push the error, and what is known of the post, for galleries."""

        def push(error: str) -> None:
            push_post(context, self._source, self._post.as_xcom() if self._post else {}, error)

        with reporting_failure(push):
            yield

    @property
    def _source(self) -> dict[str, Any]:
        return describe_source(self.image, _as_list(self.media_ids), self.content)

    def _load_state(self, context: Context) -> tuple[PostRequest, TaskState[PostState]]:
        image = image_source(self.image, _as_list(self.media_ids))
        is_draft = read_boolean("draft", self.draft)
        if is_draft and read_boolean("wait_for_publish", self.wait_for_publish):
            raise InvalidRequestError.of(
                "wait_for_publish", "is True for a draft", "False: nothing publishes a draft by itself"
            )
        request = PostRequest(
            content=self.content,
            account_ids=_as_list(self.account_ids),
            image=image,
            scheduled_for=self.scheduled_for,
            timezone=self.timezone,
            platform_content=self.platform_content,
            draft=is_draft,
        )
        fingerprint = request.fingerprint(self.posteverywhere_conn_id)
        record = None
        if self.record_to is not None:
            check_record_to(self.record_to)
            record = PostRecord(context, self.record_to, fingerprint)
        return request, load_state(context, PostState, fingerprint, record)

    def attempt(self, context: Context) -> Any:
        """Create the post, or find that of an earlier try; wait for it if ``wait_for_publish``."""
        self._skip_without_image(context)
        request, state = self._load_state(context)
        timeout = seconds("timeout", self.timeout)
        interval = seconds("poll_interval", self.poll_interval)
        is_waiting = read_boolean("wait_for_publish", self.wait_for_publish)
        is_deferrable = read_boolean("deferrable", self.deferrable)
        posts = FindOrCreatePost(
            self.hook.transport,
            request,
            state,
            is_retry=context["ti"].try_number > 1,
            run_started_at=_run_start(context),
            try_started_at=_try_start(context),
        )
        posts.check_not_posted()
        if delay := posts.seconds_to_settle:
            self.log.info("An earlier try's request may still be under way: looking for its post in %.0f s", delay)
            self.pause(delay)
        try:
            post = self._post = posts.find_or_create(tolerate_outage=is_waiting)
        except OutcomeUnknownError as error:
            self._check_retry_is_safe(request, state, error)
            raise
        if not is_waiting:
            post = self._post = posts.with_destinations(post)
            return self._deliver(context, state, post)
        due = state.values.scheduled_for or request.due
        start = max(started_at(state), read_time("scheduled_for", due).timestamp() if due else 0.0)
        deadline = start + timeout
        if is_deferrable:
            from airflow_provider_pictory.triggers.posteverywhere import PostTrigger

            self.defer(
                trigger=PostTrigger(
                    post.post_id,
                    self.posteverywhere_conn_id,
                    interval,
                    start,
                    deadline,
                    media_ids=post.media_ids,
                    scheduled_for=post.scheduled_for,
                    source=self._source,
                    end_from_trigger=can_end_from_trigger(context),
                ),
                method_name="execute_complete",
                kwargs={"post": post.as_xcom()},
            )
        post_id = post.post_id
        progress = Progress(f"PostEverywhere post {post_id}", self.log, start)
        time.sleep(max(0.0, start - time.time()))
        results = wait(
            lambda: self.hook.get_post_results(post_id), interval=interval, deadline=deadline, progress=progress
        )
        post = replace(post, status=results.status, destinations=results.destinations)
        for line in post_ended(post, progress.age):
            self.log.info(line)
        return self._finish(context, request, state, post)

    def execute_complete(
        self, context: Context, event: dict[str, Any], post: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Resume after the wait in the triggerer.

        :param post: the post when the wait started; None in ``dags test``, which drops it.
        """
        from airflow_provider_pictory.triggers.base import result_of

        self._post = Post.from_xcom(post) if post else None
        result = Post.from_xcom(result_of(event))
        request, state = self._load_state(context)
        return self._finish(context, request, state, result)

    def _skip_without_image(self, context: Context) -> None:
        """
        End the task if the argument for its image is None.

        :raises AirflowSkipException: if an upstream task was skipped and none failed.
        :raises AirflowFailException: otherwise.
        """
        for name in self._image_parameters:
            if getattr(self, name) in ("None", ""):  # None as rendered by a template
                setattr(self, name, None)
        if not self._image_parameters or self.image is not None or self.media_ids is not None:
            return
        states = get_task_states(context, self._upstream_task_ids or sorted(context["task"].upstream_task_ids))
        states_text = ", ".join(f"{task_id}: {state}" for task_id, state in states.items())
        states_text = states_text or "no task comes before this one"
        message = f"{', '.join(self._image_parameters)}: is None, nothing is posted ({states_text})"
        if "skipped" in states.values() and not {"failed", "upstream_failed"} & set(states.values()):
            raise AirflowSkipException(message)
        raise AirflowFailException(f"{message}; allowed: an image, or None from a task that was skipped")

    def _check_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Check the arguments that are known while the DAG file is parsed."""
        PostRequest.check(arguments)
        check_each(arguments, media_ids=optional(check_media_ids), record_to=optional(check_record_to))
        check_wait(arguments)
        if not self._image_parameters and self.content is not NOT_GIVEN:
            raise InvalidRequestError.of("image, media_ids", "neither is given", "exactly one of the two")
        if isinstance(arguments.get("image"), str):
            check_image(arguments["image"])

    def _finish(
        self, context: Context, request: PostRequest, state: TaskState[PostState], post: Post
    ) -> dict[str, Any]:
        self._post = post
        if post.has_failed:
            error = PublishError(post, self.posteverywhere_conn_id)
            self._check_retry_is_safe(request, state, error)
            raise error
        return self._deliver(context, state, post)

    def _deliver(self, context: Context, state: TaskState[PostState], post: Post) -> dict[str, Any]:
        result = post.as_xcom()
        push_post(context, self._source, result)
        state.mark_delivered(post.post_id)
        return result

    def _check_retry_is_safe(self, request: PostRequest, state: TaskState[PostState], error: ServiceError) -> None:
        """
        Fail without retries if a retry could not find this try's post.

        Without a state store it is found by its media ids, and those of an imported image are lost with the try.
        """
        if not state.is_durable and not isinstance(request.image, LibraryMedia):
            raise AirflowFailException(
                f"{error}. No retry: on Airflow below 3.3 it would not find this post, and might post twice. "
                "Look into PostEverywhere before clearing the task"
            ) from error


def _as_list(value: Any) -> Any:
    """Convert Airflow's lazy sequences to lists."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _run_start(context: Context) -> float:
    """Return the earliest unix time at which a try of this task can have started."""
    dag_run: Any = context.get("dag_run")
    # A run without a data interval has run_after, from Airflow 3; a clear changes its start_date.
    start: Any = context.get("data_interval_end") or getattr(dag_run, "run_after", None)
    return start.timestamp() if start else 0.0


def _try_start(context: Context) -> float:
    """Return the unix time at which this try started, before any deferral."""
    start: Any = context["ti"].start_date
    return float(start.timestamp()) if start else time.time()
