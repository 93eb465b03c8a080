"""Hooks for PostEverywhere: a media library, AI images, and posts to social accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
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

    All methods raise subclasses of :class:`~airflow_provider_pictory.exceptions.ServiceError`.

    :param posteverywhere_conn_id: the Airflow connection id.
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
        Generate an image with one of the service's own models, in 2 to 8 seconds. **It costs AI credits.**

        :param prompt: at most 2,000 characters.
        :param model: ``nano-banana-pro`` (the service's default), ``ideogram-v2``, ``gemini-3-pro``, ``flux-schnell``,
            or any newer model.
        :param aspect_ratio: ``1:1`` (the service's default), ``16:9``, ``9:16``, ``4:3``, ``3:4``, ``4:5`` or ``5:4``.
        :return: the entry of the media library; its ``media_ids`` goes into :meth:`create_post`.
        :raises InvalidRequestError: if a parameter is invalid, before anything is sent.
        :raises OutcomeUnknownError: if the response was lost: the image may exist and be paid for.

        See https://developers.posteverywhere.ai/docs/api/ai/generate-image
        """
        return self.send(
            posteverywhere.generate_image(MediaGenerationRequest(prompt=prompt, model=model, aspect_ratio=aspect_ratio))
        )

    def upload_media_from_url(self, url: str, *, filename: str | None = None) -> Media:
        """
        Import a public image into the media library.

        :param url: JPEG, PNG, GIF, WebP, HEIC or HEIF up to 25 MB, reachable from the internet over https.
        :param filename: the name in the library.
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
        Publish, schedule or save a post. **It cannot be undone**, and is never retried once it may have been received.

        :param content: the text.
        :param account_ids: the accounts to publish on; see :meth:`list_accounts`. May be empty for a draft.
        :param media_ids: entries of the media library.
        :param scheduled_for: when to publish, as a datetime or ISO 8601 text with a zone; by default now.
        :param timezone: an IANA name, for display only: it does not change ``scheduled_for``.
        :param platform_content: ``content``, ``contentType`` and ``settings`` for single platforms, by platform.
        :param draft: save for review without publishing.
        :return: the post, with its id and status; :meth:`get_post` has more.
        :raises InvalidRequestError: if a parameter is invalid or ``scheduled_for`` has passed, before anything is sent.
        :raises OutcomeUnknownError: if the response was lost: the post may exist.
        """
        ids = check_media_ids(() if media_ids is None else media_ids)
        request = PostRequest(
            content=content,
            account_ids=account_ids,
            image=LibraryMedia(tuple(ids)) if ids else None,
            scheduled_for=scheduled_for,
            timezone=timezone,
            platform_content=platform_content,
            draft=draft,
        )
        return self.send(posteverywhere.create_post(request))

    @listing
    def list_posts(self, **filters: str | int | dt.datetime | None) -> Iterator[Post]:
        """
        Iterate over posts, newest first; pages are requested as needed.

        :param filters: ``status``, ``platform``, ``account_id``, ``created_after``, ``created_before``, ``search``;
            None is ignored. A time is a datetime with a zone, or its ISO 8601 text.
        :raises InvalidRequestError: if a filter is unknown; the size and order of pages cannot be set.
        """
        return self.transport.iter_pages(partial(posteverywhere.list_posts, filters))

    def get_post(self, post_id: str) -> Post:
        """Get a post with its media and destinations."""
        return self.send(posteverywhere.get_post(post_id))

    def get_post_results(self, post_id: str) -> Post:
        """Get a post's status on each account: only ``status`` and ``destinations``."""
        return self.send(posteverywhere.get_post_results(post_id))

    def retry_post(self, post_id: str) -> None:
        """Publish a post again on the accounts where it failed, and only on those."""
        return self.send(posteverywhere.retry_post(post_id))

    def list_accounts(self) -> list[Account]:
        """List the connected social accounts."""
        return self.send(posteverywhere.LIST_ACCOUNTS)

    def get_me(self) -> Profile:
        """Get the key's organization, scopes and AI credits."""
        return self.send(posteverywhere.GET_ME)

    def check(self) -> str:
        """Check with a free request whether the service accepts the key; return a sentence with the credits left."""
        me = self.get_me()
        missing = [scope for scope in ("read", "write", "ai") if me.scopes and scope not in me.scopes]
        parts = ["PostEverywhere accepts the key"]
        if me.organization:
            parts.append(f" of {one_line(me.organization, 100)}")
        if me.ai_credits:
            parts.append(f": {me.ai_credits.left:,g} of {me.ai_credits.limit:,g} AI credits are left")
        if missing:
            parts.append(f"; the key lacks the scope {', '.join(missing)}")
        return "".join(parts)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the connection form for Airflow 2, which looks for this method in the class itself only."""
        return cls.service.form


class PostEverywhereAsyncHook(AsyncServiceHook):
    """
    :class:`PostEverywhereHook` for event loops: the methods for waiting, without retries.

    :param posteverywhere_conn_id: the Airflow connection id.
    """

    service = POSTEVERYWHERE
    conn_type = POSTEVERYWHERE.conn_type

    def __init__(self, posteverywhere_conn_id: str = POSTEVERYWHERE.default_conn_id) -> None:
        super().__init__(posteverywhere_conn_id)

    async def get_post(self, post_id: str) -> Post:
        """Get a post with its media and destinations."""
        return await self.send(posteverywhere.get_post(post_id))

    async def get_post_results(self, post_id: str) -> Post:
        """Get a post's status on each account, as :meth:`PostEverywhereHook.get_post_results` does."""
        return await self.send(posteverywhere.get_post_results(post_id))

    async def list_posts(self, **filters: str | int | dt.datetime | None) -> AsyncIterator[Post]:
        """Iterate over posts, as :meth:`PostEverywhereHook.list_posts` does."""
        async for post in self.transport.iter_pages(partial(posteverywhere.list_posts, filters)):
            yield post
