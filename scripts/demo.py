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
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from airflow_provider_pictory.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
HOME = DEMO / f"airflow-{os.environ.get('AIRFLOW', '3.3')}"
FEED = DEMO / "feed.html"
DAG = "nightly_content"
AIRFLOW = [sys.executable, "-m", "airflow"]

# A pipe has no width of its own.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main() -> int:
    """Run the demo; return the exit status."""
    HOME.mkdir(parents=True, exist_ok=True)
    with Sandbox(latency="1-4") as sandbox:
        console.print(f"Sandbox of Pictory and PostEverywhere: {sandbox.url}")
        env = environment(HOME, sandbox)
        log = HOME / f"{DAG}.log"
        with log.open("w") as out:
            create_database(HOME, env, out)
            console.print(f"airflow dags test {DAG}")
            run = subprocess.Popen([*AIRFLOW, "dags", "test", DAG], env=env, stdout=out, stderr=out)
            follow(sandbox, lambda: run.poll() is None)
        if run.returncode:
            Console(stderr=True).print(f"\nThe DAG failed; its log: {log}", soft_wrap=True)
            return run.returncode
        FEED.write_text(requests.get(f"{sandbox.url}/feed.html", timeout=30).text, encoding="utf-8")
        show(requests.get(f"{sandbox.url}/sandbox/ledger", timeout=30).json())
    pictures = HOME / "pictures" / DAG
    console.print(
        f"\nThe posts and their pictures: {FEED.as_uri()}\nThe pictures that the DAG keeps: {pictures.as_uri()}"
        f"\nAirflow's log of the run: {log}",
        soft_wrap=True,
    )
    return 0


def environment(home: Path, sandbox: Sandbox) -> dict[str, str]:
    """Lead Airflow to its home, the example DAGs and the sandbox, whatever else is set up on this machine."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW__", "PICTURES"))},
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
        with console.status("Creating Airflow's database (once)…"):
            command = [*AIRFLOW, "db", "migrate"]
            subprocess.run(command, env=env, stdout=out, stderr=out, check=True, start_new_session=True)
        database.rename(empty)
    shutil.copy(empty, database)


def follow(sandbox: Sandbox, is_running: Callable[[], bool]) -> None:
    """Show the progress of a run until it ends: one line on a terminal, else a line for each change."""
    shown = ""
    with Live(console=console, transient=False) as live:
        while True:
            ends = not is_running()
            ledger = sandbox.world.ledger()
            done = sum(image["status"] == "completed" for image in ledger["images"])
            line = f"  {len(ledger['images'])} images submitted, {done} completed, {len(ledger['posts'])} posts created"
            if line != shown:
                live.update(line) if console.is_terminal else console.print(line)
                shown = line
            if ends:
                return
            time.sleep(0.5)


def show(ledger: dict[str, Any]) -> None:
    """Print the images and the posts."""
    images = table("Images", "Job", "Prompt", "Model", "Credits", "Status")
    for image in ledger["images"]:
        images.add_row(
            image["job_id"][:8], escape(image["prompt"]), image["model"], str(image["credits"]), image["status"]
        )
    posts = table("Posts", "Post", "Content", "Accounts", "Scheduled for (UTC)", "Status")
    for post in sorted(ledger["posts"], key=lambda post: float(post["scheduled_for"])):
        posts.add_row(
            post["post_id"][:8],
            escape(post["content"]),
            ", ".join(map(str, post["account_ids"])),
            time.strftime("%Y-%m-%d %H:%M", time.gmtime(post["scheduled_for"])),
            post["status"],
        )
    console.print()
    console.print(images, "", posts)


def table(title: str, *columns: str) -> Table:
    """Make a table whose second column is cut short where there is no room."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        made.add_column(
            name, header_style="underline", no_wrap=True, overflow="ellipsis", max_width=46 if place == 1 else None
        )
    return made


if __name__ == "__main__":
    sys.exit(main())
