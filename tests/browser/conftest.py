"""A browser, and an Airflow for it to look at: its users, and XComs that real tasks of a sandbox made."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
CHROMIUM += ["--disable-component-update", "--disable-sync"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", type=Path, metavar="FILE", help="write what the gallery costs into this page")


@dataclass
class Web:
    """
    An Airflow that shows what was done, and does nothing more.

    :param url: its address, with a path where it is served under one, without a slash at the end.
    """

    url: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def gallery(self) -> str:
        return f"{self.url}/pictory-gallery/"

    def token(self, user: str) -> str:
        if user not in self.tokens:
            body = {"username": user, "password": user}
            answer = requests.post(f"{self.url}/auth/token", json=body, timeout=30)
            self.tokens[user] = answer.json()["access_token"]
        return self.tokens[user]

    def get(self, path: str, user: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return requests.get(f"{self.url}/{path}", headers=headers, timeout=30)


@contextmanager
def serve(env: dict[str, str], home: Path, port: int, url: str) -> Iterator[Web]:
    """Run an api-server."""
    command = [sys.executable, "-m", "airflow", "api-server", "--apps", "core", "--port", str(port)]
    options = {"AIRFLOW__API__BASE_URL": f"{url}/"}
    with (home / f"api-server-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, env={**env, **options}, stdout=log, stderr=log)

    def answers() -> bool:
        assert process.poll() is None, (home / f"api-server-{port}.log").read_text()
        try:
            return requests.get(f"http://127.0.0.1:{port}/api/v2/version", timeout=5).ok
        except requests.RequestException:
            return False

    try:
        wait_until(answers, "the api-server answers")
        yield Web(url)
    finally:
        process.terminate()
        process.wait()


def fill(sandbox: Sandbox, home: Path, *arguments: str, **settings: str) -> dict[str, str]:
    """Fill an Airflow's database, with ``fill.py``; return what its processes need to know, other settings included."""
    env = {
        **os.environ,
        **sandbox.connections,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        **settings,
    }
    filled = subprocess.run(
        [sys.executable, HERE / "fill.py", *arguments], env=env, capture_output=True, text=True, check=False
    )
    assert filled.returncode == 0, filled.stdout[-4000:] + filled.stderr[-4000:]
    return env


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(latency=0, publish_latency=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def env(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An Airflow whose database is filled; what its processes need to know."""
    if not hasattr(pytest.importorskip("airflow.plugins_manager").AirflowPlugin, "external_views"):
        pytest.skip("the gallery needs Airflow 3.1")
    return fill(sandbox, tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="module")
def airflow(env: dict[str, str]) -> Iterator[Web]:
    port = free_port()
    with serve(env, Path(env["AIRFLOW_HOME"]), port, f"http://127.0.0.1:{port}") as web:
        yield web


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not (program := shutil.which("chromium")):
        pytest.skip("needs Chromium (Debian's package `chromium`)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(airflow: Web, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """
    Open a page as a user; in the end no script may have failed, and nothing may have been kept from loading by the
    page's own policy.
    """
    contexts, failed = [], []

    def opened(
        address: str = "",
        user: str | None = "admin",
        web: Web = airflow,
        before: Callable[[Page], object] = lambda page: None,
        **options: Any,
    ) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
        context.set_default_timeout(60_000)
        contexts.append(context)
        if user:
            context.add_cookies([{"name": "_token", "value": web.token(user), "url": f"{web.url}/"}])
        page = context.new_page()
        page.on("pageerror", lambda error: failed.append(error.stack) if "pictory-gallery" in error.stack else None)
        page.on("console", lambda said: failed.append(said.text) if "Content Security" in said.text else None)
        before(page)
        page.goto(f"{web.url}/{address}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not failed
