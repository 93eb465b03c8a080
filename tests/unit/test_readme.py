"""The README's code runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_dag_in_twenty_lines():
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 21
    try:
        import airflow.sdk  # noqa: F401
    except ImportError:
        code = code.replace("from airflow.sdk import DAG", "from airflow import DAG")
    found: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), found)
    wait = found["wait"]
    assert wait.upstream_task_ids == {"generate"}
    assert wait.downstream_task_ids == {"post"}


def test_every_relative_link_leads_somewhere():
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`(?:AIRFLOW=\S+ )?make (\w+)`", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target
