"""A poller shared by all triggers that wait through one connection in a triggerer."""

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
"""The maximum number of seconds between two requests while the service is down."""

READ_TIMEOUT = 60.0
"""The timeout in seconds for reading a connection from Airflow."""

_pollers: dict[tuple[asyncio.AbstractEventLoop, str, str], Poller] = {}


class SharedPoller:
    """
    An async context manager for a connection's poller, which is created on first use and closed after the last.

    :param make_transport: makes the poller's transport.
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
    Sends the requests of all waiting triggers in order, over one session, within the connection's rate limit.

    On an outage or a 429, all requests pause. Then one is sent first, and the others follow if it succeeds.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport
        self.users = 0
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._rate_lock = asyncio.Lock()
        self._poll_lock = asyncio.Lock()
        self._worker_lock = asyncio.Lock()
        # In a trigger's context, Airflow would write these logs into that trigger's log.
        self._context = contextvars.Context()
        # Times are those of the event loop's clock.
        self._next_request_at = 0.0
        self._next_poll_at = 0.0
        self._paused_until = 0.0
        self._connection_read_at = 0.0
        self._success_at = 0.0
        self._failure_at = 0.0
        self._failures = 0
        self._stale = False
        self._task_failures: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    async def send(self, request: ApiRequest[T]) -> T:
        """Send one request as soon as the rate limit allows."""
        async with self._slots:
            async with self._poll_lock:
                while (delay := self._next_poll_at - self._loop.time()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(delay)
                async with self._rate_lock:
                    await self._wait_for_slot(1)
                    if self._failures:
                        return await self._send(request)
            return await self._send(request)

    async def acquire(self, requests: int) -> None:
        """
        Wait until a task in a worker may send requests; with polls waiting, at most every second slot is a worker's.

        :param requests: how many requests the task is going to send.
        """
        async with self._worker_lock, self._rate_lock:
            await self._wait_for_slot(requests)

    def pause(self, delay: float) -> None:
        """Send no requests for ``delay`` seconds."""
        self._paused_until = max(self._paused_until, self._loop.time() + delay)

    async def _wait_for_slot(self, requests: int) -> None:
        while (delay := max(self._next_request_at, self._paused_until) - self._loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(delay)
        endpoint = self.transport.endpoint
        if endpoint is None or self._stale:
            endpoint = await self._refresh()
        self._next_request_at = self._loop.time() + requests * 60.0 / endpoint.requests_per_minute

    async def _refresh(self) -> Endpoint:
        sent_at = self._loop.time()
        try:
            try:
                endpoint = await asyncio.wait_for(self._run_outside_trigger(self.transport.refresh()), READ_TIMEOUT)
            except asyncio.TimeoutError:
                raise TransientError(f"Connection {self.transport.conn_id!r} cannot be read now") from None
        except ServiceError as error:
            self._record(error, sent_at)
            raise
        self._stale = False
        self._connection_read_at = self._loop.time()
        return endpoint

    async def _send(self, request: ApiRequest[T]) -> T:
        sent_at = self._loop.time()
        try:
            result = await self._run_outside_trigger(self.transport.send(request))
        except ServiceError as error:
            self._stale |= sent_at > self._connection_read_at + REFRESH_INTERVAL  # the connection may have been changed
            self._record(error, sent_at)
            raise
        self._record(None, sent_at)
        if self.transport.allowance is not None:
            remaining, seconds = self.transport.allowance
            if not remaining:
                self.pause(seconds)
            # Use at most half of what remains: other triggerers and tasks use the same key.
            self._next_poll_at = self._loop.time() + 2 * seconds / (remaining + 2)
        return result

    def _record(self, error: ServiceError | None, sent_at: float) -> None:
        task = asyncio.current_task()
        if not isinstance(error, (TransientError, InvalidResponseError)):  # the service is up
            self._task_failures.pop(task, None)
            if sent_at >= self._failure_at:
                self._success_at, self._failures = sent_at, 0
            return
        retry_after = pause_before_retry(error)
        is_new = sent_at >= self._failure_at  # else it was sent before the last failure
        if retry_after is None and (not is_new or self._task_failures.get(task, self._success_at) < self._success_at):
            return  # the latter: only this task's requests fail
        self._task_failures[task] = sent_at
        self._failures += is_new
        self._failure_at = self._loop.time()
        # The first failure may be specific to one job.
        delay = retry_after or (backoff(self._failures - 1, MAX_BACKOFF) if self._failures > 1 else 0.0)
        self.pause(delay)
        if delay:
            tasks = f"{self.users} waiting task{'' if self.users == 1 else 's'}"
            message = "%s (%s): pausing %s for %.0f s"
            self._context.run(log.warning, message, error, self.transport.conn_id, tasks, delay)

    def _run_outside_trigger(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        return self._context.run(self._loop.create_task, coroutine)
