"""Delivering webhooks, to loopback addresses only: other deliveries are noted, not made."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery: the receiver's status, or why there is none."""

    url: str
    event: str
    subject: str
    status: int | None
    error: str | None

    def plain(self) -> dict[str, str | int | None]:
        """Return the delivery as JSON values."""
        return asdict(self)


def is_loopback(host: str | None) -> bool:
    """Whether a host of a URL is this machine."""
    if host is None or host == "localhost":
        return host == "localhost"
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Courier:
    """Carries webhooks in the background of the running event loop; a delivery that fails is not repeated."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._errands: set[asyncio.Task[None]] = set()

    def send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Start an errand that waits for its moment and then calls `deliver`."""
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def deliver(self, url: str, event: str, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        """POST a body to a URL and note what came of it."""
        parts = urlsplit(url)
        status, error = None, None
        if parts.scheme != "http" or not is_loopback(parts.hostname):
            error = "not sent: the sandbox delivers to http on loopback addresses only"
        else:
            try:
                status = await asyncio.to_thread(_post, url, body, headers)
            except (OSError, HTTPException) as problem:
                error = str(problem) or type(problem).__name__
        self.deliveries.append(Delivery(url, event, subject, status, error))

    def reset(self) -> None:
        """Drop what is under way and forget what was delivered."""
        for errand in self._errands:
            errand.cancel()
        self.deliveries.clear()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Of the clients in the standard library this one follows neither redirects nor proxy settings,
    # either of which could lead away from this machine.
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().status
    finally:
        connection.close()
