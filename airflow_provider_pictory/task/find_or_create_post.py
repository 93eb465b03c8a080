"""
Creating a post once across all tries of a task.

PostEverywhere has no idempotency key. If the response to a create was lost, the next try looks for the post in the list
of posts by its media ids. If a clear discarded what earlier tries knew, and the list has a post with the same text, a
person has to decide.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from functools import partial

from airflow_provider_pictory.client import posteverywhere as api
from airflow_provider_pictory.client.models import Destination, Post, PostStatus, read_time
from airflow_provider_pictory.client.requests import ImageUrl, LibraryMedia, PostRequest, utc
from airflow_provider_pictory.client.transport import Transport
from airflow_provider_pictory.client.validation import check_future
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    NotFoundError,
    PublishError,
    RateLimitedError,
    ServiceError,
    TransientError,
)
from airflow_provider_pictory.storage.upload import upload_image
from airflow_provider_pictory.task.log_messages import post_created
from airflow_provider_pictory.task.paid_requests import send_recorded
from airflow_provider_pictory.task.state import KEEP_STATE, PostState, TaskState
from airflow_provider_pictory.version_compat import AirflowFailException

log = logging.getLogger(__name__)

CLOCK_SKEW = 300.0
"""The maximum difference between the local clock and the service's, in seconds."""


class Stage(Enum):
    """What earlier tries have done."""

    NOT_CREATED = "no request was sent, or it had no effect"
    OUTCOME_UNKNOWN = "the post was requested, and may exist"
    CREATED = "the post exists"
    RETRY_OUTCOME_UNKNOWN = "the post exists, and its failed accounts may be publishing again"


def stage_of(state: PostState) -> Stage:
    """Return what earlier tries have done."""
    if state.post_id is None:
        return Stage.NOT_CREATED if state.requested_at is None else Stage.OUTCOME_UNKNOWN
    return Stage.CREATED if state.requested_at is None else Stage.RETRY_OUTCOME_UNKNOWN


