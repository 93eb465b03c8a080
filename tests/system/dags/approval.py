"""The example, with a deadline that a test can wait for; Airflow looks for the words airflow and DAG in here."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "dags" / "pictory_approval.py"

source = EXAMPLE.read_text(encoding="utf-8")
assert "DEADLINE = pendulum.duration(hours=12)" in source
exec(compile(source.replace("hours=12", "seconds=30"), str(EXAMPLE), "exec"))
