"""The package builds, installs and is found by Airflow from its wheel alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from airflow_provider_pictory import __version__

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


def modules(names: list[str]) -> set[str]:
    return {name.partition("airflow_provider_pictory/")[2] for name in names if "airflow_provider_pictory/" in name}


def test_wheel_and_sdist_hold_the_whole_package(dist: Path):
    tracked = subprocess.run(
        ["git", "ls-files", "airflow_provider_pictory"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    with zipfile.ZipFile(dist / f"airflow_provider_pictory-{__version__}-py3-none-any.whl") as wheel:
        assert modules(tracked) == modules(wheel.namelist())
        [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        assert "License-Expression: Apache-2.0" in wheel.read(metadata).decode()
    with tarfile.open(dist / f"airflow_provider_pictory-{__version__}.tar.gz") as sdist:
        assert modules(tracked) <= modules(sdist.getnames())
        assert any(name.endswith("/LICENSE") for name in sdist.getnames())


def test_the_wheel_installs_and_declares_its_provider_and_plugin(dist: Path, tmp_path: Path):
    [wheel] = dist.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, wheel], check=True
    )
    code = (
        "from importlib.metadata import distribution\n"
        "entries = {entry.group: entry.load() for entry in distribution('airflow-provider-pictory').entry_points}\n"
        "print(entries['apache_airflow_provider']()['versions'], entries['airflow.plugins'].name)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert run.stdout.split() == [f"['{__version__}']", "pictory_gallery"]
