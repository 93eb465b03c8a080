"""PostEverywhere's HTTP API: the requests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_provider_pictory.client.models import Account, Media, Post, Profile, Upload, read_all
from airflow_provider_pictory.client.requests import MAX_PAGES, ApiRequest, MediaGenerationRequest, PostRequest, utc
from airflow_provider_pictory.client.validation import check_future, check_text, check_url, read_time
from airflow_provider_pictory.exceptions import InvalidRequestError

T = TypeVar("T")

PAGE_SIZE = 100
FILTERS = ("status", "platform", "account_id", "created_after", "created_before", "search")


def _data(parse: Callable[[Any], T]) -> Callable[[Any], T]:
    """Parse the ``data`` of a response, which every response has."""
    return lambda body: parse(body["data"])


def generate_image(request: MediaGenerationRequest) -> ApiRequest[Media]:
    """Generate an image with one of the service's own models, which costs AI credits."""
    return ApiRequest("generate image", "POST", "/ai/generate-image", _data(Media.from_api), json=request.to_api())


def upload_media_from_url(url: str, filename: str | None = None) -> ApiRequest[Media]:
    """Import a public image into the media library."""
    check_url("image url", url, secure=True)
    if filename is not None:
        check_text("filename", filename, 1, 255)
    return ApiRequest(
        "upload media from URL",
        "POST",
        "/media/upload-from-url",
        _data(Media.from_api),
        json={"url": url} if filename is None else {"url": url, "filename": filename},
        idempotent=True,  # a second upload adds another entry to the library, which is free and not published
    )


def start_upload(filename: str, content_type: str, size: int) -> ApiRequest[Upload]:
    """Announce a file of ``size`` bytes: the first of an upload's three steps."""
    return ApiRequest(
        "start upload",
        "POST",
        "/media/upload",
        _data(Upload.from_api),
        json={"filename": filename, "content_type": content_type, "size": size},
        idempotent=True,  # an entry whose file never comes is free and not published
    )


def complete_upload(media_id: str) -> ApiRequest[None]:
    """Say that the file was sent: the last step; the response is not documented."""
    path = f"{_media_path(media_id)}/complete"
    return ApiRequest("complete upload", "POST", path, lambda _: None, idempotent=True, has_result=False)


def get_media(media_id: str) -> ApiRequest[Media]:
    """Get an entry of the media library."""
    return ApiRequest("get media", "GET", _media_path(media_id), _data(Media.from_api), idempotent=True)


def create_post(request: PostRequest) -> ApiRequest[Post]:
    """Publish, schedule or save a post."""
    if request.scheduled_for is not None:
        check_future("scheduled_for", request.scheduled_for)
    return ApiRequest("create post", "POST", "/posts", _data(Post.from_api), json=request.to_api())


def list_posts(
    filters: Mapping[str, str | int | dt.datetime | None], offset: int | None, page: int = 1
) -> ApiRequest[tuple[list[Post], int | None]]:
    """
    List a page of posts; the result is the posts and the offset of the next page.

    :param offset: of the page; None for the first.
    :param page: the number of the page, from 1.
    """
    offset = offset or 0
    if unknown := sorted(set(filters) - set(FILTERS)):
        raise InvalidRequestError.of("filters", f"there is no {', '.join(unknown)}", ", ".join(FILTERS))
    params: dict[str, str | int] = {
        name: utc(read_time(name, value)) if isinstance(value, dt.datetime) else value
        for name, value in filters.items()
        if value is not None
    }
    params |= {"sort": "created_at", "order": "desc", "limit": PAGE_SIZE, "offset": offset}

    def parse(data: Any) -> tuple[list[Post], int | None]:
        # Unlike other lists, an item without an id is an error: it could be the post that is looked for.
        posts = [Post.from_api(item) for item in data["posts"] if isinstance(item, dict)]
        more = bool(posts) and data.get("pagination", {}).get("has_more", len(posts) == PAGE_SIZE)
        if more and page >= MAX_PAGES:
            raise ValueError("the pages do not end")
        return posts, offset + len(posts) if more else None

    return ApiRequest("list posts", "GET", "/posts", _data(parse), params, idempotent=True)


def get_post(post_id: str) -> ApiRequest[Post]:
    """Get a post with its media and destinations."""
    return ApiRequest("get post", "GET", _path(post_id), _data(Post.from_api), idempotent=True)


def get_post_results(post_id: str) -> ApiRequest[Post]:
    """Get a post's status on each account."""
    return ApiRequest("get post results", "GET", f"{_path(post_id)}/results", _data(Post.from_api), idempotent=True)


def retry_post(post_id: str) -> ApiRequest[None]:
    """Publish a post again on the accounts where it failed; the response is not documented."""
    return ApiRequest("retry post", "POST", f"{_path(post_id)}/retry", lambda _: None, has_result=False)


def _media_path(media_id: str) -> str:
    check_text("media_id", media_id, 1, 200)
    return f"/media/{quote(media_id, safe='')}"


def _path(post_id: str) -> str:
    check_text("post_id", post_id, 1, 200)
    return f"/posts/{quote(post_id, safe='')}"


def _accounts(data: Any) -> list[Account]:
    return read_all(data["accounts"], Account.from_api)


LIST_ACCOUNTS = ApiRequest("list accounts", "GET", "/accounts", _data(_accounts), idempotent=True)
GET_ME = ApiRequest("get me", "GET", "/me", _data(Profile.from_api), idempotent=True)
