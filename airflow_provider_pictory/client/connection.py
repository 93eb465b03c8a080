"""Reading an Airflow connection: base URL, API key, TLS, proxies, timeouts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from airflow_provider_pictory.client.services import DEFAULT_TIMEOUT, EXTRA_FIELDS, Service
from airflow_provider_pictory.client.validation import is_loopback
from airflow_provider_pictory.exceptions import InvalidRequestError

CONNECTIONS = 10
"""The maximum number of open connections of an async transport."""

REFRESH_INTERVAL = 10.0
"""The minimum number of seconds between two reads of an Airflow connection while requests fail."""


class AirflowConnection(Protocol):
    """The attributes of Airflow's ``Connection`` that are used."""

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
    :param key: the API key; not shown in ``repr()``.
    :param timeout: the connect and read timeouts in seconds.
    :param proxies: proxy URLs by scheme, as in ``requests``.
    :param verify: False to accept any certificate, or the path of a CA bundle.
    :param cert: the path of a client certificate, or the paths of the certificate and its key.
    :param trust_env: whether to use the environment's proxies and CA bundles.
    :param requests_per_minute: the maximum request rate of one triggerer.
    :param allow_private_addresses: whether pictures may be downloaded from addresses that are not public.
    """

    base_url: str
    key: str = field(repr=False)
    requests_per_minute: float
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    trust_env: bool = True
    allow_private_addresses: bool = False

    @property
    def total_timeout(self) -> float:
        """The timeout of a whole request and its response, in seconds."""
        return 2 * sum(self.timeout)

    def can_share_session_with(self, other: Endpoint) -> bool:
        """Whether a session can be used for both; sessions do not hold the key."""
        return replace(self, key=other.key, requests_per_minute=other.requests_per_minute) == other

    @classmethod
    def from_connection(cls, conn: AirflowConnection, service: Service) -> Endpoint:
        """
        Read an Airflow connection.

        :param conn: password is the API key, host the base URL, extra a JSON object with any of :data:`EXTRA_FIELDS`.
        :raises InvalidRequestError: if a field of the connection is invalid.
        """
        label = f"connection {conn.conn_id!r}"
        extra = {"requests_per_minute": service.requests_per_minute, **_read_extra(conn.extra, label)}
        allow_http = extra.pop("allow_http", False)
        return cls(_base_url(conn, service.base_url, allow_http, label), _key(conn, label), **extra)


def _read_extra(text: str | None, label: str) -> dict[str, Any]:
    known = ", ".join(EXTRA_FIELDS)
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidRequestError.of(f"{label}, extra", "is not a JSON object", known)
    unknown = sorted(set(extra) - set(EXTRA_FIELDS))
    if unknown:
        raise InvalidRequestError.of(f"{label}, extra", f"unknown option {', '.join(unknown)}", known)
    values = {}
    for name, value in extra.items():
        if value in (None, ""):  # an empty form field
            continue
        entry, parsed = EXTRA_FIELDS[name], _parse_text(value)
        try:
            values[name] = entry.read(parsed)
        except ValueError:
            fault = "is not understood" if entry.secret else f"is {parsed!r}"
            raise InvalidRequestError.of(f"{label}, extra {name}", fault, entry.allowed) from None
    return values


def _parse_text(value: Any) -> Any:
    """Parse JSON in a text: in a connection URI all values are text. Other text is returned as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except ValueError:
        return value


def _key(conn: AirflowConnection, label: str) -> str:
    key = (conn.password or "").strip()
    if not key:
        raise InvalidRequestError.of(f"{label}, password", "is empty", "the service's API key")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidRequestError.of(f"{label}, password", "has spaces or characters beyond ASCII", "the API key alone")
    return key


def _base_url(conn: AirflowConnection, default: str, allow_http: bool, label: str) -> str:
    field_name = f"{label}, host"
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
            f"{label}, port", "is set beside the base URL", "the port as a part of the base URL"
        )
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise InvalidRequestError.of(
            field_name,
            "would send the API key over plain http",
            'https, a loopback address, or extra {"allow_http": true}',
        )
    return parts.geturl().rstrip("/")  # geturl() writes the scheme in lower case


def without_credentials(text: str, key: str, proxies: Iterable[str]) -> str:
    """Mask the key and URL credentials in a text; those of ``proxies`` also decoded and in Base64."""
    secrets = [key]
    for url in proxies:
        user, _, password = url.rpartition("@")[0].partition("://")[2].partition(":")
        plain = f"{unquote(user)}:{unquote(password)}"
        secrets += [password, unquote(password), base64.b64encode(plain.encode()).decode()]
    for secret in sorted({item for item in secrets if len(item) > 3}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return re.sub(r"//[^/\s]*@", "//***@", text)
