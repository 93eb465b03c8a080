"""What an Airflow connection says about reaching a service: address, key, TLS, proxies, timeouts."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from airflow_provider_pictory.exceptions import InvalidRequestError

DEFAULT_TIMEOUT = (10.0, 60.0)

CONNECTIONS = 10
"""How many connections an async hook opens at most."""

REFRESH_INTERVAL = 10.0
"""Seconds between two readings of a connection through which calls fail, at least."""

OPTIONS = ("timeout", "proxies", "verify", "cert", "trust_env", "allow_http", "requests_per_minute")


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
    def from_connection(cls, conn: AirflowConnection, default_base_url: str, default_rate: float) -> Endpoint:
        """
        Read an Airflow connection.

        :param conn: password is the API key, host the base URL. The extra, a JSON object, may hold ``timeout``
            (seconds, or [connect, read]), ``proxies`` (a URL, or URLs by scheme), ``verify`` (true, false or the path
            of a CA bundle), ``cert`` (a path, or [certificate, key]), ``trust_env`` (true or false), ``allow_http``
            (true: send the key over plain http to a host that is not this machine) and ``requests_per_minute`` (of one
            triggerer).
        :param default_base_url: used if the connection has no host.
        :param default_rate: requests per minute, where the connection does not say.
        :raises InvalidRequestError: with the field of the connection that is wrong.
        """
        where = f"connection {conn.conn_id!r}"
        extra = _options(conn.extra, where)
        return cls(
            base_url=_base_url(conn, default_base_url, extra.get("allow_http") is True, where),
            key=_key(conn, where),
            requests_per_minute=_rate(extra.get("requests_per_minute", default_rate), where),
            timeout=_timeout(extra.get("timeout"), where),
            proxies=_proxies(extra.get("proxies"), where),
            verify=_verify(extra.get("verify", True), where),
            cert=_cert(extra.get("cert"), where),
            trust_env=extra.get("trust_env", True),
        )


def _options(text: str | None, where: str) -> dict[str, Any]:
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidRequestError.of(f"{where}, extra", "is not a JSON object", ", ".join(OPTIONS))
    unknown = sorted(set(extra) - set(OPTIONS))
    if unknown:
        raise InvalidRequestError.of(f"{where}, extra", f"unknown option {', '.join(unknown)}", ", ".join(OPTIONS))
    # None and nothing are how forms note an empty field; in a connection URI, all is text.
    given = {name: _plain(value) for name, value in extra.items() if value not in (None, "")}
    for name in {"trust_env", "allow_http"} & set(given):
        given[name] = read_boolean(f"{where}, extra {name}", given[name])
    return given


def _plain(value: Any) -> Any:
    """Read a number, a boolean, a list or an object that is written as text; any other text stays."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value.lower() if value.lower() in ("true", "false") else value)
    except ValueError:
        return value


def read_boolean(name: str, value: Any) -> bool:
    """
    Read what is true or false.

    :param value: a boolean, 1 or 0, or one of these as text, in any case.
    :raises InvalidRequestError: if it is none of these.
    """
    known = {"true": True, "1": True, "false": False, "0": False}
    text = str(value).strip().lower()
    if isinstance(value, (bool, int, str)) and text in known:
        return known[text]
    raise InvalidRequestError.of(name, f"is {value!r}", "true, false")


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


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine by definition."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _rate(value: Any, where: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise InvalidRequestError.of(f"{where}, extra requests_per_minute", f"is {value!r}", "a number above 0")
    return float(value)


def _timeout(value: Any, where: str) -> tuple[float, float]:
    if value is None:
        return DEFAULT_TIMEOUT
    seconds = value if isinstance(value, list) else [value, value]
    if len(seconds) != 2 or not all(
        isinstance(n, (int, float)) and not isinstance(n, bool) and 0 < n <= 3600 for n in seconds
    ):
        raise InvalidRequestError.of(
            f"{where}, extra timeout", f"is {value!r}", "seconds above 0 up to 3600, or [connect, read]"
        )
    return float(seconds[0]), float(seconds[1])


def _proxies(value: Any, where: str) -> dict[str, str]:
    if value is None:
        return {}
    proxies = {"http": value, "https": value} if isinstance(value, str) else value
    if not isinstance(proxies, dict) or not all(isinstance(url, str) and is_proxy(url) for url in proxies.values()):
        raise InvalidRequestError.of(f"{where}, extra proxies", "is not understood", f"{PROXY}, or such URLs by scheme")
    return {scheme: urlsplit(url).geturl() for scheme, url in proxies.items()}


PROXY = "an http(s) proxy's URL, with user and password percent-encoded if it has them"


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


def _verify(value: Any, where: str) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value):
        return value
    raise InvalidRequestError.of(f"{where}, extra verify", f"is {value!r}", "true, false or the path of a CA bundle")


def _cert(value: Any, where: str) -> str | tuple[str, str] | None:
    if value is None or (isinstance(value, str) and value):
        return value
    if isinstance(value, list) and len(value) == 2 and all(isinstance(path, str) and path for path in value):
        return value[0], value[1]
    raise InvalidRequestError.of(f"{where}, extra cert", "is not understood", "a path, or [certificate, key]")
