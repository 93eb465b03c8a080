"""
What the small copies of stored pictures take: space in Airflow's database, and time and memory of the worker.

    python -m benchmarks.previews

The pictures are those that the sandbox draws: in each model, style and shape. The database is PostgreSQL with the table
of this Airflow.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import product
from pathlib import Path

from tests.system.processes import PostgreSQL

ROWS = 1000
PEAK = """
import re, sys
from pathlib import Path
from airflow_provider_pictory.storage.preview import preview_of_file
assert preview_of_file(Path(sys.argv[1]))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def main() -> None:
    from PIL import Image

    from airflow_provider_pictory.sandbox.pictory import CREDITS, SIZES, STYLES
    from airflow_provider_pictory.sandbox.pictures import draw
    from airflow_provider_pictory.sandbox.scenery import Picture
    from airflow_provider_pictory.storage.preview import MAX_LENGTH, preview_of_file

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        previews, times = [], []
        for model, style, (width, height) in product(CREDITS, (None, *STYLES), SIZES.values()):
            prompt = f"A lighthouse above a stormy sea, number {len(previews)}"
            file.write_bytes(draw(Picture(prompt=prompt, width=width, height=height, model=model, style=style)))
            started = time.perf_counter()
            preview = preview_of_file(file)
            times.append(time.perf_counter() - started)
            assert preview is not None
            previews.append(preview)
        lengths = [len(preview) for preview in previews]
        print(f"{len(previews)} pictures: {statistics.mean(lengths):,.0f} characters each, {max(lengths):,} at most")
        print(f"{statistics.median(times) * 1000:.0f} ms each")
        smallest = peak(file)
        for kind, mode in (("PNG", "RGBA"), ("JPEG", "RGB")):
            Image.new(mode, (5000, 4000)).save(file, kind)
            print(f"a {kind} of 20 million pixels: {peak(file) - smallest:,.0f} MB of memory more")
    longest = [base64.b64encode(os.urandom(MAX_LENGTH // 4 * 3)).decode() for _ in range(10)]
    for name, found in (("of these", previews), (f"previews of {MAX_LENGTH:,} characters", longest)):
        print(f"{ROWS:,} {name}: {table(found) / 1e6:.1f} MB of PostgreSQL")


def peak(file: Path) -> float:
    """Return the megabytes of a process that makes one preview."""
    command = [sys.executable, "-c", PEAK, str(file)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def table(previews: list[str]) -> int:
    """Return by how many bytes the XComs of so many previews let the database grow."""
    import psycopg2

    with PostgreSQL() as server:
        server.query("postgres", "create database airflow")
        url = f"postgresql+psycopg2://postgres@127.0.0.1:{server.port}/airflow"
        env = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "AIRFLOW_HOME": str(server.home)}
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=env, check=True, capture_output=True)
        options = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "dbname": "airflow"}
        size = "select pg_total_relation_size('xcom')"
        [[before]] = server.query("airflow", size)
        with closing(psycopg2.connect(**options)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")  # the tasks that they belong to are not there
            for row in range(ROWS):
                path = f"s3://aws_default@pictures/ds=2026-11-20/{row:064}.png"
                value = {
                    "job_id": f"{row:036}",
                    "media_id": None,
                    "path": path,
                    "preview": previews[row % len(previews)],
                }
                cursor.execute(
                    "insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp) "
                    "values (1, 'generate', %s, 'pictory_preview', 'dag', 'run', %s, now())",
                    [row, json.dumps(value)],
                )
        [[after]] = server.query("airflow", size)
        return int(after) - int(before)


if __name__ == "__main__":
    main()
