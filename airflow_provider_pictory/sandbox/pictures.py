"""
The pictures: landscapes drawn from a prompt, in the seven looks of the vendors' styles.

The same description always gives the same bytes. Pictures are drawn at twice their size and scaled down, which
smooths all edges.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from airflow_provider_pictory.sandbox.looks import look_of
from airflow_provider_pictory.sandbox.scenery import Picture, Scene


@lru_cache(maxsize=64)
def draw(picture: Picture) -> bytes:
    """Return the picture as a PNG file."""
    image = look_of(picture.style)(Scene(picture))
    _caption(image, picture.prompt)
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def thumbnail(content: bytes, width: int) -> bytes:
    """Return a small JPEG of a picture file."""
    with Image.open(BytesIO(content)) as image:
        small = ImageOps.contain(image.convert("RGB"), (width, width * 2))
    file = BytesIO()
    small.save(file, "JPEG", quality=82)
    return file.getvalue()


def _caption(image: Image.Image, text: str) -> None:
    """Write the beginning of a text on a dark strip along the lower edge, where a crop to 4:3 leaves it whole."""
    size = max(14, min(image.size) // 40)
    font = ImageFont.load_default(size)
    # The default font has no glyphs beyond ASCII, accents included.
    letters = (c for c in unicodedata.normalize("NFKD", " ".join(text.split())) if not unicodedata.combining(c))
    shown = "".join(letters).encode("ascii", "replace").decode("ascii")
    room = image.width * 3 // 4 - size
    while font.getlength(shown) > room:
        shown = shown[: max(1, int(len(shown) * room / font.getlength(shown))) - 2] + "…"
    top = image.height - 2 * size
    strip = image.crop((0, top, image.width, image.height))
    image.paste(Image.blend(strip, Image.new("RGB", strip.size, "black"), 0.55), (0, top))
    ImageDraw.Draw(image).text((image.width // 2, image.height - size), shown, "white", font, anchor="mm")
