"""Waiting for posts of PostEverywhere in the triggerer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook
from airflow_provider_pictory.triggers.base import WaitTrigger
from airflow_provider_pictory.waiting import is_post_done, wait_async


class PostTrigger(WaitTrigger):
    """
    Waits until a post is published or failed on every account.

    :param post_id: the post.
    :param posteverywhere_conn_id: the PostEverywhere connection.
    :param poll_interval: seconds between two requests at most.
    :param start: the unix time at which asking begins: for a scheduled post, when it is due.
    :param deadline: the unix time at which waiting ends.
    """

    def __init__(
        self, post_id: str, posteverywhere_conn_id: str, poll_interval: float, start: float, deadline: float
    ) -> None:
        super().__init__()
        self.post_id = post_id
        self.posteverywhere_conn_id = posteverywhere_conn_id
        self.poll_interval = poll_interval
        self.start = start
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another process needs to go on waiting."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "post_id": self.post_id,
                "posteverywhere_conn_id": self.posteverywhere_conn_id,
                "poll_interval": self.poll_interval,
                "start": self.start,
                "deadline": self.deadline,
            },
        )

    async def wait(self) -> dict[str, Any]:
        """Wait for the post, and return it as it goes into XCom."""
        await asyncio.sleep(self.start - time.time())
        async with PostEverywhereAsyncHook(self.posteverywhere_conn_id) as hook:
            post = await wait_async(
                lambda: hook.get_post_outcome(self.post_id),
                is_post_done,
                interval=self.poll_interval,
                deadline=self.deadline,
                log=self.log,
            )
        self.log.info("PostEverywhere post %s: %s", post.post_id, post.status)
        return post.as_xcom()
