"""The feed: a page that shows what was published and what was made, live or as one file to keep."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from airflow_provider_pictory.client.platforms import PLATFORMS
from airflow_provider_pictory.sandbox.envelope import timestamp
from airflow_provider_pictory.sandbox.jobs import ImageJob, plain_number
from airflow_provider_pictory.sandbox.pictures import draw, thumbnail
from airflow_provider_pictory.sandbox.posts import Destination, Post
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.sandbox.world import World

SHOWN = 60
THUMBNAIL_WIDTH = 640
LIVE_POLICY = "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'"


class Feed:
    """The endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world
        static = files("airflow_provider_pictory.sandbox") / "static"
        self._page, self._style, self._script = (
            (static / name).read_text("utf-8") for name in ("feed.html", "feed.css", "feed.js")
        )

    def routes(self) -> list[Route]:
        """Return the routes of the page and its parts."""
        return [
            Route("/", self.page),
            Route("/feed.css", self.style),
            Route("/feed.js", self.script),
            Route("/feed.html", self.snapshot),
            Route("/sandbox/feed.json", self.data),
        ]

    async def page(self, request: Request) -> Response:
        """Show the page, which fetches its data itself."""
        links = '<link rel="stylesheet" href="feed.css"><script src="feed.js" defer></script>'
        return _page(self._page.replace("<!-- parts -->", links), LIVE_POLICY)

    async def style(self, request: Request) -> Response:
        """Serve the style sheet."""
        return Response(self._style, media_type="text/css", headers=_HEADERS)

    async def script(self, request: Request) -> Response:
        """Serve the script."""
        return Response(self._script, media_type="text/javascript", headers=_HEADERS)

    async def data(self, request: Request) -> Response:
        """Tell what the page shows."""
        return JSONResponse(self._data(), headers=_HEADERS)

    async def snapshot(self, request: Request) -> Response:
        """Show the page as it is now, as one file that needs nothing else."""
        data = self._data()
        pictures = {job.id: job.picture for job in self.world.jobs.values()}
        for image in data["images"]:
            if image["url"]:
                image["url"] = await run_in_threadpool(_data_url, pictures[image["job_id"]])
        for post in data["posts"]:
            contents = [self.world.media[media_id].content for media_id in post.pop("media_ids")]
            post["pictures"] = [await run_in_threadpool(_data_url, c) for c in contents if c is not None]
        # The only way out of a script element is an end tag, and that begins with <.
        inlined = json.dumps(data).replace("<", "\\u003c")
        policy = f"default-src 'none'; img-src data:; style-src {_hash(self._style)}; script-src {_hash(self._script)}"
        parts = (
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f"<style>{self._style}</style>"
            f'<script type="application/json" id="snapshot">{inlined}</script>'
        )
        page = self._page.replace("<!-- parts -->", parts)
        return _page(page.replace("</body>", f"<script>{self._script}</script></body>"), policy)

    def _data(self) -> dict[str, Any]:
        world = self.world
        jobs, posts = list(world.jobs.values())[-SHOWN:], list(world.posts.values())[-SHOWN:]
        return {
            "now": timestamp(world.clock()),
            "credits": plain_number(world.ai_credits_used),
            "posts": [self._post(post) for post in sorted(posts, key=self._order)],
            "images": [self._image(job) for job in reversed(jobs)],
        }

    def _order(self, post: Post) -> tuple[bool, float]:
        """Sort what is due first before what is due later, and both before what was, the latest first."""
        time = post.scheduled_for or post.created_at
        return (False, time) if time > self.world.clock() else (True, -time)

    def _post(self, post: Post) -> dict[str, Any]:
        now = self.world.clock()
        media = [self.world.media[media_id] for media_id in post.media_ids]
        return {
            "post_id": post.id,
            "status": post.status(now),
            "content": post.content,
            "created_at": timestamp(post.created_at),
            "scheduled_for": post.scheduled_for and timestamp(post.scheduled_for),
            "media_ids": post.media_ids,
            "pictures": [self.world.media_url(entry) for entry in media],
            "accounts": [_account(destination, now) for destination in post.destinations],
        }

    def _image(self, job: ImageJob) -> dict[str, Any]:
        status = self.world.job_status(job)
        picture = job.picture
        return {
            "job_id": job.id,
            "status": status,
            "url": self.world.image_url(job) if status == "completed" else None,
            "width": picture.width,
            "height": picture.height,
            "prompt": picture.prompt,
            "model": picture.model,
            "style": picture.style,
            "credits": plain_number(job.credits),
            "error": job.failure.message if job.failure and status == "failed" else None,
            "submitted_at": timestamp(job.submitted_at),
        }


_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def _account(destination: Destination, now: float) -> dict[str, Any]:
    account = destination.account
    known = PLATFORMS.get(account.platform)
    return {
        "name": account.name,
        "platform": account.platform,
        "platform_name": known and known.name,
        "status": destination.status(now),
    }


def _page(page: str, policy: str) -> Response:
    locked = f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return HTMLResponse(page, headers={**_HEADERS, "Content-Security-Policy": locked})


def _hash(source: str) -> str:
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _data_url(content: Picture | bytes) -> str:
    file = content if isinstance(content, bytes) else draw(content)
    try:
        return "data:image/jpeg;base64," + base64.b64encode(thumbnail(file, THUMBNAIL_WIDTH)).decode()
    except OSError:
        # Uploads may be in formats that Pillow does not read.
        return ""
