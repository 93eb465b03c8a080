"""Tasks as the tests of operators run them, and what the sandbox counted."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pictory.exceptions import OutcomeUnknownError
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from tests.conftest import Tries

PROMPT = "A red fox at dawn"
ACCOUNTS = [2280, 2282]
FAST = {"poll_interval": 0.01, "timeout": 20}


def calls(sandbox: Sandbox, call: str) -> int:
    return sum(request.call == call for request in sandbox.world.requests)


def images(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.world.ledger()["images"]
    return found


def posts(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.world.ledger()["posts"]
    return found


def rendered(kind: Any, **kwargs: Any) -> Any:
    """Make a task whose arguments are known only when it runs, as those of templates are."""
    later = {name: value for name, value in kwargs.items() if name in kind.template_fields}
    task = kind(**{**kwargs, **dict.fromkeys(later, "{{ later }}")})
    for name, value in later.items():
        setattr(task, name, value)
    return task


def generate(**kwargs: Any) -> Tries:
    return Tries(rendered(GenerateImageOperator, **{"task_id": "generate", "prompt": PROMPT, **FAST, **kwargs}))


def sensor(job_id: str, **kwargs: Any) -> Tries:
    defaults = {"task_id": "wait", "job_id": job_id, "poke_interval": 0.01, "timeout": 20}
    return Tries(rendered(ImageJobSensor, **{**defaults, **kwargs}))


def post(**kwargs: Any) -> Tries:
    defaults = {"task_id": "post", "content": "Hello", "account_ids": ACCOUNTS, **FAST}
    return Tries(rendered(PostImageOperator, **{**defaults, **kwargs}))


def library_media() -> list[str]:
    """Put an image into the media library, and return its ids."""
    return list(PostEverywhereHook().upload_media_from_url("https://pictures.example/a.png").media_ids)


def lose_the_answer(sandbox: Sandbox, task: Tries) -> None:
    """Run a try whose post is made, but whose answer does not arrive."""
    sandbox.fault("posteverywhere.create_post", "reset", when="after")
    with pytest.raises(OutcomeUnknownError):
        task.run()
