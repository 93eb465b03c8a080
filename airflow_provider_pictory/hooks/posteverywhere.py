"""Hooks for PostEverywhere: a media library, AI images of its own, and posts to social accounts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_pictory.client import posteverywhere
from airflow_provider_pictory.client.models import Account, Media, Post, Profile
from airflow_provider_pictory.client.requests import LibraryMedia, MediaGenerationRequest, PostRequest
from airflow_provider_pictory.client.services import POSTEVERYWHERE
from airflow_provider_pictory.client.validation import check_media_ids
from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook, ServiceHook, listing


class PostEverywhereHook(ServiceHook):
    """
    Calls PostEverywhere's API.

    Every method raises :class:`~airflow_provider_pictory.exceptions.ServiceError`, or a subclass that says more.

    :param posteverywhere_conn_id: the Airflow connection.
    """

    service = POSTEVERYWHERE
    conn_name_attr = POSTEVERYWHERE.conn_id_parameter
    default_conn_name = POSTEVERYWHERE.default_conn_id
    conn_type = POSTEVERYWHERE.conn_type
    hook_name = POSTEVERYWHERE.name

    def __init__(self, posteverywhere_conn_id: str = POSTEVERYWHERE.default_conn_id) -> None:
        super().__init__(posteverywhere_conn_id)

    def generate_image(self, prompt: str, *, model: str | None = None, aspect_ratio: str | None = None) -> Media:
        """
        Make an image with one of the service's own models, in 2 to 8 seconds. **It costs AI credits.**

        :param prompt: at most 2,000 characters.
        :param model: ``nano-banana-pro`` (the service's default), ``ideogram-v2``, ``gemini-3-pro``, ``flux-schnell``,
            or any that the service adds.
        :param aspect_ratio: ``1:1`` (the service's default), ``16:9``, ``9:16``, ``4:3``, ``3:4``, ``4:5`` or ``5:4``.
        :return: the entry of the media library; its ``media_ids`` goes into :meth:`create_post`.
        :raises InvalidRequestError: before anything is sent, if a parameter is wrong.
        :raises OutcomeUnknownError: if the answer was lost: the image may exist, and be paid for.

        See https://developers.posteverywhere.ai/docs/api/ai/generate-image
        """
        return self.send(
            posteverywhere.generate_image(MediaGenerationRequest(prompt=prompt, model=model, aspect_ratio=aspect_ratio))
        )

    def upload_media_from_url(self, url: str, *, filename: str | None = None) -> Media:
        """
        Import a public image into the media library.

        :param url: JPEG, PNG, GIF, WebP, HEIC or HEIF up to 25 MB, reachable from the internet over https.
        :param filename: what the library shows.
        """
        return self.send(posteverywhere.upload_media_from_url(url, filename))

    def create_post(
        self,
        content: str,
        *,
        account_ids: Sequence[int] = (),
        media_ids: Sequence[str] = (),
        scheduled_for: dt.datetime | str | None = None,
        timezone: str | None = None,
        platform_content: Mapping[str, Mapping[str, Any]] | None = None,
        draft: bool = False,
    ) -> Post:
        """
        Publish, schedule or save a post. **It cannot be taken back**, and is never repeated once it may have arrived.

        :param content: the text.
        :param account_ids: where to; see :meth:`list_accounts`. May be empty for a draft.
        :param media_ids: entries of the media library.
        :param scheduled_for: when to publish, with a zone; by default now.
        :param timezone: an IANA name, for display alone: it never moves ``scheduled_for``.
        :param platform_content: ``content``, ``contentType`` and ``settings`` that differ, by platform.
        :param draft: save for review, publish nothing.
        :return: the post, with its id and status; :meth:`get_post` knows more.
        :raises InvalidRequestError: before anything is sent, if a parameter is wrong or ``scheduled_for`` has passed.
        :raises OutcomeUnknownError: if the answer was lost: the post may exist.
        """
        listed = check_media_ids(() if media_ids is None else media_ids)
        request = PostRequest(
            content=content,
            account_ids=account_ids,
            image=LibraryMedia(tuple(listed)) if listed else None,
            scheduled_for=scheduled_for,
            timezone=timezone,
            platform_content=platform_content,
            draft=draft,
        )
        return self.send(posteverywhere.create_post(request))

    @listing
    def list_posts(self, **filters: str | int | dt.datetime | None) -> Iterator[Post]:
        """
        Go through posts, newest first; pages are asked for as the iteration reaches them.

        :param filters: ``status``, ``platform``, ``account_id``, ``created_after``, ``created_before``, ``search``;
            None is as if left out. A time is a datetime with a zone, or its ISO 8601 text.
        :raises InvalidRequestError: if a filter is unknown: the size and the order of pages are the hook's own.
        """
        return posteverywhere.iter_posts(self.transport, filters)

    def get_post(self, post_id: str) -> Post:
        """Ask for a post with its media and destinations."""
        return self.send(posteverywhere.get_post(post_id))

    def get_post_results(self, post_id: str) -> Post:
        """Ask how far a post is on each account: ``status`` and ``destinations``, no more."""
        return self.send(posteverywhere.get_post_results(post_id))

    def retry_post(self, post_id: str) -> None:
        """Publish a post again on the accounts where it failed, and on those alone."""
        return self.send(posteverywhere.retry_post(post_id))

    def list_accounts(self) -> list[Account]:
        """List the connected social accounts."""
        return self.send(posteverywhere.LIST_ACCOUNTS)

    def get_me(self) -> Profile:
        """Ask whose key this is, and what it may do."""
        return self.send(posteverywhere.GET_ME)

    def check(self) -> str:
        """Ask whether the service accepts the key, for free; return a sentence with the credits that are left."""
        me = self.get_me()
        missing = [scope for scope in ("read", "write", "ai") if me.scopes and scope not in me.scopes]
        words = ["PostEverywhere accepts the key"]
        if me.organization:
            words.append(f" of {one_line(me.organization, 100)}")
        if me.ai_credits:
            words.append(f": {me.ai_credits.left:,g} of {me.ai_credits.limit:,g} AI credits are left")
        if missing:
            words.append(f"; the key lacks the scope {', '.join(missing)}")
        return "".join(words)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Say what Airflow 2's connection form shows; it looks for this method in the class itself, not its bases."""
        return cls.service.form


class PostEverywhereAsyncHook(AsyncServiceHook):
    """
    :class:`PostEverywhereHook` for event loops: what can be asked while waiting, each request sent once.

    :param posteverywhere_conn_id: the Airflow connection.
    """

    service = POSTEVERYWHERE
    conn_type = POSTEVERYWHERE.conn_type

    def __init__(self, posteverywhere_conn_id: str = POSTEVERYWHERE.default_conn_id) -> None:
        super().__init__(posteverywhere_conn_id)

    async def get_post(self, post_id: str) -> Post:
        """Ask for a post with its media and destinations."""
        return await self.send(posteverywhere.get_post(post_id))

    async def get_post_results(self, post_id: str) -> Post:
        """Ask how far a post is on each account, as :meth:`PostEverywhereHook.get_post_results` does."""
        return await self.send(posteverywhere.get_post_results(post_id))

    async def list_posts(self, **filters: str | int | dt.datetime | None) -> AsyncIterator[Post]:
        """Go through posts, as :meth:`PostEverywhereHook.list_posts` does."""
        offset: int | None = 0
        for page in itertools.count(1):
            posts, offset = await self.send(posteverywhere.list_posts(filters, offset or 0, page))
            for post in posts:
                yield post
            if offset is None:
                return
