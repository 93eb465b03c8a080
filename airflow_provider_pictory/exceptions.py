"""
Every error that the two services, or the connections to them, can cause.

::

    AirflowException
    └── ServiceError                    anything below; ``str()`` is one line for the log
        ├── InvalidRequestError      x  a parameter, a connection or a request that cannot succeed as it is
        ├── AuthenticationError      x  401: the key is wrong, revoked or expired
        ├── PermissionDeniedError    x  402, 403: the key or the plan does not cover this call
        ├── InsufficientCreditsError x  402, or a job that failed for it: ``credits_required``, ``credits_available``
        ├── NotFoundError            x  404: no such job, post or media; or the host is not the API
        ├── JobFailedError              Pictory gave the image up: ``code``, ``reason``
        │   └── JobRejectedError     x  it refused the prompt or the input itself
        ├── PublishError                accounts of a post failed: ``post``
        ├── TransientError              network faults, 5xx: ``retry_after`` seconds, where the service says
        │   ├── RateLimitedError        429: refused
        │   └── OutcomeUnknownError     the answer to a call that costs or publishes was lost
        └── InvalidResponseError        a response that is not of this API: HTML, broken JSON, missing fields

Of a request that costs or publishes, ``had_no_effect`` says whether it certainly cost and published nothing: so it is,
but for ``OutcomeUnknownError``. From that, and from whether a request is idempotent, all else follows: what is sent
again, what a task remembers, when it pauses.

``x`` marks what cannot pass by itself. Those are ``AirflowFailException`` too, so a task that
raises one fails at once, whatever its ``retries``; also a ``@task`` of your own that calls a hook.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import Any, ClassVar

from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException

# Controls, surrogates, ends of lines and paragraphs, and what turns the direction of the text that follows.
# What joins or tags characters is not among it: words of many languages need it, and so do emoji.
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]+")
_JOINER, _VIRAMA = "\u200d", 9


def one_line(text: object, limit: int = 500) -> str:
    """Make foreign text fit for one line: no control characters, no line breaks, of bounded length."""
    line = _UNFIT.sub(" ", str(text)[: limit * 4]).strip()
    if len(line) <= limit:
        return line
    end = limit - 1
    ends = (at for at in range(end, max(0, end - 32), -1) if not _belongs_together(line[at - 1], line[at]))
    return line[: next(ends, end)].rstrip() + "…"


def _belongs_together(former: str, latter: str) -> bool:
    return (
        unicodedata.category(latter) in ("Mn", "Mc", "Me", "Cf")
        or former == _JOINER
        or unicodedata.combining(former) == _VIRAMA
        or "\U0001f3fb" <= latter <= "\U0001f3ff"  # tones of skin
        or "\U0001f1e6" <= latter <= "\U0001f1ff"  # flags of two letters
    )


def _copy(kind: type[ServiceError], args: tuple[Any, ...]) -> ServiceError:
    error = kind.__new__(kind)
    error.args = args
    return error


class ServiceError(AirflowException):
    """
    Base of all errors of this package.

    :param message: what went wrong and what to do about it, in one line.
    :param http_status: the status of the answer, where one was received.
    :param request_id: the service's id of the request, where it gave one.
    """

    had_no_effect: ClassVar[bool] = True
    """Whether the request certainly cost and published nothing."""

    def __init__(self, message: str, *, http_status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(one_line(message, 2000))
        self.http_status = http_status
        self.request_id = request_id

    def __reduce__(self) -> Any:
        """Let copies, also those in other processes, have the same text and attributes."""
        return _copy, (type(self), self.args), self.__dict__


class InvalidRequestError(ServiceError, AirflowFailException):
    """
    A parameter, a connection or a request that cannot succeed as it is.

    Raised before anything is sent where this package knows the rule, else with the service's own words.
    """

    @classmethod
    def of(cls, field: str, fault: str, allowed: str) -> InvalidRequestError:
        """Name the field, its fault and what is allowed."""
        return cls(f"{field}: {fault}; allowed: {allowed}")


class AuthenticationError(ServiceError, AirflowFailException):
    """401: the key is wrong, revoked or expired."""


class PermissionDeniedError(ServiceError, AirflowFailException):
    """402, 403: the key or the plan does not cover this call."""


class InsufficientCreditsError(ServiceError, AirflowFailException):
    """
    402, or a job that failed for it: the workspace has fewer AI credits left than the call costs.

    :param credits_required: what the call costs, where the service says.
    :param credits_available: what is left, where the service says.
    """

    def __init__(
        self,
        message: str,
        *,
        credits_required: float | None = None,
        credits_available: float | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, http_status=http_status, request_id=request_id)
        self.credits_required = credits_required
        self.credits_available = credits_available


class NotFoundError(ServiceError, AirflowFailException):
    """404: no such job, post or media; or the base URL does not lead to the API."""


class JobFailedError(ServiceError):
    """
    The service gave an image job up; ``code`` and ``reason`` are its own words.

    :param job: the :class:`~airflow_provider_pictory.client.models.ImageJob`.
    :param conn_id: the Airflow connection through which it was asked for.
    """

    def __init__(self, job: Any, conn_id: str) -> None:
        self.job_id = job.job_id
        self.code = job.error_code
        self.reason = job.error_message
        if job.status == "cleaned":
            fault = "was cleaned: its data and its picture were removed, by somebody or after the retention period"
        else:
            fault = f"failed: {one_line(self.reason or 'no reason given')} (code {one_line(self.code or 'none', 100)})"
        super().__init__(f"Pictory job {job.job_id} (connection {conn_id!r}) {fault}")


class JobRejectedError(JobFailedError, AirflowFailException):
    """The service refused the prompt or the input of an image job: the same request fails again."""


class PublishError(ServiceError):
    """
    Some or all accounts of a post failed; the message names each with its error, ``post`` holds the rest.

    :param post: the :class:`~airflow_provider_pictory.client.models.Post`.
    :param conn_id: the Airflow connection through which it was asked for.
    """

    def __init__(self, post: Any, conn_id: str) -> None:
        self.post = post
        failed = [d for d in post.destinations if d.status == "failed"]
        faults = "; ".join(
            f"{d.platform} account {d.account_id}: {one_line(d.error or 'no reason given', 200)}" for d in failed
        )
        super().__init__(
            f"PostEverywhere post {post.post_id} (connection {conn_id!r}) "
            f"failed on {len(failed)} of {len(post.destinations)} accounts"
            + (f": {faults}" if faults else f" (post status {post.status})")
        )


class TransientError(ServiceError):
    """
    Network faults and 5xx answers: the same request may succeed later.

    :param retry_after: the service's own delay before the next request, in seconds, if it named one.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, http_status=http_status, request_id=request_id)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """429: too many requests."""


class OutcomeUnknownError(TransientError):
    """The answer to a request that costs or publishes was lost: it may or may not have taken effect."""

    had_no_effect = False


class InvalidResponseError(ServiceError):
    """An answer that is not of this API: HTML, broken JSON, missing fields, a redirect."""


_OLD_NAMES: dict[str, type[ServiceError]] = {
    "InputError": InvalidRequestError,
    "ScopeError": PermissionDeniedError,
    "UnexpectedAnswerError": InvalidResponseError,
}


def __getattr__(name: str) -> type[ServiceError]:
    """Find an error by its old name, under which an event of an older trigger may carry it."""
    if name not in _OLD_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is now {_OLD_NAMES[name].__name__}", DeprecationWarning, stacklevel=2)
    return _OLD_NAMES[name]
