"""An area detector with the records of the example's camera, over CA and PVA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ophyd_async.core import (
    StaticFilenameProvider,
    StaticPathProvider,
)

from tests.helpers.example_devices import Camera, SimDetectorSimMode
from tests.helpers.softioc import SoftIoc


@pytest.fixture
def path_provider(tmp_path: Path) -> StaticPathProvider:
    return StaticPathProvider(StaticFilenameProvider("frames"), tmp_path)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_it_connects_to_the_records_of_the_example(
    protocol: str, live: SoftIoc, path_provider: StaticPathProvider
) -> None:
    camera = Camera(path_provider, "camera", f"{protocol}://")
    await camera.connect()
    await camera.driver.sim_mode.set(SimDetectorSimMode.SINE)
    assert (await camera.driver.sim_mode.locate())["setpoint"] is SimDetectorSimMode.SINE
    folder = f"/{protocol}/" + "long/" * 20
    await camera.hdf5.file_path.set(folder)
    assert (await camera.hdf5.file_path.locate())["setpoint"] == folder
    await camera.driver.read_status.trigger()
    assert (await camera.stat.histogram.get_value()).dtype == np.float64
