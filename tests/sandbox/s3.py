"""An S3-compatible server, and a proxy before it that breaks off."""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import pytest

MISSING = [name for name in ("moto", "s3fs", "airflow.providers.amazon") if importlib.util.find_spec(name) is None]
needs_s3 = pytest.mark.skipif(bool(MISSING), reason=f"the extra storage-tests is not installed: {', '.join(MISSING)}")


class S3:
    """
    A server with one bucket, ``pictures``.

    :param address: where it listens.
    :param keys: the access key and its secret; any are good unless the server checks permissions.
    """

    def __init__(self, address: tuple[str, int], keys: tuple[str, str] = ("key", "secret")) -> None:
        self.address = address
        self.endpoint = f"http://{address[0]}:{address[1]}"
        self.keys = keys
        self.conn_id = f"aws_{address[1]}_{keys[0].lower()}"  # Airflow keeps file systems by this id

    @property
    def connection(self) -> dict[str, str]:
        """The environment variable of an Airflow connection to it."""
        config = {"read_timeout": 2, "connect_timeout": 2, "retries": {"max_attempts": 1}}
        extra = {"endpoint_url": self.endpoint, "region_name": "us-east-1", "config_kwargs": config}
        conn = {"conn_type": "aws", "login": self.keys[0], "password": self.keys[1], "extra": extra}
        return {f"AIRFLOW_CONN_{self.conn_id.upper()}": json.dumps(conn)}

    def url(self, key: str, bucket: str = "pictures") -> str:
        return f"s3://{self.conn_id}@{bucket}/{key}"

    def client(self, service: str = "s3") -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
        )

    def keys_of(self, bucket: str = "pictures") -> list[str]:
        return [item["Key"] for item in self.client().list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextmanager
def s3_server() -> Iterator[S3]:
    """Serve an S3-compatible API in a thread."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield S3(server.get_host_and_port())
    finally:
        server.stop()


class CuttingProxy:
    """Passes connections on; closes those that carry an upload once ``after`` bytes of it have passed."""

    def __init__(self, target: tuple[str, int], after: int) -> None:
        self.target = target
        self.after = after
        self.cut = 0

    def __enter__(self) -> CuttingProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        passed = 0
        is_upload = False
        with source, target, suppress(OSError):
            while data := source.recv(4096):
                if is_request and data.startswith((b"PUT ", b"GET ", b"HEAD ", b"POST ")):
                    is_upload, passed = data.startswith(b"PUT ") and b".png" in data.split(b"\r\n")[0], 0
                passed += len(data)
                if is_upload and passed > self.after:
                    self.cut += 1
                    for end in (source, target):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
