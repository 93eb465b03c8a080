"""
Reading responses: a result, or the error to raise.

Without I/O, for sync and async hooks alike.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from airflow_provider_pictory.client.rate_limits_and_retries import retry_after
from airflow_provider_pictory.client.requests import ApiRequest
from airflow_provider_pictory.exceptions import (
    AuthenticationError,
    InsufficientCreditsError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    TransientError,
    one_line,
)

T = TypeVar("T")

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MIN_KEY = 8


@dataclass(frozen=True)
class ApiResponse:
    """The status, headers (names in lower case) and body of one HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def received(cls, status: int, headers: Mapping[str, str], body: bytes, key: str) -> ApiResponse:
        """
        Decompress a response, and mask the API key in case the server repeats it.

        :param key: the request's API key; not masked if it is shorter than any real key.
        """
        headers = {name.lower(): value for name, value in headers.items()}
        body = _decompress(body, headers.get("content-encoding", ""))
        if len(key) >= MIN_KEY:
            headers = {name: value.replace(key, "***") for name, value in headers.items()}
            body = body.replace(key.encode(), b"***")
            if b"\\" in body:
                body = re.sub(_escaped(key), b"***", body)
        return cls(status, headers, body)

    def json(self) -> Any:
        """Decode the body; raise ``ValueError`` if it is not JSON."""
        try:
            # Only UTF-8, as JSON requires: in other encodings the key would not have been masked.
            return json.loads(self.body.decode("utf-8-sig"))
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _decompress(body: bytes, encodings: str) -> bytes:
    """
    Decompress up to ``MAX_RESPONSE_BYTES`` of gzip or deflate; return the body unchanged if that fails.

    The oldest supported versions of the HTTP libraries limit neither the time nor the memory for this.
    """
    for encoding in reversed(encodings.lower().split(",")):
        if encoding.strip() in ("gzip", "x-gzip", "deflate"):
            with suppress(zlib.error):
                body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_RESPONSE_BYTES)
    return body


def _escaped(key: str) -> bytes:
    """Return a pattern for the key in JSON with any escapes."""
    return "".join(rf"(?:\\?{re.escape(c)}|\\u(?i:{ord(c):04x}))" for c in key).encode()


def read(service: str, request: ApiRequest[T], response: ApiResponse) -> T:
    """Return the result of a request, or raise the error of its response; ``service`` is the label for errors."""
    if not 200 <= response.status < 300:
        _raise_error(service, request, response)
    try:
        return request.parse(response.json() if request.has_result else None)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        fault = f"{service} returned {response.status} for {request.name}, but {_describe(response)}"
        if request.idempotent:
            raise InvalidResponseError(
                f"{fault}. Does the connection's base URL lead to the API?", http_status=response.status
            ) from error
        raise OutcomeUnknownError(
            f"{fault}. It probably took effect, but its result is not known", http_status=response.status
        ) from error


def lost(service: str, request: ApiRequest[Any], reason: object, *, sent: bool) -> TransientError:
    """Make the error for a request without a response; ``sent``: whether it may have reached the service."""
    if sent and not request.idempotent:
        return OutcomeUnknownError(
            f"The answer of {service} to {request.name} was lost ({one_line(reason)}): "
            "whether it took effect is not known"
        )
    return TransientError(f"{service} cannot be reached for {request.name}: {one_line(reason)}")


def _describe(response: ApiResponse) -> str:
    """Describe an unexpected response."""
    kind = response.headers.get("content-type", "").partition(";")[0] or "no content type"
    return f"the body is not what the API documents ({one_line(kind, 50)}: {one_line(_text(response), 120) or 'empty'})"


def _text(response: ApiResponse) -> str:
    return response.body[:4096].decode("utf-8", "replace")


def _raise_error(service: str, request: ApiRequest[Any], response: ApiResponse) -> NoReturn:
    """Raise the error of a response outside 2xx; their formats differ, so every field is optional."""
    status = response.status
    try:
        body = response.json()
    except ValueError:
        body = None
    fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
    problem = next((fields[name] for name in ("error", "data") if isinstance(fields.get(name), dict)), fields)
    meta = fields.get("meta")
    request_id = _request_id(meta if isinstance(meta, dict) else {}, response.headers)

    codes = [one_line(problem[key], 100) for key in ("code", "error_code") if problem.get(key)]
    text = problem.get("message") or problem.get("error_message") or fields.get("error")
    if not isinstance(text, str) or not text:
        text = _describe(response)
    faults = _field_faults(problem.get("fields"))
    message = ": ".join([f"{service} returned {status} for {request.name}", *codes, one_line(text)])
    if faults:
        message += f" [{faults}]"
    if request_id:
        message += f" (request id {request_id})"

    ids: dict[str, Any] = {"http_status": status, "request_id": request_id}
    retryable = problem.get("retryable")
    delay = retry_after(response.headers, now=time.time())
    if status == 429 and retryable is not False:
        raise RateLimitedError(message, retry_after=delay, **ids)
    if retryable is True and status < 500:
        raise TransientError(message, retry_after=delay, **ids)
    if 300 <= status < 400:
        raise InvalidResponseError(
            f"{message}; redirects are not followed, because they would carry the request elsewhere: "
            "the connection's base URL must be the API's own",
            **ids,
        )
    if status == 401:
        raise AuthenticationError(f"{message}. Is the API key in the connection's password right?", **ids)
    details = problem.get("details")
    details = details if isinstance(details, dict) else {}
    if status == 402 and "credit" in f"{codes} {text} {list(details)}".lower():
        raise InsufficientCreditsError(
            message,
            credits_required=_number(details.get("credits_required")),
            credits_available=_number(details.get("credits_available")),
            **ids,
        )
    if status in (402, 403):
        raise PermissionDeniedError(message, **ids)
    if status == 404:
        hint = "" if fields else ". Does the connection's base URL lead to the API?"
        raise NotFoundError(message + hint, **ids)
    if status < 200 or status in (408, 425) or (status >= 500 and (retryable is not False or not request.idempotent)):
        if request.idempotent or (status == 503 and delay is not None):
            # A 503 with Retry-After was refused; any other may come from a gateway that lost the response.
            raise TransientError(message, retry_after=delay, **ids)
        raise OutcomeUnknownError(f"{message}; whether it took effect is not known", retry_after=delay, **ids)
    raise InvalidRequestError(message, **ids)


def _request_id(meta: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    ids = (meta.get("request_id"), meta.get("requestId"), headers.get("x-request-id"), headers.get("x-amzn-requestid"))
    return next((one_line(item, 100) for item in ids if item), None)


def _field_faults(faults: Any) -> str:
    """Join ``[{"field": …, "message": …}]``; some endpoints use the names ``name`` and ``errors``."""
    if not isinstance(faults, list):
        return ""
    lines = []
    for fault in faults[:20]:
        if isinstance(fault, dict):
            text = fault.get("message") or fault.get("errors")
            text = ", ".join(map(str, text)) if isinstance(text, list) else text
            lines.append(f"{fault.get('field') or fault.get('name')}: {text}")
    return one_line("; ".join(lines))


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
