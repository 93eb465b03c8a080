"""Run the nightly DAG against the sandbox, through Airflow, and show what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import requests

from airflow_provider_pictory.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
HOME = DEMO / f"airflow-{os.environ.get('AIRFLOW', '3.3')}"
FEED = DEMO / "feed.html"
DAG = "nightly_content"
AIRFLOW = [sys.executable, "-m", "airflow"]


def main() -> int:
    """Run the demo; return the exit status."""
    HOME.mkdir(parents=True, exist_ok=True)
    with Sandbox(latency="1-4") as sandbox:
        print(f"Sandbox of Pictory and PostEverywhere: {sandbox.url}")
        env = environment(HOME, sandbox)
        log = HOME / f"{DAG}.log"
        with log.open("w") as out:
            create_database(HOME, env, out)
            print(f"airflow dags test {DAG}")
            run = subprocess.Popen([*AIRFLOW, "dags", "test", DAG], env=env, stdout=out, stderr=out)
            follow(sandbox, lambda: run.poll() is None)
        if run.returncode:
            print(f"\nThe DAG failed; its log: {log}", file=sys.stderr)
            return run.returncode
        FEED.write_text(requests.get(f"{sandbox.url}/feed.html", timeout=30).text, encoding="utf-8")
        show(requests.get(f"{sandbox.url}/sandbox/ledger", timeout=30).json())
    print(f"\nLook at the posts and their pictures: {FEED.as_uri()}\nAirflow's log of the run: {log}")
    return 0


def environment(home: Path, sandbox: Sandbox) -> dict[str, str]:
    """Lead Airflow to its home, the example DAGs and the sandbox, whatever else is set up on this machine."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        **sandbox.connections,
    }


def create_database(home: Path, env: dict[str, str], out: TextIO) -> None:
    """Give a home an empty database: a copy, for making one takes a while."""
    empty = DEMO / f"empty-{version('apache-airflow')}.db"
    database = home / "airflow.db"
    for left in home.glob("airflow.db*"):  # with the journals of a run that was killed
        left.unlink()
    if not empty.exists():
        print("Creating Airflow's database (once)…", flush=True)
        subprocess.run([*AIRFLOW, "db", "migrate"], env=env, stdout=out, stderr=out, check=True, start_new_session=True)
        database.rename(empty)
    shutil.copy(empty, database)


def follow(sandbox: Sandbox, goes_on: Callable[[], bool]) -> None:
    """Show how far a run is until it ends."""
    shown = ""
    while True:
        ends = not goes_on()
        ledger = sandbox.world.ledger()
        done = sum(image["status"] == "completed" for image in ledger["images"])
        line = f"  {len(ledger['images'])} images submitted, {done} completed, {len(ledger['posts'])} posts created"
        if line != shown:
            print(line, flush=True)
            shown = line
        if ends:
            return
        time.sleep(0.5)


def show(ledger: dict[str, Any]) -> None:
    """Print the images and the posts."""
    table(
        "Images",
        ["Job", "Prompt", "Model", "Credits", "Status"],
        [
            [image["job_id"][:8], image["prompt"], image["model"], str(image["credits"]), image["status"]]
            for image in ledger["images"]
        ],
    )
    table(
        "Posts",
        ["Post", "Content", "Accounts", "Scheduled for (UTC)", "Status"],
        [
            [
                post["post_id"][:8],
                post["content"],
                ", ".join(map(str, post["account_ids"])),
                time.strftime("%Y-%m-%d %H:%M", time.gmtime(post["scheduled_for"])),
                post["status"],
            ]
            for post in sorted(ledger["posts"], key=lambda post: float(post["scheduled_for"]))
        ],
    )


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table, its long cells cut short."""
    rows = [[cell if len(cell) <= 44 else cell[:43] + "…" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["─" * width for width in widths], *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
