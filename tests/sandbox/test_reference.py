"""Every row about the services' APIs in the docs, proven against the sandbox."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.models import ImageJob, Media
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from tests.conftest import Tries

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "services.md"
PROMPT = "A red fox at dawn"


class World:
    """A sandbox, hooks that lead to it, and what they sent last."""

    def __init__(self, sandbox: Sandbox, travel: Callable[[float], None], settings: Callable[..., None]) -> None:
        self.sandbox, self.travel, self.settings = sandbox, travel, settings
        self.pictory, self.posteverywhere = PictoryHook(), PostEverywhereHook()

    @property
    def sent(self) -> Any:
        return self.sandbox.world.requests[-1]

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.sent.body)  # type: ignore[no-any-return]

    def job(self, **kwargs: Any) -> ImageJob:
        job_id = self.pictory.submit_image(PROMPT, **kwargs)
        self.travel(60)
        return self.pictory.get_job(job_id)

    def media(self, **kwargs: Any) -> Media:
        return self.posteverywhere.generate_image(PROMPT, **kwargs)

    def error(self, hook: str, call: str, **fault: Any) -> e.ServiceError:
        self.sandbox.fault(f"{hook}.{call}", "status", times=None, **fault)
        method = {"submit_image": self.pictory.submit_image, "generate_image": self.posteverywhere.generate_image}[call]
        with pytest.raises(e.ServiceError) as caught:
            method(PROMPT)
        return caught.value


PROOFS: dict[str, Callable[[World], None]] = {}


def proves(*rows: str) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def register(proof: Callable[[World], None]) -> Callable[[World], None]:
        PROOFS.update(dict.fromkeys(rows, proof))
        return proof

    return register


def rows() -> list[str]:
    first_cells = re.findall(r"^\| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    return [cell for cell in first_cells if cell != "The service"]


@pytest.mark.usefixtures("connections", "no_sleep")
@pytest.mark.parametrize("row", rows())
def test_row(row: str, sandbox: Sandbox, travel: Callable[[float], None], settings: Callable[..., None]):
    settings(generate_latency=0)
    PROOFS[row](World(sandbox, travel, settings))


def test_every_row_has_one_proof_and_every_proof_a_row():
    assert sorted(rows()) == sorted(PROOFS)


# Pictory


@proves("`POST /v1/aistudio/images`", "`data.jobId`", "200")
def _(world: World) -> None:
    job_id = world.pictory.submit_image(PROMPT)
    assert (world.sent.method, world.sent.path) == ("POST", "/pictoryapis/v1/aistudio/images")
    assert world.sent.status == 200
    assert job_id in [image["job_id"] for image in world.sandbox.world.ledger()["images"]]
    assert Tries(GenerateImageOperator(task_id="t", prompt=PROMPT)).run() != job_id


@proves("`Authorization: pictai_…`", "401")
def _(world: World) -> None:
    assert world.pictory.endpoint.key == world.sandbox.pictory_key
    assert world.pictory.get_quota()
    assert world.pictory.transport._headers(world.pictory.endpoint)["Authorization"] == world.sandbox.pictory_key
    error = world.error("pictory", "submit_image", status=401, body={"message": "Unauthorized"})
    assert isinstance(error, e.AuthenticationError)


@proves("`Content-Type: application/json`")
def _(world: World) -> None:
    world.pictory.submit_image(PROMPT)
    assert world.sent.headers["content-type"] == "application/json"


@proves("`prompt`")
def _(world: World) -> None:
    for prompt in ("x" * 5, "x" * 5000):
        world.pictory.submit_image(prompt)
        assert world.body == {"prompt": prompt}
    before = len(world.sandbox.world.requests)
    for prompt in ("x" * 4, "x" * 5001):
        with pytest.raises(e.InvalidRequestError, match="prompt: "):
            world.pictory.submit_image(prompt)
    assert len(world.sandbox.world.requests) == before


@proves("`model`")
def _(world: World) -> None:
    world.pictory.submit_image(PROMPT)
    assert "model" not in world.body
    assert world.sandbox.world.ledger()["images"][-1]["model"] == "seedream3.0"
    with pytest.raises(e.InvalidRequestError):
        world.pictory.submit_image(PROMPT, model="of tomorrow")
    assert world.body["model"] == "of tomorrow"


def _costs(model: str, cost: float) -> None:
    @proves(f"`{model}`")
    def _(world: World) -> None:
        for ratio, size in (("1:1", (1024, 1024)), ("16:9", (1280, 720)), ("9:16", (720, 1280))):
            job = world.job(model=model, aspect_ratio=ratio)
            assert job.ai_credits_used == cost
            assert (job.width, job.height) == size
        with pytest.raises(e.InvalidRequestError, match="allowed: 1:1, 16:9, 9:16"):
            world.job(model=model, aspect_ratio="4:3")


for _model, _cost in (("seedream3.0", 2), ("flux-schnell", 0.6), ("nanobanana", 4), ("nanobanana-pro", 14)):
    _costs(_model, _cost)


@proves("`aspectRatio`")
def _(world: World) -> None:
    job = world.job()
    assert job.width == job.height
    world.pictory.submit_image(PROMPT, aspect_ratio="9:16")
    assert world.body["aspectRatio"] == "9:16"


@proves("`style`")
def _(world: World) -> None:
    for style in ("photorealistic", "artistic", "cartoon", "minimalist", "vintage", "futuristic"):
        world.pictory.submit_image(PROMPT, style=style)
        assert world.body["style"] == style
    with pytest.raises(e.InvalidRequestError, match="style: "):
        world.pictory.submit_image(PROMPT, style="photo")


@proves("`referenceImageUrl`", "`webhook`")
def _(world: World) -> None:
    url = "https://pictures.example/a.png"
    for name, wire in (("reference_image_url", "referenceImageUrl"), ("webhook", "webhook")):
        world.pictory.submit_image(PROMPT, **{name: url})  # type: ignore[arg-type]
        assert world.body[wire] == url
        for wrong in ("a.png", "file:///a.png", "https://user:word@pictures.example/a.png"):
            with pytest.raises(e.InvalidRequestError, match=f"{name}: "):
                world.pictory.submit_image(PROMPT, **{name: wrong})  # type: ignore[arg-type]


@proves("`success`")
def _(world: World) -> None:
    world.sandbox.fault("pictory.submit_image", "body", body={"data": {"jobId": "j1"}})
    assert world.pictory.submit_image(PROMPT) == "j1"


@proves("400")
def _(world: World) -> None:
    body = {"code": "INVALID_REQUEST_BODY", "message": "No.", "fields": [{"field": "prompt", "message": "too odd"}]}
    error = world.error("pictory", "submit_image", status=400, body=body)
    assert isinstance(error, e.InvalidRequestError)
    assert str(error).endswith("400 for submit image: INVALID_REQUEST_BODY: No. [prompt: too odd]")


@proves("500")
def _(world: World) -> None:
    error = world.error("pictory", "submit_image", status=500, body={"message": "Internal Server Error"})
    assert isinstance(error, e.TransientError)
    world.sandbox.clear_faults()
    assert world.pictory.submit_image(PROMPT)


@proves("`GET /v1/jobs/{jobId}`")
def _(world: World) -> None:
    job = world.job()
    assert (world.sent.method, world.sent.path) == ("GET", f"/pictoryapis/v1/jobs/{job.job_id}")
    sensor = ImageJobSensor(task_id="t", job_id=job.job_id)
    assert sensor.poke_interval == 15
    assert Tries(sensor).run()["job_id"] == job.job_id


@proves("`data.status`")
def _(world: World) -> None:
    job_id = world.pictory.submit_image(PROMPT)
    assert world.pictory.get_job(job_id).status == "in-progress"
    assert world.job().status == "completed"
    failing = Tries(
        GenerateImageOperator(task_id="t", prompt="[fail] a fox", wait_for_completion=True, deferrable=False)
    )
    world.settings(latency=0)
    with pytest.raises(e.JobFailedError):
        failing.run()


@proves("`data.url`", "`data.width`, `data.height`", "`data.aiCreditsUsed`")
def _(world: World) -> None:
    job = world.job(model="flux-schnell")
    image = job.as_xcom()
    data = job.raw["data"]
    assert (image["url"], image["width"], image["height"]) == (data["url"], data["width"], data["height"])
    assert image["ai_credits_used"] == data["aiCreditsUsed"] == 0.6


# PostEverywhere


@proves("`POST /ai/generate-image`", "201", "`media_id`", "`media_ids`", "`type`")
def _(world: World) -> None:
    media = world.media()
    assert (world.sent.method, world.sent.path, world.sent.status) == ("POST", "/api/v1/ai/generate-image", 201)
    assert media.media_id in [item["media_id"] for item in world.sandbox.world.ledger()["media"]]
    assert media.media_ids == (media.media_id,)
    assert media.type == "image"
    record = Tries(GenerateMediaOperator(task_id="t", prompt=PROMPT)).run()
    assert (
        Tries(PostImageOperator(task_id="p", content="Hi", account_ids=[2280], image=record)).run()["media_ids"]
        == (record["media_ids"])
    )


@proves("`Authorization: Bearer pe_live_…`", "401 (PostEverywhere)")
def _(world: World) -> None:
    hook = world.posteverywhere
    assert hook.transport._headers(hook.endpoint)["Authorization"] == f"Bearer {world.sandbox.posteverywhere_key}"
    hook.endpoint.__dict__["key"] = world.sandbox.world.add_key(("read", "write"))
    with pytest.raises(e.PermissionDeniedError):
        world.media()
    hook.endpoint.__dict__["key"] = "pe_live_wrong"
    with pytest.raises(e.AuthenticationError, match="invalid_api_key"):
        world.media()


@proves("`prompt` (PostEverywhere)")
def _(world: World) -> None:
    world.posteverywhere.generate_image("x" * 2000, model="flux-schnell")
    with pytest.raises(e.InvalidRequestError, match="prompt: "):
        world.posteverywhere.generate_image("x" * 2001)


@proves("`aspect_ratio`", "`aspect_ratio` (response)")
def _(world: World) -> None:
    assert world.media().aspect_ratio == "1:1"
    for ratio in ("16:9", "9:16", "4:3", "3:4", "4:5", "5:4"):
        media = world.media(aspect_ratio=ratio, model="flux-schnell")
        assert (world.body["aspect_ratio"], media.aspect_ratio) == (ratio, ratio)
    with pytest.raises(e.InvalidRequestError, match="aspect_ratio: "):
        world.media(aspect_ratio="2:1")


@proves("`model` (PostEverywhere)", "`nano-banana-pro`")
def _(world: World) -> None:
    media = world.media()
    assert "model" not in world.body
    assert (media.model, media.credits_used) == ("nano-banana-pro", 15)
    with pytest.raises(e.InvalidRequestError):
        world.media(model="of tomorrow")
    assert world.body["model"] == "of tomorrow"


def _media_costs(row: str, model: str, cost: int) -> None:
    @proves(row)
    def _(world: World) -> None:
        assert world.media(model=model).credits_used == cost


for _row, _model, _cost in (
    ("`ideogram-v2`", "ideogram-v2", 8),
    ("`gemini-3-pro`", "gemini-3-pro", 5),
    ("`flux-schnell` (PostEverywhere)", "flux-schnell", 1),
):
    _media_costs(_row, _model, _cost)


@proves("`width`, `height`", "`ai.model`, `ai.prompt`", "`created_at`", "`next_step`")
def _(world: World) -> None:
    media = world.media(aspect_ratio="16:9", model="gemini-3-pro")
    assert (media.width, media.height) == (1920, 1080)
    assert (media.model, media.prompt) == ("gemini-3-pro", PROMPT)
    assert re.match(r"\d{4}-\d\d-\d\dT.*Z$", media.created_at or "")
    assert media.media_id in (media.next_step or "")


@proves("`credits_used`, `credits_remaining`")
def _(world: World) -> None:
    world.settings(media_credits=20)
    media = world.media()
    assert (media.credits_used, media.credits_remaining) == (15, 5)


@proves("402", "`error.message`, `error.code`", "`error.details`", "`meta.request_id`")
def _(world: World) -> None:
    world.settings(media_credits=3)
    with pytest.raises(e.InsufficientCreditsError) as caught:
        world.media()
    error = caught.value
    assert (error.credits_required, error.credits_available, error.http_status) == (15, 3, 402)
    assert "returned 402 for generate image: insufficient_credits: " in str(error)
    assert error.request_id
    assert f"(request id {error.request_id})" in str(error)


@proves("400 (PostEverywhere)")
def _(world: World) -> None:
    with pytest.raises(e.InvalidRequestError, match="returned 400 for generate image: validation_error: "):
        world.media(model="of tomorrow")


@proves("429", "`Retry-After`")
def _(world: World) -> None:
    error = world.error("posteverywhere", "generate_image", status=429, headers={"Retry-After": "900"})
    assert isinstance(error, e.RateLimitedError)
    assert error.retry_after == 900


@proves("`X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`")
def _(world: World) -> None:
    headers = {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + 600),
    }
    error = world.error("posteverywhere", "generate_image", status=429, headers=headers)
    assert isinstance(error, e.RateLimitedError)
    assert error.retry_after == pytest.approx(600, abs=5)


@proves("500 (PostEverywhere)")
def _(world: World) -> None:
    assert isinstance(world.error("posteverywhere", "generate_image", status=500), e.TransientError)


@proves("`POST /v1/posts`")
def _(world: World) -> None:
    media = world.media()
    world.posteverywhere.create_post("Hi", account_ids=[2280], media_ids=media.media_ids)
    assert (world.sent.method, world.sent.path) == ("POST", "/api/v1/posts")
    assert world.body["media_ids"] == list(media.media_ids)
