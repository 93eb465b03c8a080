"""The tests of the gallery's scripts, by the Node.js that Playwright brings: they need no browser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> list[str]:
    """The command that runs a test file."""
    playwright = pytest.importorskip("playwright", reason="needs the Node.js that Playwright brings")
    program = Path(playwright.__file__).parent / "driver" / "node"
    if not program.exists():
        pytest.skip(f"needs Node.js, which this release of Playwright does not bring as {program}")
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    version = tuple(map(int, said.strip().removeprefix("v").split(".")))
    command = [str(program), "--test", "--test-reporter=spec"]
    # Node.js 20 asks for a package.json to tell that a .js file is a module.
    return command if version >= (22, 7) else [*command, "--experimental-detect-module"]


@pytest.mark.parametrize("name", sorted(file.name for file in HERE.glob("*.test.mjs")))
def test_scripts(node: list[str], name: str) -> None:
    run = subprocess.run([*node, HERE / name], cwd=HERE, check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