class FindOrCreatePost:
    """
    Finds the post of an earlier try, or creates it.

    :param request: the post; its image may have to be imported first.
    :param state: the state of earlier tries.
    :param is_retry: whether there may be a post of an earlier try, if the state is not durable.
    :param run_started_at: the unix time before which no try can have started, if the state is not durable, or lost.
    :param try_started_at: the unix time before which all earlier tries have ended, if the state is lost.
    """

    def __init__(
        self,
        transport: Transport,
        request: PostRequest,
        state: TaskState[PostState],
        *,
        is_retry: bool,
        run_started_at: float,
        try_started_at: float,
    ) -> None:
        self._transport = transport
        self._request = request
        self._state = state
        self._is_retry = is_retry
        self._run_started_at = run_started_at
        self._try_started_at = try_started_at

    @property
    def seconds_to_settle(self) -> float:
        """Seconds until an earlier try's request must have ended: before, its post may not be listed yet."""
        requested_at = self._try_started_at if self._state.may_be_lost else self._state.values.requested_at
        if requested_at is None:
            return 0.0
        timeout = self._transport.endpoint.total_timeout
        return max(0.0, min(timeout, requested_at + timeout - time.time()))

    def check_not_posted(self) -> None:
        """
        Check that the list has no post that may be this task's, if a clear discarded what earlier tries knew.

        The task's own post cannot be told from that of another task with the same text, nor a post that the task has
        returned from one that it has not: a person decides.

        :raises AirflowFailException: if there is one.
        """
        if self._state.values.question:
            raise AirflowFailException(self._state.values.question)
        if not self._state.may_be_lost:
            return
        image = self._request.image
        media_ids = set(image.media_ids) if isinstance(image, LibraryMedia) else set()
        found = []
        for post in self._list_posts(self._run_started_at):
            if "content" not in post.raw or self._has_same_text(post):
                post = self._transport.send(api.get_post(post.post_id))
                if self._has_same_text(post) and media_ids <= set(post.media_ids):
                    found.append(post.post_id)
        if not found:
            return
        question = (
            "The task was cleared without its state, and nothing is posted, since it may be posted already: "
            f"PostEverywhere post {', '.join(found)} has this text and these accounts, and is from after this run "
            "began. "
        )
        # What is saved is what a clear that keeps the state goes on with.
        if len(found) == 1:
            question += f"To resume with that post, clear the task with {KEEP_STATE}; to post again, do so twice"
            self._state.save(post_id=found[0], question=question)
        else:
            question += f"If none of them is this task's, clear the task with {KEEP_STATE}: it posts then"
            self._state.values = replace(self._state.values, question=question)
            self._state.mark_delivered(*found)
        raise AirflowFailException(question)

    def find_or_create(self, *, tolerate_outage: bool) -> Post:
        """
        Return the post; if it failed on some accounts in an earlier try, publish it there again.

        :param tolerate_outage: return what the state has of a post that cannot be requested now.
        :raises ServiceError: the error of a request.
        """
        post = self._resume(tolerate_outage) if self._state.values.post_id else self._find()
        if post is None:
            return self._create()
        return self._retry_failed_accounts(post) if post.has_ended and post.has_failed else post

    def _resume(self, tolerate_outage: bool) -> Post:
        state = self._state.values
        post_id = str(state.post_id)
        log.info("Resuming PostEverywhere post %s, created by an earlier try", post_id)
        try:
            return self._transport.send(api.get_post(post_id))
        except NotFoundError as error:
            self._state.save(post_id=None, requested_at=time.time())
            raise NotFoundError(
                f"{error}. Clearing the task looks for post {post_id} again, and posts if it is not listed",
                http_status=error.http_status,
            ) from error
        except TransientError:
            if not tolerate_outage:
                raise
            return Post(post_id, PostStatus.UNKNOWN.value, media_ids=state.media_ids)

    def _find(self) -> Post | None:
        """
        Look for a post of an earlier try in the list of posts.

        A media id that this task imported identifies its post. Media ids from elsewhere may be in other posts too: then
        the text, accounts and schedule must match as well, and the post must be newer than the first try.
        """
        state = self._state.values
        image = self._request.image
        media_ids = set(state.media_ids or (image.media_ids if isinstance(image, LibraryMedia) else ()))
        may_exist = stage_of(state) == Stage.OUTCOME_UNKNOWN if self._state.is_durable else self._is_retry
        if not may_exist or not media_ids:
            return None
        for post in self._list_posts(state.first_requested_at or self._run_started_at):
            if "media_ids" not in post.raw or media_ids <= set(post.media_ids):
                post = self._transport.send(api.get_post(post.post_id))
            if media_ids <= set(post.media_ids) and (not isinstance(image, LibraryMedia) or self._is_same(post)):
                log.info("Found PostEverywhere post %s, created by an earlier try", post.post_id)
                self._state.save(post_id=post.post_id, requested_at=None)
                return post
        return None

    def _list_posts(self, since: float) -> Iterator[Post]:
        """List the posts since a unix time, without those that the task has returned before."""
        created_after = dt.datetime.fromtimestamp(since - CLOCK_SKEW, dt.timezone.utc)
        for post in self._transport.iter_pages(partial(api.list_posts, {"created_after": created_after})):
            if post.post_id not in self._state.delivered:
                yield post

    def _is_same(self, post: Post) -> bool:
        """Whether a post with the same media is this task's."""
        due = self._state.values.scheduled_for if self._state.is_durable else self._request.due
        return self._has_same_text(post) and _is_due(post, due)

    def _has_same_text(self, post: Post) -> bool:
        """Whether a post has this text, on these accounts; accounts that the service left out count as equal."""
        expected = set(map(str, self._request.account_ids or ()))
        found = [*post.account_ids, *(item.account_id for item in post.destinations)]
        account_ids = {str(item) for item in found if item is not None}
        is_complete = bool(found) and None not in found
        return (post.content or "").split() == self._request.content.split() and (
            account_ids == expected if is_complete else account_ids <= expected
        )

    def _create(self) -> Post:
        if self._request.scheduled_for is not None:
            check_future("scheduled_for", self._request.scheduled_for)  # before anything is imported
        media_ids = self._import_image()
        request = replace(self._request, image=LibraryMedia(media_ids) if media_ids else None)

        def before() -> dict[str, object]:
            now = time.time()
            return {
                "requested_at": now,
                "first_requested_at": self._state.values.first_requested_at or now,
                "media_ids": media_ids,
                "scheduled_for": request.due,
            }

        created = send_recorded(
            self._state, self._transport, api.create_post(request), before=before, undo={"requested_at": None}
        )
        log.info(post_created(created, len(request.account_ids or ())))
        self._state.save_result(post_id=created.post_id, started_at=time.time(), requested_at=None)
        return replace(created, media_ids=media_ids)

    def _import_image(self) -> tuple[str, ...]:
        image = self._request.image
        if image is None or isinstance(image, LibraryMedia):
            return image.media_ids if image else ()
        if self._state.values.media_ids:
            return self._state.values.media_ids
        if isinstance(image, ImageUrl):
            try:
                media = self._transport.send(api.upload_media_from_url(image.url))
            except RateLimitedError:
                raise
            except ServiceError as error:
                if image.path is None:
                    raise
                log.warning("%s; uploading the stored copy", error)
            else:
                log.info("PostEverywhere media %s: imported the image", media.media_id)
                return media.media_ids
        media_ids = upload_image(self._transport, str(image.path))
        self._state.save(media_ids=media_ids)  # an upload takes longer than an import: it is not repeated
        return media_ids

    def _retry_failed_accounts(self, post: Post) -> Post:
        log.info("PostEverywhere post %s: publishing again on the accounts where it failed", post.post_id)
        try:
            send_recorded(
                self._state,
                self._transport,
                api.retry_post(post.post_id),
                before=lambda: {"requested_at": time.time()},
                undo={"requested_at": None},
            )
        except InvalidRequestError as error:  # such as permanent_failure_circuit_breaker
            raise InvalidRequestError(
                f"{PublishError(post, self._transport.conn_id)}. {error}", http_status=error.http_status
            ) from error
        self._state.save(requested_at=None, started_at=time.time())
        return replace(
            post,
            status=PostStatus.PUBLISHING.value,
            destinations=tuple(
                replace(item, status=PostStatus.QUEUED.value, error=None)
                if PostStatus(item.status).is_failure
                else item
                for item in post.destinations
            ),
        )

    def with_destinations(self, post: Post) -> Post:
        """Add the post's accounts and platforms, which the response to its creation lacks."""
        account_ids = self._request.account_ids
        if post.destinations or not account_ids:
            return post
        try:
            destinations = self._transport.send(api.get_post(post.post_id)).destinations
        except ServiceError as error:
            log.warning("%s; the platforms of the post stay unknown", error)
            destinations = ()
        queued = tuple(Destination(item, None, PostStatus.QUEUED.value) for item in account_ids)
        return replace(post, destinations=destinations or queued)


def _is_due(post: Post, due: str | None) -> bool:
    """Whether a post has this due time (UTC; None for now); the service may set one for posts without."""
    scheduled, created = read_time(post.scheduled_for), read_time(post.created_at)
    if scheduled is None:
        return due is None or post.scheduled_for is not None
    if due is not None:
        return utc(scheduled) == due
    return scheduled <= (created or dt.datetime.now(dt.timezone.utc))
