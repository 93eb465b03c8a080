"""What Airflow's form shows a person who is to approve an image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.exceptions import one_line

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"(?<=://)|(?<=www)(?=\.)|(?<=@)", re.I)


def form_body(image: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> str:
    """
    Describe an image as Markdown: the picture itself, its prompt, model, size and credits.

    All that comes from elsewhere is shown as text, whatever it looks like, and only an http(s) address as a picture.
    The result is Markdown and no template: hand it to an operator once Airflow has rendered its templates, as
    :class:`~airflow_provider_pictory.operators.approval.ApproveImageOperator` does. Jinja would run what a prompt says.

    :param image: an image as tasks push it under the XCom key ``pictory_image``, or return it.
    :param details: what else to show, by its label.
    """
    url = public_url(image.get("url")).translate({ord(c): f"%{ord(c):02X}" for c in "\\<>"}).replace("&", "&amp;")
    prompt = image.get("prompt")
    size = " × ".join(str(image[side]) for side in ("width", "height") if image.get(side))
    facts = {
        **(details or {}),
        "Model": image.get("model"),
        "Size": f"{size} pixels" if size else None,
        "Credits": image.get("ai_credits_used"),
    }
    blocks = [
        f"![The image](<{url}>)\n\n[Open it in full size](<{url}>)" if url else "There is no picture to show.",
        "\n".join(f"> {line}" for line in _lines(prompt)) if prompt else "",
        "\n".join(f"- **{as_text(name)}:** {as_text(value)}" for name, value in facts.items() if value is not None),
    ]
    return "\n\n".join(filter(None, blocks))


def form_title(image: Mapping[str, Any]) -> str:
    """
    Name an image in one line, which tells it from others in Airflow's list of what waits for people.

    :param image: an image as tasks push it under the XCom key ``pictory_image``, or return it.
    """
    return f"Approve this image? {one_line(image.get('prompt') or '', 80)}".strip()


def as_text(value: Any) -> str:
    """Write a value so that Markdown shows it as it is, in one line."""
    text = str(value)
    # Word joiners keep addresses from becoming links: renderers look for those after all escapes are gone.
    return _PUNCTUATION.sub(r"\\\1", _ADDRESS.sub("\u2060", one_line(text, len(text))))


def _lines(text: Any) -> list[str]:
    lines = [as_text(line) for line in str(text).splitlines()]
    return [f"{line}  " for line in lines if line]
