"""What all tests share: the folder of public databases, and the switch that rewrites golden files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite what golden tests expect; read the diff before a commit"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused where CI is set: a pipeline must not change expectations")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: at the end, one of them would keep one worker, and leave the others idle."""
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
