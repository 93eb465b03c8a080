"""`make ui` opens a real Airflow, and takes it away again."""

from __future__ import annotations

import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.browser.conftest import CHROMIUM
from tests.conftest import has_state_store
from tests.system.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "scripts" / "ui.py")]
MARK = "TEST_UI_MARK"


class Started:
    """What was started, line by line as it speaks, and all processes that it has started in turn."""

    def __init__(self, **env: str) -> None:
        self.mark = uuid.uuid4().hex
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            COMMAND,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **env, MARK: self.mark},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def says(self, pattern: str, timeout: float = 120) -> re.Match[str]:
        deadline = time.monotonic() + timeout
        while True:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            self.said.append(line)
            assert line, f"ended without {pattern!r}: {''.join(self.said)}"
            if match := re.search(pattern, line):
                return match

    def processes(self) -> dict[int, str]:
        """Return the commands of all that runs, by process id: the environment is handed on to every child."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def ends(self, timeout: float = 30) -> int:
        status = self.process.wait(timeout)
        wait_until(lambda: not self.processes(), "all processes are gone", 5)
        return status


@contextmanager
def started(**env: str) -> Iterator[Started]:
    it = Started(**env)
    try:
        yield it
    finally:
        for pid in it.processes():
            os.kill(pid, signal.SIGKILL)
        it.process.wait()


needs_gallery = pytest.mark.skipif(not has_state_store(), reason="the gallery is tested on the newest Airflow")


def pictures_shown(gallery: str) -> list[str]:
    """Open the gallery, and return what is said of its pictures."""
    if not (program := shutil.which("chromium")):
        pytest.skip("needs Chromium (Debian's package `chromium`)")
    from playwright.sync_api import expect, sync_playwright

    url = gallery.partition("/plugin/")[0]
    token = requests.get(f"{url}/auth/token", timeout=30).json()["access_token"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        context = browser.new_context()
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/pictory-gallery/")
        said = page.locator("#images .card .mark")
        expect(said).to_have_count(6, timeout=60_000)
        return [text.strip() for text in said.all_inner_texts()]


@needs_gallery
def test_it_shows_a_whole_run_and_leaves_nothing_behind():
    homes = set((ROOT / "demo").glob("ui-*"))
    with started() as ui:
        gallery = ui.says(r"Gallery +(http://127\.0\.0\.1:\d+/plugin/\S+)")[1]
        dags = ui.says(r"DAGs +(http://127\.0\.0\.1:\d+/dags)")[1]
        for page in (gallery, dags):
            answer = requests.get(page, timeout=30)
            assert answer.ok
            assert "text/html" in answer.headers["Content-Type"]
        ui.says("6 images submitted, 6 completed, 6 posts created")
        ui.says("The run ended: success")
        [home] = set((ROOT / "demo").glob("ui-*")) - homes
        kept = [path.suffix for path in (home / "pictures").rglob("*") if path.is_file()]
        assert sorted(kept) == [".json"] * 6 + [".png"] * 6
        command = shlex.split(ui.says(r"(curl .*)")[1])
        [settings] = [word for word in command if word.startswith("http")]
        requests.post(settings, data=command[-1], timeout=30).raise_for_status()
        assert pictures_shown(gallery) == ["Small stored copy"] * 6
        ui.process.send_signal(signal.SIGINT)
        ui.says("Stopped")
        assert ui.ends() == 0
        assert not home.exists()


@needs_gallery
def test_a_part_that_ends_takes_the_rest_with_it_and_is_named():
    with started() as ui:
        ui.says("Starting Airflow")
        [pid] = wait_until(
            lambda: [pid for pid, command in ui.processes().items() if "airflow scheduler" in command], "the scheduler"
        )
        os.kill(pid, signal.SIGKILL)
        log = Path(ui.says(r"Airflow's scheduler has ended with status -9: (\S+)")[1])
        assert log.is_file()
        assert ui.ends() == 1
        shutil.rmtree(log.parent)


@needs_gallery
def test_it_can_be_stopped_while_it_starts():
    with started() as ui:
        ui.says("Starting Airflow")
        wait_until(lambda: len(ui.processes()) > 1, "Airflow starts")
        ui.process.send_signal(signal.SIGTERM)
        assert ui.ends() == 0


def test_an_airflow_without_a_gallery_is_told_so():
    with started(AIRFLOW="2.11") as ui:
        ui.says(r"The gallery needs Airflow 3\.1 or later: run `make ui` without AIRFLOW=2\.11\.")
        assert ui.ends() == 1
