"""Area detectors of generated parts: typed, counted in mock mode, connected to the example's records."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import bluesky.plans as bp
import numpy as np
import pytest
from bluesky import RunEngine
from event_model import Event
from ophyd_async.core import (
    DetectorTrigger,
    DeviceMock,
    StaticFilenameProvider,
    StaticPathProvider,
    TriggerInfo,
    set_mock_value,
)
from ophyd_async.epics import adcore

from beamwright_runtime import AreaDetector
from tests.helpers.example_devices import NDROI, Camera, NDFileHDF5, NDStats, SimDetector
from tests.helpers.mock_camera import take_a_frame_on_acquire


@pytest.fixture
def path_provider(tmp_path: Path) -> StaticPathProvider:
    return StaticPathProvider(StaticFilenameProvider("frames"), tmp_path)


class FrameOnAcquire(DeviceMock[Camera]):
    """Takes a frame whenever the driver acquires."""

    async def connect(self, device: Camera) -> None:
        take_a_frame_on_acquire(device)


def connect_mock(camera: Camera, engine: RunEngine) -> None:
    asyncio.run_coroutine_threadsafe(camera.connect(mock=FrameOnAcquire()), engine.loop).result(10)


def count(engine: RunEngine, camera: Camera, num: int) -> dict[str, list[Any]]:
    documents: dict[str, list[Any]] = {}
    engine(bp.count([camera], num=num), lambda name, document: documents.setdefault(name, []).append(document))
    return documents


def test_parts_are_children_by_their_names(path_provider: StaticPathProvider) -> None:
    camera = Camera(path_provider, "camera")
    assert isinstance(camera, adcore.AreaDetector)
    assert dict(camera.children()) == {
        "hdf5": camera.hdf5,
        "stat": camera.stat,
        "roi": camera.roi,
        "driver": camera.driver,
    }
    assert camera.driver.sim_mode.name == "camera-driver-sim_mode"
    assert camera.get_plugin("stat", NDStats) is camera.stat


def test_counting_makes_documents(run_engine: RunEngine, path_provider: StaticPathProvider) -> None:
    camera = Camera(path_provider, "camera")
    connect_mock(camera, run_engine)
    documents = count(run_engine, camera, 3)
    (descriptor,) = documents["descriptor"]
    assert descriptor["data_keys"]["camera"]["shape"] == [1, 3, 4]
    assert descriptor["data_keys"]["camera"]["dtype_numpy"] == np.dtype(np.uint16).str
    assert descriptor["hints"]["camera"]["fields"] == ["camera"]
    (resource,) = documents["stream_resource"]
    assert resource["mimetype"] == "application/x-hdf5"
    assert resource["uri"].endswith("/frames.h5")
    assert [datum["indices"]["stop"] for datum in documents["stream_datum"]] == [1, 2, 3]
    assert len(documents["event"]) == 3
    assert documents["stop"][0]["exit_status"] == "success"


def test_the_configuration_holds_the_exposure(run_engine: RunEngine, path_provider: StaticPathProvider) -> None:
    camera = Camera(path_provider, "camera")
    connect_mock(camera, run_engine)
    documents = count(run_engine, camera, 1)
    configuration = documents["descriptor"][0]["configuration"]["camera"]["data"]
    assert set(configuration) == {"camera-driver-acquire_time", "camera-driver-acquire_period"}


async def test_edges_start_exposures_where_the_driver_has_a_trigger_mode(path_provider: StaticPathProvider) -> None:
    camera = Camera(path_provider, "camera")
    await camera.connect(mock=FrameOnAcquire())
    await camera.stage()
    await camera.prepare(TriggerInfo(trigger=DetectorTrigger.EXTERNAL_EDGE, livetime=0.2, number_of_events=7))
    assert await camera.driver.trigger_mode.get_value() == "External"
    assert await camera.driver.num_images.get_value() == 7
    assert await camera.driver.acquire_time.get_value() == 0.2
    await camera.unstage()
    await camera.prepare(TriggerInfo(livetime=0.1))
    assert await camera.driver.trigger_mode.get_value() == "Internal"


async def test_a_driver_without_trigger_modes_takes_no_edges() -> None:
    detector = AreaDetector(adcore.ADBaseIO("X:CAM:"), name="detector")
    await detector.connect(mock=True)
    with pytest.raises(ValueError, match="EXTERNAL_EDGE not supported by 'detector'"):
        await detector.prepare(TriggerInfo(trigger=DetectorTrigger.EXTERNAL_EDGE))


def test_without_a_path_provider_it_counts_and_writes_nothing(run_engine: RunEngine) -> None:
    camera = Camera(name="camera")
    connect_mock(camera, run_engine)
    documents = count(run_engine, camera, 2)
    events: list[Event] = documents["event"]
    assert [event["data"] for event in events] == [{}, {}]
    assert "stream_resource" not in documents


def test_a_plugin_signal_can_be_read_with_each_exposure(run_engine: RunEngine) -> None:
    camera = Camera(name="camera")
    camera.add_detector_logics(adcore.PluginSignalDataLogic(camera.driver, camera.stat.total))
    connect_mock(camera, run_engine)
    set_mock_value(camera.stat.total, 1234.0)
    assert count(run_engine, camera, 1)["event"][0]["data"] == {"camera-stat-total": 1234.0}


def test_it_needs_no_writer_and_takes_plugins_by_name() -> None:
    detector = AreaDetector(SimDetector("X:CAM:"), plugins={"roi": NDROI("X:ROI:")}, name="detector")
    assert isinstance(detector.driver, SimDetector)
    assert detector.get_plugin("roi", NDROI).min_x.name == "detector-roi-min_x"


def test_a_path_provider_without_a_writer_is_refused(path_provider: StaticPathProvider) -> None:
    with pytest.raises(ValueError, match="no writer to use it"):
        AreaDetector(SimDetector("X:CAM:"), path_provider=path_provider)


def test_a_writer_that_is_no_part_is_refused(path_provider: StaticPathProvider) -> None:
    with pytest.raises(ValueError, match="the writer is not an attribute of the detector"):
        AreaDetector(SimDetector("X:CAM:"), writer=NDFileHDF5("X:HDF5:"), path_provider=path_provider)
