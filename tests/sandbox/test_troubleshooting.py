"""Every message on the troubleshooting page, produced by the package."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.triggers.pictory import ImageJobTrigger
from tests.conftest import StateStore, TaskInstance, Tries, needs_state_store
from tests.pages import ROOT, tokens
from tests.sandbox.tasks import PROMPT, generate, library_media, lose_the_answer, post, sensor
from tests.sandbox.test_hooks import tls  # noqa: F401

PAGE = ROOT / "docs" / "troubleshooting.md"
PICTURE = "https://pictures.example/a.png"

Producer = Callable[["World"], str]


class World:
    """What messages are produced with."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.fixture = request.getfixturevalue
        self.sandbox: Sandbox = self.fixture("sandbox")
        self.connect: Callable[..., None] = self.fixture("connections")
        self.settings: Callable[..., None] = self.fixture("settings")
        self.monkeypatch: pytest.MonkeyPatch = self.fixture("monkeypatch")
        self.fixture("no_sleep")
        self.fixture("quick")

    def pictory(self, **fields: Any) -> str:
        """Say what a call says through another connection."""
        self.connect("pictory_default", **{"host": self.sandbox.pictory_url, "password": "pictai_key", **fields})
        return failure(PictoryHook().get_quota)

    def get_connection(self, error: Exception) -> None:
        """Let Airflow answer with an error when it is asked for a connection."""
        from airflow_provider_pictory.version_compat import BaseHook

        def fail(conn_id: str) -> Any:
            raise error

        self.monkeypatch.setattr(BaseHook, "get_connection", staticmethod(fail))

    def logged(self, task: Tries, words: str) -> str:
        """Return the line with these words that a try logs."""
        caplog = self.fixture("caplog")
        self.monkeypatch.setattr(type(task.operator), "log", logging.getLogger("task"), raising=False)
        with caplog.at_level("INFO"):
            task.run()
        [line] = [record.getMessage() for record in caplog.records if words in record.getMessage()]
        return str(line)


