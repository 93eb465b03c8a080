"""What a request to one of the services is, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MAX_PAGES = 1000
"""Of a list, at most."""


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """
    One request to a service.

    :param name: what logs and errors call it.
    :param parse: makes the result from the decoded JSON body.
    :param idempotent: whether sending it twice costs and publishes nothing twice.
    :param has_result: whether the body of a success says anything.
    """

    name: str
    method: str
    path: str
    parse: Callable[[Any], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    idempotent: bool = False
    has_result: bool = True
