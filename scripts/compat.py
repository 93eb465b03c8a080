"""
Check every supported Airflow, each with the versions of its release's day, and 2.11 with the lowest versions of all.

On each: the installation beside its constraints, the tests, the example DAGs, real processes that are killed, and the
pages in a browser. Arguments: the lines, by default all that ``constraints/`` has. Their columns go into the
table in the docs, and the range into the README. ``--quick`` leaves out what takes longest, and writes nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
LINES = sorted(file.stem.removeprefix("airflow-") for file in (ROOT / "constraints").iterdir())
RESULTS = ROOT / "build" / "compat"
PAGE = ROOT / "docs" / "airflow-versions.md"
README = ROOT / "README.md"

INSTALLATION = "Installation beside its constraints"
LOWEST = ", lowest"

UNIT, SANDBOX, DAGS = "tests/unit", "tests/sandbox", "tests/system/test_real_airflow.py"
PROCESSES, APPROVAL, GALLERY = "tests/system/test_compat.py", "tests/system/test_approval_form.py", "tests/browser"
# What runs at the same time: of each, only one at once.
QUICK = [[UNIT, PROCESSES]]
BATCHES = [[UNIT, SANDBOX], [DAGS, PROCESSES], [APPROVAL, GALLERY]]


@dataclass(frozen=True)
class Row:
    """
    One row of the table.

    :param label: what works.
    :param tests: the file or folder with its tests.
    :param names: a pattern of the names of the tests that count, with their modules.
    """

    label: str
    tests: str
    names: str = ""


ROWS = [
    Row("Unit tests", UNIT),
    Row("Hooks, operators and sensor against the sandbox", SANDBOX),
    Row("Connection forms", SANDBOX, "takes_up_the_provider_and_its_forms"),
    Row("Decorators of tasks", SANDBOX, "test_decorators"),
    Row("Pictures in a folder, one post across runs", SANDBOX, r"test_storage[.:]|test_post_record"),
    Row("Events of assets", SANDBOX, "test_assets"),
    Row("Example DAGs through `airflow dags test`", DAGS, "example"),
    Row("Retries, skips, timeouts", DAGS, "cannot_pass|may_pass|sent_away|may_skip|mended"),
    Row("Links on a task's page", DAGS, "became_of|links"),
    Row("Labels of mapped tasks", DAGS, "labels"),
    Row("Waiting in the triggerer", PROCESSES, "waited_for"),
    Row("A wait that succeeds ends", PROCESSES, "ends_in_the_triggerer"),
    Row("A killed task is resumed by its retry", PROCESSES, "killed_wait"),
    Row("A killed triggerer loses no wait", PROCESSES, "triggerer_that_is_killed"),
    Row("A trigger that fails says why, and is retried", PROCESSES, "breaks"),
    Row("Mapped tasks", PROCESSES, "mapped"),
    Row("A cleared task does it again", PROCESSES, "clear"),
    Row("Task loops", PROCESSES, "loop"),
    Row("Approval", APPROVAL),
    Row("Gallery in Chromium", GALLERY),
]


def run(line: str, tests: str) -> subprocess.Popen[bytes]:
    """Start the tests of a file or a folder on a line of Airflow."""
    name = f"{line} {tests.replace('/', '.')}"
    workers = ["-n", "2", "--dist", "loadfile"] if tests in (UNIT, SANDBOX) else []
    options = ["-p", "no:cacheprovider", "--junitxml", str(RESULTS / f"{name}.xml"), *workers]
    with (RESULTS / f"{name}.log").open("wb") as log:
        command = [f".venv-{line}/bin/python", "-m", "pytest", *options, tests]
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def cell(line: str, row: Row) -> str:
    """Return what the table says of a row: ``yes``, what the tests say, the reason why not, or FAILED."""
    file = RESULTS / f"{line} {row.tests.replace('/', '.')}.xml"
    if not file.exists():
        return "FAILED"
    cases = list(ElementTree.parse(file).iter("testcase"))
    cases = [case for case in cases if re.search(row.names, f"{case.get('classname')}::{case.get('name')}")]
    if not cases or any(case.find(kind) is not None for case in cases for kind in ("failure", "error")):
        return "FAILED"
    told = {item.get("value", "") for case in cases for item in case.iter("property") if item.get("name") == "cell"}
    skipped = [case.find("skipped") for case in cases]
    if all(item is not None for item in skipped):
        told = {re.sub(r"^.*?needs ", "needs ", item.get("message", "")) for item in skipped if item is not None}
    return "; ".join(sorted(told)) or "yes"


def check(line: str, batches: list[list[str]], rows: list[Row]) -> tuple[str, dict[str, str]]:
    """Set a line up, check it, and return its release and its cells by their rows' labels."""
    make = ["make", "--no-print-directory", f"AIRFLOW={line}", f".venv-{line}/ready"]
    if subprocess.run(make, cwd=ROOT, check=False).returncode:
        return line, {INSTALLATION: "FAILED"}
    python = f".venv-{line}/bin/python"
    target = ["--python", python, "--target", str(RESULTS / "nothing")]
    constraints = ["--constraint", f"constraints/airflow-{line}.txt"]
    install = [f".venv-{line}/bin/uv", "pip", "install", "--quiet", "--dry-run", *target, *constraints, "."]
    installed = subprocess.run(install, cwd=ROOT, check=False).returncode == 0
    for batch in batches:
        for process in [run(line, tests) for tests in batch]:
            process.wait()
    code = "from importlib.metadata import version; print(version('apache-airflow'))"
    release = subprocess.run([python, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    cells = {INSTALLATION: "yes" if installed else "FAILED", **{row.label: cell(line, row) for row in rows}}
    return release + (LOWEST if line == "lowest" else ""), cells


def line_of(release: str) -> str:
    """Return the line of a column's head."""
    return "lowest" if release.endswith(LOWEST) else ".".join(release.split(".")[:2])


def table(columns: dict[str, dict[str, str]]) -> str:
    """Make a Markdown table, the oldest release first."""
    columns = dict(sorted(columns.items(), key=lambda item: (item[0].endswith(LOWEST), LINES.index(line_of(item[0])))))
    labels = [
        label for label in (INSTALLATION, *(row.label for row in ROWS)) if any(label in c for c in columns.values())
    ]
    rows = [["Airflow", *columns], ["---"] * (len(columns) + 1)]
    rows += [[label, *(cells.get(label, "") for cells in columns.values())] for label in labels]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def columns_of(page: Path) -> dict[str, dict[str, str]]:
    """Read the table that stands in a page."""
    lines = [line.strip("| ").split(" | ") for line in between(page, "table")[1].splitlines() if line.startswith("|")]
    if not lines:
        return {}
    head, _, *rows = lines
    return {release: {row[0]: row[place] for row in rows} for place, release in enumerate(head) if place}


def between(page: Path, marker: str) -> tuple[str, str, str]:
    """Split a page at the two markers of what is generated."""
    begin, end = f"<!-- {marker}: `make compat` writes this -->", f"<!-- {marker} ends -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    text, _, after = rest.partition(end)
    return before + begin, text, end + after


def write(page: Path, marker: str, text: str) -> None:
    """Replace what stands between a page's two markers."""
    before, _, after = between(page, marker)
    page.write_text(f"{before}\n\n{text}\n\n{after}", encoding="utf-8")


def main() -> int:
    """Check the lines, show the table, and return the exit status."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for left in RESULTS.glob("*.xml"):
        left.unlink()
    is_quick = "--quick" in sys.argv
    lines = [argument for argument in sys.argv[1:] if argument != "--quick"] or LINES
    batches = QUICK if is_quick else BATCHES
    rows = [row for row in ROWS if any(row.tests in batch for batch in batches)]
    columns = {}
    for line in lines:
        print(f"Airflow {line}", flush=True)
        release, cells = check(line, batches, rows)
        columns[release] = cells
    print(table(columns))
    if any("FAILED" in cells.values() for cells in columns.values()):
        return 1
    if not is_quick:
        kept = {release: cells for release, cells in columns_of(PAGE).items() if line_of(release) not in lines}
        columns |= kept
        write(PAGE, "table", table(columns))
        newest = max(columns, key=lambda release: LINES.index(line_of(release)) if not release.endswith(LOWEST) else -1)
        tried = f" (tried with {newest})" if re.search(r"[a-z]", newest) else ""
        sentence = f"It runs on Airflow {LINES[0]} to {line_of(newest)}{tried}, with Python 3.10 and up:"
        write(README, "versions", f"{sentence}\n[what works where](docs/airflow-versions.md).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
