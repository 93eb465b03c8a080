"""The pages that people read, and the code on them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True)
class Block:
    """
    A fenced block.

    :param language: what follows the fence: a language, or a directive of the docs.
    :param argument: what follows that.
    :param remark: the comment in the line before, which is not shown. ``from Airflow 3.3`` keeps the tests from running
        the block on older versions; ``not run: …`` says why they do not run it at all.
    """

    page: Path
    line: int
    language: str
    argument: str
    code: str
    remark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def stem(self) -> str:
        """A name for a file with this code."""
        return f"{self.page.stem}_{self.line}".replace("-", "_").lower()

    @property
    def is_run(self) -> bool:
        return "not run: " not in self.remark

    @property
    def commands(self) -> list[list[str]]:
        """What is typed after each prompt, as a shell splits it."""
        text = self.code.replace("\\\n", " ")
        return [shlex.split(line[2:], comments=True) for line in text.splitlines() if line.startswith("$ ")]


@cache
def tokens(page: Path) -> list[Token]:
    """Parse a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages in these languages; of all, if none is named."""
    found = []
    for page in PAGES:
        before = ""
        for token in tokens(page):
            if token.type == "fence":
                assert token.map is not None
                language, _, argument = token.info.partition(" ")
                if not languages or language in languages:
                    found.append(Block(page, token.map[0] + 1, language, argument, token.content, before))
            before = token.content.strip() if token.type == "html_block" else ""
    return found


def headings(page: Path) -> list[str]:
    """Return the texts of a page's headings."""
    parsed = tokens(page)
    return [parsed[at + 1].content for at, token in enumerate(parsed) if token.type == "heading_open"]


def links(page: Path) -> list[str]:
    """Return where a page's links lead, and where its pictures are."""
    inline = [child for token in tokens(page) for child in token.children or ()]
    return [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for child in inline
        if child.type in ("link_open", "image")
    ]


def rewrite(page: Path, mark: str, command: str, change: Callable[[str], str]) -> None:
    """Put something else between two marks of a page, made of what stands there."""
    begin, end = f"<!-- {mark}: `{command}` writes this -->", f"<!-- {mark} ends -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    text, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{change(text.strip())}\n\n{end}{after}", encoding="utf-8")
