"""What an Airflow connection says about reaching a service: address, key, TLS, proxies, timeouts."""

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
"""How many connections an async transport opens at most."""

REFRESH_INTERVAL = 10.0
"""Seconds between two readings of a connection through which calls fail, at least."""


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
        except ValueError:
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
