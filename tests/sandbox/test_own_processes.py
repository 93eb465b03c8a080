"""What Airflow finds of the package in a process of its own: it keeps what it has loaded for good."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_pictory.get_provider_info import get_provider_info


@pytest.mark.parametrize("first", ["exceptions", "client.requests", "hooks.pictory", "operators.posteverywhere"])
def test_any_module_may_be_the_first_that_a_process_imports(first: str):
    """Airflow reads the metadata of all providers while it is imported, which our own import may set off."""
    code = f"import airflow_provider_pictory.{first}, airflow.triggers.base"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_airflow_itself_takes_up_the_provider_and_its_forms():
    """Ask Airflow's own providers manager, in a process of its own: it keeps what it has found for good."""
    code = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
hooks = dict(manager.hooks)
print("RESULT", json.dumps({
    "provider": "airflow-provider-pictory" in manager.providers,
    "hooks": {name: hooks[name].hook_name for name in ("pictory", "posteverywhere")},
    "forms": {name: manager.field_behaviours[name] for name in ("pictory", "posteverywhere")},
    "links": sorted(link for link in manager.extra_links_class_names if "pictory" in link),
}))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(re.search(r"^RESULT (.*)$", run.stdout, re.M).group(1))  # type: ignore[union-attr]
    assert found["provider"]
    assert found["hooks"] == {"pictory": "Pictory", "posteverywhere": "PostEverywhere"}
    assert found["links"] == sorted(get_provider_info()["extra-links"])
    for form in found["forms"].values():
        assert form["relabeling"] == {"host": "Base URL", "password": "API key"}
        assert set(form["hidden_fields"]) == {"schema", "login", "port"}


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
