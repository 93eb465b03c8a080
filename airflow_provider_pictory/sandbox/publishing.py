"""PostEverywhere's posts: making, finding, changing and publishing them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from math import inf
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.routing import Route

from airflow_provider_pictory.sandbox import post_rules
from airflow_provider_pictory.sandbox.envelope import (
    ApiError,
    Handler,
    api_route,
    conflict,
    invalid,
    json_object,
    not_found,
    timestamp,
)
from airflow_provider_pictory.sandbox.posts import Account, Destination, Post
from airflow_provider_pictory.sandbox.world import World

MAX_BULK = 50
MAX_PAGE = 100
STATUSES = ("draft", "scheduled", "publishing", "published", "partially_failed", "failed")
SORTS = ("created_at", "scheduled_for")
PARAMETERS = (
    *("status", "platform", "account_id", "created_after", "created_before", "search"),
    *("sort", "order", "limit", "offset"),
)


class Publishing:
    """The endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return the routes below the service's base path."""
        return [
            self._route("create_post", "POST", "/posts", "write", self.create_post),
            self._route("list_posts", "GET", "/posts", "read", self.list_posts),
            self._route("bulk_create_posts", "POST", "/posts/bulk", "write", self.create_posts),
            self._route("get_post", "GET", "/posts/{post_id}", "read", self.get_post),
            self._route("update_post", "PATCH", "/posts/{post_id}", "write", self.update_post),
            self._route("delete_post", "DELETE", "/posts/{post_id}", "write", self.delete_post),
            self._route("get_post_results", "GET", "/posts/{post_id}/results", "read", self.get_results),
            self._route("retry_post", "POST", "/posts/{post_id}/retry", "write", self.retry_post),
            self._route("schedule_post", "POST", "/posts/{post_id}/schedule", "write", self.schedule_post),
        ]

    def _route(self, name: str, method: str, path: str, scope: str, handler: Handler) -> Route:
        return api_route(self.world, name, method, path, scope, handler)

    async def create_post(self, request: Request) -> tuple[int, Any]:
        """POST /posts."""
        return 201, self._created(self._add(await json_object(request)))

    async def create_posts(self, request: Request) -> tuple[int, Any]:
        """POST /posts/bulk."""
        entries = (await json_object(request)).get("posts")
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_BULK:
            raise invalid(f"posts must be an array of 1 to {MAX_BULK} posts")
        results: list[dict[str, Any]] = []
        for index, entry in enumerate(entries):
            try:
                if not isinstance(entry, dict):
                    raise invalid("a post must be an object")
                results.append({"index": index, "ok": True, "post": self._created(self._add(entry))})
            except ApiError as error:
                results.append({"index": index, "ok": False, "error": error.plain})
        succeeded = sum(result["ok"] for result in results)
        failed = len(results) - succeeded
        status = 201 if not failed else 207 if succeeded else 422
        summary = {"total": len(results), "succeeded": succeeded, "failed": failed}
        return status, {"summary": summary, "results": results}

    async def list_posts(self, request: Request) -> tuple[int, Any]:
        """GET /posts."""
        query = request.query_params
        for name in query:
            # Ignoring it would pass off all posts as those that were asked for.
            if name not in PARAMETERS:
                raise invalid(f"Unknown parameter: {name}. Must be one of: {', '.join(PARAMETERS)}")
        limit = _whole(query, "limit", 20, 1, MAX_PAGE)
        offset = _whole(query, "offset", 0)
        sort = _choice(query, "sort", SORTS, "created_at")
        matches = self._filter(query)
        posts = [post for post in self.world.posts.values() if matches(post)]
        if sort == "scheduled_for":
            posts.sort(key=lambda post: post.scheduled_for or 0.0)
        if _choice(query, "order", ("asc", "desc"), "desc") == "desc":
            posts.reverse()
        page = posts[offset : offset + limit]
        return 200, {
            "posts": [self._shown(post) for post in page],
            "pagination": {
                "limit": limit,
                "offset": offset,
                "total": len(posts),
                "has_more": offset + len(page) < len(posts),
            },
        }

    async def get_post(self, request: Request) -> tuple[int, Any]:
        """GET /posts/{post_id}."""
        return 200, self._shown(self._find(request))

    async def update_post(self, request: Request) -> tuple[int, Any]:
        """PATCH /posts/{post_id}."""
        post = self._find(request)
        changes = await json_object(request)
        if post.status(self.world.clock()) not in ("draft", "scheduled"):
            raise conflict("Only drafts and scheduled posts can be changed")
        if "draft" in changes:
            raise invalid("draft cannot be changed; use /schedule")
        current = {
            "content": post.content,
            "account_ids": [destination.account.id for destination in post.destinations],
            "media_ids": post.media_ids,
            "scheduled_for": post.scheduled_for and timestamp(post.scheduled_for),
            "timezone": post.timezone,
            "platform_content": post.platform_content,
            "draft": post.draft,
        }
        changed = self._read({**current, **changes})
        changed.id, changed.created_at = post.id, post.created_at
        self.world.posts[post.id] = changed
        self._start(changed)
        return 200, self._shown(changed)

    async def delete_post(self, request: Request) -> tuple[int, Any]:
        """DELETE /posts/{post_id}."""
        post = self._find(request)
        if post.status(self.world.clock()) not in ("draft", "scheduled", "failed"):
            raise conflict("A post that is being published or was published cannot be deleted")
        del self.world.posts[post.id]
        return 200, {"post_id": post.id, "deleted": True}

    async def get_results(self, request: Request) -> tuple[int, Any]:
        """GET /posts/{post_id}/results."""
        post = self._find(request)
        now = self.world.clock()
        return 200, {
            "post_id": post.id,
            "post_status": post.status(now),
            "results": [_result(destination, now) for destination in post.destinations],
        }

    async def retry_post(self, request: Request) -> tuple[int, Any]:
        """POST /posts/{post_id}/retry."""
        post = self._find(request)
        now = self.world.clock()
        failed = sum(destination.status(now) == "failed" for destination in post.destinations)
        if not failed:
            raise conflict("Nothing to retry: no destination of this post has failed")
        self.world.publish(post, at=now, failed_only=True)
        self._announce(post)
        return 200, {"post_id": post.id, "status": post.status(now), "retried": failed}

    async def schedule_post(self, request: Request) -> tuple[int, Any]:
        """POST /posts/{post_id}/schedule."""
        post = self._find(request)
        body = await json_object(request)
        if not post.draft:
            raise conflict("Only a draft can be scheduled")
        due = post_rules.read_due_time(body.get("scheduled_for"), self.world.clock())
        if (body.get("publish_now") is True) == (due is not None):
            raise invalid("Either scheduled_for or publish_now is required")
        destinations = post.destinations
        if "account_ids" in body:
            accounts = post_rules.read_accounts(body["account_ids"], self.world.accounts)
            post_rules.check_lengths(post.content, post.platform_content, accounts)
            destinations = _destinations(post.content, accounts)
        if not destinations:
            raise ApiError(400, "invalid_accounts", "The draft has no accounts to publish to")
        post.timezone = post_rules.read_timezone(body.get("timezone", post.timezone))
        post.draft, post.scheduled_for, post.destinations = False, due, destinations
        self._start(post)
        return 200, self._created(post)

    def _find(self, request: Request) -> Post:
        post = self.world.posts.get(request.path_params["post_id"])
        if post is None:
            raise not_found("Post")
        return post

    def _add(self, body: Mapping[str, Any]) -> Post:
        post = self._read(body)
        self.world.posts[post.id] = post
        self._start(post)
        return post

    def _read(self, body: Mapping[str, Any]) -> Post:
        """Return the post that a body describes; raise `ApiError` if it describes none."""
        now = self.world.clock()
        post_rules.check_field_names(body)
        content = post_rules.read_content(body.get("content"))
        draft = body.get("draft", False)
        if not isinstance(draft, bool):
            raise invalid("draft must be a boolean")
        accounts = post_rules.read_accounts(body.get("account_ids", []), self.world.accounts)
        if not accounts and not draft:
            raise invalid("account_ids is required unless draft is true")
        platform_content = post_rules.read_platform_content(body.get("platform_content", {}))
        post_rules.check_lengths(content, platform_content, accounts)
        return Post(
            id=str(uuid4()),
            content=content,
            created_at=now,
            draft=draft,
            destinations=_destinations(content, accounts),
            media_ids=post_rules.read_media(body.get("media_ids", []), self.world.media),
            scheduled_for=post_rules.read_due_time(body.get("scheduled_for"), now),
            timezone=post_rules.read_timezone(body.get("timezone", "UTC")),
            platform_content=platform_content,
        )

    def _start(self, post: Post) -> None:
        if not post.draft:
            self.world.publish(post, at=post.scheduled_for or self.world.clock())
            self._announce(post)

    def _announce(self, post: Post) -> None:
        if self.world.webhooks:
            self.world.courier.send(self._deliver(post))

    async def _deliver(self, post: Post) -> None:
        """Tell the registered receivers how a post ended, once it has."""
        await self.world.until(post.settles_at())
        now = self.world.clock()
        # A post that was changed or deleted meanwhile is told of by its own errand, or not at all.
        if self.world.posts.get(post.id) is not post:
            return
        event = f"post.{post.status(now)}"
        data = {"event": event, "data": {"post_id": post.id, "status": post.status(now)}}
        body = json.dumps(data).encode()
        for webhook in self.world.webhooks:
            if event in webhook.events:
                signature = hmac.new(webhook.secret.encode(), body, hashlib.sha256).hexdigest()
                headers = {
                    "X-PostEverywhere-Signature": f"sha256={signature}",
                    "X-PostEverywhere-Timestamp": str(int(now)),
                }
                await self.world.courier.deliver(webhook.url, event, post.id, body, headers)

    def _created(self, post: Post) -> dict[str, Any]:
        status = post.status(self.world.clock())
        return {
            "post_id": post.id,
            "status": status,
            "scheduled_for": post.scheduled_for and timestamp(post.scheduled_for),
            "accounts_count": len(post.destinations),
            "message": {"draft": "Draft saved", "scheduled": "Post scheduled"}.get(status, "Post is publishing"),
        }

    def _shown(self, post: Post) -> dict[str, Any]:
        now = self.world.clock()
        return {
            "post_id": post.id,
            "status": post.status(now),
            "content": post.content,
            "account_ids": [destination.account.id for destination in post.destinations],
            "scheduled_for": post.scheduled_for and timestamp(post.scheduled_for),
            "timezone": post.timezone,
            "media_ids": post.media_ids,
            "media": [
                {"media_id": media.id, "type": "image", "url": self.world.media_url(media)}
                for media in map(self.world.media.__getitem__, post.media_ids)
            ],
            "platform_content": post.platform_content,
            "destinations": [_result(destination, now) for destination in post.destinations],
            "created_at": timestamp(post.created_at),
        }

    def _filter(self, query: Mapping[str, str]) -> Callable[[Post], bool]:
        """Whether a post is asked for by the parameters of a query."""
        now = self.world.clock()
        statuses = _choices(query, "status", STATUSES)
        platforms = _choices(query, "platform", tuple(post_rules.CONTENT_LIMITS))
        account_id = _whole(query, "account_id", 0)
        after = _time(query, "created_after", 0)
        before = _time(query, "created_before", inf)
        search = query.get("search", "").lower()

        def matches(post: Post) -> bool:
            accounts = [destination.account for destination in post.destinations]
            return (
                after <= post.created_at <= before
                and (not statuses or post.status(now) in statuses)
                and (not platforms or not platforms.isdisjoint(account.platform for account in accounts))
                and (not account_id or account_id in {account.id for account in accounts})
                and search in post.content.lower()
            )

        return matches


