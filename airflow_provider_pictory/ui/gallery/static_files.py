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
from airflow_provider_pictory.client.requests import PICTORY_DEFAULT_MODEL, PICTORY_MODELS

if TYPE_CHECKING:
    from starlette.types import Scope

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A new release of this package shows at once; what has not changed is not sent again.
    "Cache-Control": "no-cache",
}

# The page's names of platforms, and prices of models, are the package's own.
_CONSTANTS = {
    "PLATFORMS": {key: platform.name for key, platform in PLATFORMS.items()},
    "PRICES": {name: model.credits for name, model in PICTORY_MODELS.items()},
    "DEFAULT_MODEL": PICTORY_DEFAULT_MODEL,
}
_CONSTANTS_JS = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in _CONSTANTS.items())
_CONSTANTS_TAG = f'"{hashlib.sha256(_CONSTANTS_JS.encode()).hexdigest()}"'


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == "constants.js" and scope["method"] in ("GET", "HEAD"):
            response = self._constants(scope)
        elif "\0" in path:  # below 0.50, Starlette answers with a 500
            raise HTTPException(404)
        else:
            response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response

    def _constants(self, scope: Scope) -> Response:
        response = Response(_CONSTANTS_JS, media_type="text/javascript", headers={"ETag": _CONSTANTS_TAG})
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response


FILES = _Files(directory=Path(__file__).parent / "static", html=True)
