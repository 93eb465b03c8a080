"""PostEverywhere's media library: its own AI images, uploads from a URL, and uploads of bytes."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_pictory.sandbox.envelope import (
    ApiError,
    Handler,
    api_route,
    invalid,
    json_object,
    not_found,
    timestamp,
)
from airflow_provider_pictory.sandbox.posts import Media
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.sandbox.world import OutOfCreditsError, World

SIZES = {
    "1:1": (1080, 1080),
    "16:9": (1920, 1080),
    "9:16": (1080, 1920),
    "4:3": (1440, 1080),
    "3:4": (1080, 1440),
    "4:5": (1080, 1350),
    "5:4": (1350, 1080),
}
CREDITS = {"nano-banana-pro": 15, "ideogram-v2": 8, "gemini-3-pro": 5, "flux-schnell": 1}
MAX_PROMPT = 2000
MAX_SIZE = 25 * 1024 * 1024
UPLOAD_SECONDS = 3600
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
}
_LOCAL_DOMAINS = ("localhost", "local", "internal", "lan")
_SIGNATURES = (
    (b"\xff\xd8\xff", 0),
    (b"\x89PNG\r\n\x1a\n", 0),
    (b"GIF8", 0),
    (b"WEBP", 8),
    (b"ftyphei", 4),
    (b"ftypmif1", 4),
    (b"ftyphev", 4),
)


class Library:
    """The endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return the routes below the service's base path."""
        return [
            self._route("generate_image", "POST", "/ai/generate-image", "ai", self.generate_image),
            self._route("upload_media_from_url", "POST", "/media/upload-from-url", "write", self.upload_from_url),
            self._route("upload_media", "POST", "/media/upload", "write", self.upload),
            self._route("complete_media", "POST", "/media/{media_id}/complete", "write", self.complete),
            self._route("get_media", "GET", "/media/{media_id}", "read", self.get_media),
        ]

    def _route(self, name: str, method: str, path: str, scope: str, handler: Handler) -> Route:
        return api_route(self.world, name, method, path, scope, handler)

    async def generate_image(self, request: Request) -> tuple[int, Any]:
        """POST /ai/generate-image."""
        body = await json_object(request)
        prompt = body.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise _refused("Prompt is required")
        if len(prompt) > MAX_PROMPT:
            raise _refused(f"Prompt must be at most {MAX_PROMPT} characters")
        aspect_ratio = _choice("aspect ratio", body.get("aspect_ratio", "1:1"), SIZES)
        model = _choice("model", body.get("model", "nano-banana-pro"), CREDITS)
        cost = CREDITS[model]
        available = self.world.media_credits_left
        try:
            remaining = self.world.charge_media_credits(cost)
        except OutOfCreditsError:
            raise ApiError(
                402,
                "insufficient_credits",
                f"Not enough credits. This model costs {cost} credits but you have {available} available.",
                details={"credits_required": cost, "credits_available": available, "model": model},
                retryable=None,
            ) from None
        width, height = SIZES[aspect_ratio]
        media = self._add(
            filename="ai-image.png",
            content_type="image/png",
            status="ready",
            content=Picture(prompt=prompt, width=width, height=height, model=model),
            model=model,
            credits=cost,
        )
        # Waiting comes after paying, as with the vendor: who hangs up has paid nevertheless.
        await asyncio.sleep(self.world.settings.generate_latency.draw(self.world.random))
        return 201, {
            "media_id": media.id,
            "media_ids": [media.id],
            "type": "image",
            "width": width,
            "height": height,
            "aspect_ratio": aspect_ratio,
            "ai": {"model": model, "prompt": prompt},
            "credits_used": cost,
            "credits_remaining": remaining,
            "created_at": timestamp(media.created_at),
            "next_step": f"Image generated. {_next_step(media)}",
        }

    async def upload_from_url(self, request: Request) -> tuple[int, Any]:
        """POST /media/upload-from-url. Nothing is fetched: only pictures of the sandbox itself are real."""
        body = await json_object(request)
        url, filename = body.get("url"), body.get("filename")
        if not isinstance(url, str) or not url:
            raise invalid("url is required")
        if filename is not None and not isinstance(filename, str):
            raise invalid("filename must be a string")
        content, content_type = self._own_picture(url) or _stand_in(url)
        name = filename or posixpath.basename(urlsplit(url).path) or "image"
        media = self._add(name, content_type, "ready", content, source_url=url)
        return 201, {
            **self._shown(media),
            "size": media.size,
            "source_url": url,
            "next_step": f"Media ready. {_next_step(media)}",
        }

    async def upload(self, request: Request) -> tuple[int, Any]:
        """POST /media/upload: the first of three steps."""
        body = await json_object(request)
        filename, content_type, size = body.get("filename"), body.get("content_type"), body.get("size")
        if not isinstance(filename, str) or not filename:
            raise invalid("filename is required")
        if not isinstance(content_type, str) or not content_type:
            raise invalid("content_type is required")
        if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
            raise invalid("size must be a positive number of bytes")
        if content_type not in CONTENT_TYPES.values():
            raise _unsupported(content_type)
        if size > MAX_SIZE:
            raise invalid(f"size must be at most {MAX_SIZE} bytes")
        media = self._add(filename, content_type, "uploading", None)
        return 201, {
            "media_id": media.id,
            "media_ids": [media.id],
            # The random id is what makes the address as good as signed.
            "upload_url": f"{self.world.base_url}/upload/{media.id}",
            "upload_method": "POST",
            "expires_in": UPLOAD_SECONDS,
            "max_size": MAX_SIZE,
        }

    async def receive(self, request: Request) -> Response:
        """Take the bytes, at the presigned address: the second step, and no part of the API proper."""
        media = self.world.media.get(request.path_params["media_id"])
        if media is None or self.world.clock() > media.created_at + UPLOAD_SECONDS:
            return JSONResponse({"message": "upload address unknown or expired"}, 403)
        content = _file_field(await request.body(), request.headers.get("content-type", ""))
        if content is None:
            return JSONResponse({"message": "multipart body with a field named file expected"}, 400)
        if len(content) > MAX_SIZE:
            return JSONResponse({"message": "file too large"}, 413)
        media.content, media.size = content, len(content)
        return Response(status_code=204)

    async def complete(self, request: Request) -> tuple[int, Any]:
        """POST /media/{media_id}/complete: the third step."""
        media = self._get(request)
        if not isinstance(media.content, bytes):
            raise ApiError(400, "file_not_uploaded", "The file was not uploaded yet")
        media.status = "ready" if _is_image(media.content) else "failed"
        return 200, self._shown(media)

    async def get_media(self, request: Request) -> tuple[int, Any]:
        """GET /media/{media_id}."""
        return 200, self._shown(self._get(request))

    def _get(self, request: Request) -> Media:
        media = self.world.media.get(request.path_params["media_id"])
        if media is None:
            raise not_found("Media")
        return media

    def _add(
        self,
        filename: str,
        content_type: str,
        status: str,
        content: Picture | bytes | None,
        **origin: Any,
    ) -> Media:
        # A picture that nobody looks at is not drawn, so its size is that of its pixels.
        size = content.width * content.height * 3 if isinstance(content, Picture) else 0
        media = Media(
            id=str(uuid4()),
            filename=filename,
            content_type=content_type,
            created_at=self.world.clock(),
            status=status,
            content=content,
            size=size,
            **origin,
        )
        self.world.media[media.id] = media
        return media

    def _own_picture(self, url: str) -> tuple[Picture | bytes, str] | None:
        """Return the picture behind an address of the sandbox itself, which is neither https nor public."""
        if not url.startswith(self.world.base_url + "/"):
            return None
        job = self.world.job_of_image(url)
        if job:
            return job.picture, "image/png"
        media = self.world.media.get(posixpath.basename(url))
        if media and media.content is not None and url == self.world.media_url(media):
            return media.content, media.content_type
        raise invalid("Could not fetch the URL: 404 Not Found")

    def _shown(self, media: Media) -> dict[str, Any]:
        return {
            "media_id": media.id,
            "media_ids": [media.id],
            "media_status": media.status,
            "type": "image",
            "url": self.world.media_url(media) if media.status == "ready" else None,
            "filename": media.filename,
            "size": media.size,
            "content_type": media.content_type,
        }


