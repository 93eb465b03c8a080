"""Small copies of pictures: of which size and type, how long at most, and of what there is none."""

from __future__ import annotations

import base64
import logging
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from airflow.plugins_manager import AirflowPlugin
from PIL import Image

from airflow_provider_pictory.exceptions import TransientError
from airflow_provider_pictory.storage import preview, store
from airflow_provider_pictory.storage.preview import MAX_LENGTH, preview_of_file, preview_of_stored
from airflow_provider_pictory.version_compat import has_gallery
from tests.unit.storage.test_image_file import KINDS, made

START = "data:image/webp;base64,"


@pytest.fixture(autouse=True)
def on_airflow_3_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "has_gallery", lambda: True)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, preview.log.name)
    return caplog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture"


def drawn(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def shown(file: Path, content: bytes) -> Image.Image:
    """Return the preview of a file as a browser has it."""
    file.write_bytes(content)
    text = preview_of_file(file)
    assert text is not None
    assert text.startswith(START)
    assert len(text) <= MAX_LENGTH
    image = Image.open(BytesIO(base64.b64decode(text[len(START) :], validate=True)))
    assert image.format == "WEBP"
    assert not {"exif", "icc_profile", "xmp"} & set(image.info)
    return image


def png(width: int, height: int) -> bytes:
    """Return a file that says that it is so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("kind", KINDS)
def test_of_each_type(kind: str, file: Path):
    assert shown(file, made(kind)).size == (321, 123)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), (1, 1)),
        ((321, 123), (321, 123)),
        ((480, 480), (480, 480)),
        ((720, 1280), (270, 480)),
        ((1024, 1024), (480, 480)),
        ((9000, 4), (480, 1)),
    ],
)
def test_it_is_small_and_never_larger_than_the_picture(size: tuple[int, int], expected: tuple[int, int], file: Path):
    assert shown(file, drawn(Image.new("RGB", size, "teal"))).size == expected


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_of_each_mode(mode: str, file: Path):
    assert shown(file, drawn(Image.new(mode, (600, 600)))).size == (480, 480)


def test_of_a_picture_for_print(file: Path):
    image = shown(file, drawn(Image.new("CMYK", (600, 600), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = image.convert("RGB").getpixel((240, 240))
    assert red > 200
    assert green + blue < 60


def test_what_is_transparent_stays_so(file: Path):
    clear = Image.new("RGBA", (600, 300))
    clear.paste("red", (0, 0, 300, 300))
    palette = Image.new("P", (600, 300), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(1, (0, 0, 300, 300))
    for content in (
        drawn(clear),
        drawn(clear, "WEBP"),
        drawn(palette, "GIF", transparency=0),
        drawn(palette, transparency=0),
    ):
        image = shown(file, content).convert("RGBA")
        assert image.getpixel((100, 100))[3] > 250
        assert image.getpixel((400, 100))[3] < 5


def test_it_stands_upright(file: Path):
    image = Image.new("RGB", (600, 300), "white")
    image.paste("black", (0, 0, 300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = shown(file, drawn(image, "JPEG", exif=exif)).convert("L")
    assert turned.size == (240, 480)
    assert (turned.getpixel((120, 100)) < 20, turned.getpixel((120, 400)) > 235) == (True, True)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_noise_is_made_to_fit(mode: str, file: Path):
    noise = Image.effect_noise((1200, 1200), 200)
    image = Image.merge("RGB", [Image.effect_noise((1200, 1200), 200) for _ in "RGB"]) if mode == "RGB" else noise
    assert max(shown(file, drawn(image)).size) in (480, 360, 240)


def test_the_longest_that_fits_is_taken(file: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture):
    noise = drawn(Image.effect_noise((1200, 1200), 200))
    found = shown(file, noise).size
    monkeypatch.setattr(preview, "MAX_LENGTH", 6000)
    assert shown(file, noise).size < found
    monkeypatch.setattr(preview, "MAX_LENGTH", 100)
    assert preview_of_file(file) is None
    assert "more than 100 characters at 120 pixels" in said.text


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("size", [(5001, 4000), (12_000, 9000), (60_000, 60_000)])
def test_a_picture_that_is_too_large_is_not_decoded(
    size: tuple[int, int], file: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
):
    monkeypatch.setattr(Image.Image, "thumbnail", lambda *_: pytest.fail("it is decoded"))
    file.write_bytes(png(*size))
    assert preview_of_file(file) is None
    assert "pixels" in said.text
    assert len(said.records) == 1


BROKEN = {
    "nothing": b"",
    "no picture": b"<!DOCTYPE html><html>",
    "another type": drawn(Image.new("RGB", (600, 600)), "TIFF"),
    "no pixels": png(600, 600),
    "16 bits of grey": drawn(Image.new("I;16", (600, 600))),
    **{f"half a {kind}": made(kind, (600, 600))[:9000] for kind in KINDS},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_decoded_has_none_and_that_is_said_once(name: str, file: Path, said: pytest.LogCaptureFixture):
    file.write_bytes(BROKEN[name])
    assert preview_of_file(file) is None
    [record] = said.records
    assert record.levelno == logging.INFO
    assert str(file) in record.getMessage()


def test_no_error_passes(file: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture):
    for error in (MemoryError(), TransientError("The store is down"), RecursionError(), Image.DecompressionBombError()):

        def fail(_: Path, error: Exception = error) -> str:
            raise error

        monkeypatch.setattr(preview, "_encode", fail)
        assert preview_of_file(file) is None
    assert [record.levelno for record in said.records] == [logging.INFO] * 4


def test_without_pillow_there_is_none_and_the_log_says_how_to_get_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(store, "download", lambda *_: pytest.fail("it is read for nothing"))
    assert preview_of_stored("file:///pictures/fox.png") is None
    [record] = said.records
    assert record.levelno == logging.INFO
    assert "the extra `previews`" in record.getMessage()


def test_where_there_is_no_gallery_there_is_none(
    file: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
):
    monkeypatch.setattr(preview, "has_gallery", lambda: False)
    file.write_bytes(made("png"))
    assert preview_of_file(file) is None
    assert not said.records


def test_the_gallery_is_there_where_airflow_shows_pages_of_plugins():
    assert has_gallery() == hasattr(AirflowPlugin, "external_views")


def test_of_a_stored_picture(file: Path, said: pytest.LogCaptureFixture):
    file.write_bytes(made("jpeg", (640, 480)))
    assert preview_of_stored(file.as_uri()) == preview_of_file(file)
    assert not said.records
    file.unlink()
    assert preview_of_stored(file.as_uri()) is None
    assert "there is no such" in said.text
