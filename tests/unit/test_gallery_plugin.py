"""The gallery's plugin, as every process of Airflow loads it."""

from __future__ import annotations

import subprocess
import sys

from airflow import plugins_manager
from airflow.plugins_manager import AirflowPlugin

from airflow_provider_pictory.gallery import GalleryPlugin


def test_airflow_loads_it():
    plugins_manager.ensure_plugins_loaded()
    errors = getattr(plugins_manager, "get_import_errors", lambda: plugins_manager.import_errors)()
    assert not errors


def test_it_imports_nothing_beside_itself():
    code = (
        "import sys, airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_pictory.gallery\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(run.stdout.split()) <= {"airflow_provider_pictory", "airflow_provider_pictory.gallery"}


def test_only_an_airflow_that_can_show_it_is_given_anything():
    plugin = GalleryPlugin()
    if not hasattr(AirflowPlugin, "external_views"):
        assert not hasattr(plugin, "fastapi_apps")
        return
    [app] = plugin.fastapi_apps
    assert app["url_prefix"] == "/pictory-gallery"
    assert [view["destination"] for view in plugin.external_views] == ["nav", "dag_run"]