def _refused(message: str) -> ApiError:
    # The vendor's examples for this endpoint do not say whether an error is retryable.
    return ApiError(400, "validation_error", message, retryable=None)


def _choice(what: str, value: object, options: Collection[str]) -> str:
    if not isinstance(value, str) or value not in options:
        raise _refused(f"Invalid {what}. Must be one of: {', '.join(options)}")
    return value


def _unsupported(what: str) -> ApiError:
    return ApiError(415, "unsupported_media_type", f"Unsupported media type: {what}")


def _next_step(media: Media) -> str:
    return f'Attach it to a post by passing "media_ids": ["{media.id}"] to POST /v1/posts.'


def _stand_in(url: str) -> tuple[Picture, str]:
    """Return a picture in place of one elsewhere, if it is at an address that the vendor would fetch from."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise invalid("url must be a valid URL") from None
    if parts.scheme != "https" or not host:
        raise invalid("url must be an https URL")
    if not _is_public(host):
        raise invalid("url must be publicly reachable: private and loopback addresses are not allowed")
    extension = posixpath.splitext(parts.path)[1].lower()
    if extension and extension not in CONTENT_TYPES:
        raise _unsupported(extension)
    width, height = SIZES["1:1"]
    return Picture(prompt=f"{host}{parts.path}", width=width, height=height, model="elsewhere"), "image/png"


def _is_public(host: str) -> bool:
    host = host.removesuffix(".")
    try:
        return ip_address(host).is_global
    except ValueError:
        last_label = host.rpartition(".")[2]
        # No top-level domain begins with a digit: 127.1 is an address in short.
        return last_label != host and not last_label[:1].isdigit() and last_label not in _LOCAL_DOMAINS


def _file_field(body: bytes, content_type: str) -> bytes | None:
    """Return the field named file of a multipart body."""
    kind, _, parameters = content_type.partition(";")
    boundary = parameters.strip().removeprefix("boundary=").strip('"')
    if kind != "multipart/form-data" or not boundary:
        return None
    for part in body.split(b"--" + boundary.encode("latin-1")):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="file"' in head:
            return content.removesuffix(b"\r\n")
    return None


def _is_image(content: bytes) -> bool:
    return any(content[offset:].startswith(signature) for signature, offset in _SIGNATURES)
