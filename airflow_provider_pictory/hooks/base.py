"""What the hooks of both services share: they read Airflow's connections, and send requests to where these lead."""

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


@contextmanager
def naming_the_connection(parameter: str, conn_id: str, conn_type: str) -> Iterator[None]:
    """
    Raise errors of this package where Airflow cannot read a connection.

    :param parameter: what names it.
    """
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
    """
    Read an Airflow connection.

    :param parameter: what names it.
    :raises InvalidRequestError: if there is none.
    """
    with naming_the_connection(parameter, conn_id, conn_type):
        for attempt in (1, 2, 3):
            # An outage of Airflow's api-server or of a secrets back end looks like a connection that is missing.
            try:
                return BaseHook.get_connection(conn_id)
            except AirflowNotFoundException:
                if attempt == 3:
                    raise
                time.sleep(backoff(attempt))


class ServiceHook(BaseHook):
    """
    Sends requests to a service, over one session for the hook's whole life.

    :param conn_id: the Airflow connection.
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
        Where the connection leads.

        :raises InvalidRequestError: if there is no such connection, or it cannot be used.
        """
        return self.transport.endpoint

    def get_conn(self) -> requests.Session:
        """Return the session that requests go through: with the connection's proxies and TLS settings, not its key."""
        return self.transport.session

    def close(self) -> None:
        """Close the session's connections; the next request opens new ones."""
        self.transport.close()

    def send(self, request: ApiRequest[T], before_send: Callable[[], None] | None = None) -> T:
        """Send one request, as :meth:`~airflow_provider_pictory.client.transport.Transport.send` does."""
        return self.transport.send(request, before_send)

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


class AsyncServiceHook(BaseHook):
    """
    Sends requests to a service in an event loop, each once, over one session: an async context manager.

    It reads the same connection in the same way as its sync twin.

    :param conn_id: the Airflow connection.
    """

    service: ClassVar[Service]
    conn_type: ClassVar[str]

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.transport = AsyncTransport(self.service, conn_id, self._read_endpoint)

    async def _read_endpoint(self) -> Endpoint:
        with naming_the_connection(self.service.conn_id_parameter, self.conn_id, self.conn_type):
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
        Send one request, once.

        :raises ServiceError: see :mod:`airflow_provider_pictory.exceptions`.
        """
        return await self.transport.send(request)
