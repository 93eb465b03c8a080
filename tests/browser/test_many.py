"""How long the gallery takes with many images, and with how many calls: `make figures` measures it for the docs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.browser.conftest import Web, fill, serve
from tests.pages import rewrite
from tests.system.processes import PostgreSQL, free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect: Any = pytest.importorskip("playwright.sync_api").expect

SIZES = {300: "3", 3000: "30", 30_000: "300"}  # images, in nights of 100
PICTURE = "[...document.querySelectorAll('#images img')].some(image => image.complete && image.naturalWidth)"
SAID = "document.querySelector('#sums').textContent"
LISTED = f"/image/.test({SAID}) && !/listed/.test({SAID})"
DONE = f"!document.body.classList.contains('reading') && {LISTED}"
MONTH = "[...document.querySelectorAll('#spending th')].some(head => head.textContent === 'This month')"
STEPS = {
    "first picture": ("?range=30", PICTURE),
    "all listed": ("?range=30", LISTED),
    "same visit again, from what the browser has kept: first picture": ("?range=30", PICTURE),
    "what this month has cost, by the models' prices": ("?tab=spending", MONTH),
    "the same, every value read": ("?tab=spending", DONE),
    "the same again, from what the browser has kept": ("?tab=spending", MONTH),
}


def wait_for(page: Page, condition: str) -> None:
    """Wait until something is so on a page whose policy forbids to wait within it."""
    wait_until(lambda: page.evaluate(condition), condition, 900)


def failures(page: Page) -> Any:
    page.locator("[name=range]").select_option("yesterday")
    page.get_by_role("group", name="Needs attention").get_by_role("button", name="Generation failed").click()
    return page.locator("#images .card").filter(has_text="the model is overloaded").first


def picture(page: Page) -> Any:
    page.get_by_role("searchbox").fill("Picture 17 of night 2")
    image = page.locator("#images .card").filter(has_text="Picture 17 of night 2:").locator("img")
    expect(image).to_have_js_property("complete", True, timeout=60_000)
    return image


def due(page: Page) -> Any:
    page.locator("#tabs").get_by_role("button", name="Schedule").click()
    return page.locator(".entry").filter(has_text="Instagram").filter(has_text="Spring is here").first


def cost(page: Page) -> Any:
    page.locator("#tabs").get_by_role("button", name="Spending").click()
    return page.get_by_role("columnheader", name="This week", exact=True)


def variants(page: Page) -> Any:
    page.get_by_label("Group by prompt").check()
    page.get_by_role("button", name="Compare").first.click()
    return page.get_by_role("dialog").locator("article").nth(3)


QUESTIONS = {
    "Which generations failed yesterday, and why": (2, failures),
    "The picture of a given prompt": (1, picture),
    "What is due tomorrow": (1, due),
    "What this week cost, by Dag": (1, cost),
    "Four variants of one prompt, side by side": (2, variants),
}


@pytest.fixture(params=SIZES, scope="module")
def many(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, sandbox: Sandbox, tmp_path_factory: Any
) -> Iterator[tuple[int, Web]]:
    """An Airflow with so many images, and a post of each."""
    if not pytestconfig.getoption("--figures", None):
        pytest.skip("measures, with --figures FILE")
    home = tmp_path_factory.mktemp("many")
    with PostgreSQL() as postgresql:
        postgresql.query("postgres", "create database airflow")
        database = f"postgresql+psycopg2://postgres@127.0.0.1:{postgresql.port}/airflow"
        env = fill(sandbox, home, SIZES[request.param], "posts", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database)
        postgresql.query("airflow", "analyze")
        port = free_port()
        with serve(env, home, port, f"http://127.0.0.1:{port}") as web:
            web.get("api/v2/dags", "admin")
            yield request.param, web


@pytest.fixture
def write(many: tuple[int, Web], pytestconfig: pytest.Config) -> Callable[[str, str, list[str]], None]:
    """Write rows of this many images into a table of the docs."""
    pages: Path = pytestconfig.getoption("--figures")

    def written(mark: str, head: str, rows: list[str]) -> None:
        first = f"| {many[0]:,} |"

        def change(table: str) -> str:
            kept = [line for line in table.splitlines()[2:] if not line.startswith(first)]
            return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *kept, *(f"{first} {row}" for row in rows)])

        rewrite(pages, mark, "make figures", change)

    return written


def test_the_weight_of_many(many: tuple[int, Web], visit: Callable[..., Page], write: Callable[..., None]):
    _, web = many
    page = visit("pictory-gallery/icon.svg", web=web)
    calls: list[Any] = []
    page.on("request", lambda request: calls.append(request) if "/api/v2/" in request.url else None)
    rows = []
    for name, (query, condition) in STEPS.items():
        again = name == "all listed" or "every value" in name
        if not again:
            page.goto(f"{web.url}/pictory-gallery/icon.svg")
            calls.clear()
            started = time.monotonic()
            page.goto(f"{web.gallery}{query}")
        wait_for(page, condition)
        rows.append(f"{name} | {len(calls):,} | {time.monotonic() - started:.1f} s |")
        if again:
            page.wait_for_timeout(1500)  # what was read is written together
    write("many", "| images | until | calls | time |", rows)


def test_the_weight_of_questions(many: tuple[int, Web], visit: Callable[..., Page], write: Callable[..., None]):
    _, web = many
    rows = []
    for question, (clicks, answer) in QUESTIONS.items():
        page = visit("pictory-gallery/icon.svg", web=web)
        times = []
        for _ in range(2):
            page.goto(f"{web.url}/pictory-gallery/icon.svg")
            started = time.monotonic()
            page.goto(web.gallery)
            answer(page).wait_for()
            times.append(f"{time.monotonic() - started:.1f} s")
            if answer is cost:
                wait_for(page, DONE)
            page.wait_for_timeout(1500)  # what was read is written together
        rows.append(f"{question} | {clicks} | {' | '.join(times)} |")
        page.context.close()
    write("questions", "| images | question | clicks | first visit | again |", rows)
