"""Sending the requests of all that waits through one connection, in the order in which they are due."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from math import inf
from typing import Any, Generic, TypeVar

from airflow_provider_pictory.client.connection import CONNECTIONS, REFRESH_INTERVAL
from airflow_provider_pictory.client.models import ImageJob, JobStatus
from airflow_provider_pictory.client.rate_limits_and_retries import backoff, pause_before_retry
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.transport import AsyncTransport
from airflow_provider_pictory.exceptions import InvalidResponseError, ServiceError, TransientError, one_line
from airflow_provider_pictory.polling.job_list import JobList, Page, PageRequest
from airflow_provider_pictory.polling.rate import TokenBucket
from airflow_provider_pictory.polling.waiting import Awaited, Wait

T = TypeVar("T", bound=Awaited)

log = logging.getLogger(__name__)

MAX_BACKOFF = 60.0
"""The maximum number of seconds between two requests while the service is down."""

READ_TIMEOUT = 60.0
"""The timeout in seconds for reading a connection from Airflow."""

REFRESH_PAUSE = 1.0
"""Seconds until a connection is read again that could not be read."""

SLACK = 0.05
"""How much earlier than due a job is polled together with others, as a share of its interval."""


@dataclass(eq=False)
class _Entry(Generic[T]):
    """
    Something that waits.

    :param number: that of its place in the heap; places with other numbers no longer count.
    :param task: the request that is being sent.
    :param failed_at: when the last request was sent, if it failed.
    """

    wait: Wait[T]
    request: ApiRequest[T]
    job_id: str
    future: asyncio.Future[T]
    number: int = 0
    task: asyncio.Task[None] | None = None
    failed_at: float | None = None


class Dispatcher:
    """
    Sends the requests of all that waits in order, over one session, within the connection's rate limit.

    On an outage or a 429, all requests pause. Then one is sent first, and the others follow if it succeeds.
    """

    def __init__(self, transport: AsyncTransport, page_request: PageRequest | None = None) -> None:
        self.transport = transport
        self.users = 0
        self._list = JobList(page_request, self._push_all)
        self._loop = asyncio.get_running_loop()
        # In a trigger's context, Airflow would write these logs into that trigger's log.
        self._context = contextvars.Context()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._entries: dict[str, dict[_Entry[Any], None]] = {}
        self._heap: list[tuple[float, int, _Entry[Any]]] = []
        self._numbers = itertools.count(1)
        self._turns: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._was_turn = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._bucket = TokenBucket()
        # Times are those of the monotonic clock.
        self._poll_gap = self._next_poll_at = 0.0
        self._paused_until = 0.0
        self._connection_read_at = 0.0
        self._success_at = self._failure_at = 0.0
        self._failures = 0
        self._is_stale = True
        self._refreshing: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None

    async def wait(self, request: ApiRequest[T], wait: Wait[T], job_id: str) -> T:
        """
        Wait until a job or a post has ended.

        :param request: polls it.
        :param wait: decides when.
        :param job_id: its id, as the service's list has it.
        :raises AirflowSensorTimeout: at the deadline.
        :raises ServiceError: on a permanent error.
        """
        entry = _Entry(wait, request, job_id, self._loop.create_future())
        entries = self._entries.setdefault(job_id, {})
        entries[entry] = None
        self._push(entry)
        try:
            result: T = await entry.future
            return result
        finally:
            entry.number = 0
            del entries[entry]
            if not entries:
                self._entries.pop(job_id, None)
            if entry.task is not None:
                entry.task.cancel()

    async def acquire(self, requests: int) -> None:
        """
        Wait until a task in a worker may send requests; with polls waiting, at most every second turn is a worker's.

        :param requests: how many requests the task is going to send.
        :raises ServiceError: if the connection cannot be read.
        """
        future = self._loop.create_future()
        self._turns.append((requests, future))
        self._set_timer()
        await future

    def pause(self, delay: float) -> None:
        """Send no requests for ``delay`` seconds."""
        self._paused_until = max(self._paused_until, time.monotonic() + delay)

    async def close(self) -> None:
        """Cancel what is under way, and close the connections."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transport.close()

    def _push(self, entry: _Entry[Any]) -> None:
        """Put what waits into its place in the heap."""
        # At least once in an interval, since other jobs' completion times may have moved it forward.
        due_at = min(self._due_at(entry), time.monotonic() + entry.wait.interval)
        entry.number = next(self._numbers)
        heapq.heappush(self._heap, (due_at, entry.number, entry))
        self._set_timer()

    def _first(self) -> tuple[float, _Entry[Any] | None]:
        """Return what is due first, and when."""
        while self._heap:
            due_at, number, entry = self._heap[0]
            if number == entry.number:
                return due_at, entry
            heapq.heappop(self._heap)
        return inf, None

    def _set_timer(self) -> None:
        """Wake when the next request is due and allowed."""
        now = time.monotonic()
        at = max(self._wanted_at(), self._allowed_at(now))
        if at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(max(0.0, at - now), self._dispatch)
            self._timer_at = at

    def _wanted_at(self) -> float:
        if self._turns:
            return 0.0
        due_at, entry = self._first()
        return inf if entry is None else max(self._next_poll_at, self._page_or_poll_at(due_at, entry))

    def _allowed_at(self, now: float) -> float:
        if self._refreshing or self._probe or len(self._tasks) >= CONNECTIONS:
            return inf
        is_page_next = self._list.is_reading and self._reading is None
        return max(self._paused_until, self._bucket.ready_at(now, urgent=is_page_next))

    def _allowed_page_at(self, now: float) -> float:
        return max(self._paused_until, self._next_poll_at, self._bucket.ready_at(now, urgent=True))

    def _dispatch(self) -> None:
        """Send all that is due and allowed."""
        self._timer, self._timer_at = None, inf
        now = time.monotonic()
        while self._allowed_at(now) <= now and self._send_next(now):
            pass
        self._set_timer()

    def _send_next(self, now: float) -> bool:
        """Send one request, or give a worker its turn; return whether something was due."""
        while self._turns and self._turns[0][1].done():
            self._turns.popleft()
        due_at, entry = self._first()
        if entry is not None and max(self._next_poll_at, self._page_or_poll_at(due_at, entry)) > now:
            entry = None
        is_turn = bool(self._turns) and (entry is None or not self._was_turn)
        if entry is None and not is_turn:
            return False
        if self._is_stale:
            self._refreshing = self._start(self._refresh())
            return False
        self._was_turn = is_turn
        if is_turn:
            requests, future = self._turns.popleft()
            self._bucket.take(requests, now)
            future.set_result(None)
        elif entry is not None:
            self._send_page_or_poll(entry, now)
        return True

    def _page_or_poll_at(self, due_at: float, entry: _Entry[Any]) -> float:
        interval = entry.wait.interval
        page_at = inf if self._reading else self._list.wanted_at(due_at, interval)
        return min(page_at, due_at - SLACK * interval)

    def _send_page_or_poll(self, entry: _Entry[Any], now: float) -> None:
        interval = entry.wait.interval
        due_at = self._due_at(entry)
        page_request = None
        if not self._reading and self._list.wanted_at(due_at, interval) <= now:
            self._list.begin(self._due_until, interval, now)
            page_request = self._list.next_page()
        if page_request is not None:
            self._reading = self._start_poll(self._read_list(page_request, now), now)
        elif due_at - SLACK * interval <= now:
            entry.number = 0
            entry.task = self._start_poll(self._poll(entry, now), now)
        else:
            self._push(entry)

    def _due_at(self, entry: _Entry[Any]) -> float:
        return entry.wait.due_at(self._list.patience)

    def _due_until(self, until: float) -> set[str]:
        """Return the jobs that are due until a time, without those that the list has already shown as ended."""
        return {
            entry.job_id
            for due_at, number, entry in self._heap
            if number == entry.number and due_at <= until and not entry.wait.is_listed_as_ended
        }

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._context.run(self._loop.create_task, coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _start_poll(self, coroutine: Coroutine[Any, Any, None], now: float) -> asyncio.Task[None]:
        self._bucket.take(1, now)
        self._next_poll_at = now + self._poll_gap
        task = self._start(coroutine)
        if self._failures:
            self._probe = task
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._refreshing:
            self._refreshing = None
        if task is self._reading:
            self._reading = None
        if task is self._probe:
            self._probe = None
        self._set_timer()

    async def _refresh(self) -> None:
        """Read the connection; an error is that of all that is due."""
        sent_at = time.monotonic()
        try:
            endpoint = await asyncio.wait_for(self.transport.refresh(), READ_TIMEOUT)
        except Exception as exception:
            error = exception
            if isinstance(error, asyncio.TimeoutError):
                error = TransientError(f"Connection {self.transport.conn_id!r} cannot be read now")
        else:
            self._bucket.set_rate(endpoint.requests_per_minute)
            self._is_stale, self._connection_read_at = False, time.monotonic()
            return
        for _, turn in self._turns:
            if not turn.done():
                turn.set_exception(error)
        self.pause(REFRESH_PAUSE)
        due = [
            entry
            for due_at, number, entry in self._heap
            if number == entry.number and due_at - SLACK * entry.wait.interval <= sent_at
        ]
        if due:
            self._record(error, sent_at, due[0])
        for entry in due:
            self._take(entry, error, sent_at)

    async def _poll(self, entry: _Entry[Any], sent_at: float) -> None:
        try:
            answer = await self.transport.send(entry.request)
            self._list.polled(entry.job_id, entry.wait, sent_at, time.monotonic(), has_ended=answer.has_ended)
        except Exception as error:
            answer = error
        finally:
            entry.task = None
        self._record(answer, sent_at, entry)
        self._take(entry, answer, sent_at)

    async def _read_list(self, request: ApiRequest[Page] | None, sent_at: float) -> None:
        """Read the list, page by page, as long as the rate limit allows."""
        while request is not None:
            try:
                page = await self.transport.send(request)
            except Exception as error:
                self.pause(pause_before_retry(error) or 0.0)
                self._list.stop(time.monotonic())
                log.warning("%s; polling each job by itself", one_line(error))
                break
            now = time.monotonic()
            for job in self._list.read(page, self._entries.keys(), sent_at, now):
                for entry in list(self._entries[job.job_id]):
                    if entry.task is None and not entry.wait.is_listed_as_ended:
                        self._take_listed(entry, job, sent_at)
            if self._allowed_page_at(now) > now:
                break
            request, sent_at = self._list.next_page(), now
            self._bucket.take(1 if request is not None else 0, now)

    def _push_all(self) -> None:
        """Put all that waits into its place again: the list is no longer used."""
        for entry in [entry for entries in self._entries.values() for entry in entries if entry.task is None]:
            if not entry.future.done():
                self._push(entry)

    def _take_listed(self, entry: _Entry[Any], job: ImageJob, sent_at: float) -> None:
        if job.has_whole_image:
            self._take(entry, job, sent_at)
        else:
            entry.wait.listed(sent_at, in_progress=job.status == JobStatus.IN_PROGRESS)
            self._push(entry)

    def _take(self, entry: _Entry[Any], answer: Any, sent_at: float) -> None:
        """Let what waits take an answer or an error, and end or go on."""
        if entry.future.done():
            return
        entry.number = 0
        try:
            if isinstance(answer, Exception) and not isinstance(answer, ServiceError):
                raise answer
            entry.wait.take(answer, sent_at)
        except Exception as error:
            entry.future.set_exception(error)
        else:
            if entry.wait.result is None:
                self._push(entry)
            else:
                entry.future.set_result(entry.wait.result)

    def _record(self, answer: Any, sent_at: float, entry: _Entry[Any]) -> None:
        """Note what an answer says of the service: whether it is up, and how many requests remain."""
        if not isinstance(answer, (TransientError, InvalidResponseError)):  # the service is up
            entry.failed_at = None
            if sent_at >= self._failure_at:
                self._success_at, self._failures = sent_at, 0
        now = time.monotonic()
        if isinstance(answer, Exception):
            self._is_stale |= sent_at > self._connection_read_at + REFRESH_INTERVAL  # it may have been changed
        else:
            remaining, seconds = self.transport.allowance or (0, 0.0)
            if not remaining:
                self.pause(seconds)
            # Use at most half of what remains: other triggerers and tasks use the same key.
            self._poll_gap = 2 * seconds / (remaining + 2)
            self._next_poll_at = now + self._poll_gap
        if not isinstance(answer, (TransientError, InvalidResponseError)):
            return
        retry_after = pause_before_retry(answer)
        is_new = sent_at >= self._failure_at  # else it was sent before the last failure
        last = self._success_at if entry.failed_at is None else entry.failed_at
        if retry_after is None and (not is_new or last < self._success_at):
            return  # the latter: only this one's requests fail
        entry.failed_at = sent_at
        self._failures += is_new
        self._failure_at = now
        # The first failure may be specific to one job.
        delay = retry_after or (backoff(self._failures - 1, MAX_BACKOFF) if self._failures > 1 else 0.0)
        self.pause(delay)
        if delay:
            tasks = f"{self.users} waiting task{'' if self.users == 1 else 's'}"
            log.warning("%s (%s): pausing %s for %.0f s", answer, self.transport.conn_id, tasks, delay)
