"""Which addresses pictures may be fetched from and sent to: the URLs come from a service's responses, or from a DAG."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.validation import check_url, is_loopback
from airflow_provider_pictory.exceptions import InvalidRequestError

if TYPE_CHECKING:
    import requests

    from airflow_provider_pictory.client.http_adapter import BoundedAdapter


def is_allowed(address: str, endpoint: Endpoint) -> bool:
    """
    Whether an IP address may be connected to.

    Public addresses may; others only if the connection has ``allow_private_addresses``. Loopback addresses may also if
    the connection's base URL is one, as the sandbox's is.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])  # without the zone of IPv6
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if (ip.is_global and not ip.is_multicast) or endpoint.allow_private_addresses:
        return True
    return ip.is_loopback and is_loopback(urlsplit(endpoint.base_url).hostname or "")


@contextmanager
def open_session(url: str, endpoint: Endpoint) -> Iterator[tuple[requests.Session, BoundedAdapter]]:
    """
    Open a session for one URL, with the connection's timeouts, proxies and CA bundle, without its key and certificate.

    The address is checked once the connection is open and before anything is sent, so that a host name cannot resolve
    to one address when checked and to another when used. Behind a proxy, which resolves host names itself, only
    addresses in the URL are checked.

    :raises InvalidRequestError: if the URL is not http(s), or its address is not allowed.
    """
    import requests

    from airflow_provider_pictory.client.session import make_session

    check_url("url", url)
    host = urlsplit(url).hostname or ""

    def check(address: str) -> None:
        if not is_allowed(address, endpoint):
            raise InvalidRequestError.of(
                "url", f"{host} has the address {address}, which is not public", "a public address, or "
                'the connection\'s extra {"allow_private_addresses": true}'
            )  # fmt: skip

    if is_loopback(host):
        check("127.0.0.1")
    else:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            check(host)
    session = make_session(replace(endpoint, base_url=url, cert=None))
    try:
        adapter: BoundedAdapter = session.get_adapter(url)  # type: ignore[assignment]
        if requests.utils.select_proxy(url, session.proxies) is None:
            adapter.check_address = check
        yield session, adapter
    finally:
        session.close()


def without_query(url: str) -> str:
    """Return a URL for logs and errors: a query may hold a signature that opens the file to everybody."""
    return url.partition("?")[0]
