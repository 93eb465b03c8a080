"""The lineage graph that the docs show."""

from __future__ import annotations

import importlib
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
    assert drawn.read_text() == (ROOT / "docs" / "images" / "lineage.svg").read_text(), "`make lineage` draws it anew"
