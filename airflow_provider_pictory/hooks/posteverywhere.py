"""PostEverywhere's HTTP API: a media library, AI images of its own, and posts to social accounts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_provider_pictory.client import inputs
from airflow_provider_pictory.client.models import Account, Media, Post, Profile, read_all
from airflow_provider_pictory.client.requests import MAX_PAGES, ApiRequest
from airflow_provider_pictory.exceptions import InvalidRequestError, one_line
from airflow_provider_pictory.hooks.base import AsyncServiceHook, Service, ServiceHook, listing

T = TypeVar("T")

PAGE_SIZE = 100
FILTERS = ("status", "platform", "account_id", "created_after", "created_before", "search")


class _PostEverywhere(Service):
    service = "PostEverywhere"
    default_base_url = "https://app.posteverywhere.ai/api/v1"
    requests_per_minute = 60.0
    authorization = "Bearer {key}"
    conn_name_attr = "posteverywhere_conn_id"
    default_conn_name = "posteverywhere_default"
    conn_type = "posteverywhere"
    key_placeholder = "pe_live_…, with the scopes read, write and ai"


class PostEverywhereHook(_PostEverywhere, ServiceHook):
    """
    Calls PostEverywhere's API.

    Every method raises :class:`~airflow_provider_pictory.exceptions.ServiceError`, or a subclass that says more.

    :param posteverywhere_conn_id: the Airflow connection.
    """

    hook_name = "PostEverywhere"

    def __init__(self, posteverywhere_conn_id: str = _PostEverywhere.default_conn_name) -> None:
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
        return self.send(_generate_image(prompt, model, aspect_ratio))

    def upload_media_from_url(self, url: str, *, filename: str | None = None) -> Media:
        """
        Import a public image into the media library.

        :param url: JPEG, PNG, GIF, WebP, HEIC or HEIF up to 25 MB, reachable from the internet over https.
        :param filename: what the library shows.
        """
        return self.send(_upload_media_from_url(url, filename))

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
        return self.send(
            _create_post(content, account_ids, media_ids, scheduled_for, timezone, platform_content, draft)
        )

    @listing
    def list_posts(self, **filters: str | int | dt.datetime | None) -> Iterator[Post]:
        """
        Go through posts, newest first; pages are asked for as the iteration reaches them.

        :param filters: ``status``, ``platform``, ``account_id``, ``created_after``, ``created_before``, ``search``;
            None is as if left out. A time is a datetime with a zone, or its ISO 8601 text.
        :raises InvalidRequestError: if a filter is unknown: the size and the order of pages are the hook's own.
        """
        offset: int | None = 0
        for page in itertools.count(1):
            posts, offset = self.send(_list_posts(filters, offset or 0, page))
            yield from posts
            if offset is None:
                return

    def get_post(self, post_id: str) -> Post:
        """Ask for a post with its media and destinations."""
        return self.send(_post_call("get post", "GET", post_id, "", Post.from_api))

    def get_post_results(self, post_id: str) -> Post:
        """Ask how far a post is on each account: ``status`` and ``destinations``, no more."""
        return self.send(_post_call("get post results", "GET", post_id, "/results", Post.from_api))

    def retry_post(self, post_id: str) -> None:
        """Publish a post again on the accounts where it failed, and on those alone."""
        return self.send(_retry_post(post_id))

    def list_accounts(self) -> list[Account]:
        """List the connected social accounts."""
        return self.send(_LIST_ACCOUNTS)

    def get_me(self) -> Profile:
        """Ask whose key this is, and what it may do."""
        return self.send(_GET_ME)

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
        return cls._form()


class PostEverywhereAsyncHook(_PostEverywhere, AsyncServiceHook):
    """
    :class:`PostEverywhereHook` for event loops: the same calls, awaited, each sent once.

    :param posteverywhere_conn_id: the Airflow connection.
    """

    def __init__(self, posteverywhere_conn_id: str = _PostEverywhere.default_conn_name) -> None:
        super().__init__(posteverywhere_conn_id)

    async def generate_image(self, prompt: str, *, model: str | None = None, aspect_ratio: str | None = None) -> Media:
        """Make an image, as :meth:`PostEverywhereHook.generate_image` does."""
        return await self.send(_generate_image(prompt, model, aspect_ratio))

    async def upload_media_from_url(self, url: str, *, filename: str | None = None) -> Media:
        """Import a public image, as :meth:`PostEverywhereHook.upload_media_from_url` does."""
        return await self.send(_upload_media_from_url(url, filename))

    async def create_post(
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
        """Publish, schedule or save a post, as :meth:`PostEverywhereHook.create_post` does."""
        return await self.send(
            _create_post(content, account_ids, media_ids, scheduled_for, timezone, platform_content, draft)
        )

    async def list_posts(self, **filters: str | int | dt.datetime | None) -> AsyncIterator[Post]:
        """Go through posts, as :meth:`PostEverywhereHook.list_posts` does."""
        offset: int | None = 0
        for page in itertools.count(1):
            posts, offset = await self.send(_list_posts(filters, offset or 0, page))
            for post in posts:
                yield post
            if offset is None:
                return

    async def get_post(self, post_id: str) -> Post:
        """Ask for a post with its media and destinations."""
        return await self.send(_post_call("get post", "GET", post_id, "", Post.from_api))

    async def get_post_results(self, post_id: str) -> Post:
        """Ask how far a post is on each account, as :meth:`PostEverywhereHook.get_post_results` does."""
        return await self.send(_post_call("get post results", "GET", post_id, "/results", Post.from_api))

    async def retry_post(self, post_id: str) -> None:
        """Publish a post again on the accounts where it failed, and on those alone."""
        return await self.send(_retry_post(post_id))

    async def list_accounts(self) -> list[Account]:
        """List the connected social accounts."""
        return await self.send(_LIST_ACCOUNTS)

    async def get_me(self) -> Profile:
        """Ask whose key this is, and what it may do."""
        return await self.send(_GET_ME)


def _data(parse: Callable[[Any], T]) -> Callable[[Any], T]:
    """Open the envelope that every answer comes in."""
    return lambda answer: parse(answer["data"])


def _generate_image(*args: str | None) -> ApiRequest[Media]:
    body = inputs.media_request(*args)
    return ApiRequest("generate image", "POST", "/ai/generate-image", _data(Media.from_api), json=body)


def _upload_media_from_url(url: str, filename: str | None) -> ApiRequest[Media]:
    return ApiRequest(
        "upload media from URL",
        "POST",
        "/media/upload-from-url",
        _data(Media.from_api),
        json=inputs.upload_request(url, filename),
        idempotent=True,  # twice makes a second entry of the library, which costs nothing and is seen by nobody
    )


def _create_post(
    content: str,
    account_ids: Sequence[int],
    media_ids: Sequence[str],
    scheduled_for: dt.datetime | str | None,
    timezone: str | None,
    platform_content: Mapping[str, Mapping[str, Any]] | None,
    draft: bool,
) -> ApiRequest[Post]:
    body = inputs.post_request(content, account_ids, media_ids, scheduled_for, timezone, platform_content, draft)
    if scheduled_for is not None:
        inputs.check_future("scheduled_for", scheduled_for)
    return ApiRequest("create post", "POST", "/posts", _data(Post.from_api), json=body)


def _list_posts(
    filters: Mapping[str, str | int | dt.datetime | None], offset: int, page: int = 1
) -> ApiRequest[tuple[list[Post], int | None]]:
    if unknown := sorted(set(filters) - set(FILTERS)):
        raise InvalidRequestError.of("filters", f"there is no {', '.join(unknown)}", ", ".join(FILTERS))
    given: dict[str, str | int] = {
        name: inputs.parse_time(name, value).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, dt.datetime) else value
        for name, value in filters.items()
        if value is not None
    }
    params = {**given, "sort": "created_at", "order": "desc", "limit": PAGE_SIZE, "offset": offset}

    def parse(data: Any) -> tuple[list[Post], int | None]:
        # A post without an id could be any, also the one that is looked for: then the page cannot be read.
        posts = [Post.from_api(item) for item in data["posts"] if isinstance(item, dict)]
        more = bool(posts) and data.get("pagination", {}).get("has_more", len(posts) == PAGE_SIZE)
        if more and page >= MAX_PAGES:
            raise ValueError("the pages do not end")
        return posts, offset + len(posts) if more else None

    return ApiRequest("list posts", "GET", "/posts", _data(parse), params, idempotent=True)


def _post_call(name: str, method: str, post_id: str, path: str, parse: Callable[[Any], T]) -> ApiRequest[T]:
    inputs.check_text("post_id", post_id, 1, 200)
    return ApiRequest(name, method, f"/posts/{quote(post_id, safe='')}{path}", _data(parse), idempotent=method == "GET")


def _retry_post(post_id: str) -> ApiRequest[None]:
    # What the service answers is not documented: that it accepts is all there is to know.
    return replace(_post_call("retry post", "POST", post_id, "/retry", _nothing), parse=_nothing, has_result=False)


def _nothing(_: Any) -> None:
    return None


def _accounts(data: Any) -> list[Account]:
    return read_all(data["accounts"], Account.from_api)


_LIST_ACCOUNTS = ApiRequest("list accounts", "GET", "/accounts", _data(_accounts), idempotent=True)
_GET_ME = ApiRequest("get me", "GET", "/me", _data(Profile.from_api), idempotent=True)
