"""A small copy of a stored picture as text, which the gallery shows when the service has removed the picture itself."""

from __future__ import annotations

import base64
import logging
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_pictory.exceptions import one_line
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.version_compat import has_gallery

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

MAX_LENGTH = 24_000
"""The maximum number of characters of a preview."""

MAX_PIXELS = 20_000_000
"""Pictures with more pixels have no preview: a PNG takes eight bytes of memory for each while it is made smaller."""

_START = "data:image/webp;base64,"
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_SIZES = ((480, 75), (480, 50), (360, 50), (240, 50), (120, 50))
"""The longest side in pixels and the quality, in the order in which they are tried."""


def preview_of_file(local: Path) -> str | None:
    """Return the preview of a local file as a ``data:`` URL; None if there is none, for a reason that is logged."""
    return _preview_of(str(local), lambda: _encode(local))


def preview_of_stored(path: str) -> str | None:
    """Likewise, of a picture in object storage, which is read again for it."""

    def read() -> str:
        with tempfile.TemporaryDirectory(prefix="pictory-") as folder:
            local = Path(folder) / "picture"
            store.download(path, local)
            return _encode(local)

    return _preview_of(path, read)


def _preview_of(name: str, make: Callable[[], str]) -> str | None:
    if not has_gallery():
        return None
    try:
        import PIL  # noqa: F401
    except ImportError:
        log.info("No preview for the gallery: it needs Pillow, which the extra `previews` installs")
        return None
    try:
        return make()
    except Exception as error:  # the picture is stored: the task does not fail for its preview
        log.info("No preview of %s for the gallery (%s: %s)", name, type(error).__name__, one_line(error, 200))
        return None


def _encode(local: Path) -> str:
    from PIL import Image, ImageOps

    with Image.open(local, formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"it has {image.width}×{image.height} pixels")
        if image.mode.startswith("I"):  # Pillow would cut its values instead of scaling them
            raise ValueError("it has 16 bits of grey")
        # Colours of a palette cannot be interpolated. Everything else is made smaller first, JPEG while it is decoded.
        small = _plain(image) if image.mode in ("1", "P") else image
        small.thumbnail((_SIZES[0][0], _SIZES[0][0]))
        small = _plain(ImageOps.exif_transpose(small))
    for side, quality in _SIZES:
        small.thumbnail((side, side))
        file = BytesIO()
        small.save(file, "WEBP", quality=quality)
        text = _START + base64.b64encode(file.getvalue()).decode()
        if len(text) <= MAX_LENGTH:
            return text
    raise ValueError(f"it has more than {MAX_LENGTH:,} characters at {side} pixels")


def _plain(image: Image.Image) -> Image.Image:
    """Return an image in red, green and blue, with transparency if it has any."""
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
