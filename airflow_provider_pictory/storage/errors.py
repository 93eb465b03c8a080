"""The errors of file systems as errors of this package: which are permanent, and what to do about each."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_pictory.exceptions import (
    InvalidRequestError,
    PermissionDeniedError,
    ServiceError,
    TransientError,
    one_line,
)
from airflow_provider_pictory.version_compat import AirflowNotFoundException, AirflowOptionalProviderFeatureException


@contextmanager
def disk_errors(name: str) -> Iterator[None]:
    """Raise a :class:`TransientError` if the worker's own disk fails, such as for lack of space."""
    try:
        yield
    except OSError as error:
        raise TransientError(f"The worker's disk: {error.strerror or error} ({name})") from error


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """
    Raise errors of this package for those of a file system; ``FileExistsError`` passes.

    :param url: the file, for errors.
    """
    try:
        yield
    except (ServiceError, FileExistsError):
        raise
    except FileNotFoundError as error:
        raise _missing(url) from error
    except PermissionError as error:
        raise PermissionDeniedError(
            f"{url}: no permission ({_text(error)}). The connection must be allowed to list, read and write"
        ) from error
    except (ImportError, AirflowOptionalProviderFeatureException) as error:
        raise _no_file_system(url, error) from error
    except AirflowNotFoundException as error:
        raise InvalidRequestError.of(
            url, _text(error), "the id of an Airflow connection before the @, or none for the environment's credentials"
        ) from error
    except ValueError as error:
        if "filesystem" in str(error):
            raise _no_file_system(url, error) from error
        raise InvalidRequestError.of(url, _text(error), "a URL that the file system accepts") from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR):
            raise InvalidRequestError.of(url, _text(error), "a name that can be a file") from error
        raise _not_now(url, error) from error
    except Exception as error:  # each file system has its own
        raise _not_now(url, error) from error


def missing_bucket(url: str, bucket: str) -> InvalidRequestError:
    """Make the error for a bucket that does not exist."""
    return InvalidRequestError.of(url, f"there is no {bucket}, or it may not be listed", "a bucket that exists")


def _missing(url: str) -> InvalidRequestError:
    return InvalidRequestError.of(url, "there is no such bucket or folder", "one that exists")


def _no_file_system(url: str, error: Exception) -> InvalidRequestError:
    return InvalidRequestError.of(
        url,
        _text(error),
        "file://, or a scheme of an installed provider, such as s3:// with apache-airflow-providers-amazon[s3fs]",
    )


def _not_now(url: str, error: Exception) -> TransientError:
    return TransientError(f"{url} cannot be reached or written now ({type(error).__name__}: {_text(error)})")


def _text(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or error, 300)
