"""Hostile answers over real HTTP: they cost a bounded time and memory, lead nowhere else, and forge no log."""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
import tracemalloc
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.responses import MAX_RESPONSE_BYTES
from airflow_provider_pictory.hooks.pictory import PictoryAsyncHook, PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereAsyncHook, PostEverywhereHook
from airflow_provider_pictory.links import ImageLink, PostLink
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException, XCom
from tests.conftest import Tries
from tests.sandbox.caller import Caller
from tests.sandbox.tasks import PROMPT, generate, post, sensor

HOOKS = {
    "pictory": (PictoryHook, PictoryAsyncHook),
    "posteverywhere": (PostEverywhereHook, PostEverywhereAsyncHook),
}
SUBMIT = ("pictory", "submit_image", PROMPT)
QUOTA = ("pictory", "get_quota")
KEY = "pictai_verysecret"
MEBIBYTE = 1024 * 1024
MEMORY = 6 * MAX_RESPONSE_BYTES
"""What an answer may cost, in bytes: the server that sends it is in this process too."""


def brief(value: bytes) -> str:
    return repr(value[:16])


costly_or_not = pytest.mark.parametrize(
    ("call", "error"), [(QUOTA, e.InvalidResponseError), (SUBMIT, e.OutcomeUnknownError)], ids=["free", "costly"]
)
pytestmark = pytest.mark.usefixtures("no_sleep")


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest, connections: Any) -> Callable[..., Any]:
    """Call a method of a service's hook."""

    def call(service: str, method: str, *args: Any, **kwargs: Any) -> Any:
        return Caller(*HOOKS[service], f"{service}_default", request.param)(method, *args, **kwargs)

    return call


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak:,} bytes"


@contextmanager
def time_below(limit: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < limit


class Host(socketserver.ThreadingTCPServer):
    """Answers every request with what a test likes, and keeps what it has received."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[Host, Callable[[bytes], Any]], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.answer = answer
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.received: list[bytes] = []
        self.stopped = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what these tests are about."""


class _Request(socketserver.StreamRequestHandler):
    server: Host

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (line := self.rfile.readline()):
                return
            head += line
        length = re.search(rb"(?i)content-length: (\d+)", head)
        self.server.received.append(head + self.rfile.read(int(length[1]) if length else 0))
        self.server.answer(self.server, self.wfile.write)


@pytest.fixture
def serve(connections: Callable[..., None]) -> Iterator[Callable[..., Host]]:
    """Start a host, and lead Pictory's connection to it."""
    hosts: list[tuple[Host, threading.Thread]] = []

    def start(answer: Callable[[Host, Callable[[bytes], Any]], None] | bytes, **extra: Any) -> Host:
        host = Host((lambda _, send: send(answer)) if isinstance(answer, bytes) else answer)
        thread = threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        hosts.append((host, thread))
        connections("pictory_default", host=host.url, password=KEY, extra=extra)
        return host

    yield start
    for host, thread in hosts:
        host.stopped.set()
        host.shutdown()
        host.server_close()
        thread.join()


def assert_harmless(text: str) -> None:
    """
    One line for the log: bounded, nothing that moves a cursor or turns the writing direction, and no key.

    An error has up to 2,000 characters, and the line that it is logged in some more.
    """
    assert len(text) <= 2300
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", text)
    assert KEY not in text


def assert_all_harmless(lines: list[str]) -> None:
    for line in lines:
        assert_harmless(line)


class TestSize:
    @costly_or_not
    def test_two_gigabytes(self, ask: Any, sandbox: Sandbox, call: Any, error: type[Exception]):
        sandbox.fault(f"pictory.{call[1]}", "body", body="x" * MEBIBYTE, repeat=2048)
        with memory_below(MEMORY), time_below(10), pytest.raises(error, match="more than 16,777,216 bytes") as caught:
            ask(*call)
        assert type(caught.value) is error

    @costly_or_not
    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
    def test_a_gigabyte_in_a_megabyte(
        self, ask: Any, serve: Any, call: Any, error: type[Exception], encoding: str, bombs: dict[str, bytes]
    ):
        bomb = bombs[encoding]
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
        serve(head.encode() + bomb)
        with memory_below(MEMORY), time_below(10), pytest.raises(e.ServiceError) as caught:
            ask(*call)
        assert isinstance(caught.value, error if call is SUBMIT else (error, e.TransientError))
        assert_harmless(str(caught.value))

    @costly_or_not
    def test_a_redirect_with_two_gigabytes(self, ask: Any, sandbox: Sandbox, call: Any, error: type[Exception]):
        sandbox.fault(
            f"pictory.{call[1]}",
            "body",
            status=302,
            headers={"Location": "/elsewhere"},
            body="x" * MEBIBYTE,
            repeat=2048,
        )
        with memory_below(MEMORY), time_below(10), pytest.raises(error):
            ask(*call)


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """A gigabyte of zeros, compressed. What ends a stream is missing: nobody should get there."""

    def repeated(window: int, block: bytes, times: int) -> bytes:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, window)
        first = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
        again = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
        return first + again * (times - 1)

    gzip = repeated(31, bytes(MEBIBYTE), 1024)
    return {"gzip": gzip, "deflate": repeated(15, bytes(MEBIBYTE), 1024), "gzip, gzip": repeated(31, gzip, 1)}


