"""What a picture file is by its content: PNG, JPEG, WebP or GIF, its width and height, and whether it is complete."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
"""The extensions of picture files by their content types."""

_HEAD = 30
_TAIL = 4096
_MAX_SEGMENTS = 1000
# The markers of JPEG that start a frame; C4, C8 and CC mean something else.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class ImageFile:
    """A picture's content type, and its width and height in pixels."""

    content_type: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The file name's extension, with the dot."""
        return EXTENSIONS[self.content_type]


def read_image_file(file: BinaryIO) -> ImageFile:
    """
    Read a picture file's type and size.

    :raises ValueError: if it is not a picture of these types, or incomplete; the text says what it is.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        found = ImageFile("image/png", _big(head[16:20]), _big(head[20:24]))
        is_complete = b"IEND" in _tail(file, size)
    elif head.startswith((b"GIF87a", b"GIF89a")):
        found = ImageFile("image/gif", _little(head[6:8]), _little(head[8:10]))
        is_complete = _tail(file, size).rstrip(b"\0").endswith(b";")
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        found = ImageFile("image/webp", *_webp_size(head))
        is_complete = _little(head[4:8]) + 8 <= size
    elif head.startswith(b"\xff\xd8\xff"):
        found = ImageFile("image/jpeg", *_jpeg_size(file))
        # In the picture's data, FF is always followed by 00 or by a restart marker.
        is_complete = b"\xff\xd9" in _tail(file, size)
    else:
        raise ValueError(f"is not a PNG, JPEG, WebP or GIF file: it starts with {_shown(head)}")
    if not (found.width and found.height):
        raise ValueError(f"is a file of type {found.content_type} without a width and height")
    if not is_complete:
        raise ValueError(f"is a file of type {found.content_type} that ends before the picture does")
    return found


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read(_TAIL)


def _shown(head: bytes) -> str:
    return repr(head[:15].decode("latin-1")) if head else "nothing, it is empty"


def _webp_size(head: bytes) -> tuple[int, int]:
    """Return width and height from the first chunk: lossy, lossless or extended."""
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
    if kind == b"VP8L" and head[20:21] == b"\x2f":
        bits = _little(head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return _little(head[24:27]) + 1, _little(head[27:30]) + 1
    return 0, 0


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """Return width and height from the first frame; the segments before it are skipped."""
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        if file.read(1) != b"\xff":
            break
        marker = file.read(1)
        while marker == b"\xff":  # fill bytes
            marker = file.read(1)
        length = _big(file.read(2))
        if not marker or length < 2:
            break
        if marker[0] in _FRAMES:
            frame = file.read(5)
            return _big(frame[3:5]), _big(frame[1:3])
        file.seek(length - 2, os.SEEK_CUR)
    return 0, 0
