"""Downloading a picture into a local file: bounded size, time, memory and redirects, verified as it arrives."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.rate_limits_and_retries import backoff, retry_after
from airflow_provider_pictory.client.transport import USER_AGENT
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    TransientError,
    one_line,
)
from airflow_provider_pictory.storage.addresses import open_session, without_query
from airflow_provider_pictory.storage.errors import disk_errors
from airflow_provider_pictory.storage.image_file import ImageFile, read_image_file

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

MAX_BYTES = 100 * 1024 * 1024
MAX_REDIRECTS = 5
MAX_ATTEMPTS = 3
CHUNK = 256 * 1024

_HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",  # pictures are compressed already
    "User-Agent": USER_AGENT,
}


@dataclass(frozen=True)
class Download:
    """A downloaded picture: what it is, its size in bytes and its checksum."""

    image: ImageFile
    size: int
    sha256: str


def download(url: str, file: BinaryIO, endpoint: Endpoint, size: tuple[int | None, int | None]) -> Download:
    """
    Download a picture, with up to three attempts if the network fails.

    :param file: an empty file to write to.
    :param endpoint: the connection, for its timeouts, proxies, CA bundle and allowed addresses; its key is not sent.
    :param size: the width and height in pixels that the picture must have; None if they are not known.
    :raises NotFoundError: 404 or 410.
    :raises PermissionDeniedError: 401 or 403, as for a signed URL that has expired.
    :raises InvalidRequestError: if the URL or its address is not allowed, or the file is too large.
    :raises InvalidResponseError: if it is not a picture of this size.
    :raises TransientError: on network errors and 5xx, and if the local disk is full.
    """
    attempt = 1
    while True:
        with disk_errors(file.name):
            file.seek(0)
            file.truncate()
        try:
            return _verify(url, file, *_follow(url, file, endpoint), size)
        except TransientError as error:
            if attempt == MAX_ATTEMPTS or error.retry_after is not None:
                raise
            delay = backoff(attempt)
            log.warning("%s; next attempt in %.1f s", error, delay)
        time.sleep(delay)
        attempt += 1


def _follow(url: str, file: BinaryIO, endpoint: Endpoint) -> tuple[str, str]:
    """Write the body to the file, after any redirects; return its content type and checksum."""
    deadline = time.monotonic() + endpoint.total_timeout
    for _ in range(MAX_REDIRECTS + 1):
        found = _get(url, file, endpoint, deadline)
        if isinstance(found, tuple):
            return found
        if url.startswith("https:") and not found.startswith("https:"):
            raise InvalidResponseError(f"{without_query(url)} redirects from https to plain http")
        url = found
    raise InvalidResponseError(f"{without_query(url)}: there are more than {MAX_REDIRECTS} redirects")


def _get(url: str, file: BinaryIO, endpoint: Endpoint, deadline: float) -> str | tuple[str, str]:
    """Send one request; return the URL of a redirect, or the body's content type and checksum."""
    import requests
    import urllib3

    shown = without_query(url)
    with open_session(url, endpoint) as (session, adapter):
        try:
            prepared = session.prepare_request(requests.Request("GET", url, headers=_HEADERS))
            with (
                adapter.at_most(max(0.0, deadline - time.monotonic())),
                session.send(prepared, timeout=endpoint.timeout, allow_redirects=False, stream=True) as response,
            ):
                if response.status_code in (301, 302, 303, 307, 308) and response.headers.get("location"):
                    return urljoin(url, response.headers["location"])
                if response.status_code != 200:
                    raise _error(shown, response)
                return response.headers.get("content-type", ""), _write_body(shown, response, file)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = TransientError(f"{shown} cannot be downloaded: {type(error).__name__}: {one_line(error, 200)}")
    raise fault  # without the cause, which may contain a proxy's password


def _write_body(shown: str, response: requests.Response, file: BinaryIO) -> str:
    declared = response.headers.get("content-length", "")
    length = int(declared) if re.fullmatch(r"\d{1,18}", declared) else None
    if length is not None and length > MAX_BYTES:
        raise _too_large(shown)
    checksum, received = hashlib.sha256(), 0
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        received += len(chunk)
        if received > MAX_BYTES:
            raise _too_large(shown)
        checksum.update(chunk)
        with disk_errors(file.name):
            file.write(chunk)
    if length is not None and received != length:
        raise TransientError(f"{shown} ended after {received:,} of {length:,} bytes")
    with disk_errors(file.name):
        file.flush()
    return checksum.hexdigest()


def _too_large(shown: str) -> ServiceError:
    return InvalidRequestError.of("image", f"{shown} has more than {MAX_BYTES:,} bytes", "a smaller picture")


def _error(shown: str, response: requests.Response) -> ServiceError:
    status = response.status_code
    text = f"{shown} returned {status}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    delay = retry_after(headers, now=time.time())
    if status in (404, 410):
        return NotFoundError(text, http_status=status)
    if status in (401, 403):
        return PermissionDeniedError(text, http_status=status)
    if status == 429:
        return RateLimitedError(text, retry_after=delay, http_status=status)
    if status >= 500 or status in (408, 425):
        return TransientError(text, retry_after=delay, http_status=status)
    return InvalidResponseError(f"{text} instead of a picture", http_status=status)


def _verify(
    url: str, file: BinaryIO, content_type: str, sha256: str, expected: tuple[int | None, int | None]
) -> Download:
    shown = without_query(url)
    with disk_errors(file.name):
        size = file.tell()
        try:
            image = read_image_file(file)
        except ValueError as error:
            kind = one_line(content_type.partition(";")[0] or "none", 50)
            raise InvalidResponseError(f"{shown} {one_line(error)} (content type {kind})") from None
    for name, found, promised in zip(("width", "height"), (image.width, image.height), expected, strict=True):
        if promised is not None and found != promised:
            raise InvalidResponseError(
                f"{shown} is a picture of {image.width}×{image.height} px, not of the promised {name} {promised}"
            )
    return Download(image, size, sha256)
