"""TLS and proxy settings of a connection, the same for sync and async requests."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.http_adapter import BoundedAdapter
from airflow_provider_pictory.client.services import PROXY, is_proxy
from airflow_provider_pictory.client.validation import is_loopback
from airflow_provider_pictory.exceptions import InvalidRequestError


def make_session(endpoint: Endpoint) -> requests.Session:
    """
    Make a session with the endpoint's settings, independent of later changes of the environment.

    By default, ``requests`` prefers the environment's proxies and CA bundles to the session's, and ``.netrc`` to the
    key.
    """
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(endpoint.timeout[0]))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Even with allow_redirects=False, requests reads a redirect's whole body and parses its location.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    session.trust_env = endpoint.trust_env
    settings = session.merge_environment_settings(
        endpoint.base_url, dict(endpoint.proxies), False, endpoint.verify, endpoint.cert
    )
    session.trust_env = False
    session.verify, session.cert = settings["verify"], settings["cert"]
    # The environment's proxy must not be used for a loopback address, even without no_proxy.
    is_local = is_loopback(urlsplit(endpoint.base_url).hostname or "")
    session.proxies = dict(endpoint.proxies) if is_local else settings["proxies"]
    for scheme, url in session.proxies.items():
        session.proxies[scheme] = url if "://" in url else f"http://{url}"
        if scheme not in endpoint.proxies and not is_proxy(session.proxies[scheme]):
            raise InvalidRequestError.of(f"the environment's proxy for {scheme}", "is not understood", PROXY)
    if endpoint.base_url.startswith("http:"):
        session.verify, session.cert = True, None
    elif isinstance(session.verify, str) or session.cert is not None:
        _tls(session)
    return session


def _paths(cert: str | tuple[str, str] | None) -> Sequence[str]:
    return () if cert is None else (cert,) if isinstance(cert, str) else cert


def _tls(session: requests.Session) -> ssl.SSLContext:
    """Load the session's certificates; ``requests`` itself would load them only on connecting."""
    bundle = session.verify if isinstance(session.verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    is_folder = os.path.isdir(bundle)
    try:
        tls = ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
        if session.cert is not None:
            tls.load_cert_chain(*_paths(session.cert))
    except OSError as error:
        files = ", ".join([bundle, *_paths(session.cert)])
        raise InvalidRequestError.of(
            "verify, cert", f"cannot be read ({files}: {error})", "PEM files on this machine"
        ) from error
    if session.verify is False:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def tls_and_proxy(endpoint: Endpoint) -> tuple[ssl.SSLContext | bool, str | None]:
    """Return the TLS context and the proxy URL that ``requests`` would use for this endpoint."""
    session = make_session(endpoint)
    proxy = requests.utils.select_proxy(endpoint.base_url, session.proxies)
    return _tls(session) if endpoint.base_url.startswith("https:") else True, proxy
