"""Controls of the sandbox over HTTP, below ``/sandbox``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_pictory.sandbox.faults import Fault
from airflow_provider_pictory.sandbox.world import SCOPES, World


class Control:
    """The endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return the routes below ``/sandbox``."""
        return [
            _route("GET", "/ledger", self.ledger),
            _route("POST", "/reset", self.reset),
            _route("GET", "/settings", self.settings),
            _route("POST", "/settings", self.change_settings),
            _route("POST", "/keys", self.add_key),
            _route("GET", "/faults", self.list_faults),
            _route("POST", "/faults", self.add_fault),
            _route("DELETE", "/faults", self.clear_faults),
            _route("GET", "/faults/{fault_id}", self.get_fault),
            _route("POST", "/faults/{fault_id}/release", self.release_fault),
        ]

    async def ledger(self, request: Request) -> Response:
        """Tell everything that was asked, paid and published."""
        return JSONResponse(self.world.ledger())

    async def reset(self, request: Request) -> Response:
        """Go back to the state and the settings at the start."""
        self.world.reset()
        return Response(status_code=204)

    async def settings(self, request: Request) -> Response:
        """Tell the settings."""
        return JSONResponse(self.world.settings.plain())

    async def change_settings(self, request: Request) -> Response:
        """Change the settings that the body names."""
        self.world.change_settings(self.world.settings.updated(await _object(request)))
        return JSONResponse(self.world.settings.plain())

    async def add_key(self, request: Request) -> Response:
        """Add a key of PostEverywhere with the scopes of the body; the answer is the only place to see it."""
        scopes = (await _object(request)).get("scopes")
        if not isinstance(scopes, list) or not set(scopes) <= set(SCOPES):
            raise ValueError(f"scopes must be a list out of {', '.join(SCOPES)}")
        return JSONResponse({"key": self.world.add_key(tuple(scopes)), "scopes": scopes}, 201)

    async def list_faults(self, request: Request) -> Response:
        """Tell all faults and how many requests each is holding."""
        return JSONResponse({"faults": [fault.plain() for fault in self.world.faults.all()]})

    async def add_fault(self, request: Request) -> Response:
        """Set the fault that the body describes."""
        return JSONResponse(self.world.faults.add(await _object(request)).plain(), 201)

    async def clear_faults(self, request: Request) -> Response:
        """Remove all faults and release what they hold."""
        self.world.faults.clear()
        return Response(status_code=204)

    async def get_fault(self, request: Request) -> Response:
        """Tell about one fault; with ``?wait=SECONDS`` as soon as it is holding a request."""
        fault = self._fault(request)
        await fault.wait_until_holding(float(request.query_params.get("wait", "0")))
        return JSONResponse(fault.plain())

    async def release_fault(self, request: Request) -> Response:
        """Let go of the requests that a fault is holding."""
        fault = self._fault(request)
        fault.release()
        return JSONResponse(fault.plain())

    def _fault(self, request: Request) -> Fault:
        return self.world.faults.get(request.path_params["fault_id"])


def _route(method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    async def handle(request: Request) -> Response:
        try:
            return await endpoint(request)
        except KeyError:
            return JSONResponse({"message": "no such fault"}, 404)
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)

    return Route(path, handle, methods=[method])


async def _object(request: Request) -> dict[str, object]:
    body = await request.json()
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body
