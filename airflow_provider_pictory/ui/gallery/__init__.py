"""
The gallery: a page in Airflow's UI with the images that this provider made.

The page is static files, which know nothing; it asks Airflow's public REST API with the viewer's own session, so that
Airflow's permissions decide what each one sees.

Airflow loads plugins in every process. Only the api-server serves this one, so only a request imports a web framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/pictory-gallery"
_VIEW = {
    "name": "Gallery",
    "icon": f"{PREFIX[1:]}/icon.svg",
    "icon_dark_mode": f"{PREFIX[1:]}/icon-dark.svg",
}
_Message = MutableMapping[str, Any]


async def serve(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """Serve the page's files, as an ASGI app."""
    from airflow_provider_pictory.ui.gallery.static_files import FILES

    await FILES(scope, receive, send)


class GalleryPlugin(AirflowPlugin):
    """Puts the gallery into the navigation and beside the other tabs of a DAG run, from Airflow 3.1."""

    name = "pictory_gallery"

    if hasattr(AirflowPlugin, "external_views"):
        fastapi_apps = [{"name": "Pictory gallery", "url_prefix": PREFIX, "app": serve}]
        # The addresses are relative: Airflow may be served under a path.
        external_views = [
            {**_VIEW, "destination": "nav", "url_route": "pictory-gallery", "href": f"{PREFIX[1:]}/"},
            {
                **_VIEW,
                "destination": "dag_run",
                "url_route": "pictory-images",
                "name": "Images",
                "href": f"{PREFIX[1:]}/?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            },
        ]
