"""A web server whose answers a test writes byte by byte, for sources of pictures that lie, break off or do not end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from types import TracebackType

from PIL import Image

Answer = bytes | Callable[[], Iterator[bytes]]


def png(size: tuple[int, int] = (64, 36), color: str = "navy") -> bytes:
    file = BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def ok(body: bytes, *, length: int | None = None, kind: str = "image/png") -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def status(code: int, **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {code} Whatever\r\n{lines}Content-Length: 0\r\n\r\n".encode()


class PictureServer:
    """Sends the answers of a path in turn, the last one again and again, and closes each connection."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[bytes] = []
        self.sent = 0

    def __enter__(self) -> PictureServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (data := connection.recv(65536)):
            request += data
        if not request:
            return
        self.requests.append(request)
        answers = self.answers[request.split()[1].decode()]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        for part in [answer] if isinstance(answer, bytes) else answer():
            connection.sendall(part)
            self.sent += len(part)
