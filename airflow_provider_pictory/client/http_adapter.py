"""
What a session of ``requests`` sends through, so that a call ends in time and its connection can be opened before it.

Left to themselves, ``requests`` and ``urllib3`` bound each read, but not all reads of an answer's headers together.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests import PreparedRequest, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection


class Call:
    """What a call under way is using."""

    connection: HTTPConnection | None = None
    socket: socket.socket | None = None

    def shut_down(self) -> None:
        """End the call, from another thread."""
        for sock in (self.socket, self.connection and self.connection.sock):
            with suppress(OSError, AttributeError):  # it is not open yet, or closed already
                sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class Current(threading.local):
    """The call of each thread."""

    def __init__(self) -> None:
        self.call = Call()


class BoundedAdapter(HTTPAdapter):
    """
    Ends a call in time, whatever the other side does.

    :param connect_timeout: seconds to open a connection.
    """

    def __init__(self, connect_timeout: float) -> None:
        super().__init__()
        self.connect_timeout = connect_timeout
        self.current = Current()

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """
        Shut the connection in use down after a while.

        :raises TimeoutError: if the block has taken longer. What it made of an answer that was cut off does not count.
        """
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
        """Return the pool of connections for a request, whose connections can be shut down."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, BoundedConnection):
            kind = pool.ConnectionCls
            pool.ConnectionCls = type(kind.__name__, (BoundedConnection, kind), {"adapter": self})
        return pool

    def open_connection(self, session: Session, request: PreparedRequest) -> None:
        """
        Open the connection that the next request is going to be sent over, where none is open.

        :raises Exception: what urllib3 raises; nothing has been sent to the service.
        """
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
    """A connection that its adapter can shut down while it waits for the other side."""

    adapter: BoundedAdapter

    def connect(self) -> None:
        """Connect, also through a proxy, which may be slow to answer."""
        self.adapter.current.call.connection = self
        super().connect()

    def getresponse(self) -> Any:
        """Read the status and the headers; the body is read later, when the connection may know its socket no more."""
        self.adapter.current.call.socket = self.sock
        return super().getresponse()
