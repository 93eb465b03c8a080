"""The gallery in a browser, against a real api-server."""

from __future__ import annotations

import datetime as dt
import http.client
import http.server
import re
import statistics
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from airflow_provider_pictory.sandbox import Sandbox
from tests.browser.conftest import Web, serve
from tests.pages import rewrite
from tests.system.processes import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

expect: Any = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=60_000)
Visit = Callable[..., "Page"]

STATIC = Path(__file__).resolve().parents[2] / "airflow_provider_pictory" / "ui" / "gallery" / "static"
GALLERY = "pictory-gallery/"
SPRING = f"{GALLERY}?dag=spring_campaign"
XCOMS = "api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries?xcom_key=pictory_image"
STRANGE = 12
TOTAL = 2001 + STRANGE + 1 + 6 + 9  # of archive, strange, night_shift, spring_campaign and desk

cards = "#images .card:not(.blank)"


def card(page: Any, prompt: str) -> Any:
    return page.locator(cards).filter(has_text=prompt)


def shows_its_picture(image: Any) -> None:
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0


def run_of(airflow: Web, dag: str) -> str:
    return str(airflow.get(f"api/v2/dags/{dag}/dagRuns", "admin").json()["dag_runs"][0]["dag_run_id"])


# In Airflow's own UI


def test_the_gallery_is_in_airflows_navigation(visit: Visit, airflow: Web):
    page = visit()
    page.get_by_role("link", name="Gallery").click()
    gallery = page.frame_locator("iframe[title=Gallery]")
    gallery.get_by_role("combobox", name="Dag").select_option("spring_campaign")
    shown = card(gallery, "A picture that is published")
    shows_its_picture(shown.locator("img"))
    expect(shown).to_contain_text("seedream3.0 · 1280 × 720 · 2 credits")
    expect(shown).to_contain_text("Published")
    address = shown.get_by_role("link", name="LinkedIn").get_attribute("href")
    with page.context.expect_event("request", lambda request: request.url == address) as asked:
        shown.get_by_role("link", name="LinkedIn").click()
    assert address.startswith("https://linkedin.")
    assert "referer" not in asked.value.headers
    shown.get_by_role("link", name="spring_campaign").click()
    expect(page).to_have_url(f"{airflow.url}/dags/spring_campaign")


def test_a_dag_run_has_a_tab_with_its_images(visit: Visit, airflow: Web):
    run = run_of(airflow, "night_shift")
    page = visit(f"dags/night_shift/runs/{quote(run)}")
    page.get_by_role("link", name="Images").click()
    tab = page.frame_locator("iframe[title=Images]")
    expect(tab.locator(cards)).to_have_count(1)
    expect(tab.locator("#sums")).to_have_text("1 image · 2 credits")
    expect(card(tab, "A picture that is secret")).to_contain_text("Not posted")
    expect(tab.get_by_role("combobox", name="Time")).to_be_hidden()
    tab.locator(".tile").click()
    tab.get_by_role("link", name="secret").click()
    expect(page).to_have_url(re.compile("/dags/night_shift/runs/.*/tasks/secret$"))


def test_the_theme_follows_airflows_while_it_is_open(visit: Visit):
    page = visit("plugin/pictory-gallery", color_scheme="light")
    body = page.frame_locator("iframe[title=Gallery]").locator("body")
    expect(page.frame_locator("iframe[title=Gallery]").locator(cards).first).to_be_visible()

    def looks() -> Any:
        return body.evaluate("body => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]")

    light = looks()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    expect(page.frame_locator("iframe[title=Gallery]").locator("html")).to_have_class(re.compile("dark"))
    dark = looks()
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert dark[0] == page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


# What it shows


