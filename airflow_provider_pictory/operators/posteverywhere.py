"""Making images with PostEverywhere's own models, and posting images to social accounts."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_pictory.client import inputs
from airflow_provider_pictory.client.connection import read_boolean
from airflow_provider_pictory.client.models import Destination, Post, read_time
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PublishError,
    ServiceError,
    TransientError,
    one_line,
)
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.links import PLATFORM_LINKS, POST_LINK
from airflow_provider_pictory.operators.base import NOT_GIVEN, PayingOperator, ServiceOperator
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import is_post_done, wait
from airflow_provider_pictory.task.end_in_triggerer import can_end_from_trigger
from airflow_provider_pictory.task.log_messages import media_generated, post_created, post_ended
from airflow_provider_pictory.task.state import TaskState
from airflow_provider_pictory.task.xcom import (
    IMAGE_KEY,
    describe_source,
    media_for_galleries,
    push_if_possible,
    push_post,
)
from airflow_provider_pictory.version_compat import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralError,
    conf,
    get_task_states,
)

if TYPE_CHECKING:
    from airflow_provider_pictory.version_compat import Context

CLOCK_SKEW = 300.0
"""How far this machine's clock and the service's may differ, in seconds."""


def _check_media(given: Mapping[str, Any]) -> None:
    inputs.check_media(given)
    inputs.check_before_paying(given)


class GenerateMediaOperator(PayingOperator):
    """
    Generates an image with one of PostEverywhere's own models, into its media library. **It costs AI credits.**

    :param prompt: at most 2,000 characters. Templated, like all parameters.
    :param model: ``nano-banana-pro`` (the service's default), ``ideogram-v2``, ``gemini-3-pro``, ``flux-schnell``, or
        any that the service adds.
    :param aspect_ratio: ``1:1`` (the service's default), ``16:9``, ``9:16``, ``4:3``, ``3:4``, ``4:5`` or ``5:4``.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param skip_after: a datetime, or ISO 8601 text, with a zone. If it has passed when an image would be made, none is,
        and the task is skipped: for runs that come too late, such as backfills.
    :param check_conn_ids: connections of either service that later tasks need. Before an image is made, each is asked
        whether its key is accepted, which is free; if one does not work, the task fails.
    :return: the media record, which ``PostImageOperator(image=…)`` takes: ``{"media_id", "media_ids", "type",
        "width", "height", "aspect_ratio", "model", "prompt", "credits_used", "credits_remaining", "created_at"}``.

    See https://developers.posteverywhere.ai/docs/api/ai/generate-image
    """

    template_fields: Sequence[str] = (
        "prompt",
        "model",
        "aspect_ratio",
        "posteverywhere_conn_id",
        "skip_after",
        "check_conn_ids",
    )
    text_fields = template_fields[:5]
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.model = model
        self.aspect_ratio = aspect_ratio
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self.skip_after = skip_after
        self.check_conn_ids = check_conn_ids
        self._check_literals(_check_media)

    @cached_property
    def hook(self) -> PostEverywhereHook:
        """The hook that asks."""
        return PostEverywhereHook(self.posteverywhere_conn_id)

    def attempt(self, context: Context) -> dict[str, Any]:
        """Make the image, or return the one that an earlier try has made."""
        request: dict[str, Any] = {"prompt": self.prompt, "model": self.model, "aspect_ratio": self.aspect_ratio}
        inputs.media_request(**request)
        state = TaskState(context, {**request, "posteverywhere_conn_id": self.posteverywhere_conn_id})
        record: dict[str, Any] | None = state.get("media")
        if record is None:
            self.check_before_paying(context)
            media = state.spend(
                self.hook,
                lambda: self.hook.generate_image(**request),
                keep=lambda media: {"media": media.as_xcom()},
            )
            self.log.info(media_generated(media))
            record = media.as_xcom()
        else:
            self.log.info("Resuming with PostEverywhere media %s, generated by an earlier try", record["media_id"])
        push_if_possible(context, {IMAGE_KEY: media_for_galleries(record, request)})
        state.deliver(record["media_id"])
        return record


class PostImageOperator(ServiceOperator):
    """
    Publishes an image on social accounts, schedules it, or saves it as a draft. **A post cannot be taken back.**

    The post is made once. A retry finds the one that an earlier try made; where accounts failed, it publishes again on
    those alone.

    :param content: the text. Templated, like all parameters up to ``posteverywhere_conn_id``.
    :param account_ids: where to: whole numbers as in ``PostEverywhereHook().list_accounts()``; optional for a draft.
    :param image: what the step before returned: an image, a media record, or a public URL. Or give:
    :param media_ids: entries of the media library. Where the one that is given turns out to be None, nothing is posted:
        the task is skipped if the task that should have made it was, and fails without retries if not.
    :param scheduled_for: when to publish: a datetime, or ISO 8601 text, with a zone. By default now.
    :param timezone: an IANA name, for the service's display alone: it never moves ``scheduled_for``.
    :param platform_content: ``content``, ``contentType`` and ``settings`` that differ, by platform.
    :param draft: save for review, publish nothing.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param wait_for_publish: wait until every account is published; if some failed, fail with their errors.
    :param deferrable: wait in the triggerer instead of a worker slot; by default as Airflow's ``[operators]
        default_deferrable`` says.
    :param poll_interval: seconds between two requests while waiting, once the end has come near.
    :param timeout: how long to wait from the moment the post is due, in seconds or as a timedelta; then the task fails,
        without retries.
    :return: ``{"post_id", "status", "media_ids", "scheduled_for", "destinations": [{"account_id", "platform", "status",
        "url", "error"}]}``; under the XCom key ``posteverywhere_post``, also of a try that fails, the same with
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
    )
    text_fields = ("content", "scheduled_for", "timezone", "posteverywhere_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "content": "doc",
        "image": "json",
        "platform_content": "json",
    }
    operator_extra_links = (POST_LINK, *PLATFORM_LINKS.values())
    requests = 3  # one imports the image, one makes the post, one asks where it is
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.content = content
        self.account_ids = account_ids
        sources: dict[str, Any] = {"image": image, "media_ids": media_ids}
        self._given = [name for name, value in sources.items() if value is not NOT_GIVEN]
        # Known of XCom arguments alone: of what is a template, or mapped, it is a task before this one.
        self._makers = sorted({task.task_id for value in sources.values() for task in _makers(value)})
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
        self._post: Post | None = None
        self._check_literals(self._check_given)

    @cached_property
    def hook(self) -> PostEverywhereHook:
        """The hook that posts."""
        return PostEverywhereHook(self.posteverywhere_conn_id)

    @contextmanager
    def telling(self, context: Context) -> Iterator[None]:
        """Tell galleries why there is no post, or not all of it."""
        try:
            yield
        except AirflowSkipException:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            # What any other error says may hold anything.
            known = isinstance(error, AirflowException) and not isinstance(error, TaskDeferralError)
            said = one_line(error) if known else f"{type(error).__name__}: the task's log says more"
            push_post(context, self._source, self._post.as_xcom() if self._post else {}, said)
            raise

    @property
    def _source(self) -> dict[str, Any]:
        return describe_source(self.image, _listed(self.media_ids))

    @property
    def _request(self) -> dict[str, Any]:
        return {
            "content": self.content,
            "account_ids": [] if self.account_ids is None else _listed(self.account_ids),
            "scheduled_for": self.scheduled_for,
            "timezone": self.timezone,
            "platform_content": self.platform_content,
            "draft": read_boolean("draft", self.draft),
        }

    def _state(self, context: Context) -> TaskState:
        inputs_ = {
            **self._request,
            "image": _identity(self.image),
            "media_ids": _listed(self.media_ids),
            "posteverywhere_conn_id": self.posteverywhere_conn_id,
        }
        # A DAG file that reckons from now gives another time on every parse, which must not make another post.
        del inputs_["scheduled_for"]
        return TaskState(context, inputs_)

    def attempt(self, context: Context) -> Any:
        """Make the post, or find the one that an earlier try has made; wait for it if asked to."""
        self._check_makers(context)
        source = self._check()
        timeout = inputs.seconds("timeout", self.timeout)
        interval = inputs.seconds("poll_interval", self.poll_interval)
        is_waiting = read_boolean("wait_for_publish", self.wait_for_publish)
        is_deferrable = read_boolean("deferrable", self.deferrable)
        state = self._state(context)

        self._let_settle(state)
        post = self._post = self._earlier_post(context, state, source)
        if post is None:
            post = self._post = self._create_post(state, source)
        elif is_post_done(post) and post.has_failed:
            post = self._post = self._publish_again(state, post)

        if not is_waiting:
            post = self._post = self._with_destinations(post)
            return self._deliver(context, state, post)
        due = state.get("scheduled_for") or self._due
        start = max(state.since(), inputs.parse_time("scheduled_for", due).timestamp() if due else 0.0)
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
            lambda: self.hook.get_post_results(post_id),
            is_post_done,
            interval=interval,
            deadline=deadline,
            progress=progress,
        )
        post = replace(post, status=results.status, destinations=results.destinations)
        for line in post_ended(post, progress.age):
            self.log.info(line)
        return self._finish(context, post)

    def execute_complete(
        self, context: Context, event: dict[str, Any], post: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Go on after the wait in the triggerer.

        :param post: as it was when the wait began; None in ``dags test``, which drops it.
        """
        from airflow_provider_pictory.triggers.base import result_of

        self._post = Post.from_xcom(post) if post else None
        return self._finish(context, Post.from_xcom(result_of(event)))

    def _check_makers(self, context: Context) -> None:
        """
        End the task if what it was given for an image is none.

        :raises AirflowSkipException: if the task that should have made it was skipped.
        :raises AirflowFailException: if that failed, or nobody knows.
        """
        for name in self._given:
            if getattr(self, name) in ("None", ""):  # as templates render what is None
                setattr(self, name, None)
        if not self._given or self.image is not None or self.media_ids is not None:
            return
        states = get_task_states(context, self._makers or sorted(context["task"].upstream_task_ids))
        told = ", ".join(f"{task_id}: {state}" for task_id, state in states.items())
        said = f"{', '.join(self._given)}: is None, nothing is posted ({told or 'no task comes before this one'})"
        if "skipped" in states.values() and not {"failed", "upstream_failed"} & set(states.values()):
            raise AirflowSkipException(said)
        raise AirflowFailException(f"{said}; allowed: an image, or None from a task that was skipped")

    def _check_given(self, given: Mapping[str, Any]) -> None:
        """Check the arguments that are given, as far as they tell by themselves."""
        inputs.check_post(given)
        inputs.check_wait(given)
        if not self._given:
            raise InvalidRequestError.of("image, media_ids", "neither is given", "exactly one of the two")
        if isinstance(given.get("image"), str):
            inputs.check_url("image", given["image"], secure=True)

    def _check(self) -> list[str] | str:
        """
        Check all inputs.

        :return: the ids of media that is in the library, or the URL of an image that is not.
        """
        if (self.image is None) == (self.media_ids is None):
            given = "neither is given" if self.image is None else "both are given"
            raise InvalidRequestError.of("image, media_ids", given, "exactly one of the two")
        if read_boolean("draft", self.draft) and read_boolean("wait_for_publish", self.wait_for_publish):
            raise InvalidRequestError.of(
                "wait_for_publish", "is True for a draft", "False: nothing publishes a draft by itself"
            )
        source: list[str] | str
        if self.media_ids is not None:
            source = inputs.check_media_ids(self.media_ids)
        elif isinstance(self.image, dict) and self.image.get("media_ids"):
            source = inputs.check_media_ids(self.image["media_ids"])
        else:
            url = self.image.get("url") if isinstance(self.image, dict) else self.image
            inputs.check_url("image", url, secure=True)
            source = str(url)
        if not source:
            raise InvalidRequestError.of("media_ids", "is empty", "at least one id of the media library")
        inputs.post_request(**self._request)
        return source

    def _let_settle(self, state: TaskState) -> None:
        """Come back later if an earlier try's call may still be under way: nobody could find its post yet."""
        called = state.get("calling")
        longest = self.hook.endpoint.longest_call
        left = min(longest, called + longest - time.time()) if called else 0.0
        if left > 0:
            self.log.info("An earlier try's call may still be under way: looking for its post in %.0f s", left)
            self.pause(left)

    def _earlier_post(self, context: Context, state: TaskState, source: list[str] | str) -> Post | None:
        """
        Find the post that an earlier try made, also if its answer was lost: by its id, else by its media.

        A media id that this task has made marks its post beyond doubt. One that was given can be in other posts too:
        there the text, the accounts and the schedule must agree, and the post must be younger than the first try.
        """
        post_id = state.get("post_id")
        if post_id is not None:
            self.log.info("Resuming PostEverywhere post %s, made by an earlier try", post_id)
            try:
                return self.hook.get_post(post_id)
            except NotFoundError:
                state.save(post_id=None, calling=time.time())  # so that a clear looks for it once more
                raise
            except TransientError:
                if not read_boolean("wait_for_publish", self.wait_for_publish):
                    raise
                return Post(post_id, "unknown", media_ids=tuple(state.get("media_ids") or ()))
        media_ids = state.get("media_ids") or (source if isinstance(source, list) else None)
        tried = state.get("calling") is not None if state.durable else context["ti"].try_number > 1
        if not tried or media_ids is None:
            return None
        since = state.get("started") or _run_start(context)
        for post in self.hook.list_posts(created_after=_utc(since - CLOCK_SKEW)):
            if post.post_id in state.delivered:
                continue
            if "media_ids" not in post.raw or set(media_ids) <= set(post.media_ids):
                post = self.hook.get_post(post.post_id)
            if not set(media_ids) <= set(post.media_ids):
                continue
            if isinstance(source, str) or self._is_same(post, state):
                self.log.info("Found PostEverywhere post %s, made by an earlier try", post.post_id)
                state.save(post_id=post.post_id, calling=None)
                return post
        return None

    def _is_same(self, post: Post, state: TaskState) -> bool:
        """Whether a post that shows the same media is this task's; what cannot be read of it speaks for that."""
        due = state.get("scheduled_for") if state.durable else self._due
        wanted = set(map(str, self._request["account_ids"]))
        listed = [*post.account_ids, *(item.account_id for item in post.destinations)]
        known = {str(item) for item in listed if item is not None}
        is_complete = bool(listed) and None not in listed
        return (
            (post.content or "").split() == self.content.split()
            and (known == wanted if is_complete else known <= wanted)
            and _is_due(post, due)
        )

    @property
    def _due(self) -> str | None:
        return None if self.scheduled_for is None else _utc_text(self.scheduled_for)

    def _create_post(self, state: TaskState, source: list[str] | str) -> Post:
        if self.scheduled_for is not None:
            inputs.check_future("scheduled_for", self.scheduled_for)
        media_ids = source if isinstance(source, list) else state.get("media_ids")
        if media_ids is None:
            media = self.hook.upload_media_from_url(str(source))
            media_ids = list(media.media_ids)
            self.log.info("PostEverywhere media %s: imported the image", media.media_id)

        def mark() -> dict[str, Any]:
            now = time.time()
            started = state.get("started") or now
            return {"calling": now, "media_ids": media_ids, "started": started, "scheduled_for": self._due}

        try:
            with state.mark(self.hook, mark):
                created = self.hook.create_post(**self._request, media_ids=media_ids)
        except OutcomeUnknownError as error:
            self._check_retry_is_safe(state, source, error)
            raise
        self.log.info(post_created(created, len(self._request["account_ids"])))
        state.save_result(post_id=created.post_id, since=time.time(), calling=None)
        return replace(created, media_ids=tuple(media_ids))

    def _with_destinations(self, post: Post) -> Post:
        """Add on which accounts and platforms a post is, which the answer to its creation does not say."""
        accounts = self._request["account_ids"]
        if post.destinations or not accounts:
            return post
        try:
            destinations = self.hook.get_post(post.post_id).destinations
        except ServiceError as error:
            self.log.warning("%s; the platforms of the post stay unknown", error)
            destinations = ()
        return replace(post, destinations=destinations or tuple(Destination(item, None, "queued") for item in accounts))

    def _publish_again(self, state: TaskState, post: Post) -> Post:
        self.log.info("PostEverywhere post %s: publishing again on the accounts where it failed", post.post_id)
        try:
            with state.mark(self.hook, lambda: {"calling": time.time()}):
                self.hook.retry_post(post.post_id)
        except InvalidRequestError as error:  # such as permanent_failure_circuit_breaker
            raise InvalidRequestError(
                f"{PublishError(post, self.posteverywhere_conn_id)}. {error}", http_status=error.http_status
            ) from error
        state.save(calling=None, since=time.time())
        return replace(
            post,
            status="publishing",
            destinations=tuple(
                replace(item, status="queued", error=None) if item.status == "failed" else item
                for item in post.destinations
            ),
        )

    def _finish(self, context: Context, post: Post) -> dict[str, Any]:
        self._post = post
        state = self._state(context)
        if post.has_failed:
            error = PublishError(post, self.posteverywhere_conn_id)
            self._check_retry_is_safe(state, self._check(), error)
            raise error
        return self._deliver(context, state, post)

    def _deliver(self, context: Context, state: TaskState, post: Post) -> dict[str, Any]:
        made = post.as_xcom()
        push_post(context, self._source, made)
        state.deliver(post.post_id)
        return made

    def _check_retry_is_safe(self, state: TaskState, source: list[str] | str, error: ServiceError) -> None:
        """
        Check that a retry would find this try's post.

        Without a state store it is found by media ids alone, and those of an imported URL die with the try.
        """
        if not state.durable and isinstance(source, str):
            raise AirflowFailException(
                f"{error}. No retry: on Airflow below 3.3 it would not find this post, and might post twice. "
                "Look into PostEverywhere before clearing the task"
            ) from error


def _makers(value: Any) -> list[Any]:
    """Tell which tasks push what an XCom argument stands for."""
    return [task for task, _ in value.iter_references()] if hasattr(value, "iter_references") else []


def _listed(value: Any) -> Any:
    """Make a list of what Airflow hands over as a lazy sequence, whose look depends on whether it was read."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _is_due(post: Post, due: str | None) -> bool:
    """
    Whether a post is for a time, or for now; the service may note a time for one that is for now, too.

    :param due: the time in UTC; None for now.
    """
    scheduled, created = read_time(post.scheduled_for), read_time(post.created_at)
    if scheduled is None:
        return due is None or post.scheduled_for is not None
    if due is not None:
        return _utc(scheduled.timestamp()) == due
    return scheduled <= (created or dt.datetime.now(dt.timezone.utc))


def _identity(image: dict[str, Any] | str | None) -> Any:
    """Tell an image by what stays: the address of a job's picture may be another each time that it is asked for."""
    if isinstance(image, dict):
        return image.get("media_ids") or image.get("job_id") or image.get("url")
    return image


def _run_start(context: Context) -> float:
    """Tell the earliest time at which a try of this task can have begun, where nothing remembers it."""
    due: Any = context.get("data_interval_end") or context["dag_run"].start_date
    return float(due.timestamp())


def _utc(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc_text(when: dt.datetime | str) -> str:
    return _utc(inputs.parse_time("scheduled_for", when).timestamp())
