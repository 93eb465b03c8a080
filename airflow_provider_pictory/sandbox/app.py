"""The whole sandbox as one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from airflow_provider_pictory.sandbox.control import Control
from airflow_provider_pictory.sandbox.feed import Feed
from airflow_provider_pictory.sandbox.library import Library
from airflow_provider_pictory.sandbox.pictory import Pictory
from airflow_provider_pictory.sandbox.pictures import draw
from airflow_provider_pictory.sandbox.posteverywhere import PostEverywhere
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.sandbox.world import World


def create_app(world: World) -> Starlette:
    """Return the application that shows a world, and changes it."""
    library = Library(world)

    async def picture(request: Request) -> Response:
        job = world.jobs.get(request.path_params["job_id"])
        if job is None or world.job_status(job) != "completed":
            return PlainTextResponse("Not Found", 404)
        return await _file(job.picture, "image/png")

    async def media(request: Request) -> Response:
        entry = world.media.get(request.path_params["media_id"])
        if entry is None or entry.content is None or entry.status != "ready":
            return PlainTextResponse("Not Found", 404)
        return await _file(entry.content, entry.content_type)

    return Starlette(
        routes=[
            Mount("/pictoryapis", routes=Pictory(world).routes()),
            Mount("/api/v1", routes=PostEverywhere(world, library).routes()),
            Route("/pictures/{job_id}.png", picture),
            Route("/media/{media_id}", media),
            Route("/upload/{media_id}", library.receive, methods=["POST"]),
            *Feed(world).routes(),
            Mount("/sandbox", routes=Control(world).routes()),
        ]
    )


async def _file(content: Picture | bytes, content_type: str) -> Response:
    # Drawing takes long enough to be felt by everybody else if done here.
    data = content if isinstance(content, bytes) else await run_in_threadpool(draw, content)
    return Response(data, media_type=content_type, headers={"X-Content-Type-Options": "nosniff"})
