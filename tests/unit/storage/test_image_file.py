"""What a picture file is, by its content alone, for files that Pillow has written and files that lie."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from airflow_provider_pictory.storage.image_file import ImageFile, read_image_file

KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "png": ("PNG", {}, "image/png"),
    "jpeg": ("JPEG", {}, "image/jpeg"),
    "progressive jpeg": ("JPEG", {"progressive": True}, "image/jpeg"),
    "jpeg with a profile and metadata": (
        "JPEG",
        {"icc_profile": b"p" * 70_000, "exif": b"Exif\0\0" + b"e" * 900},
        "image/jpeg",
    ),
    "gif": ("GIF", {}, "image/gif"),
    "webp": ("WEBP", {}, "image/webp"),
    "lossless webp": ("WEBP", {"lossless": True}, "image/webp"),
    "webp with a profile": ("WEBP", {"icc_profile": b"p" * 100}, "image/webp"),
}


def made(kind: str, size: tuple[int, int] = (321, 123)) -> bytes:
    name, options, _ = KINDS[kind]
    file = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (321, 123), (1280, 720)])
def test_type_and_size(kind: str, size: tuple[int, int]):
    found = read_image_file(BytesIO(made(kind, size)))
    assert found == ImageFile(KINDS[kind][2], *size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_ends_too_early_is_no_picture(kind: str, share: float):
    content = made(kind)
    with pytest.raises(ValueError, match=r"ends before the picture|without a width|is not a PNG"):
        read_image_file(BytesIO(content[: int(len(content) * share)]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html><title>Access denied</title>", "it starts with '<!DOCTYPE html>'"),
        (b'{"message": "Forbidden"}', "is not a PNG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "is not a PNG"),
        (b"\xff\xd8\xff\xe0\x00\x01", "without a width"),
        (b"\xff\xd8\xff" + b"\xff" * 5000, "without a width"),
        (b"\xff\xd8" + b"\xff\xe1\x00\x02" * 5000, "without a width"),
        (b"GIF89a", "without a width"),
        (b"RIFF\x04\0\0\0WEBP", "without a width"),
        (b"RIFF\x04\0\0\0WAVE" + b"\0" * 40, "is not a PNG"),
        (b"%PDF-1.7", "is not a PNG"),
        (b"\0\0\0\x20ftypavif", "is not a PNG"),
    ],
)
def test_what_is_no_picture(content: bytes, said: str):
    with pytest.raises(ValueError, match=r".+") as caught:
        read_image_file(BytesIO(content))
    assert said in str(caught.value)


def test_what_follows_the_picture_does_not_matter():
    for kind in ("png", "jpeg"):
        assert read_image_file(BytesIO(made(kind) + b"\0" * 100)).width == 321


def test_random_bytes_raise_no_other_error():
    from random import Random

    random = Random(0)
    for kind in KINDS:
        content = bytearray(made(kind))
        for _ in range(300):
            damaged = bytearray(content)
            for _ in range(3):
                damaged[random.randrange(min(len(damaged), 64))] = random.randrange(256)
            try:
                read_image_file(BytesIO(damaged))
            except ValueError:
                continue
