"""What the pages say of commands, options, links and classes is so."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import airflow_provider_pictory
from tests.conftest import needs_state_store
from tests.pages import PAGES, ROOT, Block, blocks, headings, links

LANGUAGES = {"python", "console", "json", "ini", "text"}
PACKAGE = ROOT / "airflow_provider_pictory"
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}


def test_the_dag_in_twenty_lines_is_no_longer():
    [block] = [block for block in blocks("python") if block.page.name == "README.md"]
    assert len([line for line in block.code.splitlines() if line.strip()]) <= 21


def test_every_block_is_of_a_kind_that_is_checked():
    assert {block.language for block in blocks() if not block.language.startswith("{")} <= LANGUAGES


def test_next_to_no_block_is_kept_from_running():
    assert sum(not block.is_run for block in blocks("python")) <= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    for target in links(page):
        if is_external(target):
            check_url(target)
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in [slug(heading) for heading in headings(file)], target


def test_every_address_in_a_docstring_is_well_formed():
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found += re.findall(r"https?://[^\s`'\"<>)]+", ast.get_docstring(node) or "")
    assert len(found) >= 5
    for url in found:
        check_url(url.rstrip("."))


def is_external(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is not None


def check_url(url: str) -> None:
    parts = urlsplit(url)
    assert parts.scheme == "https", url
    assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.netloc), url
    assert re.fullmatch(r"[\w./~%-]*", parts.path), url


def slug(heading: str) -> str:
    """Name a heading as Sphinx and code hosts do."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def test_every_make_target_that_is_named_exists():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    named = {name for text in TEXTS.values() for name in re.findall(r"`(?:AIRFLOW=\S+ )?make (\w+)`", text)}
    assert named
    assert named <= set(targets)


def commands() -> list[tuple[Block, list[str]]]:
    return [(block, command) for block in blocks("console") for command in block.commands]


@pytest.mark.parametrize(
    ("block", "command"), commands(), ids=lambda item: " ".join(item) if isinstance(item, list) else ""
)
def test_every_command_is_understood(block: Block, command: list[str]):
    program, *arguments = [word for word in command if not re.match(r"[A-Z_]+=", word)] or ["export"]
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "airflow" and arguments[0] == "roles":  # a command of the FAB auth manager's
        parse = "import sys; from airflow.cli.cli_parser import get_parser; get_parser().parse_args(sys.argv[1:])"
        manager = pytest.importorskip("airflow.providers.fab.auth_manager.fab_auth_manager").FabAuthManager
        env = {**os.environ, "AIRFLOW__CORE__AUTH_MANAGER": f"{manager.__module__}.{manager.__name__}"}
        subprocess.run([sys.executable, "-c", parse, *arguments], env=env, check=True)
    elif program == "airflow":
        from airflow.cli.cli_parser import get_parser

        get_parser().parse_args(arguments)
    elif (program, *arguments[:2]) == ("python", "-m", "airflow_provider_pictory.sandbox"):
        from airflow_provider_pictory.sandbox.__main__ import make_parser

        make_parser().parse_args(arguments[2:])
    elif (program, *arguments[:1]) == ("python", "-m"):
        assert importlib.util.find_spec(arguments[1])
    elif (program, *arguments[:1]) == ("pip", "install"):
        *options, checkout = arguments[1:]
        assert options in ([], ["--constraint", "constraints.txt"])
        name, extra = re.fullmatch(r"\./([\w-]+)(?:\[(\w+)\])?", checkout).groups()  # type: ignore[union-attr]
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        assert name == setup["metadata"]["name"]
        assert extra is None or extra in setup["options.extras_require"]
    else:
        assert program in ("curl", "export"), f"{block}: what is {program}?"  # test_snippets.py runs curl


def test_every_data_block_can_be_read():
    for block in blocks("json"):
        json.loads(block.code)
    for block in blocks("ini"):
        configparser.ConfigParser().read_string(block.code)


@needs_state_store
def test_every_option_of_airflow_that_is_named_exists():
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()
    named = set()
    for text in TEXTS.values():
        named |= set(re.findall(r"`\[(\w+)\] (\w+)", text))
        named |= {
            (section.lower(), name.lower()) for section, name in re.findall(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", text)
        }
    for block in blocks("ini"):
        parser = configparser.ConfigParser()
        parser.read_string(block.code)
        named |= {(section, name) for section in parser.sections() for name in parser[section]}
    known = conf.configuration_description
    assert len(named) >= 8
    for section, name in named:
        assert name in known[section]["options"], (section, name)


@needs_state_store
def test_the_reference_has_every_public_class():
    """Those of the modules whose names a DAG, or a task of one's own, imports."""
    text = "\n".join(TEXTS[page] for page in PAGES if page.parent.name == "reference")
    described = set(re.findall(r"\.\. auto(?:class|module|function):: ([\w.]+)", text))
    for group in ("operators", "sensors", "triggers", "hooks", "links", "retries", "client.models", "exceptions"):
        for module in modules(f"{airflow_provider_pictory.__name__}.{group}"):
            for name, item in inspect.getmembers(import_module(module), inspect.isclass):
                if item.__module__ != module or name.startswith("_") or module.endswith((".base", ".dispatcher")):
                    continue
                assert {module, f"{module}.{name}"} & described, f"{module}.{name}"


def modules(name: str) -> list[str]:
    package = import_module(name)
    inner = pkgutil.iter_modules(package.__path__) if hasattr(package, "__path__") else ()
    return [name, *(f"{name}.{item.name}" for item in inner)]
