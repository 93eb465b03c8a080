"""How PostEverywhere answers: an envelope around everything, keys with scopes, rate limits everywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_pictory.sandbox.calls import call_route
from airflow_provider_pictory.sandbox.world import Key, World

# What the headers say while no rate is set.
DOCUMENTED_RATE = 60

# Of the errors that only faults cause; the others are named after their status.
_CODES = {429: "rate_limit_exceeded", 500: "internal_error"}

Handler = Callable[[Request], Awaitable[tuple[int, Any]]]


class ApiError(Exception):
    """An error as the vendor tells it; `retryable` None leaves that field out."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        retryable: bool | None = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.plain: dict[str, Any] = {"message": message, "code": code}
        if retryable is not None:
            self.plain["retryable"] = retryable
        if details is not None:
            self.plain["details"] = dict(details)


def invalid(message: str) -> ApiError:
    """Return a field that is missing or wrong."""
    return ApiError(400, "validation_error", message)


def not_found(what: str) -> ApiError:
    """Something that is not there."""
    return ApiError(404, "not_found", f"{what} not found")


def conflict(message: str) -> ApiError:
    """Something that is not in the state for it."""
    return ApiError(409, "conflict", message)


async def json_object(request: Request) -> dict[str, Any]:
    """Read the body of a request."""
    try:
        body = await request.json()
    except ValueError:
        raise ApiError(400, "invalid_json", "Request body must be valid JSON") from None
    if not isinstance(body, dict):
        raise invalid("Request body must be a JSON object")
    return body


def timestamp(at: float) -> str:
    """Return a time as the vendor writes it."""
    moment = datetime.fromtimestamp(at, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def api_route(world: World, name: str, method: str, path: str, scope: str, handler: Handler) -> Route:
    """Return a route whose handler returns a status and the data, or raises `ApiError`."""

    async def endpoint(request: Request) -> Response:
        now = world.clock()
        key = _key(world, request)
        headers, wait = _rate(world, key, now)
        data = error = None
        try:
            if key is None:
                raise ApiError(401, "invalid_api_key", "Missing or invalid API key")
            if wait is not None:
                headers["Retry-After"] = str(wait)
                raise ApiError(429, "rate_limit_exceeded", "Rate limit exceeded", retryable=True)
            if scope not in key.scopes:
                message = f"This API key lacks the {scope} scope"
                raise ApiError(403, "insufficient_scope", message, details={"required_scope": scope})
            status, data = await handler(request)
        except ApiError as problem:
            status, error = problem.status, problem.plain
        return JSONResponse(_envelope(data, error, now), status, headers)

    def error_body(status: int) -> dict[str, Any]:
        reason = HTTPStatus(status)
        problem = ApiError(status, _CODES.get(status, reason.name.lower()), reason.phrase, retryable=None)
        return _envelope(None, problem.plain, world.clock())

    return call_route(world, f"posteverywhere.{name}", method, path, endpoint, error_body)


def _envelope(data: Any, error: Mapping[str, Any] | None, now: float) -> dict[str, Any]:
    return {"data": data, "error": error, "meta": {"request_id": token_hex(4), "timestamp": timestamp(now)}}


def _key(world: World, request: Request) -> Key | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return world.keys.get(value) if scheme.lower() == "bearer" else None


def _rate(world: World, key: Key | None, now: float) -> tuple[dict[str, str], int | None]:
    """Return the headers of the rate limit, and the seconds to wait if it is exceeded."""
    if key is None:
        return _rate_headers(DOCUMENTED_RATE, 0, int(now) + 60), None
    minute_count, hour_count = key.minute.hit(now), key.hour.hit(now)
    settings = world.settings
    hourly = settings.posteverywhere_hourly_rate
    if hourly is not None and hour_count > hourly:
        return _rate_headers(hourly, 0, key.hour.resets_at), key.hour.seconds_left(now)
    rate = settings.posteverywhere_rate
    resets_at = key.minute.resets_at
    if rate is None:
        return _rate_headers(DOCUMENTED_RATE, DOCUMENTED_RATE - 1, resets_at), None
    wait = key.minute.seconds_left(now) if minute_count > rate else None
    return _rate_headers(rate, max(0, rate - minute_count), resets_at), wait


def _rate_headers(limit: int, remaining: int, resets_at: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(resets_at),
    }
