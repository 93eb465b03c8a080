"""What the hooks of both services share: the I/O, sync with requests and async with aiohttp."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, wraps
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from airflow_provider_pictory import __version__
from airflow_provider_pictory.client.connection import (
    CONNECTIONS,
    PROXY,
    REFRESH_INTERVAL,
    Endpoint,
    is_loopback,
    is_proxy,
    without_credentials,
)
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.responses import (
    MAX_RESPONSE_BYTES,
    ApiResponse,
    allowance,
    backoff,
    lost,
    read,
    retry_delay,
)
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    InvalidResponseError,
    ServiceError,
    TransientError,
)
from airflow_provider_pictory.version_compat import AirflowNotFoundException, BaseHook, get_async_connection

if TYPE_CHECKING:
    import ssl

    import aiohttp
    import requests
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

    from airflow_provider_pictory.client.http_adapter import BoundedAdapter

T = TypeVar("T")

KEEP_ALIVE = 60.0
"""For how many seconds an async hook keeps a connection that nobody uses."""

USER_AGENT = f"airflow-provider-pictory/{__version__}"


class Listing(Iterator[T]):
    """What a hook lists; pages are asked for as the iteration reaches them."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    def __next__(self) -> T:
        return next(self._items)

    def serialize(self) -> NoReturn:
        """Say what to do: Airflow calls this where a task returns the listing itself."""
        raise TypeError("A listing cannot be the result of a task: return list(…) of it, or a part of that")


def listing(method: Callable[P, Iterator[T]]) -> Callable[P, Listing[T]]:
    """Make a generator method return a :class:`Listing`."""

    @wraps(method)
    def listed(*args: P.args, **kwargs: P.kwargs) -> Listing[T]:
        return Listing(method(*args, **kwargs))

    return listed


class Service:
    """
    Who is called: the facts about a service that are not about one call of it.

    Both hooks of a service inherit them, so they are stated once.
    """

    service: ClassVar[str]
    default_base_url: ClassVar[str]
    requests_per_minute: ClassVar[float]
    authorization: ClassVar[str] = "{key}"
    key_placeholder: ClassVar[str]

    conn_name_attr: ClassVar[str]
    default_conn_name: ClassVar[str]
    conn_type: ClassVar[str]

    if TYPE_CHECKING:
        conn_id: str

    @property
    def _label(self) -> str:
        return f"{self.service} (connection {self.conn_id!r})"

    def _read(self, conn: Any) -> Endpoint:
        return Endpoint.from_connection(conn, self.default_base_url, self.requests_per_minute)

    def _headers(self, endpoint: Endpoint) -> dict[str, str]:
        return {
            "Authorization": self.authorization.format(key=endpoint.key),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
        }

    @contextmanager
    def _naming_the_connection(self) -> Iterator[None]:
        try:
            yield
        except AirflowNotFoundException as error:
            raise InvalidRequestError.of(
                self.conn_name_attr,
                f"there is no connection {self.conn_id!r}",
                f"the id of an Airflow connection of type {self.conn_type}",
            ) from error
        except Exception as error:
            raise TransientError(
                f"{self.conn_name_attr}: connection {self.conn_id!r} cannot be read now ({type(error).__name__})",
            ) from error


