"""The gallery's plugin, as every process of Airflow loads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_pictory.ui.gallery import GalleryPlugin


def printed(code: str, folder: Path) -> str:
    """What a Python of its own prints, started where no checkout's metadata stands beside the installed one."""
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True)
    return run.stdout


def test_airflow_loads_it(tmp_path):
    plugins = json.loads(
        printed(
            "import json\n"
            "from airflow import plugins_manager\n"
            "plugins_manager.ensure_plugins_loaded()\n"
            "info = plugins_manager.get_plugin_info()\n"
            "errors = getattr(plugins_manager, 'get_import_errors', lambda: plugins_manager.import_errors)()\n"
            "print(json.dumps({'names': [plugin['name'] for plugin in info], 'errors': errors}))",
            tmp_path,
        ).splitlines()[-1]
    )
    assert "pictory_gallery" in plugins["names"]
    assert not plugins["errors"]


def test_it_imports_nothing_beside_itself(tmp_path):
    code = (
        "import sys, airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_pictory.ui.gallery\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    ours = {"airflow_provider_pictory", "airflow_provider_pictory.ui", "airflow_provider_pictory.ui.gallery"}
    assert set(printed(code, tmp_path).split()) <= ours


def test_only_an_airflow_that_can_show_it_is_given_anything():
    plugin = GalleryPlugin()
    if not hasattr(AirflowPlugin, "external_views"):
        assert not getattr(plugin, "fastapi_apps", None)  # Airflow 3.0 has an empty list
        return
    [app] = plugin.fastapi_apps
    assert app["url_prefix"] == "/pictory-gallery"
    assert [view["destination"] for view in plugin.external_views] == ["nav", "dag_run"]
