"""The pictures: real files of the right size, the same every time, and different where they should be."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
import requests
from PIL import Image, ImageStat

from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.sandbox.pictures import draw, thumbnail
from airflow_provider_pictory.sandbox.scenery import Picture

STYLES = [None, "photorealistic", "artistic", "cartoon", "minimalist", "vintage", "futuristic"]


def picture(prompt: str = "A lake at sunset", style: str | None = None, reference: str | None = None) -> Picture:
    return Picture(prompt, 320, 180, "seedream3.0", style, reference)


def mean_color(file: bytes) -> list[float]:
    return ImageStat.Stat(Image.open(BytesIO(file)).convert("RGB")).mean


@pytest.mark.parametrize(("ratio", "size"), [("1:1", (1024, 1024)), ("16:9", (1280, 720)), ("9:16", (720, 1280))])
def test_what_is_served(
    sandbox: Sandbox,
    submit: Callable[..., str],
    travel: Callable[[float], None],
    ratio: str,
    size: tuple[int, int],
) -> None:
    url = f"{sandbox.url}/pictures/{submit(aspectRatio=ratio)}.png"
    assert requests.get(url, timeout=10).status_code == 404
    travel(11)
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    image = Image.open(BytesIO(answer.content))
    assert (image.format, image.size) == ("PNG", size)
    assert requests.get(url, timeout=10).content == answer.content


@pytest.mark.parametrize("style", STYLES)
def test_equal_descriptions_give_equal_bytes(style: str | None) -> None:
    first = draw(picture(style=style))
    draw.cache_clear()
    assert draw(picture(style=style)) == first


def test_styles_prompts_models_and_references_differ() -> None:
    pictures = [picture(style=style) for style in STYLES]
    pictures += [
        picture("A lake at dawn"),
        picture(reference="https://example.com/a.png"),
        Picture("A lake at sunset", 320, 180, "nanobanana"),
    ]
    assert len({draw(entry) for entry in pictures}) == len(pictures)


def test_a_style_of_the_future_is_drawn_too() -> None:
    assert draw(picture(style="cubist")) == draw(picture())


def test_the_colors_of_a_reference_are_taken_over() -> None:
    snow, night = (mean_color(draw(picture("Some hills", reference=text))) for text in ("winter", "midnight"))
    assert sum(snow) > 2 * sum(night)


def test_a_reference_of_the_sandbox_itself_gives_its_colors(
    sandbox: Sandbox, submit: Callable[..., str], travel: Callable[[float], None]
) -> None:
    original = submit("A village at midnight")
    travel(11)
    job = sandbox.world.jobs[submit("Some hills", referenceImageUrl=f"{sandbox.url}/pictures/{original}.png")]
    assert job.picture.reference == "A village at midnight"


def test_a_style_is_recognizable_by_its_colors() -> None:
    red, green, blue = mean_color(draw(picture("A lake in winter", "vintage")))
    assert red > green > blue
    assert sum(mean_color(draw(picture(style="minimalist")))) > sum(mean_color(draw(picture(style="futuristic"))))


@pytest.mark.parametrize("prompt", ["☃ 冬の森 🌲", "x" * 5000, "a\nb\tc d e", "<b>&amp;</b>"])
def test_any_prompt_can_be_captioned(prompt: str) -> None:
    assert Image.open(BytesIO(draw(picture(prompt)))).size == (320, 180)


def test_the_caption_is_readable() -> None:
    image = Image.open(BytesIO(draw(Picture("A lake", 1280, 720, "seedream3.0")))).convert("L")
    strip = image.crop((600, 690, 680, 715))
    assert strip.getextrema()[1] > 240


def test_thumbnail() -> None:
    small = Image.open(BytesIO(thumbnail(draw(picture()), 160)))
    assert (small.format, small.size) == ("JPEG", (160, 90))