class ServiceHook(Service, BaseHook):
    """
    Calls a service with ``requests``, over one session for the hook's whole life.

    :param conn_id: the Airflow connection.
    """

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.before_effect: Callable[[], None] | None = None
        """
        Called right before a request is sent that costs or publishes: it is made then, and the connection open.

        If it raises an error, the request is not sent.
        """
        self._stale = False
        self._read_at = 0.0

    @cached_property
    def endpoint(self) -> Endpoint:
        """
        Where the connection leads.

        :raises InvalidRequestError: if there is no such connection, or it cannot be used.
        """
        conn = self.read_connection()
        self._stale, self._read_at = False, time.monotonic()
        return self._read(conn)

    def read_connection(self) -> Any:
        """
        Read the Airflow connection.

        :raises InvalidRequestError: if there is none.
        """
        with self._naming_the_connection():
            for attempt in (1, 2, 3):
                # An outage of Airflow's api-server or of a secrets back end looks like a connection that is missing.
                try:
                    return self.get_connection(self.conn_id)
                except AirflowNotFoundException:
                    if attempt == 3:
                        raise
                    time.sleep(backoff(attempt))

    def refresh(self) -> Endpoint:
        """
        Read the connection again: its key may have been changed.

        :raises InvalidRequestError: if there is no such connection any more, or it cannot be used.
        """
        before = self.endpoint
        del self.endpoint
        try:
            endpoint = self.endpoint
        except ServiceError:
            self.endpoint = before
            raise
        if not before.is_reached_like(endpoint):
            self.close()
            self.__dict__.pop("_session", None)
        return endpoint

    @cached_property
    def _session(self) -> requests.Session:
        return _session(self.endpoint)

    def get_conn(self) -> requests.Session:
        """
        Return the session that the calls go through, with the connection's proxies and TLS settings.

        It does not hold the key: only the hook's own requests, which go to the base URL alone, carry it.
        """
        return self._session

    def close(self) -> None:
        """Close the session's connections; the next call opens new ones."""
        if "_session" in self.__dict__:
            self._session.close()

    def send(self, request: ApiRequest[T]) -> T:
        """
        Send one request, repeating it where that can neither cost nor publish twice.

        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        if self._stale and time.monotonic() > self._read_at + REFRESH_INTERVAL:
            self.refresh()
        attempt = 1
        while True:
            try:
                prepared = self._prepare(request)
                if self.before_effect is not None and not request.idempotent:
                    self.before_effect()
                return read(self._label, request, self._exchange(request, prepared))
            except ServiceError as error:
                self._stale = True
                delay = retry_delay(request, error, attempt)
                if delay is None:
                    raise
                self.log.warning("%s; next attempt in %.1f s", error, delay)
            time.sleep(delay)
            attempt += 1

    def _prepare(self, request: ApiRequest[Any]) -> requests.PreparedRequest:
        """Do all that comes before the first byte: read the Airflow connection, make the request, open a connection."""
        import requests
        import urllib3

        endpoint = self.endpoint
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                endpoint.base_url + request.path,
                params=dict(request.params) or None,
                json=request.json,
                headers=self._headers(endpoint),
            )
        )
        try:
            with self._adapter.at_most(endpoint.longest_call):
                self._adapter.open_connection(self._session, prepared)
            return prepared
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = lost(self._label, request, self._reason(error), sent=False)
        raise fault  # without the cause, which can hold a proxy's password

    def _reason(self, error: BaseException) -> str:
        return without_credentials(_root(error), self.endpoint.key, self._session.proxies.values())

    @property
    def _adapter(self) -> BoundedAdapter:
        return cast("BoundedAdapter", self._session.get_adapter(self.endpoint.base_url))

    def _exchange(self, request: ApiRequest[Any], prepared: requests.PreparedRequest) -> ApiResponse:
        import requests
        import urllib3

        endpoint = self.endpoint
        try:
            with (
                self._adapter.at_most(endpoint.longest_call),
                self._session.send(prepared, timeout=endpoint.timeout, allow_redirects=False, stream=True) as response,
            ):
                body = bytearray()
                while chunk := response.raw.read1(65536, decode_content=False):
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise _too_large(self._label, request)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = lost(self._label, request, self._reason(error), sent=not _never_connected(error))
        else:
            return ApiResponse.received(response.status_code, response.headers, bytes(body), endpoint.key)
        raise fault

    def test_connection(self) -> tuple[bool, str]:
        """Answer the *Test* button of Airflow's connection form."""
        try:
            return True, self.check()
        except (ServiceError, AirflowNotFoundException) as error:
            return False, str(error)

    def check(self) -> str:
        """
        Ask the service, by a call that is free, whether it accepts the key.

        :return: a sentence with the credits that are left.
        :raises ServiceError: if it does not.
        """
        raise NotImplementedError

    @classmethod
    def _form(cls) -> dict[str, Any]:
        return {
            "hidden_fields": ["schema", "login", "port"],
            "relabeling": {"host": "Base URL", "password": "API key"},
            "placeholders": {
                "host": cls.default_base_url,
                "password": cls.key_placeholder,
                "extra": '{"timeout": 60}',
            },
        }


