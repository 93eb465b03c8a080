"""How long the gallery takes with many images, and with how many calls: `make figures` measures it for the docs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.browser.conftest import Web, fill, serve
from tests.system.processes import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("playwright.sync_api")

BEGIN, END = "<!-- many: `make figures` writes this -->", "<!-- many end -->"
SIZES = {300: "6", 3000: "60"}  # images, in runs of 50
PICTURE = "[...document.querySelectorAll('#images img')].some(image => image.complete && image.naturalWidth)"
SAID = "document.querySelector('#sums').textContent"
LISTED = f"/image/.test({SAID}) && !/listed/.test({SAID})"
DONE = f"!document.body.classList.contains('reading') && {LISTED}"
STEPS = {
    "first picture": ("?range=30", PICTURE),
    "all listed": ("?range=30", LISTED),
    "same visit again, from what the browser has kept: first picture": ("?range=30", PICTURE),
    "what this month has cost, by the models' prices": ("?tab=spending", LISTED),
    "the same, every value read": ("?tab=spending", DONE),
    "the same again, from what the browser has kept": ("?tab=spending", DONE),
}


@pytest.fixture(params=SIZES)
def many(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, sandbox: Sandbox, tmp_path: Path
) -> Iterator[tuple[int, Web]]:
    """An Airflow with so many images, and a post of each."""
    if not pytestconfig.getoption("--figures", None):
        pytest.skip("measures, with --figures FILE")
    env = fill(sandbox, tmp_path, SIZES[request.param], "posts")
    port = free_port()
    with serve(env, tmp_path, port, f"http://127.0.0.1:{port}") as web:
        web.get("api/v2/dags", "admin")
        yield request.param, web


def test_the_weight_of_many(many: tuple[int, Web], visit: Callable[..., Page], pytestconfig: pytest.Config):
    size, web = many
    page = visit("pictory-gallery/icon.svg", web=web)
    calls: list[Any] = []
    page.on("request", lambda request: calls.append(request) if "/api/v2/" in request.url else None)
    rows = []
    former = ""
    for name, (query, condition) in STEPS.items():
        again = name == "all listed" or "every value" in name
        if not again:
            page.goto(f"{web.url}/pictory-gallery/icon.svg")
            calls.clear()
            started = time.monotonic()
            page.goto(f"{web.gallery}{query}")
        while not page.evaluate(condition):
            assert time.monotonic() - started < 900, former
            time.sleep(0.05)
        rows.append(f"| {size:,} | {name} | {len(calls):,} | {time.monotonic() - started:.1f} s |")
        former = name
        if name == "all listed" or "every value" in name:
            page.wait_for_timeout(1500)  # what was read is written together
    pages: Path = pytestconfig.getoption("--figures")
    before, _, rest = pages.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    head = ["| images | until | calls | time |", "|---|---|---|---|"]
    kept = [line for line in table.strip().splitlines()[2:] if not line.startswith(f"| {size:,} |")]
    pages.write_text(f"{before}{BEGIN}\n\n" + "\n".join([*head, *kept, *rows]) + f"\n\n{END}{after}")
