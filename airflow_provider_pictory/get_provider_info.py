"""The provider's metadata for Airflow."""

from __future__ import annotations

from typing import Any

from airflow_provider_pictory import __version__
from airflow_provider_pictory.client.services import EXTRA_FIELDS, SERVICES, Service

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
                "python-modules": [f"{_MODULE}.operators.{name}" for name in ("pictory", "approval", "storage")],
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
        "task-decorators": [
            {"name": name, "class-name": f"{_MODULE}.decorators.{name.partition('_')[0]}.{name}_task"}
            for name in ("pictory_image", "posteverywhere_media", "posteverywhere_post")
        ],
        "connection-types": [_connection_type(service) for service in SERVICES],
        "extra-links": [f"{_MODULE}.links.{name}" for name in ("ImageLink", "PostLink", "PlatformLink")],
    }


def _connection_type(service: Service) -> dict[str, Any]:
    """Describe a connection form, which Airflow 3 shows without importing the hook."""
    return {
        "connection-type": service.conn_type,
        "hook-class-name": f"{_MODULE}.hooks.{service.conn_type}.{service.name}Hook",
        "hook-name": service.name,
        "ui-field-behaviour": {name.replace("_", "-"): value for name, value in service.form.items()},
        "conn-fields": {
            name: {
                "label": entry.label,
                "description": f"{entry.meaning.capitalize()}. Left empty: {entry.default.format(service=service)}.",
                "schema": entry.form,
            }
            for name, entry in EXTRA_FIELDS.items()
            if entry.form
        },
    }
