"""Which addresses pictures may come from."""

from __future__ import annotations

import pytest

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.exceptions import InvalidRequestError
from airflow_provider_pictory.storage.addresses import is_allowed, open_session

SERVICE = Endpoint("https://api.pictory.ai/pictoryapis", "key-of-the-service", 60)
SANDBOX = Endpoint("http://127.0.0.1:8000/pictoryapis", "key-of-the-sandbox", 60)
PRIVATE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "fe80::1%eth0", "fd00::1", "::", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_public_addresses_are(address: str):
    assert is_allowed(address, SERVICE)
    assert is_allowed(address, SANDBOX)


@pytest.mark.parametrize("address", PRIVATE)
def test_others_are_only_if_the_connection_says_so(address: str):
    assert not is_allowed(address, SERVICE)
    assert not is_allowed(address, SANDBOX)
    allowing = Endpoint("https://api.pictory.ai/pictoryapis", "key", 60, allow_private_addresses=True)
    assert is_allowed(address, allowing)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_addresses_are_if_the_service_has_one(address: str):
    assert not is_allowed(address, SERVICE)
    assert is_allowed(address, SANDBOX)


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://localhost/a", "http://[::1]/a", "http://10.0.0.1/a", "file:///etc/passwd",
     "ftp://a.example/a", "http://user:password@a.example/a"],
)  # fmt: skip
def test_an_address_in_a_url_is_refused_before_anything_is_opened(url: str):
    with pytest.raises(InvalidRequestError, match="url: ") as caught, open_session(url, SERVICE):
        pass
    assert "password@" not in str(caught.value)


def test_a_proxy_does_not_open_private_addresses():
    proxied = Endpoint("https://api.pictory.ai", "key", 60, proxies={"http": "http://127.0.0.1:1"})
    with pytest.raises(InvalidRequestError), open_session("http://10.0.0.1/a", proxied):
        pass


def test_the_sessions_of_pictures_have_neither_key_nor_certificate(tmp_path: object):
    endpoint = Endpoint("https://api.pictory.ai", "key-of-the-service", 60, cert="/missing.pem")
    with open_session("https://pictures.example/a.png", endpoint) as (session, adapter):
        assert session.cert is None
        assert "key-of-the-service" not in str(session.headers)
        assert adapter.check_address is not None
