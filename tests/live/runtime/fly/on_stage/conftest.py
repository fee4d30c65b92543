"""One stage for all tests of a process: CA reads where to search once, and its channels stay in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from bluesky import RunEngine

from beamwright_twin import Twin
from tests.helpers.fly.cameras_stage import Stage
from tests.helpers.fly.rig import paths_in


@pytest.fixture(scope="session")
def twin_beamline() -> Path:
    return Path(__file__).with_name("beamline.yaml")


@pytest.fixture(scope="session")
def stage(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop)
    yield Stage(twin, engine, paths_in(tmp_path_factory.mktemp("scans")))
    if engine.state != "idle":
        engine.halt()
    loop.call_soon_threadsafe(loop.stop)
    engine._th.join()
    loop.close()
