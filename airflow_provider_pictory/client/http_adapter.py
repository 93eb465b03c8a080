"""
An adapter for ``requests`` with a timeout for the whole request, and with connections opened before the request.

``requests`` and ``urllib3`` have a timeout for each read, but none for all reads of the response headers together.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests import PreparedRequest, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class Call:
    """The connection and socket of the request in progress."""

    connection: HTTPConnection | None = None
    socket: socket.socket | None = None

    def shut_down(self) -> None:
        """Abort the request, from another thread."""
        for sock in (self.socket, self.connection and self.connection.sock):
            with suppress(OSError, AttributeError):  # not open yet, or already closed
                sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class Current(threading.local):
    """The request in progress of each thread."""

    def __init__(self) -> None:
        self.call = Call()


class BoundedAdapter(HTTPAdapter):
    """
    An adapter that can limit the total time of a request; ``connect_timeout`` is in seconds.

    ``check_address`` is called with the address of each new connection before anything is sent, and may raise an error.
    """

    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self.connect_timeout = connect_timeout
        self.current = Current()
        self.check_address: Callable[[str], None] | None = None

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Shut down the connection in use, and raise ``TimeoutError``, if the block takes longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        call = self.current.call = Call()
        timer = threading.Timer(seconds, call.shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if time.monotonic() > deadline:
            raise TimeoutError("the answer takes too long")

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connection pool for a request, with connections that can be shut down."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, BoundedConnection):
            kind = pool.ConnectionCls
            pool.ConnectionCls = type(kind.__name__, (BoundedConnection, kind), {"adapter": self})
        return pool

    def open_connection(self, session: Session, request: PreparedRequest) -> None:
        """Open a connection for the next request unless one is open; raise any error of urllib3."""
        settings = session.merge_environment_settings(request.url or "", {}, False, None, None)
        verify, cert, proxies = settings["verify"], settings["cert"], settings["proxies"]
        pool = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
        self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
        # No public method of a pool opens a connection without a request.
        connection = pool._get_conn()
        try:
            if connection.is_closed:
                connection.timeout = self.connect_timeout
                if pool.proxy is not None and pool.scheme == "https":
                    pool._prepare_proxy(connection)
                else:
                    connection.connect()
        except BaseException:
            connection.close()
            raise
        finally:
            pool._put_conn(connection)


class BoundedConnection(HTTPConnection):
    """A connection that its adapter can shut down while it waits for the server."""

    adapter: BoundedAdapter

    def connect(self) -> None:
        """Connect, directly or through a proxy, and let the adapter know the connection."""
        self.adapter.current.call.connection = self
        super().connect()

    def _new_conn(self) -> socket.socket:
        """Open the socket; the adapter may refuse its address."""
        sock = super()._new_conn()
        if self.adapter.check_address is not None:
            try:
                self.adapter.check_address(sock.getpeername()[0])
            except BaseException:
                sock.close()
                raise
        return sock

    def getresponse(self) -> Any:
        """Read status and headers; keep the socket, which the connection may drop before the body is read."""
        self.adapter.current.call.socket = self.sock
        return super().getresponse()
