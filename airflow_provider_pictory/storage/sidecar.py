"""The JSON file beside a stored picture: what the picture is, what made it, and the mark that all of it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """
    What is known of a stored picture.

    :param file: the picture's file name.
    :param size: its size in bytes.
    :param fingerprint: identifies the request that it was made from; None if that is not known.
    :param image: the image or media record as in XCom, with credits and the ids of job or media.
    :param parameters: of the request, beside prompt and model.
    :param dag_id: of the task that stored it, like the three that follow.
    :param saved_at: when it was stored, in ISO 8601.
    """

    file: str
    size: int
    sha256: str
    content_type: str
    width: int
    height: int
    fingerprint: str | None
    image: Mapping[str, Any]
    prompt: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    saved_at: str | None = None

    def to_json(self) -> bytes:
        """Return the file's content."""
        content = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(content, indent=2, ensure_ascii=False, default=str).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> Sidecar:
        """
        Read the file's content; fields that another release has added are left out.

        :raises ValueError: if it is not such a file.
        """
        values = json.loads(content)
        if not isinstance(values, dict) or values.get("schema_version") != SCHEMA_VERSION:
            raise ValueError("no schema version that is known")
        known = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        kinds: dict[str, type | tuple[type, ...]] = {
            "file": str, "size": int, "sha256": str, "image": dict, "fingerprint": (str, type(None))
        }  # fmt: skip
        if not all(isinstance(known.get(name), kind) for name, kind in kinds.items()) or "/" in known["file"]:
            raise ValueError("fields are missing, or of another type")
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError("fields are missing") from error
