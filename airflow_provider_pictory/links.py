"""
Links on the page of a task.

Each is an XCom of the task, which a worker or the triggerer pushes at the end: only those that lead somewhere, so that
no others are shown or cost a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_pictory.client.platforms import PLATFORMS
from airflow_provider_pictory.client.validation import public_url
from airflow_provider_pictory.version_compat import BaseOperator, BaseOperatorLink, XCom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_pictory.version_compat import TaskInstanceKey


class TaskLink(BaseOperatorLink):
    """A link that the task itself has pushed."""

    @property
    def xcom_key(self) -> str:
        """The key of the XCom that holds the address."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address; empty while there is none."""
        return public_url(XCom.get_value(ti_key=ti_key, key=self.xcom_key))


class ImageLink(TaskLink):
    """The generated image, as the service stores it."""

    name = "Generated image"


class PostLink(TaskLink):
    """The published post, on the first platform that has it and that has no link of its own here."""

    name = "Published post"


class PlatformLink(TaskLink):
    """The published post on one platform; of several accounts there, on the first."""

    def __init__(self, platform: str) -> None:
        self.platform = platform

    @property
    def name(self) -> str:
        """The link's text."""
        return f"Post on {self.platform}"

    @property
    def xcom_key(self) -> str:
        """The key of the XCom that holds the address."""
        return f"_link_{self.platform}Link"


IMAGE_LINK = ImageLink()
POST_LINK = PostLink()
# Airflow 2 shows a button for each link that an operator may have, and those that lead nowhere are dead.
PLATFORM_LINKS = (
    {key: PlatformLink(platform.name) for key, platform in PLATFORMS.items()}
    if hasattr(BaseOperatorLink, "xcom_key")
    else {}
)


class Linked(BaseOperator):
    """A task that pushes its links itself. Airflow's worker would ask for all that it may have, and push them all."""

    def pre_execute(self, context: Any) -> None:
        """Have no links to push."""
        super().pre_execute(context)
        self.operator_extra_links = ()


def image_links(image: Mapping[str, Any]) -> dict[str, str]:
    """Return the XComs that are a finished image's links."""
    url = public_url(image.get("url"))
    return {IMAGE_LINK.xcom_key: url} if url else {}


def post_links(post: Mapping[str, Any]) -> dict[str, str]:
    """
    Return the XComs that are a post's links, at most one for each platform.

    :param post: the post as it goes into XCom; empty if there is none.
    """
    links: dict[str, str] = {}
    for item in post.get("destinations", []):
        if url := public_url(item.get("url")):
            platform = item.get("platform")
            link: TaskLink = PLATFORM_LINKS.get(str(platform).lower(), POST_LINK)
            links.setdefault(link.xcom_key, url)
    return links
