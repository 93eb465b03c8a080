"""Faults on demand: answers that are wrong, late, cut short, or that never come."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from itertools import count
from random import Random
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = ("status", "body", "truncate", "reset", "delay", "hold")
MOMENTS = ("before", "after")

ErrorBody = Callable[[int], Any]

# With linger on and a time of zero, closing sends RST instead of FIN.
_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Fault:
    """
    One fault and what it has done so far.

    - ``status``: answers with `status` (503 unless given), `headers` and `body` (unless given, what the service
      answers to an error).
    - ``body``: answers 200 (or `status`) with `body` `repeat` times over, streamed.
    - ``truncate``: promises the whole real answer, sends half of it and breaks the connection.
    - ``reset``: breaks the connection without an answer.
    - ``delay``: waits for `seconds`.
    - ``hold``: waits until released.

    ``when="before"`` acts instead of, or ahead of, the request's effect; ``"after"`` lets the effect happen
    and then acts on the answer.
    """

    id: str
    call: str
    kind: str
    when: str = "before"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    repeat: int = 1
    seconds: float = 1.0
    times: int | None = 1
    probability: float = 1.0
    hits: int = field(default=0, init=False)
    held: int = field(default=0, init=False)
    forgotten: bool = field(default=False, init=False)
    _released: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    _holding: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError for options that would only fail when the fault strikes."""
        checks = {
            f"kind must be one of {', '.join(KINDS)}": self.kind in KINDS,
            f"when must be one of {', '.join(MOMENTS)}": self.when in MOMENTS,
            "status must be an HTTP status": self.status is None or self.status in set(HTTPStatus),
            "headers must map names to texts": isinstance(self.headers, dict)
            and all(isinstance(part, str) for pair in self.headers.items() for part in pair),
            "content_type must be a text": isinstance(self.content_type, str),
            "repeat must be a whole number above 0": type(self.repeat) is int and self.repeat > 0,
            "seconds must be a number of 0 or more": _is_number(self.seconds) and self.seconds >= 0,
            "times must be a whole number above 0, or null": self.times is None
            or (type(self.times) is int and self.times > 0),
            "probability must be between 0 and 1": _is_number(self.probability) and 0 <= self.probability <= 1,
        }
        for complaint, holds in checks.items():
            if not holds:
                raise ValueError(complaint)

    @property
    def spent(self) -> bool:
        """Whether it will strike no more."""
        return self._released.is_set() or (self.times is not None and self.hits >= self.times)

    def release(self) -> None:
        """Let go of what is held, and hold nothing any more."""
        self._released.set()

    async def hold(self) -> None:
        """Wait until released."""
        self.held += 1
        self._holding.set()
        try:
            await self._released.wait()
        finally:
            self.held -= 1
            if not self.held:
                self._holding.clear()

    async def wait_until_holding(self, timeout: float) -> None:
        """Wait until at least one request is held, or the time is over."""
        try:
            await asyncio.wait_for(self._holding.wait(), timeout)
        except asyncio.TimeoutError:
            return

    def plain(self) -> dict[str, Any]:
        """Return the fault as JSON values."""
        return {
            "id": self.id,
            "call": self.call,
            "kind": self.kind,
            "when": self.when,
            "times": self.times,
            "probability": self.probability,
            "hits": self.hits,
            "held": self.held,
            "spent": self.spent,
        }


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


