"""What an Airflow connection says about reaching a service: address, key, TLS, proxies, timeouts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from airflow_provider_pictory.client.validation import is_loopback, read_boolean
from airflow_provider_pictory.exceptions import InvalidRequestError

DEFAULT_TIMEOUT = (10.0, 60.0)

CONNECTIONS = 10
"""How many connections an async transport opens at most."""

REFRESH_INTERVAL = 10.0
"""Seconds between two readings of a connection through which calls fail, at least."""

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


def _read_flag(value: Any) -> bool:
    return read_boolean("", value)


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
        _read_flag, "whether proxies and CA bundles named in the environment count", "true, false", "true"
    ),
    "allow_http": ExtraField(
        _read_flag,
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


class AirflowConnection(Protocol):
    """The part of Airflow's ``Connection`` that is read here."""

    conn_id: str
    host: str | None
    port: int | None
    password: str | None
    extra: str | None


@dataclass(frozen=True)
class Endpoint:
    """
    Where and how to reach a service.

    :param base_url: without a trailing slash.
    :param key: the API key; never part of ``repr()``.
    :param timeout: seconds to connect, and to wait for more of an answer.
    :param proxies: proxy URLs by scheme, as in ``requests``.
    :param verify: False to accept any certificate, or the path of a CA bundle.
    :param cert: the path of a client certificate, or of the certificate and its key.
    :param trust_env: whether proxies and CA bundles named in the environment count.
    :param requests_per_minute: how many requests one triggerer sends at most.
    """

    base_url: str
    key: str = field(repr=False)
    requests_per_minute: float
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    trust_env: bool = True

    @property
    def longest_call(self) -> float:
        """After how many seconds a call is given up at the latest."""
        return 2 * sum(self.timeout)

    def is_reached_like(self, other: Endpoint) -> bool:
        """Whether sessions for the one do for the other: they hold no key."""
        return replace(self, key=other.key, requests_per_minute=other.requests_per_minute) == other

    @classmethod
    def from_connection(cls, conn: AirflowConnection, service: Service) -> Endpoint:
        """
        Read an Airflow connection.

        :param conn: password is the API key, host the base URL, extra a JSON object with any of :data:`EXTRA_FIELDS`.
        :raises InvalidRequestError: with the field of the connection that is wrong.
        """
        where = f"connection {conn.conn_id!r}"
        extra = {"requests_per_minute": service.requests_per_minute, **_read_extra(conn.extra, where)}
        allow_http = extra.pop("allow_http", False)
        return cls(_base_url(conn, service.base_url, allow_http, where), _key(conn, where), **extra)


def _read_extra(text: str | None, where: str) -> dict[str, Any]:
    known = ", ".join(EXTRA_FIELDS)
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidRequestError.of(f"{where}, extra", "is not a JSON object", known)
    unknown = sorted(set(extra) - set(EXTRA_FIELDS))
    if unknown:
        raise InvalidRequestError.of(f"{where}, extra", f"unknown option {', '.join(unknown)}", known)
    values = {}
    for name, value in extra.items():
        if value in (None, ""):  # how forms note an empty field
            continue
        entry, given = EXTRA_FIELDS[name], _plain(value)
        try:
            values[name] = entry.read(given)
        except (ValueError, InvalidRequestError):
            fault = "is not understood" if entry.secret else f"is {given!r}"
            raise InvalidRequestError.of(f"{where}, extra {name}", fault, entry.allowed) from None
    return values


def _plain(value: Any) -> Any:
    """Read what is written as text, as all is in a connection URI; what is text by itself stays."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except ValueError:
        return value


def _key(conn: AirflowConnection, where: str) -> str:
    key = (conn.password or "").strip()
    if not key:
        raise InvalidRequestError.of(f"{where}, password", "is empty", "the service's API key")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidRequestError.of(f"{where}, password", "has spaces or characters beyond ASCII", "the API key alone")
    return key


def _base_url(conn: AirflowConnection, default: str, allow_http: bool, where: str) -> str:
    field_name = f"{where}, host"
    allowed = f"a URL such as {default}"
    url = (conn.host or "").strip() or default
    if "://" not in url:
        raise InvalidRequestError.of(field_name, "has no scheme", allowed)
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise InvalidRequestError.of(field_name, "is not a valid URL", allowed) from None
    if parts.username is not None or parts.password is not None:
        raise InvalidRequestError.of(
            field_name, "has credentials in the URL", f"{allowed}, with the key as the password"
        )
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidRequestError.of(field_name, "is not the base of an http(s) API", allowed)
    if conn.port is not None and conn.port != port:
        raise InvalidRequestError.of(
            f"{where}, port", "is set beside the base URL", "the port as a part of the base URL"
        )
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise InvalidRequestError.of(
            field_name,
            "would send the API key over plain http",
            'https, a loopback address, or extra {"allow_http": true}',
        )
    return parts.geturl().rstrip("/")  # with its scheme in lower case


def is_proxy(url: str) -> bool:
    """
    Whether a text is a proxy's URL that everybody reads alike.

    With an ``@`` or a slash in its password, a part of that would be taken for the host, and told as such.
    """
    user = r"[\w.~!$&'()*+,;=%-]*"
    host = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)"
    return re.fullmatch(rf"(?i)https?://({user}(:[:{user[1:]})?@)?{host}(:\d{{1,5}})?/?", url, re.ASCII) is not None


def without_credentials(text: str, key: str, proxies: Iterable[str]) -> str:
    """
    Take the key, and what any URL has before an ``@``, out of a text.

    :param proxies: URLs of proxies, whose credentials may stand in the text in other forms, too.
    """
    secrets = [key]
    for url in proxies:
        user, _, password = url.rpartition("@")[0].partition("://")[2].partition(":")
        plain = f"{unquote(user)}:{unquote(password)}"
        secrets += [password, unquote(password), base64.b64encode(plain.encode()).decode()]
    for secret in sorted({item for item in secrets if len(item) > 3}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return re.sub(r"//[^/\s]*@", "//***@", text)
