"""The matrix as a table of the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.rows import Outcome, Row

BEGIN, END = "<!-- matrix: `make matrix` writes this -->", "<!-- matrix ends -->"
TASKS = {
    "generate": "`GenerateImageOperator`",
    "post": "`PostImageOperator`",
    "repost": "`PostImageOperator`, an account failed",
}
HEAD = """| task | waits in | when it is | this happens | executor | tries | images paid for | posts | published |
|---|---|---|---|---|---|---|---|---|"""


def write(page: Path, rows: Sequence[tuple[str, Row, Outcome]]) -> None:
    """Replace what stands between the page's markers."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{render(rows)}\n\n{END}{after}")


def render(rows: Sequence[tuple[str, Row, Outcome]]) -> str:
    """One line a row; where the executors agree they share it."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for executor, row, outcome in rows:
        counts = (outcome.images, outcome.posts, outcome.publications)
        cells = (TASKS[row.task], row.mode, row.point, row.deed, str(outcome.tries), *map(str, counts))
        lines.setdefault(cells, []).append(executor.removesuffix("Executor"))
    return "\n".join(
        [HEAD, *(f"| {' | '.join((*cells[:4], ', '.join(found), *cells[4:]))} |" for cells, found in lines.items())]
    )
