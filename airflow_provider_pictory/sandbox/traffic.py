"""What was asked of the two APIs: counts, and the most recent requests with the keys taken out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECRET_HEADERS = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
_BODY_LIMIT = 65_536


@dataclass(slots=True)
class Request:
    """One request. The status is None until it is answered, and for good if the connection was broken."""

    call: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    at: float
    body: str = ""
    status: int | None = None


class Traffic:
    """Everything that came in since the start or the last reset."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.connections = 0
        self.requests: deque[Request] = deque(maxlen=10_000)

    def reset(self) -> None:
        """Forget everything."""
        self.calls.clear()
        self.connections = 0
        self.requests.clear()


class TrafficMiddleware:
    """Wraps the endpoint of one call and records what is asked of it."""

    def __init__(self, app: ASGIApp, traffic: Traffic, call: str, clock: Callable[[], float]) -> None:
        self.app = app
        self.traffic = traffic
        self.call = call
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(
            call=self.call,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1"): _shown(name, value) for name, value in scope["headers"]},
            at=self.clock(),
        )
        self.traffic.calls[self.call] += 1
        self.traffic.requests.append(request)

        async def listen() -> Message:
            message = await receive()
            room = _BODY_LIMIT - len(request.body)
            if room > 0 and message["type"] == "http.request":
                request.body += message["body"][:room].decode("utf-8", "replace")
            return message

        async def speak(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            await send(message)

        await self.app(scope, listen, speak)


def _shown(name: bytes, value: bytes) -> str:
    if name not in _SECRET_HEADERS:
        return value.decode("latin-1")
    # The scheme stays: whether a client said Bearer is what one wants to see.
    return "Bearer ***" if value[:7].lower() == b"bearer " else "***"
