"""
Copies of pictures per second: what `save_to` does beside plain `requests` and fsspec, into a folder and into a bucket.

    python -m benchmarks.storage

One process, one copy after another, without Airflow's own start of a task. The plain copy verifies nothing, writes no
sidecar, and leaves half a file if it is killed. Sandbox and bucket are served from a process of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests

COPIES = 40
SERVER = """
import json, sys, time
from airflow_provider_pictory.sandbox import Sandbox
from moto.server import ThreadedMotoServer
s3 = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
s3.start()
with Sandbox(latency=0) as sandbox:
    print(json.dumps([sandbox.url, sandbox.pictory_key, "http://{}:{}".format(*s3.get_host_and_port())]), flush=True)
    sys.stdin.read()
"""


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            measure(*json.loads(server.stdout.readline()))
        finally:
            with suppress(OSError):
                server.terminate()


def measure(url: str, key: str, s3_url: str) -> None:
    from airflow_provider_pictory.client.connection import Endpoint
    from airflow_provider_pictory.storage.save_picture import Destination, Picture
    from airflow_provider_pictory.version_compat import ObjectStoragePath

    extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
    os.environ["AIRFLOW_CONN_AWS_BENCHMARK"] = json.dumps(
        {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
    )
    requests.put(f"{s3_url}/pictures", timeout=10).raise_for_status()
    endpoint = Endpoint(f"{url}/pictoryapis", key, 6000)
    answer = requests.post(
        f"{url}/pictoryapis/v1/aistudio/images",
        json={"prompt": "A red fox at dawn"},
        headers={"Authorization": key, "User-Agent": "benchmarks"},
        timeout=10,
    )
    picture_url = f"{url}/pictures/{answer.json()['data']['jobId']}.png"
    size = len(requests.get(picture_url, timeout=60).content)

    def plain(save_to: str) -> None:
        content = requests.get(picture_url, timeout=60).content
        path = ObjectStoragePath(f"{save_to}.png")
        with path.fs.open(path.path, "wb") as file:
            file.write(content)

    def ours(save_to: str) -> None:
        image = {"job_id": None, "url": picture_url}
        Destination(save_to=save_to, if_exists="fail").save(
            Picture(image=image, url=picture_url, fresh_url=None), endpoint
        )

    def again(save_to: str) -> None:
        image = {"job_id": "j", "url": picture_url}
        Destination(save_to=save_to, if_exists="fail").save(
            Picture(image=image, url=picture_url, fresh_url=None), endpoint
        )

    print(f"{COPIES} copies of a picture of {size / 1e3:,.0f} kB")
    with tempfile.TemporaryDirectory() as folder:
        for name, place in (("folder", Path(folder).as_uri()), ("bucket", "s3://aws_benchmark@pictures")):
            again(f"{place}/stored")
            rates = {
                "requests and fsspec": rate(lambda at, to=place: plain(f"{to}/plain-{at}")),  # type: ignore[misc]
                "save_to": rate(lambda at, to=place: ours(f"{to}/ours-{at}")),  # type: ignore[misc]
                "save_to, stored already": rate(lambda at, to=place: again(f"{to}/stored")),  # type: ignore[misc]
            }
            for label, found in rates.items():
                print(f"{name:8}{label:26}{found:8.1f} a second")


def rate(copy: Callable[[int], None]) -> float:
    copy(-1)
    start = time.perf_counter()
    for at in range(COPIES):
        copy(at)
    return COPIES / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
