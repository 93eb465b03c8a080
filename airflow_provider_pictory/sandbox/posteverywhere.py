"""PostEverywhere's API: the routes of all of it, and the accounts, the key's own data and the webhooks."""

from __future__ import annotations

from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.routing import Route

from airflow_provider_pictory.sandbox.calls import ANY_METHOD
from airflow_provider_pictory.sandbox.envelope import api_route, invalid, json_object, not_found
from airflow_provider_pictory.sandbox.library import Library
from airflow_provider_pictory.sandbox.publishing import Publishing
from airflow_provider_pictory.sandbox.webhooks import is_loopback
from airflow_provider_pictory.sandbox.world import Webhook, World

EVENTS = ("post.published", "post.failed", "post.partially_failed")


class PostEverywhere:
    """The endpoints that neither the media library nor publishing has."""

    def __init__(self, world: World, library: Library) -> None:
        self.world = world
        self.library = library

    def routes(self) -> list[Route]:
        """Return the routes of the whole service, below its base path."""
        return [
            *self.library.routes(),
            *Publishing(self.world).routes(),
            api_route(self.world, "list_accounts", "GET", "/accounts", "read", self.list_accounts),
            api_route(
                self.world,
                "get_account_health",
                "GET",
                "/accounts/{account_id}/health",
                "read",
                self.get_health,
            ),
            api_route(self.world, "get_me", "GET", "/me", "read", self.get_me),
            api_route(self.world, "create_webhook", "POST", "/webhooks", "write", self.create_webhook),
            api_route(self.world, "unknown", ANY_METHOD, "/{path:path}", "read", self.unknown),
        ]

    async def list_accounts(self, request: Request) -> tuple[int, Any]:
        """GET /accounts."""
        return 200, {
            "accounts": [
                {
                    "id": account.id,
                    "platform": account.platform,
                    "account_name": account.name,
                    "is_active": account.active,
                    "health": {"status": "healthy" if account.active else "expired", "can_post": account.active},
                }
                for account in self.world.accounts.values()
            ]
        }

    async def get_health(self, request: Request) -> tuple[int, Any]:
        """GET /accounts/{id}/health."""
        account_id = request.path_params["account_id"]
        account = self.world.accounts.get(int(account_id)) if account_id.isdecimal() else None
        if account is None:
            raise not_found("Account")
        return 200, {
            "account_id": account.id,
            "platform": account.platform,
            "account_name": account.name,
            "is_active": account.active,
            "status": "healthy" if account.active else "broken",
            "can_post": account.active,
            "needs_reconnection": not account.active,
        }

    async def get_me(self, request: Request) -> tuple[int, Any]:
        """GET /me."""
        value = request.headers["authorization"].partition(" ")[2]
        return 200, {
            "api_key": {"scopes": list(self.world.keys[value].scopes)},
            "organization": {"id": "org_sandbox", "name": "Northwind Studio"},
            "quota": {
                "ai_credits": {
                    "used": self.world.media_credits_used,
                    "limit": self.world.settings.media_credits,
                    "bonus": 0,
                }
            },
        }

    async def create_webhook(self, request: Request) -> tuple[int, Any]:
        """POST /webhooks. Besides https, http on loopback is taken: that is where the sandbox delivers to."""
        body = await json_object(request)
        url, events = body.get("url"), body.get("events")
        if not isinstance(url, str) or not _deliverable(url):
            raise invalid("url must be an https URL")
        if not isinstance(events, list) or not events or not all(event in EVENTS for event in events):
            raise invalid(f"events must be an array out of: {', '.join(EVENTS)}")
        webhook = Webhook(str(uuid4()), url, tuple(events), f"whsec_{token_hex(24)}")
        self.world.webhooks.append(webhook)
        return 201, {"id": webhook.id, "url": url, "events": events, "secret": webhook.secret}

    async def unknown(self, request: Request) -> tuple[int, Any]:
        """Anything else."""
        raise not_found("Endpoint")


def _deliverable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    )
