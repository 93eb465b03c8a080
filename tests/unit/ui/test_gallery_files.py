"""What the gallery's app serves beside files as they are on the disk."""

from __future__ import annotations

import asyncio
import json

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider_pictory.client.platforms import PLATFORMS
from airflow_provider_pictory.ui.gallery import PREFIX, serve
from airflow_provider_pictory.ui.gallery.static_files import HEADERS


def ask(name: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask as a browser does, of an app with the gallery where Airflow has it."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=[Mount(PREFIX, serve)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow", headers=headers) as client:
            return await client.request(method, f"{PREFIX}/{name}")

    return asyncio.run(answer())


def test_the_page_has_the_names_of_all_platforms():
    module = ask("constants.js").text.partition("export const PLATFORMS = ")[2].partition(";\n")[0]
    assert json.loads(module) == {key: platform.name for key, platform in PLATFORMS.items()}


def test_the_names_come_as_the_other_scripts_do():
    names, file = ask("constants.js"), ask("cards.js")
    assert (names.status_code, names.headers["content-type"]) == (200, file.headers["content-type"])
    assert {name: names.headers[name] for name in HEADERS} == HEADERS
    assert ask("constants.js", "POST").status_code == ask("cards.js", "POST").status_code == 405


def test_names_that_have_not_changed_are_not_sent_again():
    tag = ask("constants.js").headers["etag"]
    again = ask("constants.js", **{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    assert ask("constants.js", **{"If-None-Match": '"another"'}).status_code == 200
