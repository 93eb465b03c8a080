"""Where a picture goes: ``save_to`` with its placeholders filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from airflow_provider_pictory.client.validation import check_one_of, check_text
from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.storage.image_file import EXTENSIONS

IF_EXISTS = ("fail", "reuse", "overwrite")

PLACEHOLDERS = ("fingerprint", "job_id", "media_id")

_ALLOWED = (
    "the URL of a file, such as s3://aws_default@bucket/{fingerprint} or file:///pictures/{job_id}, "
    f"with any of {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"
)


def check_save_to(arguments: Mapping[str, Any]) -> None:
    """Check the parameters ``save_to`` and ``if_exists``."""
    if "if_exists" in arguments:
        check_one_of("if_exists", arguments["if_exists"] or "", IF_EXISTS)
    if arguments.get("save_to") is not None:
        check_url(arguments["save_to"])


def check_known_before_submit(save_to: str, if_exists: str) -> None:
    """Check that a stored picture can be looked for before there is a job."""
    if if_exists == "reuse" and (names := {"job_id", "media_id"} & placeholders(save_to)):
        raise InvalidRequestError.of(
            "save_to",
            f"has {{{min(names)}}} in it, with if_exists='reuse': a stored picture is looked for before there is a job",
            "{fingerprint}, or a name of your own",
        )


def placeholders(save_to: str) -> set[str]:
    """Return the names of the placeholders."""
    return set(re.findall(r"{(\w*)}", save_to))


def fill(save_to: str, values: Mapping[str, str | None]) -> str:
    """
    Return the URL of a picture without an extension, which follows its content.

    :param values: the placeholders' values; a value that is None is not known.
    :raises InvalidRequestError: if a value is not known.
    """
    check_url(save_to)
    for name in sorted(placeholders(save_to)):
        value = values.get(name)
        if value is None:
            known = ", ".join(f"{{{item}}}" for item in values if values[item] is not None)
            raise InvalidRequestError.of(
                "save_to", f"has {{{name}}} in it, which this task does not know", known or "a name of your own"
            )
        # The ids are the services': a slash in one must not lead elsewhere.
        save_to = save_to.replace(f"{{{name}}}", quote(value, safe=""))
    check_file_url("save_to", save_to, _ALLOWED)
    stem, dot, extension = save_to.rpartition(".")
    is_extension = f"{dot}{extension}".lower() in {*EXTENSIONS.values(), ".jpeg"}
    return stem if is_extension else save_to


def check_url(save_to: Any) -> None:
    """Check the URL, with or without placeholders."""
    check_file_url("save_to", save_to, _ALLOWED)
    rest = save_to
    for name in PLACEHOLDERS:
        rest = rest.replace(f"{{{name}}}", "x")
    if "{" in rest or "}" in rest:
        raise InvalidRequestError.of("save_to", f"is {save_to!r}, whose braces are not understood", _ALLOWED)


def check_file_url(name: str, url: Any, allowed: str) -> None:
    """
    Check the URL of a file in object storage.

    :param name: the parameter, for the error.
    :param allowed: what is allowed, for the error.
    """
    check_text(name, url, 1, 2000)
    fault = None
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidRequestError.of(name, f"is {url!r}", allowed) from None
    path = url.partition("://")[2]
    is_local = parts.scheme in ("file", "local")
    segments = path.split("/")[1:]
    if not url.isprintable() or not parts.scheme or "://" not in url or parts.scheme in ("http", "https"):
        fault = f"is {url!r}"
    elif is_local != (parts.netloc == ""):
        fault = f"is {url!r}, without a bucket" if not is_local else f"is {url!r}, which is no absolute path"
    elif ":" in parts.netloc.rpartition("@")[0]:
        fault = "has credentials in it: before the @ stands the id of an Airflow connection"
    elif not segments or segments[-1] == "":
        fault = f"is {url!r}, which names no file"
    elif {"", ".", "..", "None"} & set(segments):
        fault = f"is {url!r}, with a folder or file named {min({'', '.', '..', 'None'} & set(segments))!r}"
    if fault:
        raise InvalidRequestError.of(name, fault, allowed)
