"""The matrix as a table of the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.pages import rewrite

if TYPE_CHECKING:
    from tests.system.rows import Outcome, Row

TASKS = {
    "generate": "`GenerateImageOperator`",
    "post": "`PostImageOperator`",
    "repost": "`PostImageOperator`, an account failed",
}
HEAD = """| task | waits in | when it is | this happens | executor | images paid for | posts | published |
|---|---|---|---|---|---|---|---|"""


def write(page: Path, rows: Sequence[tuple[str, Row, Outcome]]) -> None:
    """Replace what stands between the page's markers."""
    rewrite(page, "matrix", "make matrix", lambda _: render(rows))


def render(rows: Sequence[tuple[str, Row, Outcome]]) -> str:
    """One line for all that happens at a point and ends with the same counts."""
    executors: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for executor, row, outcome in rows:
        counts = (outcome.images, outcome.posts, outcome.publications)
        place = (TASKS[row.task], row.mode, row.point, *map(str, counts))
        executors.setdefault((place, row.deed), []).append(executor.removesuffix("Executor"))
    deeds: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (place, deed), found in executors.items():
        deeds.setdefault((place, ", ".join(found)), []).append(deed)
    lines = [
        f"| {' | '.join((*place[:3], '; '.join(found), executor, *place[3:]))} |"
        for (place, executor), found in deeds.items()
    ]
    return "\n".join([HEAD, *lines])
