"""The lineage graph that the docs show."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.pages import ROOT

pytestmark = pytest.mark.slow


def test_it_shows_what_the_dag_of_its_page_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("airflow.providers.openlineage")
    monkeypatch.syspath_prepend(ROOT / "scripts")
    lineage_picture = importlib.import_module("lineage_picture")
    drawn = tmp_path / "lineage.svg"
    monkeypatch.setattr(lineage_picture, "PICTURE", drawn)
    assert lineage_picture.main() == 0
    assert without_ids(drawn) == without_ids(ROOT / "docs" / "images" / "lineage.svg"), "`make lineage` draws it anew"


def without_ids(picture: Path) -> str:
    return re.sub(r"[0-9a-f]{8}-?…|(?<=127\.0\.0\.1:)\d+", "", picture.read_text(encoding="utf-8"))
