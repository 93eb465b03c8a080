"""Draw the graph of the docs' page of lineage from the events that OpenLineage's listener writes while its DAG runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from airflow_provider_pictory.sandbox import Sandbox
from demo import AIRFLOW, DEMO, ROOT, create_database, environment

PAGE = ROOT / "docs" / "lineage.md"
PICTURE = ROOT / "docs" / "images" / "lineage.svg"
WIDTH, STEP, MARGIN, GAP = 216, 126, 16, 44
OVERLAP = WIDTH - STEP


@dataclass(frozen=True)
class Kind:
    """How the boxes of a row look: the tasks are above the datasets."""

    color: str
    y: int
    height: int


TASK = Kind("#efe7fb", MARGIN, 64)
DATASET = Kind("#e3eefb", MARGIN + TASK.height + GAP, 82)


@dataclass
class Box:
    """A task, or a dataset."""

    kind: Kind
    title: str
    lines: list[str]
    after: list[Box] = field(default_factory=list)

    @property
    def x(self) -> int:
        """The left edge: a step to the right of all boxes that it comes after."""
        return max((box.x + STEP for box in self.after), default=MARGIN)


def main() -> int:
    """Run the page's DAG, and draw; return the exit status."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    [dag_id] = re.findall(r'DAG\("(\w+)"', code)
    DEMO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DEMO) as folder, Sandbox(latency=0, publish_latency=0) as sandbox:
        home = Path(folder)
        log, events = home / "log", home / "events.jsonl"
        (home / "dags").mkdir()
        (home / "dags" / "page.py").write_text(code, encoding="utf-8")
        transport = {"type": "file", "log_file_path": str(events), "append": True}
        env = {
            **environment(home, sandbox),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        }
        with log.open("w") as out:
            create_database(home, env, out)
            # Not from the checkout: Airflow would find this package's plugin twice, and then leave out OpenLineage's.
            run = subprocess.run([*AIRFLOW, "dags", "test", dag_id], env=env, cwd=home, stdout=out, stderr=out)
        if run.returncode or not events.exists():
            print(log.read_text(), file=sys.stderr)
            return 1
        boxes = read([json.loads(line) for line in events.read_text().splitlines()])
    PICTURE.write_text("\n".join(draw(boxes)) + "\n", encoding="utf-8")
    return 0


def read(events: list[dict[str, Any]]) -> list[Box]:
    """Return the tasks that have ended, and their datasets as the tasks that made them describe them."""
    datasets: dict[tuple[str, str], Box] = {}
    tasks = []
    for event in events:
        if event["eventType"] != "COMPLETE" or not (event["inputs"] or event["outputs"]):
            continue
        facets = event["run"]["facets"]
        lines = [facets["airflow"]["task"]["operator_class"]]
        if "pictory_image" in facets and not event["inputs"]:
            lines.append(facets["pictory_image"]["prompt"])
        used = [datasets.setdefault((item["namespace"], item["name"]), dataset(item)) for item in event["inputs"]]
        task = Box(TASK, event["job"]["name"], lines, used)
        tasks.append(task)
        for item in event["outputs"]:
            datasets[item["namespace"], item["name"]] = dataset(item, task)
    return [*tasks, *datasets.values()]


def dataset(item: dict[str, Any], *made_by: Box) -> Box:
    """Describe a dataset by what a person looks for."""
    facets = item.get("facets", {})
    lines = [item["namespace"]]
    if image := facets.get("pictory_image"):
        stored = f"{image['width']}×{image['height']}, sha256 {image['sha256']}" if "sha256" in image else None
        lines += [stored or f"{image['model']}, {image['ai_credits_used']:g} credits", f"job {image['job_id']}"]
    if post := facets.get("posteverywhere_post"):
        platforms = ", ".join(destination["platform"] for destination in post["destinations"])
        lines += [f"{post['status']}: {platforms}", f"job {post['job_id']}"]
    name = item["name"].split("/")
    return Box(DATASET, "/".join(["…", *name[-2:]] if len(name) > 2 else name), lines, list(made_by))


def draw(boxes: list[Box]) -> Iterator[str]:
    """Yield the lines of an SVG, which has a white ground, and so looks the same where the theme is dark."""
    width = max(box.x for box in boxes) + WIDTH + MARGIN
    height = DATASET.y + DATASET.height + MARGIN
    names = " → ".join(short(box.title) for box in sorted(boxes, key=lambda box: box.x))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="14" fill="#222" role="img" aria-label="{escape(names)}">'
    )
    yield (
        '  <defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L10 5 L0 10 z" fill="#555"/></marker></defs>'
    )
    yield f'  <rect width="{width}" height="{height}" fill="#ffffff"/>'
    for box in boxes:
        x, y = box.x, box.kind.y
        yield (
            f'  <rect x="{x}" y="{y}" width="{WIDTH}" height="{box.kind.height}" rx="6" '
            f'fill="{box.kind.color}" stroke="#888"/>'
        )
        yield f'  <text x="{x + 12}" y="{y + 21}" font-weight="bold">{escape(short(box.title))}</text>'
        for number, line in enumerate(box.lines):
            yield f'  <text x="{x + 12}" y="{y + 39 + 16 * number}" font-size="12">{escape(short(line))}</text>'
        for before in box.after:
            top, bottom = TASK.y + TASK.height, DATASET.y
            start, end = (bottom, top + 2) if before.kind is DATASET else (top, bottom - 2)
            yield (
                f'  <line x1="{before.x + WIDTH - OVERLAP // 2}" y1="{start}" x2="{x + OVERLAP // 2}" y2="{end}" '
                'stroke="#555" stroke-width="1.5" marker-end="url(#end)"/>'
            )
    yield "</svg>"


def short(text: str) -> str:
    """Cut ids and checksums, and what would not fit into a box."""
    text = re.sub(r"\b([0-9a-f]{8}-?)[0-9a-f-]{27,56}\b", r"\1…", text)
    return text if len(text) <= 34 else text[:33].rstrip() + "…"


if __name__ == "__main__":
    sys.exit(main())
