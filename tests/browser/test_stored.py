"""What the gallery shows of stored pictures once the service has removed them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.browser.conftest import Web, fill

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect: Any = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=60_000)
Visit = Callable[..., "Page"]

GALLERY = "pictory-gallery/"
cards = "#images .card:not(.blank)"
GONE = "No longer at its address"
LIBRARY = "Shown by PostEverywhere alone, in its media library"
STORED = [
    "A picture that its task has stored",
    "A picture that a sensor has stored",
    "A picture that another task has copied",
    "An entry of the library that is stored",
    "An entry that another task has copied",
]


@pytest.fixture(scope="module")
def env(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An Airflow with pictures that are stored, and a Pictory that has removed them."""
    if not hasattr(pytest.importorskip("airflow.plugins_manager").AirflowPlugin, "external_views"):
        pytest.skip("the gallery needs Airflow 3.1")
    home = tmp_path_factory.mktemp("airflow")
    filled = fill(sandbox, home, "kept")
    answer = requests.post(f"{sandbox.url}/sandbox/settings", json={"retention": 0}, timeout=10)
    assert answer.ok
    assert {image["status"] for image in sandbox.ledger()["images"]} == {"cleaned"}
    return filled


def card(page: Any, prompt: str) -> Any:
    return page.locator(cards).filter(has_text=prompt)


def shows_a_copy(place: Any, width: int) -> None:
    image = place.locator(".copied img")
    expect(image).to_have_js_property("complete", True)
    expect(image).to_have_attribute("src", re.compile("^data:image/webp;base64,"))
    assert image.evaluate("image => image.naturalWidth") == width
    expect(place.locator(".mark")).to_have_text("Small stored copy")
    expect(place.locator(".mark")).to_be_visible()


def reads_of(page: Page, kept: list[str]) -> None:
    """Keep the addresses of the copies that the page asks for."""
    is_one = re.compile("/xcomEntries/pictory_preview").search
    page.on("request", lambda request: kept.append(request.url) if is_one(request.url) else None)


def test_cards_show_the_stored_copy_and_say_so(visit: Visit):
    reads: list[str] = []
    page = visit(GALLERY, before=lambda page: reads_of(page, reads))
    expect(page.locator(cards)).to_have_count(9)
    for prompt in STORED:
        card(page, prompt).hover()  # unlike a scroll, tried again when the card is drawn anew
        shows_a_copy(card(page, prompt), 270 if "sensor" in prompt else 480)
    expect(card(page, "A picture that nothing has stored")).to_contain_text(GONE)
    expect(card(page, "An entry that nothing has stored")).to_contain_text(LIBRARY)
    expect(page.locator(".copied")).to_have_count(7)
    expect(page.get_by_text("stored at")).to_have_count(0)
    assert len(reads) == len(set(reads)) == 7


def test_the_large_view_says_where_the_picture_is_stored(visit: Visit):
    page = visit(GALLERY, permissions=["clipboard-read", "clipboard-write"])
    large = page.get_by_role("dialog")
    for prompt in STORED:
        card(page, prompt).locator(".tile").click()
        shows_a_copy(large, 270 if "sensor" in prompt else 480)
        large.get_by_role("button", name="Copy where it is stored").click()
        path = page.evaluate("navigator.clipboard.readText()")
        expect(large.locator("code").get_by_text(path, exact=True)).to_be_visible()
        assert Path(path.removeprefix("file://")).is_file()
        page.keyboard.press("Escape")
    card(page, "A picture that nothing has stored").locator(".tile").click()
    expect(large).to_contain_text(GONE)
    expect(large.get_by_role("button", name="Copy where it is stored")).to_have_count(0)


def test_so_do_variants_and_the_schedule(visit: Visit):
    page = visit(f"{GALLERY}?group=prompt")
    page.get_by_role("button", name="Compare").click()
    columns = page.get_by_role("dialog").locator(".variants article")
    expect(columns).to_have_count(2)
    for column in columns.all():
        shows_a_copy(column, 480)
    page.keyboard.press("Escape")
    page.locator("#tabs").get_by_role("button", name="Schedule").click()
    shows_a_copy(page.locator(".entry"), 480)


def test_without_a_copy_it_says_where_the_picture_is_stored(visit: Visit):
    def refuse(page: Page) -> None:
        page.route("**/taskInstances/stored/xcomEntries/pictory_preview?*", lambda route: route.fulfill(status=404))
        page.route("**/taskInstances/media/xcomEntries/pictory_preview?*", lambda route: route.fulfill(status=403))
        page.route("**/taskInstances/wait/xcomEntries/pictory_preview?*", lambda route: route.fulfill(json=STRANGE))

    page = visit(GALLERY, before=refuse)
    for prompt, reason in ((STORED[0], GONE), (STORED[1], GONE), (STORED[3], LIBRARY)):
        expect(card(page, prompt)).to_contain_text(re.compile(f"{reason}; stored at file:///.*/pictures/"))
    shows_a_copy(card(page, STORED[2]), 480)


STRANGE = {"value": {"job_id": "j", "preview": "data:image/svg+xml;base64,PHN2Zy8+"}}


def test_a_picture_that_is_there_is_shown_itself_and_no_copy_is_asked_for(visit: Visit, sandbox: Sandbox):
    sandbox.change_settings(retention="off")
    reads: list[str] = []
    try:
        page = visit(GALLERY, before=lambda page: reads_of(page, reads))
        image = card(page, STORED[0]).locator("img")
        expect(image).to_have_js_property("naturalWidth", 1280)
        expect(page.locator(".copied")).to_have_count(2)  # of the library, whose pictures have no address
        assert len(reads) == 3  # its own, and those of two tasks that copy
    finally:
        sandbox.change_settings(retention=0)


def test_who_may_not_read_the_dag_sees_no_copy(airflow: Web):
    run = airflow.get("api/v2/dags/kept/dagRuns", "admin").json()["dag_runs"][0]["dag_run_id"]
    copy = f"api/v2/dags/kept/dagRuns/{quote(run)}/taskInstances/stored/xcomEntries/pictory_preview?map_index=-1"
    assert airflow.get(copy, "admin").json()["value"]["preview"].startswith("data:image/webp;base64,")
    assert airflow.get(copy, "viewer").ok
    assert [airflow.get(copy, "designer").status_code, airflow.get(copy).status_code] == [403, 401]