class Faults:
    """The faults that are set, in the order in which they were set."""

    def __init__(self) -> None:
        self._random = Random()
        self._faults: dict[str, Fault] = {}
        self._ids = count(1)
        self._calls: set[str] = set()

    def learn(self, call: str) -> None:
        """Take note of a call that faults can strike, so that a misspelt one is refused."""
        self._calls.add(call)

    def add(self, options: Mapping[str, Any]) -> Fault:
        """Set a fault; raise ValueError if its options make no sense."""
        try:
            fault = Fault(id=f"fault-{next(self._ids)}", **options)
        except TypeError as error:
            raise ValueError(str(error).replace("Fault.__init__()", "a fault")) from None
        if not any(fnmatchcase(call, str(fault.call)) for call in self._calls):
            raise ValueError(f"no call is named {fault.call!r}; there are {', '.join(sorted(self._calls))}")
        self._faults[fault.id] = fault
        return fault

    def get(self, fault_id: str) -> Fault:
        """Return the fault of that id; raise KeyError if there is none."""
        return self._faults[fault_id]

    def all(self) -> list[Fault]:
        """All faults, spent ones included."""
        return list(self._faults.values())

    def clear(self) -> None:
        """Forget all faults and release what they hold."""
        for fault in self._faults.values():
            fault.release()
        self._faults.clear()

    def reset(self, seed: int) -> None:
        """Forget all faults, and the requests that they hold or delay, and start over."""
        for fault in self._faults.values():
            fault.forgotten = True
        self.clear()
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Throw the dice of the probabilities from the start."""
        self._random.seed(seed)

    def strike(self, call: str) -> Fault | None:
        """Return the first fault that strikes this call, if any."""
        for fault in self._faults.values():
            if fault.spent or not fnmatchcase(call, fault.call):
                continue
            if self._random.random() < fault.probability:
                fault.hits += 1
                return fault
        return None


def bare_message(status: int) -> dict[str, Any]:
    """Return the body of an error of which nothing but the status is known."""
    return {"message": HTTPStatus(status).phrase}


class FaultMiddleware:
    """Wraps the endpoint of one call and lets faults strike it."""

    def __init__(self, app: ASGIApp, faults: Faults, call: str, error_body: ErrorBody = bare_message) -> None:
        self.app = app
        self.faults = faults
        self.call = call
        self.error_body = error_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        fault = self.faults.strike(self.call)
        if fault is None:
            await self.app(scope, receive, send)
            return
        receive = await _read_all(receive)
        answer: list[Message] = []
        if fault.when == "after" or fault.kind == "truncate":

            async def keep(message: Message) -> None:
                answer.append(message)

            await self.app(scope, receive, keep)

        if fault.kind in ("status", "body"):
            await _answer(fault, self.error_body, send)
            return
        if fault.kind == "reset":
            await _break(scope, receive)
            return
        if fault.kind == "truncate":
            await _send_half(answer, send)
            scope["state"]["transport"].close()
            await _disconnected(receive)
            return
        await (asyncio.sleep(fault.seconds) if fault.kind == "delay" else fault.hold())
        if fault.forgotten:
            await _break(scope, receive)
            return
        if not answer:
            await self.app(scope, receive, send)
        for message in answer:
            await send(message)


async def _read_all(receive: Receive) -> Receive:
    """
    Read the whole request, and return what hands it out.

    A request that has come takes effect later even if its client has gone, and breaking off while the client is still
    sending would look different to it each time.
    """
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())

    async def read() -> Message:
        return messages.pop(0) if messages else await receive()

    return read


async def _answer(fault: Fault, error_body: ErrorBody, send: Send) -> None:
    status = fault.status or (503 if fault.kind == "status" else 200)
    body = error_body(status) if fault.body is None else fault.body
    chunk = (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = {"content-type": fault.content_type} | {k.lower(): v for k, v in fault.headers.items()}
    if fault.repeat == 1:
        headers["content-length"] = str(len(chunk))
    raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw_headers})
    for _ in range(fault.repeat - 1):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": chunk})


async def _send_half(answer: list[Message], send: Send) -> None:
    start, *parts = answer
    body = b"".join(part["body"] for part in parts)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _break(scope: Scope, receive: Receive) -> None:
    transport = scope["state"]["transport"]
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    # The server makes up for an endpoint that returns too early, unless it knows that nobody listens.
    while (await receive())["type"] != "http.disconnect":
        pass