def _whole(query: Mapping[str, str], name: str, default: int, low: int = 0, high: int = 10**9) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not low <= int(text) <= high:
        raise invalid(f"{name} must be a whole number between {low} and {high}")
    return int(text)


def _time(query: Mapping[str, str], name: str, default: float) -> float:
    return post_rules.read_time(name, query[name]) if name in query else default


def _choice(query: Mapping[str, str], name: str, options: tuple[str, ...], default: str) -> str:
    value = query.get(name, default)
    if value not in options and value != default:
        raise invalid(f"Invalid {name}. Must be one of: {', '.join(options)}")
    return value


def _choices(query: Mapping[str, str], name: str, options: tuple[str, ...]) -> set[str]:
    """Read one value or several with commas in between."""
    values = set(filter(None, query.get(name, "").split(",")))
    if not values <= set(options):
        raise invalid(f"Invalid {name}. Must be one of: {', '.join(options)}")
    return values


def _destinations(content: str, accounts: list[Account]) -> list[Destination]:
    """Return the ways to the accounts, with the failures that the text asks for."""
    destinations = [
        Destination(account, inf if "[unpublishable]" in content or not account.active else 0) for account in accounts
    ]
    if "[partial]" in content and destinations:
        last = destinations[-1]
        last.failing_attempts = max(1, last.failing_attempts)
    return destinations


def _result(destination: Destination, now: float) -> dict[str, Any]:
    account, status = destination.account, destination.status(now)
    published = status == "published"
    platform_post_id = destination.platform_post_id if published else None
    return {
        "account_id": account.id,
        "account_name": account.name,
        "platform": account.platform,
        "status": status,
        "published_at": timestamp(destination.ends_at) if published and destination.ends_at else None,
        "platform_post_id": platform_post_id,
        "platform_post_url": platform_post_id and f"https://{account.platform}.example.com/posts/{platform_post_id}",
        "error": destination.error(now),
        "attempts": destination.attempt - (status == "queued" and destination.attempt > 0),
        "next_retry_at": None,
    }