class TestElsewhere:
    @pytest.mark.parametrize("call", [QUOTA, SUBMIT], ids=["free", "costly"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("scheme", ["http:", ""])
    def test_nothing_arrives_where_a_redirect_leads(
        self, ask: Any, sandbox: Sandbox, serve: Any, connections: Any, call: Any, status: int, scheme: str
    ):
        elsewhere = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        connections("pictory_default", host=sandbox.pictory_url, password=sandbox.pictory_key)
        location = f"{scheme}{elsewhere.url.removeprefix('http:')}/v1/quota"
        sandbox.fault(f"pictory.{call[1]}", "status", status=status, headers={"Location": location}, times=None)
        with pytest.raises(e.InvalidResponseError, match="redirects are not followed"):
            ask(*call)
        assert elsewhere.received == []
        assert len(sandbox.world.requests) == 1

    @pytest.mark.parametrize("call", [QUOTA, SUBMIT], ids=["free", "costly"])
    @pytest.mark.parametrize(
        "location",
        [
            "http://[",
            "\xff",
            "",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://a:b@127.0.0.1:99999/",
            "x" * 8000,
        ],
    )
    def test_a_redirect_to_nonsense(self, ask: Any, sandbox: Sandbox, call: Any, location: str):
        sandbox.fault(f"pictory.{call[1]}", "status", status=302, headers={"Location": location}, times=None)
        with pytest.raises(e.InvalidResponseError, match="redirects are not followed"):
            ask(*call)


def dribble(host: Host, send: Callable[[bytes], Any], head: bytes, endless: bytes) -> None:
    """Send a byte at a time; the end is for clients that would wait for ever."""
    send(head)
    until = time.monotonic() + 6
    while time.monotonic() < until and not host.stopped.wait(0.02):
        send(endless)


class TestTime:
    @pytest.mark.parametrize(
        ("head", "endless"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        ],
        ids=["body", "chunks"],
    )
    def test_a_body_that_never_ends(self, ask: Any, serve: Any, head: bytes, endless: bytes):
        serve(lambda host, send: dribble(host, send, head, endless), timeout=[0.7, 0.1])
        with time_below(5), pytest.raises(e.OutcomeUnknownError, match="submit image was lost") as caught:
            ask(*SUBMIT)
        assert_harmless(str(caught.value))

    @pytest.mark.parametrize(
        ("head", "endless"),
        [
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
            (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x"),
            (b"HTTP/1.1 200 O", b"K"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
                b"\x00\x00\x00\xff\xff",
            ),
        ],
        ids=["size-of-a-chunk", "trailers", "header", "status", "continue", "empty-blocks"],
    )
    def test_an_answer_that_never_ends(self, ask: Any, serve: Any, head: bytes, endless: bytes):
        serve(lambda host, send: dribble(host, send, head, endless), timeout=[0.7, 0.1])
        with time_below(5), pytest.raises(e.OutcomeUnknownError, match="submit image was lost") as caught:
            ask(*SUBMIT)
        assert_harmless(str(caught.value))


class TestHeaders:
    @pytest.mark.parametrize(
        "headers",
        [
            b"".join(b"X-%d: y\r\n" % n for n in range(10_000)),
            b"X-Large: " + b"y" * 4_000_000 + b"\r\n",
            b"".join(b"X-%d: " % n + b"y" * 60_000 + b"\r\n" for n in range(90)),
            b"".join(b"Set-Cookie: c%d=" % n + b"y" * 4000 + b"\r\n" for n in range(90)),
            b"no colon\r\n\x1b[31m\r\n" + KEY.encode() + b"\r\n",
            b"X-Control: a\x00\x1b[31m\xe2\x80\xae" + KEY.encode() + b"\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: " + b"9" * 5000 + b"\r\n",
            b"Content-Length: 5\r\nContent-Length: 7\r\n",
            b"Transfer-Encoding: \x1b[31m\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Content-Encoding: \xff\r\n",
            b"Content-Type: \xff\x1b[31m; charset=\xff\r\nX-Request-Id: \xff\x85\r\n",
        ],
        ids=brief,
    )
    @pytest.mark.parametrize("status", [b"200", b"400", b"503", b"999"])
    def test_absurd_headers(self, ask: Any, serve: Any, logged: Any, headers: bytes, status: bytes):
        serve(b"HTTP/1.1 " + status + b" OK\r\n" + headers + b'\r\n{"message": "no"}')
        for call in (QUOTA, SUBMIT):
            with memory_below(MEMORY), time_below(5), pytest.raises(e.ServiceError) as caught:
                ask(*call)
            assert_all_harmless([str(caught.value), *logged()])

    @pytest.mark.parametrize(
        "answer",
        [
            b"\x1b[31m\x00\xe2\x80\xae\r\n" * 100,
            b"HTTP/1.1 \x1b[31m OK\r\n\r\n",
            b"HTTP/1.1 99999999999999999999 OK\r\n\r\n",
            b"HTTP/1.1 200 \x1b[31m" + KEY.encode() + b"\r\n\r\n",
            b"HTTP/9.9 " + KEY.encode() + b" OK\r\n\r\n",
            KEY.encode(),
            b"",
        ],
        ids=brief,
    )
    def test_what_is_no_http(self, ask: Any, serve: Any, logged: Any, answer: bytes):
        serve(answer)
        for call in (QUOTA, SUBMIT):
            with pytest.raises(e.ServiceError) as caught:
                ask(*call)
            assert_all_harmless([str(caught.value), *logged()])

    def test_a_host_that_echoes_the_request(self, ask: Any, serve: Any, logged: Any):
        serve(lambda host, send: send(host.received[-1]))
        for call in (QUOTA, SUBMIT):
            with pytest.raises(e.ServiceError) as caught:
                ask(*call)
            assert_all_harmless([str(caught.value), *logged()])

    def test_cookies_are_not_kept(self, ask: Any, serve: Any):
        host = serve(b"HTTP/1.1 503 Service Unavailable\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(e.TransientError):
            ask(*QUOTA)
        assert not [request for request in host.received if b"cookie" in request.lower()]


class TestPages:
    """A list that never ends: the host stops at some time, so that the test does."""

    def test_jobs(self, ask: Any, serve: Any):
        def page(host: Host, send: Callable[[bytes], Any]) -> None:
            number = len(host.received)
            send(as_answer({"items": [], "nextPageKey": str(number) if number < PAGES else None}))

        serve(page)
        with pytest.raises(e.InvalidResponseError, match="list jobs"):
            ask("pictory", "list_jobs")

    def test_jobs_in_circles(self, ask: Any, serve: Any):
        def page(host: Host, send: Callable[[bytes], Any]) -> None:
            number = len(host.received)
            send(as_answer({"items": [], "nextPageKey": "ab"[number % 2] if number < PAGES else None}))

        serve(page)
        with pytest.raises(e.InvalidResponseError, match="list jobs"):
            ask("pictory", "list_jobs")

    def test_posts(self, ask: Any, serve: Any, connections: Callable[..., None]):
        def page(host: Host, send: Callable[[bytes], Any]) -> None:
            more = len(host.received) < PAGES
            posts = [{"post_id": "p", "status": "published"}]
            send(as_answer({"data": {"posts": posts, "pagination": {"has_more": more}}}))

        connections("posteverywhere_default", host=serve(page).url, password=KEY)
        with pytest.raises(e.InvalidResponseError, match="list posts"):
            ask("posteverywhere", "list_posts")


PAGES = 1100


def as_answer(body: Any) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content


TEXTS = {
    "control": "a\r\nERROR forged\x1b[31m\x9b0m\x85\u2028\u2029\u202egnp.\u2066\x00",
    "long": "long " * 2000,
    "half-a-character": "a\ud800b",
}


@pytest.fixture(params=TEXTS.values(), ids=TEXTS.keys())
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestErrors:
    @pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 409, 422, 429, 500, 503])
    def test_what_an_error_says(self, ask: Any, sandbox: Sandbox, logged: Any, text: str, status: int):
        faults = [{"field": text, "message": text}, {"name": text, "errors": [text] * 50}]
        problem = {"message": text, "code": text, "fields": faults, "details": {"credits_required": text}}
        bodies = [
            problem,
            {"error": problem, "meta": {"request_id": text}},
            {"error": text, "error_code": text},
            [text],
        ]
        for body in bodies:
            for call in (QUOTA, SUBMIT, ("posteverywhere", "create_post", "Hello")):
                sandbox.fault("*", "status", status=status, body=body, times=None)
                options = {"account_ids": [2280]} if call[0] == "posteverywhere" else {}
                with pytest.raises(e.ServiceError) as caught:
                    ask(*call, **options)
                assert_all_harmless([str(caught.value), caught.value.request_id or "", *logged()])
                sandbox.clear_faults()

    def test_what_the_test_button_shows(self, sandbox: Sandbox, connections: Any, text: str):
        me = {"api_key": {"scopes": [text]}, "organization": {"name": text}}
        sandbox.fault("posteverywhere.get_me", "body", body={"data": me})
        sandbox.fault("posteverywhere.get_me", "status", status=403, body={"error": {"message": text}})
        assert [PostEverywhereHook().test_connection()[0] for _ in range(2)] == [True, False]
        sandbox.clear_faults()
        sandbox.fault("posteverywhere.get_me", "body", body={"data": me})
        assert_harmless(PostEverywhereHook().test_connection()[1])


IMAGE = "https://pictures.example/a.png"


def waiting(deferrable: bool) -> Tries:
    return sensor(PictoryHook().submit_image(PROMPT), deferrable=deferrable)


def generating(deferrable: bool) -> Tries:
    return generate(wait_for_completion=True, deferrable=deferrable)


def making_media(deferrable: bool) -> Tries:
    return Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT))


