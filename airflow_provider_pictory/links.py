"""Links on the page of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

from airflow_provider_pictory.exceptions import InputError
from airflow_provider_pictory.inputs import check_url

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class ImageLink(BaseOperatorLink):
    """The generated image, as the service stores it."""

    name = "Generated image"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the image's address; empty while there is none."""
        image = _returned(ti_key)
        return _address(image.get("url"))


class PostLink(BaseOperatorLink):
    """The published post, on the first platform that has it."""

    name = "Published post"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the post's address; empty while it is nowhere."""
        destinations = _returned(ti_key).get("destinations") or []
        return next(filter(None, (_address(item.get("url")) for item in destinations)), "")


def _returned(ti_key: TaskInstanceKey) -> dict[str, Any]:
    value = XCom.get_value(ti_key=ti_key, key="return_value")
    return value if isinstance(value, dict) else {}


def _address(url: Any) -> str:
    """Let pass only what a browser may be sent to: the address comes from outside."""
    try:
        check_url("url", url)
    except InputError:
        return ""
    return str(url)