def test_where_an_image_was_posted_or_why_not(visit: Visit):
    page = visit(SPRING)
    expect(page.locator(cards)).to_have_count(6)
    said = {
        "published": ["Published", "LinkedIn", "X"],
        "partially failed": ["Partly failed", "LinkedIn", "X", "X: The platform rejected the post"],
        "scheduled": ["Scheduled", "Due", "last checked", "by post_scheduled"],
        "draft": ["Draft"],
        "failed": ["Posting failed"],
        "not posted": ["Not posted"],
    }
    for name, words in said.items():
        posted = card(page, f"A picture that is {name}")
        for word in words:
            expect(posted).to_contain_text(word)
    card(page, "A picture that is failed").locator(".tile").click()
    expect(page.get_by_role("dialog")).to_contain_text("returned 400 for create post: invalid_accounts")


def test_filters_narrow_the_view_and_stand_in_its_address(visit: Visit):
    page = visit(GALLERY)
    filters = page.locator("#filters")
    filters.get_by_role("combobox", name="Dag").select_option("spring_campaign")
    expect(page.locator(cards)).to_have_count(6)
    filters.get_by_role("combobox", name="Model").select_option("nanobanana")
    expect(page.locator(cards)).to_have_count(1)
    expect(page.locator("#sums")).to_contain_text("1 image · 4 credits")
    filters.get_by_role("combobox", name="Model").select_option("")
    filters.get_by_role("combobox", name="Post status").select_option("partially_failed")
    expect(page.locator(cards)).to_have_count(1)
    expect(page.locator(cards)).to_contain_text("A picture that is partially failed")
    assert urlsplit(page.url).query == "dag=spring_campaign&state=partially_failed"
    page.reload()
    expect(page.locator(cards)).to_have_count(1)
    filters.get_by_role("combobox", name="Time").select_option("30")
    assert "range=30" in page.url
    expect(page.locator(cards)).to_have_count(1)
    filters.get_by_role("combobox", name="Post status").select_option("draft")
    expect(page.locator(cards)).to_contain_text("A picture that is draft")
    filters.get_by_role("button", name="Clear filters").click()
    expect(page.locator(cards)).to_have_count(48)
    assert urlsplit(page.url).query == "range=30"


def test_no_image_fits(visit: Visit):
    page = visit(f"{SPRING}&model=flux-schnell")
    expect(page.get_by_role("alert")).to_contain_text("No images match these filters")
    page.get_by_role("alert").get_by_role("button", name="Clear filters").click()
    expect(page.locator(cards)).to_have_count(48)


def test_there_are_no_images_yet(visit: Visit):
    nothing = {"xcom_entries": [], "task_instances": [], "hitl_details": [], "total_entries": 0}

    def answer(page: Page) -> None:
        for lists in ("xcomEntries", "taskInstances", "hitlDetails"):
            page.route(f"**/{lists}?*", lambda route: route.fulfill(json=nothing))

    page = visit(GALLERY, before=answer)
    expect(page.get_by_role("alert")).to_contain_text("No images in the last 7 days")
    page.get_by_role("button", name="Show all time").click()
    expect(page.get_by_role("alert")).to_contain_text("No images yet")


def test_where_airflow_lists_them_by_name(visit: Visit):
    """As Airflow 3.1 does: what comes first may be old."""
    entry = {"dag_id": "d", "task_id": "t", "map_index": -1, "key": "pictory_image"}
    entries = [{**entry, "run_id": f"run {n:03}", "timestamp": "2026-01-01T00:00:00Z"} for n in range(100)]
    entries.append({**entry, "run_id": "today", "timestamp": dt.datetime.now(dt.timezone.utc).isoformat()})

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        offset = int(query["offset"][0])
        route.fulfill(json={"xcom_entries": entries[offset : offset + 100], "total_entries": len(entries)})

    def by_name(page: Page) -> None:
        page.route("**/api/v2/version", lambda route: route.fulfill(json={"version": "3.1.8"}))
        page.route("**/xcomEntries?*", answer)
        value = {"value": {"prompt": "The one of today"}}
        page.route("**/xcomEntries/pictory_image?*", lambda route: route.fulfill(json=value))

    page = visit(GALLERY, before=by_name)
    expect(page.locator(cards).filter(has_text="The one of today")).to_have_count(1)


