"""The gallery's plugin, as every process of Airflow loads it."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_pictory.ui.gallery import GalleryPlugin


def test_only_an_airflow_that_can_show_it_is_given_anything():
    plugin = GalleryPlugin()
    if not hasattr(AirflowPlugin, "external_views"):
        assert not getattr(plugin, "fastapi_apps", None)  # Airflow 3.0 has an empty list
        return
    [app] = plugin.fastapi_apps
    assert app["url_prefix"] == "/pictory-gallery"
    assert [view["destination"] for view in plugin.external_views] == ["nav", "dag_run"]
