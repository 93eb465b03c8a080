"""The example, with times that a test can wait for; Airflow looks for the words airflow and DAG in here."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "dags" / "pictory_approval.py"

source = EXAMPLE.read_text(encoding="utf-8")
assert "DEADLINE = pendulum.duration(hours=12)" in source
source = source.replace("hours=12", "seconds=30")
assert "response_timeout=DEADLINE," in source
# It limits the process that asks, and not the person who answers.
source = source.replace("response_timeout=DEADLINE,", "response_timeout=DEADLINE, execution_timeout=DEADLINE / 2,")
exec(compile(source, str(EXAMPLE), "exec"))