def test_two_thousand_images(visit: Visit):
    underway, most = set(), 0

    def started(request: Any) -> None:
        nonlocal most
        if "/xcomEntries/" in request.url:
            underway.add(request)
            most = max(most, len(underway))

    def ended(request: Any) -> None:
        underway.discard(request)

    def watch(page: Page) -> None:
        page.on("request", started)
        page.on("requestfinished", ended)
        page.on("requestfailed", ended)

    page = visit(f"{GALLERY}?dag=archive&range=30", before=watch)
    shows_its_picture(page.locator(f"{cards} img").first)
    expect(page.locator("#pages")).to_contain_text("1–48 of 2,001")
    page.get_by_role("button", name="Oldest").click()
    expect(page.locator("#pages")).to_contain_text("1,969–2,001 of 2,001")
    expect(page.locator(cards)).to_have_count(33)
    expect(page.locator(cards).last).to_contain_text("of night 39")
    page.locator(cards).last.hover()
    shows_its_picture(page.locator(f"{cards} img").last)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator("#pages")).to_contain_text("1,921–1,968 of 2,001")
    assert "page=41" in page.url
    assert 1 < most <= 6


def test_the_rest_is_read_when_it_is_asked_for(visit: Visit):
    value = {"value": {"ai_credits_used": 0.5, "model": "seedream3.0"}}

    def answer(page: Page) -> None:
        page.route("**/xcomEntries/pictory_image?*", lambda route: route.fulfill(json=value))

    page = visit(f"{GALLERY}?dag=archive", before=answer)
    expect(page.locator("#sums")).to_contain_text("2,001 images")
    expect(page.locator("#sums")).to_contain_text(re.compile(r", 5\d\d of 2,001 read"))
    page.get_by_role("button", name="Load the rest").click()
    expect(page.locator("#sums")).to_have_text("2,001 images · 1,000.5 credits ")


def test_sums_by_dag_and_day(visit: Visit):
    value = {"value": {"ai_credits_used": 0.5, "model": "seedream3.0"}}

    def answer(page: Page) -> None:
        page.route("**/xcomEntries/pictory_image?*", lambda route: route.fulfill(json=value))

    page = visit(f"{GALLERY}?dag=archive", before=answer)
    page.get_by_role("group", name="What is summed up").get_by_role("button", name="Credits").click()
    expect(page.locator("#sums")).to_have_text("2,001 images · 1,000.5 credits ")
    expect(page.locator(".legend")).to_have_text("archive1,000.5")
    page.locator("#plot .body summary").click()
    sums = [float(text.replace(",", "")) for text in page.locator("#plot td:last-child").all_text_contents()]
    assert len(sums) == 7
    assert sum(sums) == 1000.5


def test_a_day_is_picked_in_the_plot(visit: Visit):
    page = visit(f"{GALLERY}?dag=archive")
    expect(page.locator("#sums")).to_contain_text("2,001 images")
    page.locator(".column").last.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    picked = page.locator(".column[aria-pressed=true]")
    expect(picked).to_be_focused()
    of_the_day = int(picked.get_attribute("aria-label").rpartition(" ")[2])
    expect(page.locator("#sums")).to_contain_text(f"{of_the_day:,} images")
    picked.press(" ")
    expect(page.locator("#sums")).to_contain_text("2,001 images")


def test_the_large_view(visit: Visit):
    page = visit(SPRING)
    expect(page.locator(cards)).to_have_count(6)
    tiles = page.locator(".tile")
    tiles.nth(1).focus()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog")
    expect(large).to_contain_text("2 of 6")
    shows_its_picture(large.locator("img"))
    for words in (
        "Model",
        "Size",
        "Cost",
        "Made",
        "spring_campaign",
        "manual__",
        "Job",
        "Copy prompt",
        "Open original",
    ):
        expect(large).to_contain_text(words)
    page.keyboard.press("ArrowRight")
    expect(large).to_contain_text("3 of 6")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(large).to_contain_text("1 of 6")
    expect(large.get_by_role("button", name="Previous")).to_be_disabled()
    inside = "[document.body, ...document.querySelectorAll('dialog *')].includes(document.activeElement)"
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(tiles.first).to_be_focused()


