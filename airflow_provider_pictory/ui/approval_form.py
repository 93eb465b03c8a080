"""Title and body of the approval form."""

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
    Describe an image as Markdown: the image itself, its prompt, model, size and credits.

    All values are escaped, and only an http(s) URL is shown as an image. Do not pass the result through Jinja, which
    would evaluate templates in a prompt: set it after Airflow has rendered the operator's templates, as
    :class:`~airflow_provider_pictory.operators.approval.ApproveImageOperator` does.

    :param image: an image as in the XCom ``pictory_image``, or as a task returns it.
    :param details: further values to show, by label.
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
    Return the form's title: one line with the prompt, by which Airflow's list of required actions shows the image.

    :param image: an image as in the XCom ``pictory_image``, or as a task returns it.
    """
    return f"Approve this image? {one_line(image.get('prompt') or '', 80)}".strip()


def as_text(value: Any) -> str:
    """Escape a value for Markdown, in one line."""
    text = str(value)
    # Renderers autolink URLs after removing escapes; word joiners prevent that.
    return _PUNCTUATION.sub(r"\\\1", _ADDRESS.sub("\u2060", one_line(text, len(text))))


def _lines(text: Any) -> list[str]:
    lines = [as_text(line) for line in str(text).splitlines()]
    return [f"{line}  " for line in lines if line]
