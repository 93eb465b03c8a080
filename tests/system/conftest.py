"""One Airflow for each executor, and sandboxes for the runs that go on in it side by side."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.conftest import has_state_store
from tests.system import table
from tests.system.processes import EXECUTORS, Airflow, program
from tests.system.rows import Outcome, Row

SLOTS = 4
RECORDED = pytest.StashKey[list[tuple[str, Row, Outcome]]]()


class Slots:
    """Sandboxes for runs side by side; Airflow's connections of each end with its number."""

    def __init__(self, sandboxes: list[Sandbox]) -> None:
        self.connections: dict[str, str] = {}
        self._free: queue.SimpleQueue[tuple[int, Sandbox]] = queue.SimpleQueue()
        for number, sandbox in enumerate(sandboxes):
            self._free.put((number, sandbox))
            for name, value in sandbox.connections.items():
                # A call is given up early, so that what waits for its end waits not long.
                hasty = json.loads(value) | {"extra": {"timeout": [1, 4]}}
                self.connections[name.replace("DEFAULT", str(number))] = json.dumps(hasty)

    @contextmanager
    def one(self) -> Iterator[tuple[int, Sandbox]]:
        """Take one that nobody uses, as new."""
        number, sandbox = self._free.get()
        sandbox.world.clock = time.time
        sandbox.reset()
        try:
            yield number, sandbox
        finally:
            sandbox.clear_faults()
            self._free.put((number, sandbox))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run the whole matrix of kills, on every executor")
    parser.addoption("--table", type=Path, metavar="FILE", help="write the matrix into this page")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "executor" in metafunc.fixturenames:
        executors = list(EXECUTORS) if metafunc.config.getoption("--whole", False) else ["LocalExecutor"]
        metafunc.parametrize("executor", executors, scope="session", indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDED] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    page = session.config.getoption("--table", None)
    if page is not None:
        table.write(page, session.config.stash[RECORDED])


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Callable[[str, Row, Outcome], None]:
    """Keep a row for the table."""
    return lambda *row: pytestconfig.stash[RECORDED].append(row)


@pytest.fixture(scope="session")
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[Slots]:
    with ExitStack() as stack:
        yield Slots([stack.enter_context(Sandbox(latency=1, publish_latency=1)) for _ in range(SLOTS)])


@pytest.fixture(scope="session")
def _night() -> Iterator[Sandbox]:
    with Sandbox(latency=4, publish_latency=1) as sandbox:
        yield sandbox


@pytest.fixture
def night(_night: Sandbox) -> Iterator[Sandbox]:
    """The sandbox of the runs that need one for themselves, as new."""
    _night.world.clock = time.time
    _night.reset()
    yield _night
    _night.clear_faults()


@pytest.fixture(scope="session")
def airflow(request: pytest.FixtureRequest, executor: str) -> Airflow:
    """What most tests are about, Airflow's durable tasks, needs the state store of Airflow 3.3."""
    if not has_state_store():
        pytest.skip("Airflow has a task state store from 3.3")
    found: Airflow = request.getfixturevalue("any_airflow")
    return found


@pytest.fixture(scope="session")
def any_airflow(
    executor: str,
    sandboxes: Slots,
    _night: Sandbox,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Airflow]:
    needed = {"LocalExecutor": ["initdb"], "CeleryExecutor": ["initdb", "redis-server"]}[executor]
    if missing := [name for name in needed if program(name) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    # Only a whole night bears out the slow answers, and waits until a lost call cannot take effect any more.
    timeout = [2, 31] if pytestconfig.getoption("--whole", False) else [1, 4]
    nightly = {
        name.replace("DEFAULT", "NIGHT"): json.dumps(json.loads(value) | {"extra": {"timeout": timeout}})
        for name, value in _night.connections.items()
    }
    home = tmp_path_factory.mktemp(executor)
    connections = sandboxes.connections | nightly | _night.connections
    with Airflow(home, Path(__file__).parent / "dags", connections, executor) as airflow:
        yield airflow
