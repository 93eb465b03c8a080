"""The sidecar: what is written can be read, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

from airflow_provider_pictory.storage.sidecar import Sidecar

SIDECAR = Sidecar(
    file="a.png",
    size=3,
    sha256="0" * 64,
    content_type="image/png",
    width=1,
    height=2,
    fingerprint="f",
    image={"job_id": "j", "ai_credits_used": 0.6},
    prompt="A café “at dawn”",
)


def test_what_is_written_can_be_read():
    assert Sidecar.from_json(SIDECAR.to_json()) == SIDECAR
    assert "A café “at dawn”" in SIDECAR.to_json().decode()


def test_fields_of_another_release_are_left_out():
    values = {**json.loads(SIDECAR.to_json()), "new": 1}
    assert Sidecar.from_json(json.dumps(values).encode()) == SIDECAR


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"\xff", b'{"schema_version": 2}', b'{"schema_version": 1}',
        SIDECAR.to_json().replace(b'"a.png"', b'"../a.png"'), SIDECAR.to_json().replace(b'"size": 3', b'"size": "3"'),
        SIDECAR.to_json().replace(b'"width": 1,', b""),
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_one(content: bytes):
    with pytest.raises(ValueError, match=r".*"):
        Sidecar.from_json(content)
