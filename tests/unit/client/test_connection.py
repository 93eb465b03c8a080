from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from airflow_provider_pictory.client.connection import Endpoint, without_credentials
from airflow_provider_pictory.client.services import EXTRA_FIELDS, PICTORY, is_proxy
from airflow_provider_pictory.exceptions import InvalidRequestError

DEFAULT = "https://api.example/base"
SERVICE = replace(PICTORY, base_url=DEFAULT, requests_per_minute=100.0)


def endpoint(extra: dict[str, Any] | None = None, **fields: Any) -> Endpoint:
    conn = SimpleNamespace(conn_id="c", host=None, port=None, password="secret-key", extra=extra and json.dumps(extra))
    conn.__dict__.update(fields)
    return Endpoint.from_connection(conn, SERVICE)


def test_in_a_uri_all_is_text():
    written = {"timeout": "[5, 60]", "trust_env": "False", "allow_http": "true", "requests_per_minute": "120.5"}
    read = endpoint({**written, "verify": "false", "proxies": "", "cert": None}, host="HTTP://api.example/Base")
    meant = {"timeout": [5, 60], "trust_env": False, "allow_http": 1, "requests_per_minute": 120.5, "verify": False}
    assert read == endpoint(meant, host="http://api.example/Base")
    assert read.base_url == "http://api.example/Base"
    assert read.trust_env is False


@pytest.mark.parametrize("text", ["not JSON", "[1]", "3", '"text"', "null", "{"])
def test_an_extra_that_is_no_object_is_refused(text: str):
    conn = SimpleNamespace(conn_id="c", host=None, port=None, password="secret-key", extra=text)
    with pytest.raises(InvalidRequestError, match="connection 'c', extra: is not a JSON object"):
        Endpoint.from_connection(conn, SERVICE)


@pytest.mark.parametrize("password", ["p@ss/wörd", "a@b", "a/b", "a#b", "a?b", "a b"])
def test_a_password_that_would_be_read_as_a_host_is_refused_and_not_shown(password: str):
    with pytest.raises(InvalidRequestError, match="percent-encoded") as caught:
        endpoint({"proxies": f"http://user:{password}@proxy.example:3128"})
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", ["p%40ss", "plain-text", "a:b", "100%25", "$+!*"])
def test_no_form_of_a_password_is_left_in_a_text(password: str):
    url = f"http://user:{password}@proxy.example:3128"
    assert is_proxy(url)
    plain = unquote(password)
    encoded = base64.b64encode(f"user:{plain}".encode()).decode()
    for text in (url, f"Cannot reach {url}/", f"password {password}", f"password {plain}", f"Basic {encoded}"):
        shown = without_credentials(text, "a-key-of-ours", [url])
        for form in (password, plain, encoded):
            assert form not in shown or len(form) < 4
    assert without_credentials("key a-key-of-ours", "a-key-of-ours", [""]) == "key ***"


def test_defaults():
    assert endpoint() == Endpoint(base_url=DEFAULT, key="secret-key", requests_per_minute=100.0)
    assert endpoint(host="https://other.example/v2/").base_url == "https://other.example/v2"
    assert endpoint(password=" key\n").key == "key"


def test_the_key_and_the_proxies_are_in_no_repr():
    shown = repr(endpoint({"proxies": "http://user:word@proxy.example"}))
    assert "secret-key" not in shown
    assert "word" not in shown


def test_options():
    found = endpoint(
        {
            "timeout": [3, 20],
            "proxies": {"https": "http://proxy.example:3128"},
            "verify": "/etc/ca.pem",
            "cert": ["/c.pem", "/k.pem"],
            "trust_env": False,
            "requests_per_minute": 30,
        }
    )
    assert found.timeout == (3, 20)
    assert found.proxies == {"https": "http://proxy.example:3128"}
    assert (found.verify, found.cert, found.trust_env) == ("/etc/ca.pem", ("/c.pem", "/k.pem"), False)
    assert found.requests_per_minute == 30
    assert endpoint({"timeout": 5}).timeout == (5, 5)
    assert endpoint({"proxies": "http://p.example"}).proxies == {
        "http": "http://p.example",
        "https": "http://p.example",
    }


def test_a_field_that_was_left_empty_is_not_given():
    assert endpoint(dict.fromkeys(EXTRA_FIELDS)) == endpoint()


@pytest.mark.parametrize("host", ["http://127.0.0.1:1", "http://localhost:1/x", "http://[::1]:1", "http://a.localhost"])
def test_plain_http_is_for_this_machine(host: str):
    assert endpoint(host=host).base_url == host
    assert endpoint({"allow_http": True}, host="http://gateway.example").base_url == "http://gateway.example"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": ""}, "connection 'c', password: is empty; allowed: the service's API key"),
        ({"password": None}, "connection 'c', password: is empty"),
        ({"password": "two words"}, "connection 'c', password: has spaces"),
        ({"password": "schlüssel"}, "connection 'c', password: has spaces or characters beyond ASCII"),
        ({"password": "a\r\nHost: b"}, "connection 'c', password: has spaces"),
        (
            {"host": "api.example"},
            "connection 'c', host: has no scheme; allowed: a URL such as https://api.example/base",
        ),
        ({"host": "http://api.example"}, "connection 'c', host: would send the API key over plain http"),
        ({"host": "http://127.0.0.1.evil.example"}, "connection 'c', host: would send the API key over plain http"),
        ({"host": "ftp://api.example"}, "connection 'c', host: is not the base of an http(s) API"),
        ({"host": "https://"}, "connection 'c', host: is not the base of an http(s) API"),
        ({"host": "https://api.example?x=1"}, "connection 'c', host: is not the base of an http(s) API"),
        ({"host": "https://user:word@api.example"}, "connection 'c', host: has credentials in the URL"),
        ({"host": "https://api.example:port"}, "connection 'c', host: is not a valid URL"),
        ({"port": 8080}, "connection 'c', port: is set beside the base URL"),
        ({"extra": {"time_out": 3}}, "connection 'c', extra: unknown option time_out; allowed: timeout"),
        ({"extra": {"timeout": 0}}, "connection 'c', extra timeout: is 0"),
        ({"extra": {"timeout": "soon"}}, "connection 'c', extra timeout: is 'soon'"),
        ({"extra": {"timeout": [1, 2, 3]}}, "connection 'c', extra timeout"),
        ({"extra": {"verify": 1}}, "connection 'c', extra verify: is 1"),
        ({"extra": {"cert": []}}, "connection 'c', extra cert"),
        ({"extra": {"proxies": "socks5://p"}}, "connection 'c', extra proxies"),
        ({"extra": {"proxies": 3}}, "connection 'c', extra proxies"),
        ({"extra": {"trust_env": "no"}}, "connection 'c', extra trust_env: is 'no'; allowed: true, false"),
        ({"extra": {"requests_per_minute": 0}}, "connection 'c', extra requests_per_minute: is 0; allowed: a number"),
        ({"extra": {"requests_per_minute": "many"}}, "connection 'c', extra requests_per_minute: is 'many'"),
        ({"extra": {"allow_http": 2}}, "connection 'c', extra allow_http: is 2; allowed: true, false"),
    ],
)
def test_wrong_connections(fields: dict[str, Any], message: str):
    with pytest.raises(InvalidRequestError) as caught:
        endpoint(**fields)
    assert str(caught.value).startswith(message)
    assert "secret-key" not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")