def test_a_phone(visit: Visit):
    page = visit(SPRING, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(page.locator(cards)).to_have_count(6)

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    page.locator(".tile").first.tap()
    large = page.get_by_role("dialog")
    shows_its_picture(large.locator("img"))
    box = large.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert fits()
    large.get_by_role("button", name="Next").tap()
    expect(large).to_contain_text("2 of 6")


def test_hostile_values_are_text(visit: Visit):
    page = visit(f"{GALLERY}?dag=strange")
    expect(page.locator(cards)).to_have_count(STRANGE)
    expect(page.locator("#sums")).to_have_text(re.compile(f"^{STRANGE} images"))
    small = page.viewport_size
    page.set_viewport_size({"width": 1360, "height": 5000})  # what has no address is looked for once it is seen
    expect(page.locator(".skeleton")).to_have_count(0)
    assert small is not None
    page.set_viewport_size(small)
    assert (
        card(page, "<img src=x onerror")
        .locator(".prompt")
        .inner_text()
        .startswith('<img src=x onerror="document.title=')
    )
    joined = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f می\u200cخواهم 7\ufe0f\u20e3"
    assert card(page, "reversed").locator(".prompt").text_content() == f"one\ntwo\n\n\nthree  reversed {joined}"
    for prompt in ("Its address is script", "Its address is data"):
        expect(card(page, prompt)).to_contain_text("Its address is not one of the web")
    expect(card(page, "Its address leads nowhere")).to_contain_text("No longer at its address")
    expect(card(page, "It is in the media library")).to_contain_text("Shown by PostEverywhere alone")
    expect(page.get_by_text("Its value is not kept in Airflow's database")).to_have_count(3)
    card(page, "Its address leads nowhere").locator(".tile").click()
    large = page.get_by_role("dialog")
    expect(large).to_contain_text("<script>document.title='hacked'</script>")
    expect(large).to_contain_text("<u>x</u>")
    about = large.locator(".about")
    for prompt in ("<img src=x onerror", "A very long word", "reversed", "صورة"):
        page.keyboard.press("Escape")
        card(page, prompt).locator(".tile").click()
        expect(large).to_contain_text(prompt)
        assert about.evaluate("about => about.scrollWidth <= about.clientWidth")
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    addresses = "[...document.querySelectorAll('[src], [href]')].map(e => new URL(e.src || e.href).protocol)"
    assert set(page.evaluate(addresses)) == {"http:"}
    assert page.title() == "Gallery"


def test_pictures_are_fetched_without_a_word_about_airflow(visit: Visit, sandbox: Sandbox):
    fetched: list[Any] = []
    page = visit(SPRING, before=lambda page: page.on("request", lambda request: fetched.append(request)))
    shows_its_picture(card(page, "A picture that is published").locator("img"))
    pictures = [request for request in fetched if request.url.startswith(sandbox.url)]
    assert pictures
    for request in pictures:
        # The sandbox is given Airflow's cookies, as they do not tell ports of a machine apart.
        assert not {"referer", "authorization"} & set(request.all_headers())
    hosts = {urlsplit(request.url).netloc for request in fetched}
    assert hosts == {urlsplit(page.url).netloc, urlsplit(sandbox.url).netloc}


# Who sees what


def test_who_may_read_one_dag_sees_its_images_alone(visit: Visit, airflow: Web):
    page = visit(GALLERY, user="designer")
    expect(page.locator(cards)).to_have_count(6)
    expect(page.locator("#sums")).to_have_text(re.compile("^6 images"))
    assert page.locator("#filters [name=dag] option").all_text_contents() == ["All Dags", "spring_campaign"]
    assert {entry["dag_id"] for entry in airflow.get(XCOMS, "designer").json()["xcom_entries"]} == {"spring_campaign"}
    run = run_of(airflow, "night_shift")
    page.goto(f"{airflow.gallery}?dag_id=night_shift&run_id={quote(run)}")
    expect(page.get_by_role("alert")).to_contain_text("You may not see these images")
    expect(page.locator(cards)).to_have_count(0)


def test_the_menu_needs_the_permission_to_read_plugins(visit: Visit):
    page = visit(user="designer")
    expect(page.get_by_role("link", name="Gallery")).to_be_visible()
    page = visit(user="viewer")
    expect(page.get_by_role("button", name="User")).to_be_visible()
    expect(page.get_by_role("link", name="Gallery")).to_be_hidden()
    page = visit(GALLERY, user="viewer")
    expect(page.locator("#sums")).to_contain_text(f"{TOTAL:,} images")


def test_who_may_read_no_dag_sees_none(visit: Visit):
    page = visit(GALLERY, user="newcomer")
    expect(page.get_by_role("alert")).to_contain_text("You may not see these images")
    expect(page.locator(cards)).to_have_count(0)


def test_anonymous_callers_get_nothing_but_the_empty_page(airflow: Web):
    assert airflow.get(XCOMS).status_code == 401
    for file in STATIC.iterdir():
        answer = airflow.get(f"{GALLERY}{file.name}")
        assert answer.content == file.read_bytes()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
    assert airflow.get(GALLERY).content == (STATIC / "index.html").read_bytes()
    for path in ("api", "xcoms", "..%2f__init__.py", "%2e%2e/files.py", "../files.py", "static", "%00"):
        connection = http.client.HTTPConnection(urlsplit(airflow.url).netloc)
        connection.request("GET", f"/{GALLERY}{path}")
        assert connection.getresponse().status == 404, path
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert requests.request(method, airflow.gallery, timeout=30).status_code == 405


def test_an_anonymous_viewer_is_asked_to_log_in_and_comes_back(visit: Visit):
    page = visit(SPRING, user=None)
    expect(page.get_by_role("alert")).to_contain_text("You are not logged in")
    expect(page.locator(cards)).to_have_count(0)
    address = page.url
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("designer")
    page.get_by_label("Password").fill("designer")
    page.get_by_role("button", name="Sign In").click()
    expect(page.locator(cards)).to_have_count(6)
    assert page.url == address


# When something goes wrong


def refuse(route: Any) -> None:
    route.fulfill(status=503)


def test_an_error_is_said_and_tried_again(visit: Visit):
    page = visit(SPRING, before=lambda page: page.route("**/xcomEntries?*", refuse))
    expect(page.get_by_role("alert")).to_contain_text("Airflow answered with an error")
    page.unroute("**/xcomEntries?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(cards)).to_have_count(6)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_network_that_goes_and_comes_back(visit: Visit):
    page = visit(SPRING, before=lambda page: page.clock.install())
    expect(page.locator("#sums")).to_have_text("6 images · 14 credits")
    page.context.set_offline(True)
    page.clock.run_for(16_000)
    expect(page.get_by_role("alert")).to_contain_text("Airflow cannot be reached")
    expect(page.locator(cards)).to_have_count(6)
    page.context.set_offline(False)
    page.clock.run_for(16_000)
    expect(page.get_by_role("alert")).to_be_hidden()


UNREAD = "Airflow could not say what this is"


@pytest.mark.parametrize(
    "broken", ["**/xcomEntries/pictory_image?*", "**/taskInstances/published/xcomEntries/pictory_image?*"]
)
def test_a_notice_stays_as_long_as_values_are_unread(visit: Visit, broken: str):
    def prepare(page: Page) -> None:
        page.clock.install()
        page.route(broken, refuse)

    page = visit(SPRING, before=prepare)
    expect(page.locator(cards)).to_have_count(6)
    alert = page.get_by_role("alert")
    listed: list[Any] = []
    page.on("requestfinished", lambda request: listed.append(request) if "xcomEntries?" in request.url else None)
    for _ in range(6):
        page.clock.run_for(1000)
    expect(alert).to_contain_text("Not everything could be read")
    unread = page.get_by_text(UNREAD)
    expect(unread).not_to_have_count(0)
    for _ in range(2):  # looks for new images
        with page.expect_request_finished(lambda request: "xcomEntries?" in request.url):
            page.clock.run_for(16_000)
        page.clock.run_for(1000)
        expect(alert).to_contain_text("Not everything could be read")
    alert.get_by_role("button", name="Try again").click()
    for _ in range(6):
        page.clock.run_for(1000)
    expect(alert).to_contain_text("Not everything could be read")
    page.unroute(broken)
    alert.get_by_role("button", name="Try again").click()
    expect(unread).to_have_count(0)
    expect(page.locator("#sums")).to_have_text("6 images · 14 credits")
    expect(alert).to_be_hidden()


# What it costs

PICTURE = "performance.getEntriesByType('resource').find(entry => entry.initiatorType === 'img')?.responseEnd"
VISITS = 5


def test_its_weight_and_the_time_to_the_first_picture(visit: Visit, pytestconfig: pytest.Config):
    page = visit(f"{GALLERY}icon.svg")
    empty, gallery = page.url, page.url.removesuffix("icon.svg")
    files: list[Any] = []
    page.on("requestfinished", lambda request: files.append(request) if "/pictory-gallery/" in request.url else None)
    bodies, times = [], []
    for _ in range(VISITS):
        files.clear()
        page.goto(gallery)
        shows_its_picture(page.locator(f"{cards} img").first)
        times.append(page.evaluate(PICTURE))
        bodies.append([request.sizes()["responseBodySize"] for request in files])
        page.goto(empty)
    assert sum(bodies[0]) < 64_000
    assert not any(map(sum, bodies[1:]))
    if pages := pytestconfig.getoption("--figures", None):
        rows = {
            "files, first visit": f"{len(bodies[0])}, {sum(bodies[0]):,} bytes compressed",
            "files, later visits": f"{len(bodies[1])}, {sum(bodies[1])} bytes: not modified",
            "first picture, first visit to an api-server that has just started": f"{times[0] / 1000:.2f} s",
            f"first picture, later visits, median of {VISITS - 1}": f"{statistics.median(times[1:]) / 1000:.2f} s",
        }
        table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
        rewrite(pages, "figures", "make figures", lambda _: table)


# Under a path


class Prefix(http.server.BaseHTTPRequestHandler):
    """Hands on what stands under a path, as a reverse proxy in front of several applications does."""

    path_prefix = "/team/airflow"
    port = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self.path.startswith(f"{self.path_prefix}/"):
            self.send_error(404)
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        connection.request(self.command, self.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def under_a_path(env: dict[str, str]) -> Iterator[Web]:
    Prefix.port = free_port()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prefix) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{proxy.server_port}{Prefix.path_prefix}"
        with serve(env, Path(env["AIRFLOW_HOME"]), Prefix.port, url) as web:
            web.tokens = {"designer": Web(f"http://127.0.0.1:{Prefix.port}{Prefix.path_prefix}").token("designer")}
            yield web
        proxy.shutdown()
        thread.join()


def test_under_a_path(visit: Visit, under_a_path: Web):
    page = visit(user="designer", web=under_a_path)
    page.get_by_role("link", name="Gallery").click()
    gallery = page.frame_locator("iframe[title=Gallery]")
    expect(gallery.locator(cards)).to_have_count(6)
    shows_its_picture(card(gallery, "A picture that is published").locator("img"))
    card(gallery, "A picture that is published").get_by_role("link", name="spring_campaign").click()
    expect(page).to_have_url(f"{under_a_path.url}/dags/spring_campaign")
