"""What Airflow is told about this package."""

from __future__ import annotations

from typing import Any

from airflow_provider_pictory import __version__

_MODULE = "airflow_provider_pictory"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, as Airflow's ``provider_info.schema.json`` defines it."""
    return {
        "package-name": "airflow-provider-pictory",
        "name": "Pictory",
        "description": "AI image pipelines: Pictory makes the images, PostEverywhere publishes them.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Pictory",
                "external-doc-url": "https://docs.pictory.ai/api-reference/ai-studio/generate-image",
                "tags": ["service"],
            },
            {
                "integration-name": "PostEverywhere",
                "external-doc-url": "https://developers.posteverywhere.ai/docs/api/ai/generate-image",
                "tags": ["service"],
            },
        ],
        "operators": [
            {
                "integration-name": "Pictory",
                "python-modules": [f"{_MODULE}.operators.pictory", f"{_MODULE}.operators.approval"],
            },
            {"integration-name": "PostEverywhere", "python-modules": [f"{_MODULE}.operators.posteverywhere"]},
        ],
        "sensors": [{"integration-name": "Pictory", "python-modules": [f"{_MODULE}.sensors.pictory"]}],
        "hooks": [
            {"integration-name": "Pictory", "python-modules": [f"{_MODULE}.hooks.pictory"]},
            {"integration-name": "PostEverywhere", "python-modules": [f"{_MODULE}.hooks.posteverywhere"]},
        ],
        "triggers": [
            {"integration-name": "Pictory", "python-modules": [f"{_MODULE}.triggers.pictory"]},
            {"integration-name": "PostEverywhere", "python-modules": [f"{_MODULE}.triggers.posteverywhere"]},
        ],
        "connection-types": [
            _connection_type(
                "Pictory",
                "PictoryHook",
                "https://api.pictory.ai/pictoryapis",
                "pictai_…, from app.pictory.ai/api-access",
                6000,
            ),
            _connection_type(
                "PostEverywhere",
                "PostEverywhereHook",
                "https://app.posteverywhere.ai/api/v1",
                "pe_live_…, with the scopes read, write and ai",
                60,
            ),
        ],
        "extra-links": [f"{_MODULE}.links.{name}" for name in ("ImageLink", "PostLink", "PlatformLink")],
    }


def _connection_type(name: str, hook: str, base_url: str, key: str, rate: int) -> dict[str, Any]:
    """Describe a connection's form: what current Airflow shows without importing the hook."""
    return {
        "connection-type": name.lower(),
        "hook-class-name": f"{_MODULE}.hooks.{name.lower()}.{hook}",
        "hook-name": name,
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "login", "port"],
            "relabeling": {"host": "Base URL", "password": "API key"},
            "placeholders": {"host": base_url, "password": key, "extra": '{"timeout": 60}'},
        },
        "conn-fields": {
            "timeout": {
                "label": "Timeout",
                "description": "Seconds to connect, and to wait for more of an answer. Left empty: 10 and 60.",
                "schema": {"type": ["number", "null"], "minimum": 0, "maximum": 3600},
            },
            "requests_per_minute": {
                "label": "Requests per minute",
                "description": f"How many one triggerer sends at most while tasks wait. Left empty: {rate:,}.",
                "schema": {"type": ["number", "null"], "minimum": 0},
            },
            "allow_http": {
                "label": "Allow plain http",
                "description": "Send the key over plain http, too, to a host that is not this machine.",
                "schema": {"type": ["boolean", "null"]},
            },
        },
    }
