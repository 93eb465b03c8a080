"""The example, with a folder of the test's own; Airflow looks for the words airflow and DAG in here."""

from __future__ import annotations

import os
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "dags" / "pictory_assets.py"

source = EXAMPLE.read_text(encoding="utf-8")
assert "file:///tmp/pictory-assets" in source
source = source.replace("file:///tmp/pictory-assets", Path(os.environ["AIRFLOW_HOME"], "pictures").as_uri())
exec(compile(source, str(EXAMPLE), "exec"))
