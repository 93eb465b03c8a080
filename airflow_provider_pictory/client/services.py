"""
The two services, and the fields of an Airflow connection to them.

Imports nothing of the package: Airflow reads the metadata, which follows these tables, while it imports itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEFAULT_TIMEOUT = (10.0, 60.0)

PROXY = "an http(s) proxy's URL, with user and password percent-encoded if it has them"


@dataclass(frozen=True)
class Service:
    """
    A service, and what its connections are like.

    :param conn_type: of Airflow's connections to it.
    :param conn_id_parameter: the parameter of hooks and operators that names one.
    :param base_url: of its API, without a trailing slash.
    :param key_hint: what the connection form shows in place of the key.
    :param requests_per_minute: how many requests one triggerer sends at most, unless the connection says otherwise.
    :param authorization: the header's value.
    """

    name: str
    conn_type: str
    conn_id_parameter: str
    default_conn_id: str
    base_url: str
    key_hint: str
    requests_per_minute: float
    authorization: str = "{key}"

    @property
    def form(self) -> dict[str, Any]:
        """What Airflow's connection form shows, and how it calls it."""
        return {
            "hidden_fields": ["schema", "login", "port"],
            "relabeling": {"host": "Base URL", "password": "API key"},
            "placeholders": {"host": self.base_url, "password": self.key_hint, "extra": '{"timeout": 60}'},
        }


PICTORY = Service(
    name="Pictory",
    conn_type="pictory",
    conn_id_parameter="pictory_conn_id",
    default_conn_id="pictory_default",
    base_url="https://api.pictory.ai/pictoryapis",
    key_hint="pictai_…, from app.pictory.ai/api-access",
    requests_per_minute=6000.0,
)
POSTEVERYWHERE = Service(
    name="PostEverywhere",
    conn_type="posteverywhere",
    conn_id_parameter="posteverywhere_conn_id",
    default_conn_id="posteverywhere_default",
    base_url="https://app.posteverywhere.ai/api/v1",
    key_hint="pe_live_…, with the scopes read, write and ai",
    requests_per_minute=60.0,
    authorization="Bearer {key}",
)
SERVICES = (PICTORY, POSTEVERYWHERE)


@dataclass(frozen=True)
class ExtraField:
    """
    One field of a connection's extra.

    :param read: makes its value of what JSON says; raises ValueError if it is wrong.
    :param meaning: what it is for.
    :param allowed: its values.
    :param default: what counts if it is left out; may name the service's.
    :param label: in the connection form, where it has a field of its own.
    :param form: that field's JSON schema.
    :param secret: whether errors may not repeat its value.
    """

    read: Callable[[Any], Any]
    meaning: str
    allowed: str
    default: str
    label: str = ""
    form: Mapping[str, Any] | None = None
    secret: bool = False


def _read_timeout(value: Any) -> tuple[float, float]:
    seconds = value if isinstance(value, list) else [value, value]
    if len(seconds) != 2 or not all(_is_number(n) and 0 < n <= 3600 for n in seconds):
        raise ValueError
    return float(seconds[0]), float(seconds[1])


def _read_rate(value: Any) -> float:
    if not _is_number(value) or not 0 < value < float("inf"):
        raise ValueError
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_proxies(value: Any) -> dict[str, str]:
    proxies = {"http": value, "https": value} if isinstance(value, str) else value
    if not isinstance(proxies, dict) or not all(isinstance(url, str) and is_proxy(url) for url in proxies.values()):
        raise ValueError
    return {scheme: urlsplit(url).geturl() for scheme, url in proxies.items()}


def is_proxy(url: str) -> bool:
    """
    Whether a text is a proxy's URL that everybody reads alike.

    With an ``@`` or a slash in its password, a part of that would be taken for the host, and told as such.
    """
    user = r"[\w.~!$&'()*+,;=%-]*"
    host = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)"
    return re.fullmatch(rf"(?i)https?://({user}(:[:{user[1:]})?@)?{host}(:\d{{1,5}})?/?", url, re.ASCII) is not None


def _read_verify(value: Any) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value):
        return value
    raise ValueError


def _read_cert(value: Any) -> str | tuple[str, str]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 2 and all(isinstance(path, str) and path for path in value):
        return value[0], value[1]
    raise ValueError


def parse_boolean(value: Any) -> bool:
    """
    Read what is true or false.

    :param value: a boolean, 1 or 0, or one of these as text, in any case.
    :raises ValueError: if it is none of these.
    """
    known = {"true": True, "1": True, "false": False, "0": False}
    text = str(value).strip().lower()
    if isinstance(value, (bool, int, str)) and text in known:
        return known[text]
    raise ValueError


EXTRA_FIELDS = {
    "timeout": ExtraField(
        _read_timeout,
        "seconds to connect, and to wait for more of an answer",
        "seconds above 0 up to 3600, or [connect, read]",
        "{:g} and {:g}".format(*DEFAULT_TIMEOUT),
        label="Timeout",
        form={"type": ["number", "null"], "minimum": 0, "maximum": 3600},
    ),
    "proxies": ExtraField(
        _read_proxies,
        "through which proxies the service is reached",
        f"{PROXY}, or such URLs by scheme",
        "those of the environment",
        secret=True,
    ),
    "verify": ExtraField(
        _read_verify,
        "whether the service's certificate is checked, and against what",
        "true, false or the path of a CA bundle",
        "true, or the environment's REQUESTS_CA_BUNDLE",
    ),
    "cert": ExtraField(_read_cert, "the client certificate", "a path, or [certificate, key]", "none", secret=True),
    "trust_env": ExtraField(
        parse_boolean, "whether proxies and CA bundles named in the environment count", "true, false", "true"
    ),
    "allow_http": ExtraField(
        parse_boolean,
        "whether the key may go over plain http to a host that is not this machine",
        "true, false",
        "false",
        label="Allow plain http",
        form={"type": ["boolean", "null"]},
    ),
    "requests_per_minute": ExtraField(
        _read_rate,
        "how many requests one triggerer sends at most while tasks wait",
        "a number above 0",
        "{service.requests_per_minute:,.0f}",
        label="Requests per minute",
        form={"type": ["number", "null"], "minimum": 0},
    ),
}
"""By their names in JSON: the connection form, what is read, errors and the docs follow this table."""
