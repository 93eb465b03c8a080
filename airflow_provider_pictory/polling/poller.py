"""Polling for many at once: all triggers of a triggerer that wait through one connection share its requests."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_pictory.client.connection import CONNECTIONS, REFRESH_INTERVAL, Endpoint
from airflow_provider_pictory.client.rate_limits_and_retries import backoff, pause_before_retry
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.transport import AsyncTransport
from airflow_provider_pictory.exceptions import InvalidResponseError, ServiceError, TransientError

T = TypeVar("T")


log = logging.getLogger(__name__)

MAX_BACKOFF = 60.0
"""Seconds between two requests at most, while the service is down."""

READ_TIMEOUT = 60.0
"""Seconds to read a connection from Airflow."""

_pollers: dict[tuple[asyncio.AbstractEventLoop, str, str], Poller] = {}


class SharedPoller:
    """
    The poller of a connection: it comes with the first who waits, and goes with the last. An async context manager.

    :param conn_type: the connection's type.
    :param conn_id: the connection.
    :param make_transport: makes what sends the requests.
    """

    def __init__(self, conn_type: str, conn_id: str, make_transport: Callable[[], AsyncTransport]) -> None:
        self._key = (asyncio.get_running_loop(), conn_type, conn_id)
        self._make_transport = make_transport

    async def __aenter__(self) -> Poller:
        if self._key not in _pollers:
            _pollers[self._key] = Poller(self._make_transport())
        poller = _pollers[self._key]
        poller.users += 1
        return poller

    async def __aexit__(self, *_: object) -> None:
        poller = _pollers[self._key]
        poller.users -= 1
        if not poller.users:
            del _pollers[self._key]
            await poller.transport.close()


class Poller:
    """
    Sends the requests of all who wait, first come, first served.

    One session with few connections, at a bounded rate. Where one request meets an outage or is told to come back
    later, all pause; then one goes ahead, and the others follow if it gets an answer.

    :param transport: sends the requests.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport
        self.users = 0
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._gate = asyncio.Lock()
        self._polls = asyncio.Lock()
        self._workers = asyncio.Lock()
        # Airflow writes what a task logs into the log of the trigger in whose context it was started.
        self._context = contextvars.Context()
        # Times of the loop.
        self._next = 0.0
        self._spare = 0.0
        self._paused_until = 0.0
        self._read = 0.0
        self._worked = 0.0
        self._failed = 0.0
        self._faults = 0
        self._stale = False
        self._suspects: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    async def send(self, request: ApiRequest[T]) -> T:
        """
        Send one request, when it is its turn.

        :raises ServiceError: what the request ends with.
        """
        async with self._slots:
            async with self._polls:
                while (delay := self._spare - self._loop.time()) > 0:  # noqa: ASYNC110  # no event tells it
                    await asyncio.sleep(delay)
                async with self._gate:
                    await self._wait_for_turn(1)
                    if self._faults:
                        return await self._send(request)
            return await self._send(request)

    async def acquire(self, requests: int) -> None:
        """
        Wait until it is the turn of a worker; while polls are to be sent, at most every second turn is one's.

        :param requests: how many it is going to send.
        """
        async with self._workers, self._gate:
            await self._wait_for_turn(requests)

    def pause(self, delay: float) -> None:
        """
        Send nothing for a while.

        :param delay: seconds.
        """
        self._paused_until = max(self._paused_until, self._loop.time() + delay)

    async def _wait_for_turn(self, requests: int) -> None:
        while (delay := max(self._next, self._paused_until) - self._loop.time()) > 0:  # noqa: ASYNC110  # no event tells it
            await asyncio.sleep(delay)
        endpoint = self.transport.endpoint
        if endpoint is None or self._stale:
            endpoint = await self._refresh()
        self._next = self._loop.time() + requests * 60.0 / endpoint.requests_per_minute

    async def _refresh(self) -> Endpoint:
        began = self._loop.time()
        try:
            try:
                endpoint = await asyncio.wait_for(self._apart(self.transport.refresh()), READ_TIMEOUT)
            except asyncio.TimeoutError:
                raise TransientError(f"Connection {self.transport.conn_id!r} cannot be read now") from None
        except ServiceError as error:
            self._note(error, began)
            raise
        self._stale = False
        self._read = self._loop.time()
        return endpoint

    async def _send(self, request: ApiRequest[T]) -> T:
        began = self._loop.time()
        try:
            answer = await self._apart(self.transport.send(request))
        except ServiceError as error:
            self._stale |= began > self._read + REFRESH_INTERVAL  # its key or address may have been changed
            self._note(error, began)
            raise
        self._note(None, began)
        if self.transport.allowance is not None:
            left, seconds = self.transport.allowance
            if not left:
                self.pause(seconds)
            # Half of what the service still allows is left to others with the same key: other triggerers, and posts.
            self._spare = self._loop.time() + 2 * seconds / (left + 2)
        return answer

    def _note(self, error: ServiceError | None, began: float) -> None:
        job = asyncio.current_task()
        if not isinstance(error, (TransientError, InvalidResponseError)):  # the service is there
            self._suspects.pop(job, None)
            if began >= self._failed:
                self._worked, self._faults = began, 0
            return
        asked = pause_before_retry(error)
        is_new = began >= self._failed  # else it was under way when another one failed
        if asked is None and (not is_new or self._suspects.get(job, self._worked) < self._worked):
            return  # the latter: this job failed before, and others got answers since
        self._suspects[job] = began
        self._faults += is_new
        self._failed = self._loop.time()
        # The first may be a matter of one job alone.
        delay = asked or (backoff(self._faults - 1, MAX_BACKOFF) if self._faults > 1 else 0.0)
        self.pause(delay)
        if delay:
            tasks = f"{self.users} waiting task{'' if self.users == 1 else 's'}"
            message = "%s (%s): pausing %s for %.0f s"
            self._context.run(log.warning, message, error, self.transport.conn_id, tasks, delay)

    def _apart(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        return self._context.run(self._loop.create_task, coroutine)
