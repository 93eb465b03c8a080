"""Waiting for posts of PostEverywhere in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_pictory.client.models import Post
from airflow_provider_pictory.client.posteverywhere import get_post_results
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook
from airflow_provider_pictory.links import post_links
from airflow_provider_pictory.polling.progress import Progress
from airflow_provider_pictory.polling.waiting import Wait
from airflow_provider_pictory.task.end_in_triggerer import ENDED_KEY
from airflow_provider_pictory.task.log_messages import post_ended
from airflow_provider_pictory.task.xcom import POST_KEY, describe_post, describe_source
from airflow_provider_pictory.triggers.base import WaitTrigger, completion_times, shared_dispatcher
from airflow_provider_pictory.version_compat import XCom


class PostTrigger(WaitTrigger):
    """
    Waits until a post is published or failed on every account.

    :param post_id: the post.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param poll_interval: seconds between two polls; the first is sent when the post is expected to be done.
    :param start: the unix time at which polling starts: for a scheduled post, when it is due.
    :param deadline: the unix time at which waiting ends.
    :param media_ids: the post's media.
    :param scheduled_for: when the post is due, as sent by the service.
    :param source: the post's image, for the XCom for galleries.
    :param end_from_trigger: end the task in the triggerer if the post was published on all accounts.
    """

    def __init__(
        self,
        post_id: str,
        posteverywhere_conn_id: str,
        poll_interval: float,
        start: float,
        deadline: float,
        media_ids: Sequence[str] = (),
        scheduled_for: str | None = None,
        source: Mapping[str, Any] | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__(deadline, end_from_trigger)
        self.subject = f"PostEverywhere post {post_id}"
        self.post_id = post_id
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self.poll_interval = poll_interval
        self.start = start
        self.media_ids = list(media_ids)
        self.scheduled_for = scheduled_for
        self.source = source or describe_source(None, None)

    async def wait(self) -> dict[str, Any]:
        """Wait for the post, and return it as in XCom."""
        progress = Progress(self.subject, self.log, self.start)
        wait: Wait[Post] = Wait(
            interval=self.poll_interval,
            deadline=self.deadline,
            progress=progress,
            start=self.start,
            since=self.start,
            completion_times=completion_times(self.posteverywhere_conn_id, "post"),
        )
        async with shared_dispatcher(PostEverywhereAsyncHook, self.posteverywhere_conn_id) as dispatcher:
            results = await dispatcher.wait(get_post_results(self.post_id), wait, self.post_id)
        post = replace(results, media_ids=tuple(self.media_ids), scheduled_for=self.scheduled_for)
        for line in post_ended(post, progress.age):
            self.log.info(line)
        return post.as_xcom()

    async def end(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """Push the post, if it was published on all accounts."""
        if Post.from_xcom(result).has_failed:
            return None
        await XCom.aset(POST_KEY, describe_post(self.source, result), **self.ti_key)
        await XCom.aset("return_value", result, **self.ti_key)
        return {ENDED_KEY: self.post_id, **post_links(result)}
