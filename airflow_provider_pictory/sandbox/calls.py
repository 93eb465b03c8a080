"""Routes of the two APIs. Each has a name, by which it is recorded and by which faults strike it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_pictory.sandbox.faults import ErrorBody, FaultMiddleware, bare_message
from airflow_provider_pictory.sandbox.traffic import TrafficMiddleware
from airflow_provider_pictory.sandbox.world import World

ANY_METHOD = "GET POST PUT PATCH DELETE"

Endpoint = Callable[[Request], Awaitable[Response]]


def call_route(
    world: World, name: str, method: str, path: str, endpoint: Endpoint, error_body: ErrorBody = bare_message
) -> Route:
    """Return the route of one call; several methods are separated by spaces."""
    world.faults.learn(name)
    return Route(
        path,
        endpoint,
        methods=method.split(),
        name=name,
        middleware=[
            Middleware(TrafficMiddleware, traffic=world.traffic, call=name, clock=lambda: world.clock()),
            Middleware(FaultMiddleware, faults=world.faults, call=name, error_body=error_body),
        ],
    )