def posting(deferrable: bool) -> Tries:
    return post(image=IMAGE, wait_for_publish=True, deferrable=deferrable)


def end_of(task: Tries) -> Any:
    """Return the result of a task's try, or the error that it ended with."""
    try:
        return task.run()
    except AirflowException as error:
        return error


def completed(**fields: Any) -> dict[str, Any]:
    return {"job_id": "j1", "success": True, "data": {"status": "completed", "url": IMAGE, **fields}}


def results(post_status: str, **fields: Any) -> dict[str, Any]:
    return {"data": {"post_id": "p1", "post_status": post_status, "results": [{"account_id": 2280} | fields]}}


TALES: dict[str, tuple[Callable[[bool], Tries], str, Callable[[str], dict[str, Any]]]] = {
    "id-of-a-job": (waiting, "pictory.get_job", lambda text: completed() | {"job_id": text}),
    "status-of-a-job": (waiting, "pictory.get_job", lambda text: completed(status=text)),
    "credits": (waiting, "pictory.get_job", lambda text: completed(aiCreditsUsed=text)),
    "reason": (
        waiting,
        "pictory.get_job",
        lambda text: completed(status="failed", error_code=text, error_message=text),
    ),
    "id-of-a-resumed-job": (generating, "pictory.get_job", lambda text: completed() | {"job_id": text}),
    "reason-for-a-retry": (
        generating,
        "pictory.get_job",
        lambda text: completed(status="failed", error_code=text, error_message=text),
    ),
    "id-of-a-new-job": (generating, "pictory.submit_image", lambda text: {"data": {"jobId": text}}),
    "id-of-made-media": (
        making_media,
        "posteverywhere.generate_image",
        lambda text: {"data": {"media_id": text, "credits_used": text}},
    ),
    "id-of-imported-media": (
        posting,
        "posteverywhere.upload_media_from_url",
        lambda text: {"data": {"media_id": text, "media_ids": [text]}},
    ),
    "id-of-a-post": (
        posting,
        "posteverywhere.create_post",
        lambda text: {"data": {"post_id": text, "status": "publishing"}},
    ),
    "status-of-a-new-post": (
        posting,
        "posteverywhere.create_post",
        lambda text: {"data": {"post_id": "p", "status": text}},
    ),
    "status-of-a-post": (
        posting,
        "posteverywhere.get_post*",
        lambda text: results(text, status="published", platform="x"),
    ),
    "platform-and-error": (
        posting,
        "posteverywhere.get_post*",
        lambda text: results("failed", status="failed", platform=text, error=text),
    ),
    "code-of-an-error": (
        posting,
        "posteverywhere.get_post*",
        lambda text: results("failed", status="failed", error={"code": text}),
    ),
    "account": (
        posting,
        "posteverywhere.get_post*",
        lambda text: results("failed", status="failed", account_id=text),
    ),
}


