"""Calling a hook's methods through either transport."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

from airflow_provider_pictory.client.transport import Transport


class Caller:
    """
    Calls a hook's method and returns its result.

    :param use_async: send its requests through the async hook; a method that this has itself is called there.
    """

    def __init__(self, sync: Any, asynchronous: Any, conn_id: str, use_async: bool) -> None:
        self.hook = sync(conn_id)
        self.async_hook = asynchronous(conn_id) if use_async else None
        if use_async:
            self.hook.transport = self

    def send(self, request: Any, before_send: Any = None) -> Any:
        return self._await("send", request)

    def iter_pages(self, page_request: Any) -> Iterator[Any]:
        return Transport.iter_pages(self, page_request)  # type: ignore[arg-type]

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if hasattr(self.async_hook, method):
            return self._await(method, *args, **kwargs)
        result = getattr(self.hook, method)(*args, **kwargs)
        return list(result) if isinstance(result, Iterator) else result

    def _await(self, method: str, *args: Any, **kwargs: Any) -> Any:
        async def call() -> Any:
            assert self.async_hook is not None
            async with self.async_hook as hook:
                result = getattr(hook, method)(*args, **kwargs)
                return [item async for item in result] if inspect.isasyncgen(result) else await result

        return asyncio.run(call())

    def forget_the_connection(self) -> None:
        if self.async_hook is not None:
            self.async_hook.transport.endpoint = None
        else:
            del self.hook.transport.endpoint, self.hook.transport.session
