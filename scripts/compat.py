"""
Check lines of Airflow: each with the versions of its release's day, and 2.11 with the lowest versions of all.

On each: whether the package can be installed beside the constraints alone, the unit tests, and DAGs whose waits go
through a triggerer's own process. Arguments: the lines, by default all that ``constraints/`` has.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = sorted(file.stem.removeprefix("airflow-") for file in (ROOT / "constraints").iterdir())
LOGS = ROOT / "build" / "compat"
PYTEST = ["-m", "pytest", "-p", "no:cacheprovider"]


def checks(line: str) -> dict[str, list[str]]:
    """Return the commands that check a line, by what they check."""
    python = f".venv-{line}/bin/python"
    constraints = f"constraints/airflow-{line}.txt"
    beside = ["--python", python, "--target", str(LOGS / "nothing"), "--constraint", constraints]
    return {
        "Installation": [f".venv-{line}/bin/uv", "pip", "install", "--dry-run", *beside, "."],
        "Unit tests": [python, *PYTEST, "-n", "2", "tests/unit"],
        "DAGs": [python, *PYTEST, "-rs", "tests/system/test_compat.py"],
    }


def check(line: str) -> dict[str, str]:
    """Set a line up, run its checks side by side, and return what came of each."""
    setup = subprocess.run(
        ["make", "--no-print-directory", f"AIRFLOW={line}", f".venv-{line}/ready"], cwd=ROOT, check=False
    )
    if setup.returncode:
        return dict.fromkeys(checks(line), "FAILED to set up")
    running = {}
    for name, command in checks(line).items():
        log = LOGS / f"{line} {name}.log"
        with log.open("wb") as out:
            running[name] = log, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    results = {}
    for name, (log, process) in running.items():
        status, output = process.wait(), log.read_text()
        counted = re.findall(r"^\d+ (?:passed|failed|skipped|error).*(?= in )", output, re.M)
        results[name] = counted[-1] if counted else "passed"
        if status or (name == "DAGs" and "skipped" in results[name]):
            print(output)
            results[name] = f"FAILED: {results[name]}" if counted else "FAILED"
    return results


def main() -> int:
    """Check the lines, show a table, and return the exit status."""
    LOGS.mkdir(parents=True, exist_ok=True)
    lines = sys.argv[1:] or LINES
    rows = [["Airflow", *checks("")]]
    for line in lines:
        print(f"Airflow {line}", flush=True)
        rows.append([line, *check(line).values()])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return any("FAILED" in cell for row in rows for cell in row)


if __name__ == "__main__":
    sys.exit(main())
