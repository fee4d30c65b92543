"""What all tests share: marks and order, the folder of public databases, the switch that rewrites golden files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers import own_process
from tests.helpers.paths import ROOT, TESTS
from tests.helpers.ports import searched_ports

if TYPE_CHECKING:
    from bluesky import RunEngine

LIVE = TESTS / "live"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite what golden tests expect; read the diff before a commit"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(own_process.plugin(config))
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused where CI is set: a pipeline must not change expectations")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is live, and begin with the files that take long.

    At the end, one of them would keep one worker, and leave the others idle.
    """
    for item in items:
        if item.path.is_relative_to(LIVE):
            item.add_marker("live")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def update_golden(pytestconfig: pytest.Config) -> bool:
    """Whether golden tests rewrite their expectations instead of comparing."""
    return bool(pytestconfig.getoption("--update-golden"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of public EPICS databases: `BEAMWRIGHT_CORPUS`, or `shared/corpus` beside the repository."""
    folder = Path(os.environ.get("BEAMWRIGHT_CORPUS") or ROOT.parent / "shared" / "corpus").resolve()
    if not folder.is_dir():
        pytest.skip(f"no databases to read: {folder} is not here; set BEAMWRIGHT_CORPUS to a folder of them")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this checkout."""
    return ROOT


@pytest.fixture
def run_engine() -> Iterator[RunEngine]:
    """A RunEngine with an event loop of its own, which is closed afterwards."""
    from bluesky import RunEngine

    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop)
    yield engine
    if engine.state != "idle":
        engine.halt()
    loop.call_soon_threadsafe(loop.stop)
    engine._th.join()
    loop.close()


@pytest.fixture(scope="session", autouse=True)
def _where_to_search() -> None:
    """Have whichever test makes a client first search where live tests of this process will serve."""
    searched_ports()
