"""The files of the gallery's page, and the headers that keep it to itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from airflow_provider_pictory.client.platforms import PLATFORMS

if TYPE_CHECKING:
    from starlette.types import Scope

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A new release of this package shows at once; what has not changed is not sent again.
    "Cache-Control": "no-cache",
}

# The page's names of platforms are the package's own.
_NAMES = {key: platform.name for key, platform in PLATFORMS.items()}
_PLATFORMS_JS = f"export const PLATFORMS = {json.dumps(_NAMES)};\n"
_PLATFORMS_TAG = f'"{hashlib.sha256(_PLATFORMS_JS.encode()).hexdigest()}"'


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == "platforms.js" and scope["method"] in ("GET", "HEAD"):
            response = self._platforms(scope)
        elif "\0" in path:  # below 0.50, Starlette answers with a 500
            raise HTTPException(404)
        else:
            response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response

    def _platforms(self, scope: Scope) -> Response:
        response = Response(_PLATFORMS_JS, media_type="text/javascript", headers={"ETag": _PLATFORMS_TAG})
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response


FILES = _Files(directory=Path(__file__).parent / "static", html=True)
