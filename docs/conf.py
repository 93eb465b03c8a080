"""How Sphinx builds the docs: Markdown pages, and a reference from the docstrings."""

from __future__ import annotations

import re
from argparse import HelpFormatter
from functools import partial
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from airflow_provider_pictory import __version__
from airflow_provider_pictory.sandbox.__main__ import make_parser

project = "airflow-provider-pictory"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
myst_heading_anchors = 3
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
suppress_warnings = ["myst.header"]  # benchmarks.md begins with a third level, below the text that explains it
# What others define is not described here, and their sites are not asked.
nitpick_ignore_regex = [("py:.*", r"(?!airflow_provider_pictory\b).*|.*\.T")]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"{project} {__version__}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


class SandboxOptions(SphinxDirective):
    """What ``python -m airflow_provider_pictory.sandbox --help`` prints."""

    def run(self) -> list[nodes.Node]:
        """Return it as it is."""
        parser = make_parser()
        parser.formatter_class = partial(HelpFormatter, width=96, max_help_position=36)
        text = parser.format_help()
        return [nodes.literal_block(text, text, language="none")]


def forget_none(app: Sphinx, domain: str, objtype: str, content: nodes.Element) -> None:
    """Do not say of a class that its ``__init__`` returns None."""
    for field in list(content.findall(nodes.field)):
        if field.astext().split() == ["rtype", "None"]:
            field.parent.remove(field)


def refuse_foreign_resources(app: Sphinx, exception: Exception | None) -> None:
    """Let no page load anything from another site: the docs are read offline, and nobody is to see who reads them."""
    if exception is not None:
        return
    loads = re.compile(
        r"""<(?!a\b)[^>]*\s(?:src|srcset|href|data|poster)=["']?(?:https?:)?//[^>]*>"""
        r"""|@import[^;]*//[^;]*|url\(["']?(?:https?:)?//[^)]*"""
    )
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css") and (found := loads.search(path.read_text(encoding="utf-8"))):
            raise SphinxError(f"{path} loads from elsewhere: {found[0]}")


def setup(app: Sphinx) -> None:
    """Tell Sphinx of them."""
    app.add_directive("sandbox-options", SandboxOptions)
    app.connect("object-description-transform", forget_none, priority=600)
    app.connect("build-finished", refuse_foreign_resources)
