"""Downloading pictures from sources that lie, break off, redirect or do not end."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.storage import download as module
from airflow_provider_pictory.storage.download import Download, download
from airflow_provider_pictory.storage.image_file import ImageFile
from tests.sandbox.picture_server import PictureServer, ok, png, status

PNG = png()


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with PictureServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "backoff", lambda attempt: 0.0)


def get(server: PictureServer, tmp_path: Path, path: str = "/a.png?signature=secret", **options: Any) -> Download:
    size = options.pop("size", (64, 36))
    endpoint = Endpoint(**{"base_url": server.url, "key": "pictai_secret_key", "requests_per_minute": 60, **options})
    with (tmp_path / "picture").open("w+b") as file:
        return download(server.url + path, file, endpoint, size)


def serve(server: PictureServer, *answers: Any) -> None:
    server.answers["/a.png?signature=secret"] = list(answers)


def test_a_picture(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG))
    assert get(server, tmp_path) == Download(ImageFile("image/png", 64, 36), len(PNG), hashlib.sha256(PNG).hexdigest())
    assert (tmp_path / "picture").read_bytes() == PNG
    assert b"pictai" not in server.requests[0]
    assert b"Authorization" not in server.requests[0]


def test_a_connection_that_breaks_off_is_tried_again_from_the_start(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG[:50], length=len(PNG)), b"", status(503), ok(PNG))
    with pytest.raises(e.TransientError):
        get(server, tmp_path)
    assert get(server, tmp_path).size == len(PNG)
    assert (tmp_path / "picture").read_bytes() == PNG


def test_the_type_that_is_declared_does_not_matter(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG, kind="text/html"))
    assert get(server, tmp_path).image.content_type == "image/png"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok(b"<!DOCTYPE html><title>Sign in</title>", kind="text/html; charset=utf-8"),
         "it starts with '<!DOCTYPE html>' (content type text/html)"),
        (ok(b"<html>", kind="image/png"), "it starts with '<html>' (content type image/png)"),
        (ok(b""), "it is empty"),
        (ok(PNG, length=len(PNG) - 20), "ends before the picture does"),
        (ok(png((64, 64))), "64×64 px, not of the promised height 36"),
        (status(400), "returned 400 instead of a picture"),
        (status(302), "returned 302 instead of a picture"),
    ],
)  # fmt: skip
def test_what_is_not_the_promised_picture(server: PictureServer, tmp_path: Path, answer: bytes, said: str):
    serve(server, answer)
    with pytest.raises(e.InvalidResponseError) as caught:
        get(server, tmp_path)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(server.requests) == 1


def test_a_size_that_is_not_known_is_not_compared(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG))
    assert get(server, tmp_path, size=(None, None)).image.width == 64


def test_a_body_that_is_shorter_than_declared_is_a_lost_connection(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG, length=len(PNG) + 1))
    with pytest.raises(e.TransientError):
        get(server, tmp_path)
    assert len(server.requests) == 3


def test_two_gigabytes_are_refused_before_they_are_sent(server: PictureServer, tmp_path: Path):
    serve(server, ok(PNG, length=2 * 1024**3))
    with pytest.raises(e.InvalidRequestError, match=r"has more than 104,857,600 bytes"):
        get(server, tmp_path)
    assert len(server.requests) == 1


def test_a_body_that_does_not_end_is_cut_off(server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1024 * 1024)

    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG[:40]
        while True:
            yield bytes(65536)

    serve(server, endless)
    with pytest.raises(e.InvalidRequestError, match=r"has more than 1,048,576 bytes"):
        get(server, tmp_path)
    assert (tmp_path / "picture").stat().st_size <= 1024 * 1024
    assert len(server.requests) == 1


def test_a_body_that_comes_in_drops_is_cut_off(server: PictureServer, tmp_path: Path):
    import time

    def drops() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
        for byte in PNG:
            yield bytes([byte])
            time.sleep(0.05)  # always less than the read timeout

    serve(server, drops)
    with pytest.raises(e.TransientError, match="takes too long"):
        get(server, tmp_path, timeout=(0.2, 0.2))


@pytest.mark.parametrize(
    ("code", "error"),
    [(404, e.NotFoundError), (410, e.NotFoundError), (403, e.PermissionDeniedError), (401, e.PermissionDeniedError)],
)
def test_a_url_that_has_died(server: PictureServer, tmp_path: Path, code: int, error: type[Exception]):
    serve(server, status(code))
    with pytest.raises(error, match=f"/a.png returned {code}$"):
        get(server, tmp_path)
    assert len(server.requests) == 1


def test_a_delay_is_left_to_the_task(server: PictureServer, tmp_path: Path):
    serve(server, status(429, **{"Retry-After": "60"}))
    with pytest.raises(e.RateLimitedError) as caught:
        get(server, tmp_path)
    assert caught.value.retry_after == 60


class TestRedirects:
    def test_they_are_followed(self, server: PictureServer, tmp_path: Path):
        serve(server, status(302, Location="/b.png"))
        server.answers["/b.png"] = [status(307, Location=f"{server.url}/c.png")]
        server.answers["/c.png"] = [ok(PNG)]
        assert get(server, tmp_path).size == len(PNG)

    def test_not_for_ever(self, server: PictureServer, tmp_path: Path):
        serve(server, status(302, Location="/a.png?signature=secret"))
        with pytest.raises(e.InvalidResponseError, match="there are more than 5 redirects"):
            get(server, tmp_path)
        assert len(server.requests) == 6

    @pytest.mark.parametrize(
        "location",
        ["http://169.254.169.254/latest/meta-data", "http://10.0.0.1/a.png", "http://[::ffff:10.0.0.1]/a.png",
         "file:///etc/passwd", "ftp://127.0.0.1/a.png", "http://user:password@127.0.0.1/a.png"],
    )  # fmt: skip
    def test_not_to_a_private_address_or_another_scheme(self, server: PictureServer, tmp_path: Path, location: str):
        serve(server, status(302, Location=location))
        with pytest.raises(e.InvalidRequestError, match="url: "):
            get(server, tmp_path)

    def test_not_to_a_name_that_resolves_to_one(
        self, server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """A public service redirects to a host name that leads to this machine; nothing is sent there."""
        import socket

        with PictureServer() as inner:
            port = int(inner.url.rpartition(":")[2])
            real = socket.getaddrinfo
            monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1", *a, **k))
            service = Endpoint("https://api.pictory.ai/pictoryapis", "pictai_secret_key", 60)
            with (tmp_path / "picture").open("w+b") as file, pytest.raises(e.InvalidRequestError) as caught:
                download(f"http://pictures.example:{port}/a.png", file, service, (64, 36))
            assert "pictures.example has the address 127.0.0.1, which is not public" in str(caught.value)
            assert not inner.requests

    def test_not_from_https_to_plain_http(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.setattr(module, "_get", lambda url, *_: "http://pictures.example/a.png")
        service = Endpoint("https://api.pictory.ai/pictoryapis", "pictai_secret_key", 60)
        with (tmp_path / "picture").open("w+b") as file, pytest.raises(e.InvalidResponseError, match="to plain http"):
            download("https://pictures.example/a.png", file, service, (64, 36))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_of_the_worker_may_pass(server: PictureServer):
    serve(server, ok(png((900, 900))))
    endpoint = Endpoint(server.url, "pictai_secret_key", 60)

    class Full:
        """A file on a full disk."""

        name = "/tmp/picture"

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def seek(self, *_: int) -> None: ...
        def truncate(self) -> None: ...

    with pytest.raises(e.TransientError, match=r"The worker's disk: No space left on device \(/tmp/picture\)"):
        download(f"{server.url}/a.png?signature=secret", Full(), endpoint, (900, 900))  # type: ignore[arg-type]
