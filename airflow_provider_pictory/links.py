"""
Extra links on a task's page.

Each is an XCom that a worker or the triggerer pushes when the task ends. Links without a URL are not pushed, so Airflow
neither shows nor requests them.
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
    """A link that the task itself pushes as an XCom."""

    @property
    def xcom_key(self) -> str:
        """The XCom key of the URL."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL; empty if there is none."""
        return public_url(XCom.get_value(ti_key=ti_key, key=self.xcom_key))


class ImageLink(TaskLink):
    """The generated image at the service."""

    name = "Generated image"


class PostLink(TaskLink):
    """The published post on the first platform that has no link class of its own."""

    name = "Published post"


class PlatformLink(TaskLink):
    """The published post on one platform; on the first account, if there are several."""

    def __init__(self, platform: str) -> None:
        self.platform = platform

    @property
    def name(self) -> str:
        """The link's text."""
        return f"Post on {self.platform}"

    @property
    def xcom_key(self) -> str:
        """The XCom key of the URL."""
        return f"_link_{self.platform}Link"


IMAGE_LINK = ImageLink()
POST_LINK = PostLink()
# Airflow 2 shows a button for every declared link, even without a URL.
PLATFORM_LINKS = (
    {key: PlatformLink(platform.name) for key, platform in PLATFORMS.items()}
    if hasattr(BaseOperatorLink, "xcom_key")
    else {}
)


class Linked(BaseOperator):
    """A task that pushes its links itself; Airflow's worker would evaluate and push every declared link."""

    def pre_execute(self, context: Any) -> None:
        """Leave Airflow's worker no links to push."""
        super().pre_execute(context)
        self.operator_extra_links = ()


def image_links(image: Mapping[str, Any]) -> dict[str, str]:
    """Return the link XComs of a finished image."""
    url = public_url(image.get("url"))
    return {IMAGE_LINK.xcom_key: url} if url else {}


def post_links(post: Mapping[str, Any]) -> dict[str, str]:
    """
    Return the link XComs of a post, at most one per platform.

    :param post: the post as in XCom; empty if there is none.
    """
    links: dict[str, str] = {}
    for item in post.get("destinations", []):
        if url := public_url(item.get("url")):
            platform = item.get("platform")
            link: TaskLink = PLATFORM_LINKS.get(str(platform).lower(), POST_LINK)
            links.setdefault(link.xcom_key, url)
    return links