class AsyncServiceHook(Service, BaseHook):
    """
    Calls a service with ``aiohttp``, over one session for the hook's whole life: an async context manager.

    It reads the same connection in the same way as its sync twin. It repeats nothing by itself:
    whoever waits in an event loop decides when to ask again.

    :param conn_id: the Airflow connection.
    """

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.endpoint: Endpoint | None = None
        """Where the connection leads, once it was read."""
        self.allowance: tuple[int, float] | None = None
        """How many requests the service allows, and for how many seconds, where its last answer said."""
        self._client: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tls: ssl.SSLContext | bool = True
        self._proxy: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session's connections; the next call opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    async def get_endpoint(self) -> Endpoint:
        """
        Where the connection leads.

        :raises InvalidRequestError: if there is no such connection, or it cannot be used.
        """
        return self.endpoint or await self.refresh()

    async def refresh(self) -> Endpoint:
        """
        Read the connection, again if need be: its key may have been changed.

        :raises InvalidRequestError: if there is no such connection, or it cannot be used.
        """
        with self._naming_the_connection():
            conn = await get_async_connection(self, self.conn_id)
        endpoint = self._read(conn)
        if self.endpoint is None or not self.endpoint.is_reached_like(endpoint):
            tls, proxy = await asyncio.to_thread(_tls_and_proxy, endpoint)
            await self.close()
            self._tls, self._proxy = tls, proxy
        self.endpoint = endpoint
        return endpoint

    def _connect(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            connect, read_ = endpoint.timeout
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                timeout=aiohttp.ClientTimeout(total=endpoint.longest_call, sock_connect=connect, sock_read=read_),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._client

    async def send(self, request: ApiRequest[T]) -> T:
        """
        Send one request, once.

        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        response = await self._exchange(request)
        self.allowance = allowance(response.headers, now=time.time())
        return read(self._label, request, response)

    async def _exchange(self, request: ApiRequest[Any]) -> ApiResponse:
        import aiohttp

        endpoint = await self.get_endpoint()
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
                        raise _too_large(self._label, request)
                return ApiResponse.received(response.status, response.headers, bytes(body), endpoint.key)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            never_connected = isinstance(
                error,
                (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError),
            )
            reason = without_credentials(_reason(error), endpoint.key, [self._proxy or ""])
            fault = lost(self._label, request, reason, sent=not never_connected)
        raise fault


def _session(endpoint: Endpoint) -> requests.Session:
    """
    Make a session that is settled: nothing in the environment can change it any more.

    Left to itself, ``requests`` lets the environment's proxies and CA bundles win over a session's own, and
    ``.netrc`` over the key.
    """
    import requests

    from airflow_provider_pictory.client.http_adapter import BoundedAdapter

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(endpoint.timeout[0]))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Also with allow_redirects=False, requests reads a redirect's whole body and parses where it leads.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    session.trust_env = endpoint.trust_env
    settings = session.merge_environment_settings(
        endpoint.base_url, dict(endpoint.proxies), False, endpoint.verify, endpoint.cert
    )
    session.trust_env = False
    session.verify, session.cert = settings["verify"], settings["cert"]
    # An environment with a proxy but without no_proxy must not send what is for this machine through it.
    is_local = is_loopback(urlsplit(endpoint.base_url).hostname or "")
    session.proxies = dict(endpoint.proxies) if is_local else settings["proxies"]
    for scheme, url in session.proxies.items():
        session.proxies[scheme] = url if "://" in url else f"http://{url}"
        if scheme not in endpoint.proxies and not is_proxy(session.proxies[scheme]):
            raise InvalidRequestError.of(f"the environment's proxy for {scheme}", "is not understood", PROXY)
    if endpoint.base_url.startswith("http:"):
        session.verify, session.cert = True, None
    elif isinstance(session.verify, str) or session.cert is not None:
        _tls(session)
    return session


def _paths(cert: str | tuple[str, str] | None) -> Sequence[str]:
    return () if cert is None else (cert,) if isinstance(cert, str) else cert


def _tls(session: requests.Session) -> ssl.SSLContext:
    """Read the session's certificates, which ``requests`` itself would only do while it connects."""
    import ssl

    import requests

    bundle = session.verify if isinstance(session.verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    is_folder = os.path.isdir(bundle)
    try:
        tls = ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
        if session.cert is not None:
            tls.load_cert_chain(*_paths(session.cert))
    except OSError as error:
        files = ", ".join([bundle, *_paths(session.cert)])
        raise InvalidRequestError.of(
            "verify, cert", f"cannot be read ({files}: {error})", "PEM files on this machine"
        ) from error
    if session.verify is False:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def _tls_and_proxy(endpoint: Endpoint) -> tuple[ssl.SSLContext | bool, str | None]:
    """Settle what ``requests`` would use for this endpoint, so that sync and async agree by construction."""
    import requests

    session = _session(endpoint)
    proxy = requests.utils.select_proxy(endpoint.base_url, session.proxies)
    return _tls(session) if endpoint.base_url.startswith("https:") else True, proxy


def _too_large(service: str, request: ApiRequest[Any]) -> ServiceError:
    if not request.idempotent:
        return lost(service, request, f"it has more than {MAX_RESPONSE_BYTES:,} bytes", sent=True)
    return InvalidResponseError(f"{service} returned more than {MAX_RESPONSE_BYTES:,} bytes for {request.name}")


def _root(error: BaseException) -> str:
    """Describe the first cause: the outer layers repeat URLs and object addresses."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _never_connected(error: BaseException) -> bool:
    """Whether a request failed before any connection carried it, so that it cannot have taken effect."""
    from requests.exceptions import ConnectTimeout, InvalidSchema, InvalidURL
    from urllib3 import exceptions as urllib3

    if isinstance(error, (ConnectTimeout, InvalidSchema, InvalidURL)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.ProxyError):
        # Behind a proxy this stands for any fault of the connection, also after the request was sent.
        reason = reason.original_error
    if isinstance(reason, (urllib3.NewConnectionError, urllib3.ConnectTimeoutError)):
        return True
    handshake = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "Tunnel connection failed")
    return any(words in str(reason) for words in handshake)


def _reason(error: BaseException) -> str:
    """Describe a fault of aiohttp's, whose own texts repeat addresses, with a proxy's password among them."""
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}"
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return str(cause) or type(cause).__name__
