"""Running a sandbox: in a thread of its own, on a port of its own."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from types import TracebackType
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from airflow_provider_pictory.sandbox.app import create_app
from airflow_provider_pictory.sandbox.settings import Settings
from airflow_provider_pictory.sandbox.world import PICTORY_KEY, POSTEVERYWHERE_KEY, World

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as HTTPProtocol
except ImportError:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HTTPProtocol  # type: ignore[assignment]

T = TypeVar("T")


class Sandbox:
    """
    Both services on one local port, for as long as the ``with`` block lasts.

    Its ``app`` takes further routes until the block begins.

    :param host: address to listen on.
    :param port: port to listen on; 0 takes a free one.
    :param settings: any of the fields of `airflow_provider_pictory.sandbox.settings.Settings`.
    :raises ValueError: a setting is unknown or its value makes no sense.
    """

    pictory_key = PICTORY_KEY
    posteverywhere_key = POSTEVERYWHERE_KEY

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: object) -> None:
        self.world = World(Settings().updated(settings))
        self.app = create_app(self.world)
        self._address = (host, port)

    @property
    def url(self) -> str:
        """Where the sandbox is, without a slash at the end."""
        return self.world.base_url

    @property
    def pictory_url(self) -> str:
        """Base URL of Pictory's API, as a connection's host."""
        return f"{self.url}/pictoryapis"

    @property
    def posteverywhere_url(self) -> str:
        """Base URL of PostEverywhere's API, as a connection's host."""
        return f"{self.url}/api/v1"

    @property
    def connections(self) -> dict[str, str]:
        """Environment variables that lead Airflow's default connections of both services here."""
        services = {
            "pictory": (self.pictory_url, self.pictory_key),
            "posteverywhere": (self.posteverywhere_url, self.posteverywhere_key),
        }
        return {
            f"AIRFLOW_CONN_{name.upper()}_DEFAULT": json.dumps({"conn_type": name, "host": url, "password": key})
            for name, (url, key) in services.items()
        }

    def __enter__(self) -> Sandbox:
        """
        Start serving; returns when requests are answered.

        :raises OSError: the address is taken or not of this machine.
        """
        listener = socket.create_server(
            self._address, family=socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET, backlog=2048
        )
        # Inherited by the connections; without it, answers written in two parts wait 40 ms in between.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = listener.getsockname()[:2]
        if ip_address(host).is_unspecified:
            # An address to listen on, but not one to talk to.
            host = "localhost"
        self.world.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._server = _Server(self.world, self.app)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving; returns when the port is free again."""
        # Held requests and webhooks on their way would keep the server from ending.
        self._in_loop(self.world.faults.clear)
        self._in_loop(self.world.courier.reset)
        self._server.should_exit = True
        self._thread.join()

    def ledger(self) -> dict[str, Any]:
        """Return everything that was asked, paid and published, as ``GET /sandbox/ledger`` does."""
        return self._in_loop(self.world.ledger)

    def change_settings(self, **settings: object) -> None:
        """
        Change settings, see `airflow_provider_pictory.sandbox.settings.Settings`; `reset` takes it back.

        :raises ValueError: a setting is unknown or its value makes no sense.
        """
        changed = self.world.settings.updated(settings)
        self._in_loop(lambda: self.world.change_settings(changed))

    def fault(self, call: str, kind: str, **options: Any) -> str:
        """
        Set a fault, see `airflow_provider_pictory.sandbox.faults.Fault`; return its id.

        :param call: name of a call such as ``pictory.submit_image``, or a pattern such as ``pictory.*``.
        :param kind: ``status``, ``body``, ``truncate``, ``reset``, ``delay`` or ``hold``.
        :param options: `when`, `times` (1; None for ever), `probability`, and what the kind needs.
        :raises ValueError: the options make no sense.
        """
        return self._in_loop(lambda: self.world.faults.add({"call": call, "kind": kind, **options}).id)

    def clear_faults(self) -> None:
        """Remove all faults and release what they hold."""
        self._in_loop(self.world.faults.clear)

    def release(self, fault_id: str) -> None:
        """Let go of the requests that a fault holds; raise KeyError if there is no such fault."""
        self._in_loop(lambda: self.world.faults.get(fault_id).release())

    def reset(self) -> None:
        """Go back to the state and the settings at the start."""
        self._in_loop(self.world.reset)

    def _in_loop(self, function: Callable[[], T]) -> T:
        """Run a function where the world may be changed: in the thread of the server."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._server.loop).result()


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, world: World, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=functools.partial(_Connection, world),  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
                timeout_keep_alive=75,  # as usual in front of an API; a client that polls seldom keeps its connection
            )
        )
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()


class _Connection(HTTPProtocol):
    """A connection that is counted, and that hands its transport to the faults."""

    def __init__(self, world: World, **options: Any) -> None:
        super().__init__(**options)
        self._world = world

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._world.traffic.connections += 1
        self.app_state = {**self.app_state, "transport": transport}
