"""The pytest plugin `beamwright`: a fixture that runs the twin of a beamline for a test session.

    [tool.pytest.ini_options]
    twin_beamline = "beamlines/x01/beamline.yaml"

    def test_it(twin): ...

The fixture puts where the twin is found into this process's environment, and restores it at the end. CA and PVA read it
when their first client is made, so the fixture has to come before that: ask for it in the first test that connects.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from beamwright_twin import Twin

BEAMLINE = "twin_beamline"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings of the fixture `twin`."""
    parser.addini(BEAMLINE, "the beamline file that the fixture `twin` runs, from the folder of this file")


@pytest.fixture(scope="session")
def twin_beamline(pytestconfig: pytest.Config) -> Path:
    """Return the beamline file that `twin` runs; a test suite may define this fixture itself."""
    written = str(pytestconfig.getini(BEAMLINE))
    if not written:
        raise pytest.UsageError(f"the fixture `twin` needs a beamline: set `{BEAMLINE}` in the configuration of pytest")
    return (pytestconfig.inipath.parent if pytestconfig.inipath else pytestconfig.rootpath) / written


@pytest.fixture(scope="session")
def twin(twin_beamline: Path) -> Iterator[Twin]:
    """Run the twin of a beamline for the session, on ports of its own, where clients of this process find it."""
    # Every pytest where beamwright is installed imports this module; most run no twin.
    from beamwright_twin import Twin, TwinError

    try:
        made = Twin(twin_beamline)
    except TwinError as error:
        pytest.fail(str(error), pytrace=False)
    with made as running, in_environment(running.environment):
        yield running
        # aioca reports the end of its channels to loops, which are closed by now.
        if "aioca" in sys.modules:
            sys.modules["aioca"].purge_channel_caches()


@contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put back what was there before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
