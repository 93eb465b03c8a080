"""Uploading a stored picture into PostEverywhere's media library, in the service's three steps."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.models import Upload
from airflow_provider_pictory.client.posteverywhere import complete_upload, get_media, start_upload
from airflow_provider_pictory.client.rate_limits_and_retries import backoff
from airflow_provider_pictory.client.transport import USER_AGENT, Transport
from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    TransientError,
    one_line,
)
from airflow_provider_pictory.storage import store
from airflow_provider_pictory.storage.addresses import open_session
from airflow_provider_pictory.storage.errors import disk_errors
from airflow_provider_pictory.storage.image_file import ImageFile, read_image_file

log = logging.getLogger(__name__)

MAX_BYTES = 25 * 1024 * 1024
MAX_POLLS = 6


def upload_image(transport: Transport, path: str) -> tuple[str, ...]:
    """
    Upload a stored picture, and return its media ids.

    :param transport: of the PostEverywhere connection.
    :param path: the picture's URL in object storage.
    :raises NotFoundError: if there is no such file.
    :raises InvalidRequestError: if the service does not take it: JPEG, PNG, GIF and WebP up to 25 MB.
    :raises ServiceError: the error of a request.
    """
    size = store.size(path)
    if size is None:
        raise NotFoundError(f"image: there is no file {path}")
    with disk_errors(tempfile.gettempdir()):
        folder = tempfile.TemporaryDirectory(prefix="posteverywhere-")
    with folder as name:
        local = Path(name) / path.rpartition("/")[2]
        if size > MAX_BYTES:
            raise InvalidRequestError.of("image", f"{path} has {size:,} bytes", f"at most {MAX_BYTES:,}")
        store.download(path, local)
        image = _read(path, local)
        upload = transport.send(start_upload(local.name, image.content_type, size))
        if upload.max_size is not None and size > upload.max_size:
            raise InvalidRequestError.of("image", f"{path} has {size:,} bytes", f"at most {upload.max_size:,}")
        _send(transport.endpoint, upload, local, image)
    transport.send(complete_upload(upload.media_id))
    _wait_until_ready(transport, upload.media_id, path)
    log.info("PostEverywhere media %s: uploaded %s", upload.media_id, path)
    return (upload.media_id,)


def _read(path: str, local: Path) -> ImageFile:
    with local.open("rb") as file:
        try:
            return read_image_file(file)
        except ValueError as error:
            raise InvalidRequestError.of("image", f"{path} {one_line(error)}", "JPEG, PNG, GIF, WebP") from None


def _send(endpoint: Endpoint, upload: Upload, local: Path, image: ImageFile) -> None:
    """Send the file to the address that the service gave, which needs no key."""
    import requests
    import urllib3

    with open_session(upload.url, endpoint) as (session, adapter), local.open("rb") as file:
        headers = {"User-Agent": USER_AGENT}
        if upload.method == "PUT":
            headers["Content-Type"] = image.content_type
            request = requests.Request("PUT", upload.url, data=file, headers=headers)
        else:
            files = {"file": (local.name, file, image.content_type)}
            request = requests.Request("POST", upload.url, files=files, headers=headers)
        try:
            prepared = session.prepare_request(request)
            with (
                adapter.at_most(endpoint.total_timeout),
                session.send(prepared, timeout=endpoint.timeout, allow_redirects=False, stream=True) as response,
            ):
                status = response.status_code
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = f"{type(error).__name__}: {one_line(error, 200)}"
        else:
            if 200 <= status < 300:
                return
            fault = f"the upload address returned {status}"
            if status in (400, 413, 415, 422):
                raise InvalidRequestError(f"PostEverywhere media {upload.media_id} cannot be uploaded: {fault}")
    # Another try gets another address: without the cause, which may contain the signature of this one.
    raise TransientError(f"PostEverywhere media {upload.media_id} cannot be uploaded: {fault}")


def _wait_until_ready(transport: Transport, media_id: str, path: str) -> None:
    for attempt in range(1, MAX_POLLS + 1):
        status = transport.send(get_media(media_id)).media_status
        if status == "failed":
            raise InvalidResponseError(f"PostEverywhere media {media_id}: the service could not use {path}")
        if status != "uploading":
            return
        time.sleep(backoff(attempt, limit=10))
    raise TransientError(f"PostEverywhere media {media_id}: the service is still working on the upload of {path}")