@pytest.mark.usefixtures("connections", "quick")
@pytest.mark.parametrize(("make", "call", "answer"), TALES.values(), ids=TALES.keys())
def test_what_an_answer_says_forges_no_log(
    sandbox: Sandbox, logged: Any, make: Any, call: str, answer: Any, text: str, deferrable: bool
):
    task = make(deferrable)
    sandbox.fault(call, "body", body=answer(text), times=2)
    end = end_of(task)
    assert_all_harmless([*logged(), str(end) if isinstance(end, Exception) else ""])
    for _, trigger in task.triggers:
        assert all(isinstance(value, (int, float)) or len(str(value)) <= 200 for value in trigger.values())


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], str]:
    """Return what a link shows of a task's result."""

    def show(link: Any, value: Any) -> str:
        monkeypatch.setattr(XCom, "get_value", staticmethod(lambda **_: value))
        address: str = link.get_link(None, ti_key=None)
        return address

    return show


ADDRESSES = [
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/html,<script>",
    "http://user:pw@127.0.0.1:{port}/x",
    "https://pictures.example@127.0.0.1:{port}/x",
    "//127.0.0.1:{port}/x",
    "https://a.example/\r\nb",
    "https://a.example/\u202egnp.b",
    "http://[",
    "https://",
]


@pytest.mark.usefixtures("connections", "quick")
@pytest.mark.parametrize("address", ADDRESSES)
class TestAddresses:
    """What a service says a picture's or a post's address is: data, which nothing here opens."""

    @pytest.mark.parametrize("make", [waiting, generating])
    def test_of_a_picture(
        self,
        sandbox: Sandbox,
        serve: Any,
        connections: Any,
        shown: Callable[[Any, Any], str],
        logged: Any,
        address: str,
        make: Any,
        deferrable: bool,
    ):
        host = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connections("pictory_default", host=sandbox.pictory_url, password=sandbox.pictory_key)
        url = address.format(port=host.server_address[1])
        task = make(deferrable)
        sandbox.fault("pictory.get_job", "body", body=completed(url=url), times=None)
        image = task.run()
        assert image["url"] == url
        assert logged()
        assert_all_harmless(logged())
        assert shown(ImageLink(), image) == ""
        before = len(sandbox.world.requests)
        for given in (image, url):
            with pytest.raises(e.InvalidRequestError, match="image: ") as caught:
                post(image=given).run()
            assert isinstance(caught.value, AirflowFailException)
            assert_harmless(str(caught.value))
        assert len(sandbox.world.requests) == before
        assert host.received == []

    def test_of_a_post(self, sandbox: Sandbox, shown: Callable[[Any, Any], str], address: str):
        url = address.format(port=9)
        answer = results("published", status="published", platform="x", platform_post_url=url)
        sandbox.fault("posteverywhere.get_post*", "body", body=answer, times=None)
        published = posting(False).run()
        assert published["destinations"][0]["url"] == url
        assert shown(PostLink(), published) == ""
