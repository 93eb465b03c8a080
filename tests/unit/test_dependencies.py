"""What ``setup.cfg`` declares is what the package imports, and what the checks are run with."""

from __future__ import annotations

import ast
import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.pages import ROOT

PACKAGE = ROOT / "airflow_provider_pictory"
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
PINS = sorted((ROOT / "constraints").iterdir())
UNDECLARED = {
    "apache-airflow-providers-standard", "fsspec", "starlette",  # Airflow brings them, starlette from 3
    "apache-airflow-providers-openlineage", "openlineage", "pytest",  # call what imports them
    "typing-extensions",  # for type checkers
}  # fmt: skip


def declared(group: str) -> dict[str, Requirement]:
    extras = SETUP["options.extras_require"]
    lines = extras[group] if group in extras else SETUP["options"]["install_requires"]
    return {canonicalize_name(item.name): item for item in map(Requirement, lines.split("\n")[1:])}


def distribution(module: str) -> str:
    """Return the distribution that a module of others comes from."""
    top, *inner = module.split(".")
    if top == "airflow":
        return "-".join(["apache-airflow", "providers", inner[1]] if inner[:1] == ["providers"] else ["apache-airflow"])
    return {"PIL": "pillow"}.get(top, canonicalize_name(top))


def imported(files: Iterator[Path]) -> set[str]:
    """Return the distributions beside this one and Python's own that files import, at whatever place."""
    modules = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules.add(node.module)
    others = {name for name in modules if name.split(".")[0] not in {*sys.stdlib_module_names, PACKAGE.name}}
    return {distribution(name) for name in others}


def test_what_the_package_imports_is_declared_and_nothing_else():
    sandbox = PACKAGE / "sandbox"
    own = imported(file for file in PACKAGE.rglob("*.py") if not file.is_relative_to(sandbox))
    assert own - UNDECLARED == set(declared("install_requires") | declared("previews"))
    assert imported(sandbox.rglob("*.py")) - set(declared("install_requires")) == set(declared("sandbox"))


def pinned(file: Path) -> dict[str, str]:
    return dict(line.split("==") for line in file.read_text().split())


@pytest.mark.parametrize("file", PINS, ids=lambda file: file.stem)
def test_the_package_can_be_installed_beside_the_pins_of_an_airflow(file: Path):
    pins = pinned(file)
    assert file.stem in ("airflow-lowest", f"airflow-{pins['apache-airflow'].rpartition('.')[0]}")
    extras = declared("previews") | declared("sandbox") | declared("dev")
    for name, requirement in (declared("install_requires") | extras).items():
        if requirement.marker is None or requirement.marker.evaluate({"python_version": "3.11"}):
            is_allowed = requirement.specifier.contains(pins[name], prereleases=True)
            assert is_allowed, f"{requirement}, and {pins[name]} in {file.name}"


def test_the_lowest_versions_are_the_declared_ones():
    pins = pinned(ROOT / "constraints" / "airflow-lowest.txt")
    for name, requirement in (declared("install_requires") | declared("previews") | declared("sandbox")).items():
        if requirement.marker is None:
            [floor] = requirement.specifier
            assert f"{pins[name]}.".startswith(f"{floor.version}."), f"{requirement}, and {pins[name]}"