def failure(run: Callable[[], Any]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run()
    return str(caught.value)


def messages() -> dict[str, str]:
    """Return the messages on the page, each by the heading above it."""
    found = {}
    heading = ""
    parsed = tokens(PAGE)
    for at, token in enumerate(parsed):
        if token.type == "heading_open":
            heading = parsed[at + 1].content
        if token.type == "fence":
            assert heading not in found, heading
            found[heading] = token.content.strip()
    return found


PRODUCERS: dict[str, Producer] = {}


def produces(heading: str) -> Callable[[Producer], Producer]:
    def register(producer: Producer) -> Producer:
        PRODUCERS[heading] = producer
        return producer

    return register


def test_every_message_has_one_producer():
    assert sorted(messages()) == sorted(PRODUCERS)


DURABLE = {
    "Several lost answers",
    "Resuming",
    "Inputs that have changed",
    "Sending a request once more",
    "A request that may still be under way",
    "A post that may be made already",
    "A clear without the state",
    "Airflow cannot store the result",
}


@pytest.mark.parametrize(
    "heading", [pytest.param(item, marks=needs_state_store if item in DURABLE else ()) for item in messages()]
)
def test_a_message(heading: str, request: pytest.FixtureRequest):
    produced = PRODUCERS[heading](World(request))
    pattern = re.escape(messages()[heading]).replace("…", ".+")
    assert re.fullmatch(pattern, produced), produced


@produces("No such connection")
def _(world: World) -> str:
    from airflow_provider_pictory.version_compat import AirflowNotFoundException

    world.get_connection(AirflowNotFoundException("not there"))
    return failure(generate(pictory_conn_id="pictory_prod").run)


@produces("A connection that cannot be read")
def _(world: World) -> str:
    world.get_connection(PermissionError("vault is sealed"))
    return failure(generate().run)


@produces("An empty key")
def _(world: World) -> str:
    return world.pictory(password="")


@produces("A key with spaces")
def _(world: World) -> str:
    return world.pictory(password="Bearer pictai_key")


@produces("A base URL without a scheme")
def _(world: World) -> str:
    return world.pictory(host="api.pictory.ai")


@produces("Plain http")
def _(world: World) -> str:
    return world.pictory(host="http://gateway.example")


@produces("A port beside the base URL")
def _(world: World) -> str:
    return world.pictory(host="https://gateway.example", port=8443)


@produces("An unknown option in Extra")
def _(world: World) -> str:
    return world.pictory(extra={"time_out": 60})


@produces("Certificates that cannot be read")
def _(world: World) -> str:
    return world.pictory(host="https://api.pictory.ai", extra={"verify": "/etc/ssl/company.pem"})


@produces("A value that is not allowed")
def _(world: World) -> str:
    return failure(generate(style="photo").run)


@produces("A prompt of the wrong length")
def _(world: World) -> str:
    return failure(generate(prompt="tree").run)


@produces("An aspect ratio that the model lacks")
def _(world: World) -> str:
    return failure(generate(aspect_ratio="4:3", model="nanobanana").run)


@produces("Account ids as texts")
def _(world: World) -> str:
    return failure(post(image=PICTURE, account_ids=["2280"]).run)


@produces("A time without a zone")
def _(world: World) -> str:
    return failure(post(image=PICTURE, scheduled_for="2030-01-31T08:00:00").run)


@produces("A time that has passed")
def _(world: World) -> str:
    return failure(post(image=PICTURE, scheduled_for="2020-01-01T01:00:00+01:00").run)


@produces("Neither an image nor media")
def _(world: World) -> str:
    return failure(lambda: post().run())


@produces("No image")
def _(world: World) -> str:
    task = post(image=None)
    task.operator.upstream_task_ids.add("wait")
    task.ti.states["wait"] = "success"
    return failure(task.run)


@produces("Not an image")
def _(world: World) -> str:
    return failure(post(image={"status": "in-progress"}).run)


@produces("An image URL with plain http")
def _(world: World) -> str:
    return failure(post(image="http://pictures.example/a.png").run)


@produces("Waiting for a draft")
def _(world: World) -> str:
    return failure(post(image=PICTURE, draft=True, wait_for_publish=True).run)


@produces("An invalid job id")
def _(world: World) -> str:
    return failure(sensor(None).run)  # type: ignore[arg-type]


@produces("A wrong key")
def _(world: World) -> str:
    world.pictory()
    return failure(generate().run)


@produces("A missing scope")
def _(world: World) -> str:
    key = world.sandbox.world.add_key(("read", "write"))
    world.connect("posteverywhere_default", host=world.sandbox.posteverywhere_url, password=key)
    return failure(media().run)


@produces("No credits")
def _(world: World) -> str:
    world.settings(media_credits=3)
    return failure(media().run)


@produces("An unknown account")
def _(world: World) -> str:
    return failure(post(image=PICTURE, account_ids=[4711]).run)


@produces("An unknown job")
def _(world: World) -> str:
    return failure(sensor("4d82d040-4394-4371-867d-72ae1dd62b6d").run)


@produces("Too many requests")
def _(world: World) -> str:
    from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook

    hook = PostEverywhereHook()
    world.settings(posteverywhere_rate=0)
    return failure(lambda: hook.create_post("Hello", account_ids=[2280]))


@produces("Not the API")
def _(world: World) -> str:
    return world.pictory(host=world.sandbox.url)


@produces("HTML instead of JSON")
def _(world: World) -> str:
    world.sandbox.fault("pictory.get_quota", "body", body="<html>Sign in</html>", content_type="text/html")
    return world.pictory()


@produces("A redirect")
def _(world: World) -> str:
    world.sandbox.fault("pictory.get_quota", "status", status=302, headers={"Location": "https://elsewhere.example/"})
    return world.pictory()


@produces("No connection")
def _(world: World) -> str:
    world.pictory(host="http://127.0.0.1:9")
    return failure(generate().run)


@produces("A certificate that is not trusted")
def _(world: World) -> str:
    return world.pictory(host=world.fixture("tls")[0])


@produces("A lost answer")
def _(world: World) -> str:
    world.sandbox.fault("pictory.submit_image", "reset", when="after")
    return failure(generate().run)


@produces("A server error for a paid request")
def _(world: World) -> str:
    world.sandbox.fault("pictory.submit_image", "status", status=500)
    return failure(generate().run)


@produces("Several lost answers")
def _(world: World) -> str:
    world.sandbox.fault("pictory.submit_image", "reset", when="after", times=2)
    task = generate()
    for _ in range(2):
        failure(task.run)
    return failure(task.run)


@produces("A failed job")
def _(world: World) -> str:
    return failure(generate(prompt="[fail] a red fox", wait_for_completion=True).run)


@produces("An image that was removed")
def _(world: World) -> str:
    return failure(generate(prompt="[cleaned] a red fox", wait_for_completion=True).run)


@produces("Accounts that failed")
def _(world: World) -> str:
    return failure(post(media_ids=library_media(), content="[partial] Hello", wait_for_publish=True).run)


@produces("A timeout")
def _(world: World) -> str:
    world.settings(latency=600)
    return failure(generate(wait_for_completion=True, timeout=0.1).run)


@produces("A timeout during an outage")
def _(world: World) -> str:
    world.sandbox.fault("pictory.get_job", "status", status=503, times=None)
    return failure(generate(wait_for_completion=True, timeout=0.1).run)


@produces("Trigger failure")
def _(world: World) -> str:
    task = generate().operator
    try:
        ImageJobTrigger(of_a_later_version=True)  # type: ignore[call-arg]
    except TypeError as error:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
    context = {"ti": TaskInstance(), "task": task}
    return failure(lambda: task.resume_execution("__fail__", {"error": "Trigger failure", "traceback": lines}, context))


@produces("No retry after a lost answer")
def _(world: World) -> str:
    task = post(image=PICTURE)
    task.store = None
    world.sandbox.fault("posteverywhere.create_post", "reset", when="after")
    return failure(task.run)


@produces("Resuming")
def _(world: World) -> str:
    task = generate()
    task.run()
    return world.logged(task, "submitted by an earlier try")


@produces("Inputs that have changed")
def _(world: World) -> str:
    world.sandbox.fault("pictory.get_job", "status", status=401, times=3)
    task = generate(wait_for_completion=True)
    failure(task.run)
    task.operator.prompt = f"{PROMPT}, corrected"
    return world.logged(task, "The inputs have changed")


@produces("Sending a request once more")
def _(world: World) -> str:
    world.sandbox.fault("pictory.submit_image", "reset", when="after")
    task = generate()
    failure(task.run)
    return world.logged(task, "sending it once more")


@produces("A request that may still be under way")
def _(world: World) -> str:
    task = post(media_ids=library_media())
    lose_the_answer(world.sandbox, task)
    return world.logged(task, "still be under way")


@produces("A post that may be made already")
def _(world: World) -> str:
    world.monkeypatch.setattr("airflow_provider_pictory.task.state.has_rows_for_tries", lambda: True)
    task = post(image=PICTURE)
    lose_the_answer(world.sandbox, task)
    task.clear(keep_state=False)
    return failure(task.run)


@produces("A clear without the state")
def _(world: World) -> str:
    world.monkeypatch.setattr("airflow_provider_pictory.task.state.has_rows_for_tries", lambda: True)
    task = generate()
    task.run()
    task.clear(keep_state=False)
    return world.logged(task, "was cleared")


@produces("Airflow cannot store the result")
def _(world: World) -> str:
    world.monkeypatch.setattr("airflow_provider_pictory.task.state.backoff", lambda *_: 0.001)
    write, outage = StateStore.set, [RuntimeError("the api-server is away")]

    def flaky(self: StateStore, key: str, value: Any, **options: Any) -> None:
        if "job_id" in value["values"] and outage:
            raise outage.pop()
        write(self, key, value, **options)

    world.monkeypatch.setattr(StateStore, "set", flaky)
    return world.logged(generate(), "Cannot save")


def media() -> Tries:
    return Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT))
