"""Take the docs' pictures of Airflow's own UI, after runs of the example DAGs against the sandbox."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

from airflow_provider_pictory.sandbox import Sandbox
from demo import DEMO, ROOT
from ui import LocalAirflow

IMAGES = ROOT / "docs" / "images"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
NIGHTS = 4
READING = re.compile("reading")  # the class of the page while it reads
PROMPTS = [
    "A golden retriever running through a sunlit meadow with wildflowers",
    "A sailing boat on a calm sea at sunset, wide view",
    "A red fox in a snowy forest at dawn, soft light",
    "A greenhouse full of ferns, morning mist between the leaves",
    "A desert road at noon, one cactus, a very blue sky",
]


def main() -> int:
    """Take the pictures; return the exit status."""
    expect.set_options(timeout=60_000)
    DEMO.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="screenshots-", dir=DEMO))
    with Sandbox(latency="1-2") as sandbox, LocalAirflow(home, sandbox, threading.Event()) as airflow:
        airflow.wait_for(lambda: airflow.ask("GET", "version"))
        for night in range(NIGHTS):
            start(airflow, "pictory_text_to_image", prompt=PROMPTS[night])
            airflow.run(sandbox)
            pretend_days_ago(home, NIGHTS - 1 - night)
        for ratio in ("16:9", "1:1", "9:16"):
            start(airflow, "pictory_text_to_image", prompt=PROMPTS[-1], aspect_ratio=ratio)
        start(airflow, "pictory_text_to_image", prompt="A crowded market square [policy]")
        start(airflow, "pictory_image_from_reference")
        post = start(airflow, "posteverywhere_media_image")
        airflow.wait_for(lambda: not unfinished(airflow))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
            gallery(browser, airflow.url)
            task_page(browser, airflow, post)
            connection_form(browser, airflow)
            approval(browser, airflow)  # last: its run waits for a person
            browser.close()
    shutil.rmtree(home)
    return 0


def start(airflow: LocalAirflow, dag: str, **conf: Any) -> str:
    """Start a run of a DAG, as soon as Airflow knows it, and return its id."""
    body = {"logical_date": None, "conf": conf}
    return str(airflow.wait_for(lambda: airflow.ask("POST", f"dags/{dag}/dagRuns", json=body))["dag_run_id"])


def unfinished(airflow: LocalAirflow) -> int:
    """Count the runs that go on."""
    return int(airflow.ask("GET", "dags/~/dagRuns?state=running&state=queued")["total_entries"])


def pretend_days_ago(home: Path, days: int) -> None:
    """Let what was made just now be of another day, so that the pictures show a week and not minutes."""
    if not days:
        return
    with closing(sqlite3.connect(home / "airflow.db", timeout=60)) as database, database:
        database.execute(
            "update xcom set timestamp = datetime(timestamp, ?) where timestamp > datetime('now', '-1 day')",
            [f"-{days} days"],
        )


def gallery(browser: Browser, url: str) -> None:
    """Show the gallery, in both themes, with a large view, and on a phone."""
    desk: Any = {"viewport": {"width": 1440, "height": 1000}}
    for name, scheme in (("gallery", "light"), ("gallery-dark", "dark")):
        page = visit(browser, url, "plugin/pictory-gallery", color_scheme=scheme, **desk)
        frame = page.frame_locator("iframe[title=Gallery]")
        expect(frame.locator(".card img")).not_to_have_count(0)
        expect(frame.locator("#images .skeleton")).to_have_count(0)
        expect(frame.locator("body")).not_to_have_class(READING)
        settle(frame)
        page.screenshot(path=IMAGES / f"{name}.png")
        if scheme == "light":
            views(page, frame)
    phone: Any = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
    page = visit(browser, url, "pictory-gallery/", color_scheme="light", **phone)
    expect(page.locator(".card img")).not_to_have_count(0)
    expect(page.locator("body")).not_to_have_class(READING)
    settle(page, pictures=1)
    page.screenshot(path=IMAGES / "gallery-phone.png")


def views(page: Page, frame: FrameLocator) -> None:
    """Show an image at large, variants of a prompt, the schedule and what was spent."""
    frame.locator(".card").filter(has_text="mountain landscape").first.locator(".tile").click()
    settle(frame)
    page.screenshot(path=IMAGES / "gallery-large.png")
    page.keyboard.press("Escape")
    frame.get_by_label("Group by prompt").check()
    group = frame.locator(".group").filter(has_text=PROMPTS[-1])
    group.get_by_role("button", name="Compare").click()
    settle(frame)
    page.screenshot(path=IMAGES / "gallery-compare.png")
    page.keyboard.press("Escape")
    for tab in ("schedule", "spending"):
        frame.locator(f"[data-tab={tab}]").click()
        expect(frame.locator("body")).not_to_have_class(READING)
        settle(frame)
        page.screenshot(path=IMAGES / f"gallery-{tab}.png")


def task_page(browser: Browser, airflow: LocalAirflow, run: str) -> None:
    """Show the page of a task that has posted."""
    path = f"dags/posteverywhere_media_image/runs/{run}/tasks/post/details"
    page = visit(browser, airflow.url, path, viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("link", name="Post on LinkedIn")).to_be_visible()
    page.screenshot(path=IMAGES / "task-page.png", animations="disabled")


def connection_form(browser: Browser, airflow: LocalAirflow) -> None:
    """Show both parts of the form of a Pictory connection."""
    page = visit(browser, airflow.url, "connections", viewport={"width": 1280, "height": 1060})
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox").first.fill("pictory_default")
    form.get_by_role("combobox").fill("Pictory")
    page.keyboard.press("Enter")
    form.get_by_text("API key").wait_for()
    for part, field, file in (
        ("Extra Fields", "Requests per minute", "connection-form-extra.png"),
        ("Standard Fields", "API key", "connection-form.png"),
    ):
        form.get_by_text(part, exact=True).click()
        form.get_by_text(field).wait_for()
        form.screenshot(path=IMAGES / file, animations="disabled")


def approval(browser: Browser, airflow: LocalAirflow) -> None:
    """Ask for an approval, and show the form."""
    dag = "pictory_approval"
    run = start(airflow, dag)
    forms = f"dags/{dag}/dagRuns/{run}/hitlDetails?state=awaiting_input"
    asked = airflow.wait_for(lambda: (airflow.ask("GET", forms) or {}).get("hitl_details"))
    task = asked[0]["task_instance"]
    path = f"dags/{dag}/runs/{run}/tasks/{task['task_id']}/mapped/{task['map_index']}/required_actions"
    page = visit(browser, airflow.url, path, viewport={"width": 1280, "height": 1060})
    picture = page.get_by_alt_text("The image")
    picture.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    page.screenshot(path=IMAGES / "approval.png", animations="disabled")


def visit(browser: Browser, url: str, path: str, **options: Any) -> Page:
    """Open a page, after the first one has logged in."""
    page = browser.new_context(**options).new_page()
    page.goto(url)
    expect(page.get_by_role("link", name="Gallery")).to_be_visible()
    page.goto(f"{url}/{path}")
    return page


def settle(view: FrameLocator | Page, pictures: int = 10) -> None:
    """Wait until the pictures at the top are there; one below the fold may never be loaded."""
    for image in view.locator("img").all()[:pictures]:
        image.evaluate("image => image.decode()")
    time.sleep(1)  # of transitions


if __name__ == "__main__":
    sys.exit(main())
