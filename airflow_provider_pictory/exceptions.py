"""
The errors that calls to the two services raise.

::

    AirflowException
    └── ServiceError                    base of all errors below; ``str()`` is one line for the log
        ├── InvalidRequestError      x  an invalid parameter, connection or request
        ├── AuthenticationError      x  401: the API key is wrong, revoked or expired
        ├── PermissionDeniedError    x  402, 403: the API key or the plan does not allow this call
        ├── InsufficientCreditsError x  402, or a job that failed for it: ``credits_required``, ``credits_available``
        ├── NotFoundError            x  404: no such job, post or media; or the base URL is not the API's
        ├── JobFailedError              the image job failed: ``code``, ``reason``
        │   └── JobRejectedError     x  Pictory rejected the prompt or the input
        ├── PublishError                publishing failed on some or all accounts: ``post``
        ├── TransientError              network errors, 5xx: ``retry_after`` in seconds, if the service sent it
        │   ├── RateLimitedError        429: too many requests
        │   └── OutcomeUnknownError     the response to a request that costs or publishes was lost
        └── InvalidResponseError        not a response of this API: HTML, broken JSON, missing fields

``had_no_effect`` is False only for ``OutcomeUnknownError``: for all others, the request certainly cost and published
nothing. Retries and pauses depend on this flag and on whether the request is idempotent.

``x`` marks permanent errors. They are also ``AirflowFailException``: a task that raises one fails at once, whatever its
``retries``, including a ``@task`` function of your own that calls a hook.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import Any, ClassVar

from airflow_provider_pictory.version_compat import AirflowException, AirflowFailException

# Control characters, surrogates, line and paragraph separators, and bidirectional controls. Joiners and tags are
# allowed: words of many languages and emoji need them.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]+")
_JOINER, _VIRAMA = "\u200d", 9


def one_line(text: object, limit: int = 500) -> str:
    """Return untrusted text as one line: no control characters or line breaks, at most ``limit`` characters."""
    line = _CONTROL_CHARACTERS.sub(" ", str(text)[: limit * 4]).strip()
    if len(line) <= limit:
        return line
    end = limit - 1
    ends = (i for i in range(end, max(0, end - 32), -1) if not _is_one_character(line[i - 1], line[i]))
    return line[: next(ends, end)].rstrip() + "…"


def _is_one_character(previous: str, following: str) -> bool:
    return (
        unicodedata.category(following) in ("Mn", "Mc", "Me", "Cf")
        or previous == _JOINER
        or unicodedata.combining(previous) == _VIRAMA
        or "\U0001f3fb" <= following <= "\U0001f3ff"  # skin tones
        or "\U0001f1e6" <= following <= "\U0001f1ff"  # regional indicators, pairs of which are flags
    )


def _copy(kind: type[ServiceError], args: tuple[Any, ...]) -> ServiceError:
    error = kind.__new__(kind)
    error.args = args
    return error


class ServiceError(AirflowException):
    """
    Base of all errors of this package.

    :param message: what went wrong and what to do about it, in one line.
    :param http_status: the HTTP status, if a response was received.
    :param request_id: the service's id of the request, if it sent one.
    """

    had_no_effect: ClassVar[bool] = True
    """Whether the request certainly cost and published nothing."""

    def __init__(self, message: str, *, http_status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(one_line(message, 2000))
        self.http_status = http_status
        self.request_id = request_id

    def __reduce__(self) -> Any:
        """Keep text and attributes when the error is copied or pickled."""
        return _copy, (type(self), self.args), self.__dict__


class InvalidRequestError(ServiceError, AirflowFailException):
    """
    An invalid parameter, connection or request.

    Raised before anything is sent if this package knows the rule, otherwise with the service's own message.
    """

    @classmethod
    def of(cls, field: str, fault: str, allowed: str) -> InvalidRequestError:
        """Make the error from a field's name, what is wrong with it, and the allowed values."""
        return cls(f"{field}: {fault}; allowed: {allowed}")


class AuthenticationError(ServiceError, AirflowFailException):
    """401: the API key is wrong, revoked or expired."""


class PermissionDeniedError(ServiceError, AirflowFailException):
    """402, 403: the API key or the plan does not allow this call."""


class InsufficientCreditsError(ServiceError, AirflowFailException):
    """
    402, or a job that failed for it: the workspace has fewer AI credits left than the call costs.

    :param credits_required: what the call costs, if the service sent it.
    :param credits_available: what is left, if the service sent it.
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
    """404: no such job, post or media; or the base URL is not the API's."""


class JobFailedError(ServiceError):
    """
    The image job failed; ``code`` and ``reason`` are the service's own.

    :param job: the :class:`~airflow_provider_pictory.client.models.ImageJob`.
    :param conn_id: the Airflow connection id.
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
    """The service rejected the prompt or the input of an image job: the same request would fail again."""


class PublishError(ServiceError):
    """
    Publishing failed on some or all accounts; the message lists them with their errors, ``post`` has the details.

    :param post: the :class:`~airflow_provider_pictory.client.models.Post`.
    :param conn_id: the Airflow connection id.
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
    Network errors and 5xx responses: the same request may succeed later.

    :param retry_after: ``Retry-After`` in seconds, if the service sent it.
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
    """The response to a request that costs or publishes was lost: it may or may not have taken effect."""

    had_no_effect = False


class InvalidResponseError(ServiceError):
    """Not a response of this API: HTML, broken JSON, missing fields, a redirect."""


_OLD_NAMES: dict[str, type[ServiceError]] = {
    "InputError": InvalidRequestError,
    "ScopeError": PermissionDeniedError,
    "UnexpectedAnswerError": InvalidResponseError,
}


def __getattr__(name: str) -> type[ServiceError]:
    """Resolve an error's old name, which trigger events of older releases may contain."""
    if name not in _OLD_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is now {_OLD_NAMES[name].__name__}", DeprecationWarning, stacklevel=2)
    return _OLD_NAMES[name]
