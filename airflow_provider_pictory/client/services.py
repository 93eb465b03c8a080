"""
The two services, and the fields of an Airflow connection to them.

Imports nothing of the package: Airflow reads the provider metadata, made from these tables, during its own import.
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
    A service and the defaults of its connections.

    :param conn_type: the Airflow connection type.
    :param conn_id_parameter: the name of the hooks' and operators' connection parameter.
    :param base_url: the API's base URL, without a trailing slash.
    :param key_hint: the placeholder of the key in the connection form.
    :param requests_per_minute: the default of the connection's option of that name.
    :param authorization: the value of the ``Authorization`` header.
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
        """The connection form in Airflow: hidden fields, labels and placeholders."""
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

    :param read: converts the JSON value; raises ValueError if it is invalid.
    :param meaning: what the field is for.
    :param allowed: the allowed values.
    :param default: the default, as text; a format string with ``service``.
    :param label: the label in the connection form, if shown there.
    :param form: the JSON schema of the form field.
    :param secret: whether errors must not contain the value.
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
    Whether a text is an unambiguous proxy URL.

    With a bare ``@`` or slash in the password, part of it would be taken for the host and shown in errors.
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
    """Parse a boolean, 1 or 0, or one of these as text in any case; raise ``ValueError`` for other values."""
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
    "allow_private_addresses": ExtraField(
        parse_boolean,
        "whether pictures may be downloaded from addresses that are not public",
        "true, false",
        "false, but loopback addresses if the base URL has one",
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
"""The extra's fields by their JSON names: used to read connections, in the connection form, in errors and in docs."""
