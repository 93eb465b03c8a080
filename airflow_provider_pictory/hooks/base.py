"""The base classes of the hooks, which read Airflow connections and send requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.client.services import Service
from airflow_provider_pictory.client.transport import AsyncTransport, Transport
from airflow_provider_pictory.exceptions import InvalidRequestError, ServiceError, TransientError
from airflow_provider_pictory.version_compat import AirflowNotFoundException, BaseHook, get_async_connection

if TYPE_CHECKING:
    import requests
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

T = TypeVar("T")


class Listing(Iterator[T]):
    """An iterator over listed items; pages are requested as needed."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items

    def __next__(self) -> T:
        return next(self._items)

    def serialize(self) -> NoReturn:
        """Raise an error that says what to return instead; Airflow calls this for a task that returns the listing."""
        raise TypeError("A listing cannot be the result of a task: return list(…) of it, or a part of that")


def listing(method: Callable[P, Iterator[T]]) -> Callable[P, Listing[T]]:
    """Make a generator method return a :class:`Listing`."""

    @wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Listing[T]:
        return Listing(method(*args, **kwargs))

    return wrapper


@contextmanager
def connection_errors(parameter: str, conn_id: str, conn_type: str) -> Iterator[None]:
    """Raise errors of this package if Airflow cannot read a connection; ``parameter`` is the one that has its id."""
    try:
        yield
    except AirflowNotFoundException as error:
        raise InvalidRequestError.of(
            parameter, f"there is no connection {conn_id!r}", f"the id of an Airflow connection of type {conn_type}"
        ) from error
    except Exception as error:
        raise TransientError(
            f"{parameter}: connection {conn_id!r} cannot be read now ({type(error).__name__})",
        ) from error


def read_connection(parameter: str, conn_id: str, conn_type: str) -> Any:
    """Read an Airflow connection; raise ``InvalidRequestError`` if it does not exist."""
    with connection_errors(parameter, conn_id, conn_type):
        for attempt in (1, 2, 3):
            # During an outage of Airflow's API server or of a secrets backend, connections seem to be missing.
            try:
                return BaseHook.get_connection(conn_id)
            except AirflowNotFoundException:
                if attempt == 3:
                    raise
                time.sleep(backoff(attempt))


class ServiceHook(BaseHook):
    """
    Sends requests to a service, over one session.

    :param conn_id: the Airflow connection id.
    """

    service: ClassVar[Service]
    conn_type: ClassVar[str]

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.transport = Transport(self.service, conn_id, self._read_endpoint)

    def _read_endpoint(self) -> Endpoint:
        conn = read_connection(self.service.conn_id_parameter, self.conn_id, self.conn_type)
        return Endpoint.from_connection(conn, self.service)

    @property
    def endpoint(self) -> Endpoint:
        """
        The connection's base URL, key and settings.

        :raises InvalidRequestError: if there is no such connection, or it is invalid.
        """
        return self.transport.endpoint

    def get_conn(self) -> requests.Session:
        """Return the session, with the connection's proxies and TLS settings but without its key."""
        return self.transport.session

    def close(self) -> None:
        """Close the session's connections; the next request opens new ones."""
        self.transport.close()

    def send(self, request: ApiRequest[T]) -> T:
        """Send one request, as :meth:`~airflow_provider_pictory.client.transport.Transport.send` does."""
        return self.transport.send(request)

    def test_connection(self) -> tuple[bool, str]:
        """Test the connection, for the *Test* button of Airflow's connection form."""
        try:
            return True, self.check()
        except (ServiceError, AirflowNotFoundException) as error:
            return False, str(error)

    def check(self) -> str:
        """
        Check with a free request whether the service accepts the key.

        :return: a sentence with the remaining AI credits.
        :raises ServiceError: if it does not.
        """
        raise NotImplementedError


class AsyncServiceHook(BaseHook):
    """
    Sends requests to a service in an event loop, without retries; an async context manager.

    :param conn_id: the Airflow connection id.
    """

    service: ClassVar[Service]
    conn_type: ClassVar[str]

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.transport = AsyncTransport(self.service, conn_id, self._read_endpoint)

    async def _read_endpoint(self) -> Endpoint:
        with connection_errors(self.service.conn_id_parameter, self.conn_id, self.conn_type):
            conn = await get_async_connection(self, self.conn_id)
        return Endpoint.from_connection(conn, self.service)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session's connections; the next request opens new ones."""
        await self.transport.close()

    async def send(self, request: ApiRequest[T]) -> T:
        """
        Send one request, without retries.

        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        return await self.transport.send(request)
