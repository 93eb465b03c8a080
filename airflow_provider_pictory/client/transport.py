"""
Sending requests: sync with ``requests``, async with ``aiohttp``. Responses are read in :mod:`.responses`.

The HTTP libraries are imported on the first request, so that importing a hook in a DAG file is fast.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_pictory import __version__
from airflow_provider_pictory.client.connection import CONNECTIONS, REFRESH_INTERVAL, Endpoint, without_credentials
from airflow_provider_pictory.client.rate_limits_and_retries import allowance, retry_delay
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.responses import MAX_RESPONSE_BYTES, ApiResponse, lost, read
from airflow_provider_pictory.client.services import Service
from airflow_provider_pictory.exceptions import InvalidResponseError, ServiceError

if TYPE_CHECKING:
    import ssl

    import aiohttp
    import requests

    from airflow_provider_pictory.client.http_adapter import BoundedAdapter

T = TypeVar("T")
C = TypeVar("C")
PageRequest = Callable[[C | None, int], ApiRequest[tuple[list[T], C | None]]]
"""Makes the request for a page from its cursor, None for the first page, and its number."""

log = logging.getLogger(__name__)

KEEP_ALIVE = 60.0
"""Seconds until an async transport closes an idle connection."""

USER_AGENT = f"airflow-provider-pictory/{__version__}"


class _Transport:
    """The base of both transports."""

    def __init__(self, service: Service, conn_id: str) -> None:
        self.service = service
        self.conn_id = conn_id
        self.label = f"{service.name} (connection {conn_id!r})"

    def _headers(self, endpoint: Endpoint) -> dict[str, str]:
        return {
            "Authorization": self.service.authorization.format(key=endpoint.key),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
        }


class Transport(_Transport):
    """
    Sends requests to a service, over one session.

    :param service: the service.
    :param conn_id: the connection id, for errors.
    :param read_endpoint: reads the connection; called at the first request, and again while requests fail, since the
        key may have been changed.
    """

    def __init__(self, service: Service, conn_id: str, read_endpoint: Callable[[], Endpoint]) -> None:
        super().__init__(service, conn_id)
        self._read_endpoint = read_endpoint
        self._stale = False
        self._read_at = 0.0

    @cached_property
    def endpoint(self) -> Endpoint:
        """The connection's base URL, key and settings; raises ``InvalidRequestError`` if it is missing or invalid."""
        endpoint = self._read_endpoint()
        self._stale, self._read_at = False, time.monotonic()
        return endpoint

    def refresh(self) -> Endpoint:
        """Read the connection again; raise ``InvalidRequestError`` if it is missing or invalid."""
        before = self.endpoint
        del self.endpoint
        try:
            endpoint = self.endpoint
        except ServiceError:
            self.endpoint = before
            raise
        if not before.can_share_session_with(endpoint):
            self.close()
            self.__dict__.pop("session", None)
        return endpoint

    @cached_property
    def session(self) -> requests.Session:
        """The session, with the connection's proxies and TLS settings; the key is added to each request instead."""
        from airflow_provider_pictory.client.session import make_session

        return make_session(self.endpoint)

    def close(self) -> None:
        """Close the session's connections; the next request opens new ones."""
        if "session" in self.__dict__:
            self.session.close()

    def send(self, request: ApiRequest[T], before_send: Callable[[], None] | None = None) -> T:
        """
        Send one request; retry it only if it is idempotent.

        :param before_send: called right before the first byte of a request that is not idempotent, with the connection
            already open. If it raises an error, the request is not sent.
        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        if self._stale and time.monotonic() > self._read_at + REFRESH_INTERVAL:
            self.refresh()
        attempt = 1
        while True:
            try:
                prepared = self._prepare(request)
                if not request.idempotent:
                    self._open_connection(request, prepared)
                    if before_send is not None:
                        before_send()
                return read(self.label, request, self._exchange(request, prepared))
            except ServiceError as error:
                self._stale = True
                delay = retry_delay(request, error, attempt)
                if delay is None:
                    raise
                log.warning("%s; next attempt in %.1f s", error, delay)
            time.sleep(delay)
            attempt += 1

    def iter_pages(self, page_request: PageRequest[C, T]) -> Iterator[T]:
        """Iterate over the items of a list; pages are requested as needed."""
        cursor: C | None = None
        for page in itertools.count(1):
            items, cursor = self.send(page_request(cursor, page))
            yield from items
            if cursor is None:
                return

    def _prepare(self, request: ApiRequest[Any]) -> requests.PreparedRequest:
        """Read the Airflow connection, and build the request."""
        import requests

        endpoint = self.endpoint
        return self.session.prepare_request(
            requests.Request(
                request.method,
                endpoint.base_url + request.path,
                params=dict(request.params) or None,
                json=request.json,
                headers=self._headers(endpoint),
            )
        )

    def _open_connection(self, request: ApiRequest[Any], prepared: requests.PreparedRequest) -> None:
        """Open an HTTP connection, without sending anything."""
        import requests
        import urllib3

        try:
            with self._adapter.at_most(self.endpoint.total_timeout):
                self._adapter.open_connection(self.session, prepared)
            return
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = lost(self.label, request, self._reason(error), sent=False)
        raise fault  # without the cause, which may contain a proxy's password

    def _reason(self, error: BaseException) -> str:
        return without_credentials(_root_cause(error), self.endpoint.key, self.session.proxies.values())

    @property
    def _adapter(self) -> BoundedAdapter:
        return cast("BoundedAdapter", self.session.get_adapter(self.endpoint.base_url))

    def _exchange(self, request: ApiRequest[Any], prepared: requests.PreparedRequest) -> ApiResponse:
        import requests
        import urllib3

        endpoint = self.endpoint
        try:
            with (
                self._adapter.at_most(endpoint.total_timeout),
                self.session.send(prepared, timeout=endpoint.timeout, allow_redirects=False, stream=True) as response,
            ):
                body = bytearray()
                while chunk := response.raw.read1(65536, decode_content=False):
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise _too_large(self.label, request)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = lost(self.label, request, self._reason(error), sent=not _never_connected(error))
        else:
            return ApiResponse.received(response.status_code, response.headers, bytes(body), endpoint.key)
        raise fault


class AsyncTransport(_Transport):
    """Sends requests as :class:`Transport` does, in an event loop and without retries."""

    def __init__(self, service: Service, conn_id: str, read_endpoint: Callable[[], Awaitable[Endpoint]]) -> None:
        super().__init__(service, conn_id)
        self._read_endpoint = read_endpoint
        self.endpoint: Endpoint | None = None
        """The connection, once it was read."""
        self.allowance: tuple[int, float] | None = None
        """The remaining requests and the seconds until the reset, if the last response had them."""
        self._client: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tls: ssl.SSLContext | bool = True
        self._proxy: str | None = None

    async def close(self) -> None:
        """Close the session's connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    async def refresh(self) -> Endpoint:
        """Read the connection again; raise ``InvalidRequestError`` if it is missing or invalid."""
        from airflow_provider_pictory.client.session import tls_and_proxy

        endpoint = await self._read_endpoint()
        if self.endpoint is None or not self.endpoint.can_share_session_with(endpoint):
            tls, proxy = await asyncio.to_thread(tls_and_proxy, endpoint)
            await self.close()
            self._tls, self._proxy = tls, proxy
        self.endpoint = endpoint
        return endpoint

    def _connect(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            connect_timeout, read_timeout = endpoint.timeout
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                timeout=aiohttp.ClientTimeout(
                    total=endpoint.total_timeout, sock_connect=connect_timeout, sock_read=read_timeout
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._client

    async def send(self, request: ApiRequest[T]) -> T:
        """
        Send one request, without retries.

        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        response = await self._exchange(request)
        self.allowance = allowance(response.headers, now=time.time())
        return read(self.label, request, response)

    async def iter_pages(self, page_request: PageRequest[C, T]) -> AsyncIterator[T]:
        """Iterate over the items of a list, as :meth:`Transport.iter_pages` does."""
        cursor: C | None = None
        for page in itertools.count(1):
            items, cursor = await self.send(page_request(cursor, page))
            for item in items:
                yield item
            if cursor is None:
                return

    async def _exchange(self, request: ApiRequest[Any]) -> ApiResponse:
        import aiohttp

        endpoint = self.endpoint or await self.refresh()
        client = self._connect(endpoint)
        try:
            async with client.request(
                request.method,
                endpoint.base_url + request.path,
                params=dict(request.params) or None,
                json=request.json,
                headers=self._headers(endpoint),
                allow_redirects=False,
                ssl=self._tls,
                proxy=self._proxy,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(65536):
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise _too_large(self.label, request)
                return ApiResponse.received(response.status, response.headers, bytes(body), endpoint.key)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            never_connected = isinstance(
                error,
                (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError),
            )
            reason = without_credentials(_reason(error), endpoint.key, [self._proxy or ""])
            fault = lost(self.label, request, reason, sent=not never_connected)
        raise fault


def _too_large(service: str, request: ApiRequest[Any]) -> ServiceError:
    if not request.idempotent:
        return lost(service, request, f"it has more than {MAX_RESPONSE_BYTES:,} bytes", sent=True)
    return InvalidResponseError(f"{service} returned more than {MAX_RESPONSE_BYTES:,} bytes for {request.name}")


def _root_cause(error: BaseException) -> str:
    """Describe the root cause: the outer exceptions repeat URLs and object addresses."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _never_connected(error: BaseException) -> bool:
    """Whether a request failed before it was sent, so that it cannot have taken effect."""
    from requests.exceptions import ConnectTimeout, InvalidSchema, InvalidURL
    from urllib3 import exceptions as urllib3

    if isinstance(error, (ConnectTimeout, InvalidSchema, InvalidURL)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.ProxyError):
        # urllib3 raises ProxyError for any connection error behind a proxy, even after the request was sent.
        reason = reason.original_error
    if isinstance(reason, (urllib3.NewConnectionError, urllib3.ConnectTimeoutError)):
        return True
    handshake_errors = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "Tunnel connection failed")
    return any(text in str(reason) for text in handshake_errors)


def _reason(error: BaseException) -> str:
    """Describe an error of aiohttp without URLs, which may contain a proxy's password."""
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}"
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return str(cause) or type(cause).__name__
