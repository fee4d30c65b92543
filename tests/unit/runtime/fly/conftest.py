"""A simulated beamline for each test, and a RunEngine to disturb."""

from __future__ import annotations

from pathlib import Path

import pytest
from bluesky import RunEngine

from tests.helpers.fly.beamline import IMPATIENT, Beamline, Disturbed


@pytest.fixture
def beamline(tmp_path: Path) -> Beamline:
    return Beamline(tmp_path)


@pytest.fixture
def impatient(tmp_path: Path) -> Beamline:
    return Beamline(tmp_path, timing=IMPATIENT)


@pytest.fixture
def disturbed(run_engine: RunEngine) -> Disturbed:
    return Disturbed(run_engine)
