"""One sandbox for all these tests, as new for each of them, and a clock that tests can put forward."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.s3 import S3, s3_server


class Api:
    """A client of one service: the key is sent, a dict is sent as JSON."""

    def __init__(self, base_url: str, authorization: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers.update({"Authorization": authorization, "User-Agent": "tests"})

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        if body is not None:
            options["json"] = body
        return self.session.request(method, self.base_url + path, timeout=10, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self("POST", path, body, **options)


@pytest.fixture(scope="session")
def _serving() -> Iterator[Sandbox]:
    with Sandbox(latency=10, publish_latency=5, generate_latency=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_serving: Sandbox) -> Sandbox:
    _serving.world.clock = time.time
    _serving.reset()
    return _serving


@pytest.fixture
def travel(sandbox: Sandbox) -> Callable[[float], None]:
    """Put the sandbox's clock forward."""

    def forward(seconds: float) -> None:
        before = sandbox.world.clock
        sandbox.world.clock = lambda: before() + seconds

    return forward


@pytest.fixture
def settings(sandbox: Sandbox) -> Callable[..., None]:
    """Change settings of the sandbox."""
    return sandbox.change_settings


@pytest.fixture
def pictory(sandbox: Sandbox) -> Api:
    return Api(sandbox.pictory_url, sandbox.pictory_key)


@pytest.fixture
def posteverywhere(sandbox: Sandbox) -> Api:
    return Api(sandbox.posteverywhere_url, f"Bearer {sandbox.posteverywhere_key}")


@pytest.fixture
def submit(pictory: Api) -> Callable[..., str]:
    """Submit an image; returns the job id."""

    def send(prompt: str = "A quiet lake", **fields: str) -> str:
        answer = pictory.post("/v1/aistudio/images", {"prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        job_id: str = answer.json()["data"]["jobId"]
        return job_id

    return send


@pytest.fixture
def publish(posteverywhere: Api) -> Callable[..., str]:
    """Create a post; returns its id."""

    def send(content: str = "Hello", **fields: Any) -> str:
        answer = posteverywhere.post("/posts", {"content": content, "account_ids": [2280, 2282], **fields})
        assert answer.status_code == 201, answer.text
        post_id: str = answer.json()["data"]["post_id"]
        return post_id

    return send


class Receiver:
    """A loopback server that keeps what is posted to it."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        self.received: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.received.get(timeout=5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait for what happens in another thread and announces itself to nobody."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait


@pytest.fixture
def quick(settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    settings(latency=0.1, publish_latency=0.1)
    monkeypatch.setattr("airflow_provider_pictory.polling.next_poll.backoff", lambda *_, **__: 0.01)


@pytest.fixture(params=[False, True], ids=["worker", "triggerer"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """
    Return what was logged: by the standard library's loggers, and on newer Airflows by structlog's.

    Not by urllib3, which quotes headers that it cannot parse at any length.
    """
    caplog.set_level(logging.INFO)

    def standard() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name != "urllib3.connection"]

    try:
        from structlog.testing import capture_logs
    except ImportError:
        yield standard
    else:
        with capture_logs() as captured:
            yield lambda: standard() + [entry["event"] % entry.get("positional_args", ()) for entry in captured]


@pytest.fixture(scope="session")
def _s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(_s3: S3) -> S3:
    requests.post(f"{_s3.endpoint}/moto-api/reset", timeout=10).raise_for_status()
    _s3.client().create_bucket(Bucket="pictures")
    return _s3
