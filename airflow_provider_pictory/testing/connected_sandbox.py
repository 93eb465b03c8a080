"""What a test sees of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from airflow_provider_pictory.sandbox import Sandbox


class ConnectedSandbox:
    """
    The fixture ``pictory_sandbox``: the sandbox of one test, and the connections to it.

    :param sandbox: the server.
    :param setenv: sets an environment variable for the test.
    """

    def __init__(self, sandbox: Sandbox, setenv: Callable[[str, str], None]) -> None:
        self.sandbox = sandbox
        self._setenv = setenv

    def connect(self, conn_id: str, conn_type: str, **fields: Any) -> None:
        """
        Lead another connection to the sandbox, for this test.

        :param conn_type: ``pictory`` or ``posteverywhere``.
        :param fields: fields of the connection, to replace those that work: ``password``, ``extra``, and so on.
        """
        default = json.loads(self.sandbox.connections[f"AIRFLOW_CONN_{conn_type.upper()}_DEFAULT"])
        self._setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({**default, **fields}))

    @property
    def images(self) -> list[dict[str, Any]]:
        """Pictory's image jobs, oldest first: ``job_id``, ``prompt``, ``model``, ``credits``, ``status`` and more."""
        images: list[dict[str, Any]] = self.sandbox.ledger()["images"]
        return images

    @property
    def media(self) -> list[dict[str, Any]]:
        """PostEverywhere's media library: ``media_id``, ``status``, ``source_url``, ``model``, ``credits``."""
        media: list[dict[str, Any]] = self.sandbox.ledger()["media"]
        return media

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The posts, oldest first: ``post_id``, ``status``, ``content``, ``media_ids``, ``account_ids`` and more."""
        posts: list[dict[str, Any]] = self.sandbox.ledger()["posts"]
        return posts

    @property
    def credits_used(self) -> float:
        """The AI credits that were spent, at both services."""
        ledger = self.sandbox.ledger()
        return float(ledger["ai_credits_used"] + ledger["media_credits_used"])

    @property
    def requests(self) -> dict[str, int]:
        """How many requests there were, by the names of the calls, such as ``pictory.submit_image``."""
        requests: dict[str, int] = self.sandbox.ledger()["requests"]
        return requests

    def fault(self, call: str, kind: str, **options: Any) -> str:
        """
        Let the next request of a call fail, as :meth:`~airflow_provider_pictory.sandbox.server.Sandbox.fault` says.

        :return: the fault's id.
        """
        return self.sandbox.fault(call, kind, **options)

    def change_settings(self, **settings: object) -> None:
        """Change the sandbox for this test: ``latency``, ``failure_rate``, ``ai_credits`` and more."""
        self.sandbox.change_settings(**settings)
