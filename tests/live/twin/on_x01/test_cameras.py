"""The camera of a running twin, through ophyd-async's unmodified SimDetector, generated classes, and bare channels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider, TriggerInfo, init_devices
from ophyd_async.epics.adcore import (
    ADImageMode,
    ADWriterFactory,
    NDAttributeDataType,
    NDAttributeParam,
    NDStatsIO,
    setup_ndattributes,
    setup_ndstats_sum,
)
from ophyd_async.epics.adsimdetector import SimDetector
from ophyd_async.epics.motor import Motor

from beamwright_generated.beamlines import x01
from beamwright_twin import Twin, frame_number
from tests.helpers.areadetector import DATA, P, put, wait_for
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP

pytestmark = ON_X01_IN_ONE_LOOP


@pytest.fixture(scope="module")
def engine(twin: Twin) -> Iterator[RunEngine]:
    made = RunEngine(call_returns_result=True)
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)


@pytest.fixture(params=["ca", "pva"])
def camera(request: pytest.FixtureRequest, engine: RunEngine, tmp_path: Path) -> SimDetector:
    paths = StaticPathProvider(StaticFilenameProvider("scan"), tmp_path / "made", create_dir_depth=-1)
    with init_devices():
        made = SimDetector(
            f"{request.param}://{P}",
            ADWriterFactory.hdf(paths, writer_suffix="HDF5:"),
            driver_suffix="CAM:",
            plugins={"stat": NDStatsIO(f"{request.param}://{P}STAT:")},
            name="camera",
        )

    def settings() -> MsgGenerator[None]:
        yield from bps.mv(made.driver.acquire_time, 0.02, made.driver.acquire_period, 0.03)

    engine(settings())
    return made


def ran(engine: RunEngine, plan: MsgGenerator[Any]) -> dict[str, list[dict[str, Any]]]:
    documents: dict[str, list[dict[str, Any]]] = {}
    engine(plan, lambda name, document: documents.setdefault(name, []).append(document))
    return documents


def test_a_count_writes_a_file_with_every_frame(engine: RunEngine, camera: SimDetector, tmp_path: Path) -> None:
    documents = ran(engine, bp.count([camera], num=5))
    (resource,) = documents["stream_resource"]
    assert resource["uri"] == f"file://localhost{tmp_path}/made/scan.h5"
    assert [datum["indices"]["stop"] for datum in documents["stream_datum"]] == [1, 2, 3, 4, 5]
    assert [event["seq_num"] for event in documents["event"]] == [1, 2, 3, 4, 5]
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        frames = file[DATA]
        assert frames.shape == (5, 1024, 1024)
        assert frames.dtype == np.uint8
        assert frames.chunks == (1, 1024, 1024)
        numbers = [frame_number(frame) for frame in frames]
        assert numbers == list(file["/entry/instrument/NDAttributes/NDArrayUniqueId"])
        assert numbers == list(range(numbers[0], numbers[0] + 5))
        assert (np.diff(file["/entry/instrument/NDAttributes/NDArrayTimeStamp"]) > 0).all()


def test_several_frames_make_one_event(engine: RunEngine, camera: SimDetector, tmp_path: Path) -> None:
    def plan() -> MsgGenerator[None]:
        yield from bps.open_run()
        yield from bps.stage_all(camera)
        yield from bps.prepare(camera, TriggerInfo(collections_per_event=3), wait=True)
        for _ in range(2):
            yield from bps.trigger_and_read([camera])
        yield from bps.unstage_all(camera)
        yield from bps.close_run()

    documents = ran(engine, plan())
    assert len(documents["event"]) == 2
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        assert file[DATA].shape[0] == 6


def test_the_file_can_be_read_while_it_grows(engine: RunEngine, camera: SimDetector, tmp_path: Path) -> None:
    read: list[int] = []

    def plan() -> MsgGenerator[None]:
        yield from bps.open_run()
        yield from bps.stage_all(camera)
        for _ in range(3):
            yield from bps.trigger_and_read([camera])
            with h5py.File(tmp_path / "made" / "scan.h5", swmr=True) as file:
                read.append(file[DATA].shape[0])
        yield from bps.unstage_all(camera)
        yield from bps.close_run()

    ran(engine, plan())
    assert read == [1, 2, 3]


def test_statistics_are_those_of_the_frame(engine: RunEngine, camera: SimDetector, twin: Twin, tmp_path: Path) -> None:
    for record in ("EnableCallbacks", "ComputeStatistics", "ArrayCallbacks"):
        twin.put(f"{P}STAT:{record}", 1)
    ran(engine, bp.count([camera], num=1))
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        frame = file[DATA][-1]
    names = ("MinValue_RBV", "MaxValue_RBV", "MeanValue_RBV", "Total_RBV")
    values = [twin.get(f"{P}STAT:{name}") for name in names]
    assert values == pytest.approx([frame.min(), frame.max(), frame.mean(), frame.sum()])


def test_a_continuous_camera_runs_until_it_is_stopped(engine: RunEngine, camera: SimDetector, twin: Twin) -> None:
    counted: list[int] = []

    def plan() -> MsgGenerator[None]:
        yield from bps.mv(camera.driver.image_mode, ADImageMode.CONTINUOUS)
        yield from bps.abs_set(camera.driver.acquire, True, wait=False)
        while not counted or counted[-1] < 5:
            counted.append((yield from bps.rd(camera.driver.array_counter)) - start)
        yield from bps.abs_set(camera.driver.acquire, False, wait=True)

    start = twin.get(f"{P}CAM:ArrayCounter_RBV")
    ran(engine, plan())
    # ophyd-async does not wait for a camera that it stops.
    while twin.get(f"{P}CAM:AcquireBusy"):
        assert twin.get(f"{P}CAM:DetectorState_RBV") in (0, 1)
    assert twin.get(f"{P}CAM:Acquire_RBV") == 0
    assert twin.get(f"{P}CAM:DetectorState_RBV") == 0
    twin.put(f"{P}CAM:ImageMode", "Multiple")


def test_a_capture_ends_by_itself_after_so_many_frames(twin: Twin, tmp_path: Path) -> None:
    twin.put(f"{P}CAM:ImageMode", "Continuous")
    for name, value in (("FilePath", f"{tmp_path}/"), ("FileName", "few"), ("FileTemplate", "%s%s_%3.3d.h5")):
        twin.put(f"{P}HDF5:{name}", value)
    twin.put(f"{P}HDF5:EnableCallbacks", 1)
    twin.put(f"{P}HDF5:FileNumber", 7)
    twin.put(f"{P}HDF5:NumCapture", 4)
    twin.put(f"{P}CAM:ArrayCallbacks", 1)
    twin.put(f"{P}HDF5:Capture", 1)
    twin.put(f"{P}CAM:Acquire", 1)
    while twin.get(f"{P}HDF5:NumCaptured_RBV") != 4 or twin.get(f"{P}HDF5:Capture_RBV"):
        assert twin.get(f"{P}CAM:Acquire_RBV") == 1
    twin.put(f"{P}CAM:Acquire", 0)
    assert twin.get(f"{P}HDF5:Capture") == 0
    with h5py.File(tmp_path / "few_007.h5") as file:
        assert file[DATA].shape[0] == 4


def test_frames_are_dropped_and_late(twin: Twin, tmp_path: Path) -> None:
    twin.put(f"{P}CAM:ImageMode", "Multiple")
    twin.put(f"{P}CAM:NumImages", 2)
    twin.put(f"{P}CAM:ArrayCallbacks", 1)
    for name, value in (("FilePath", f"{tmp_path}/"), ("FileName", "faults"), ("FileTemplate", "%s%s.h5")):
        twin.put(f"{P}HDF5:{name}", value)
    twin.put(f"{P}HDF5:EnableCallbacks", 1)
    twin.put(f"{P}HDF5:NumCapture", 4)
    twin.put(f"{P}HDF5:Capture", 1)
    first = twin.get(f"{P}CAM:ArrayCounter_RBV") + 1
    with twin.dropped_frames(f"{P}CAM:Acquire"):
        acquire(twin)
    acquire(twin)
    with twin.late_frames(f"{P}CAM:Acquire"):
        acquire(twin)
    assert twin.get(f"{P}HDF5:NumCaptured_RBV") < 4
    while twin.get(f"{P}HDF5:Capture_RBV"):
        assert twin.get(f"{P}CAM:Acquire_RBV") == 0
    with h5py.File(tmp_path / "faults.h5") as file:
        assert [frame_number(frame) - first for frame in file[DATA]] == [2, 3, 4, 5]


def acquire(twin: Twin) -> None:
    """Take the frames that are asked for, and wait until the camera is done."""
    taken = twin.get(f"{P}CAM:ArrayCounter_RBV")
    twin.put(f"{P}CAM:Acquire", 1)
    while twin.get(f"{P}CAM:ArrayCounter_RBV") < taken + 2 or twin.get(f"{P}CAM:Acquire_RBV"):
        assert twin.get(f"{P}CAM:ArrayCounter_RBV") <= taken + 2


def test_a_folder_that_is_not_there(twin: Twin, tmp_path: Path) -> None:
    twin.put(f"{P}HDF5:CreateDirectory", 0)
    twin.put(f"{P}HDF5:FilePath", f"{tmp_path}/none")
    # areaDetector ends the path with a slash.
    wait_for(twin, "HDF5:FilePath_RBV", f"{tmp_path}/none/")
    wait_for(twin, "HDF5:FilePathExists_RBV", 0)
    assert not (tmp_path / "none").exists()
    twin.put(f"{P}HDF5:CreateDirectory", -1)
    twin.put(f"{P}HDF5:FilePath", f"{tmp_path}/none/")
    wait_for(twin, "HDF5:FilePathExists_RBV", 1)
    assert (tmp_path / "none").is_dir()


def test_a_step_scan_has_a_frame_at_every_point(engine: RunEngine, camera: SimDetector, tmp_path: Path) -> None:
    with init_devices():
        motor = Motor("BL01X-MO-STAGE-01:X", name="x")
    documents = ran(engine, bp.scan([camera], motor, -0.2, 0.2, 5))
    assert [event["data"]["x"] for event in documents["event"]] == pytest.approx([-0.2, -0.1, 0, 0.1, 0.2])
    assert [datum["indices"] for datum in documents["stream_datum"]] == [{"start": n, "stop": n + 1} for n in range(5)]
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        numbers = [frame_number(frame) for frame in file[DATA]]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_attributes_of_ophyd_async_are_where_it_looks_for_them(
    engine: RunEngine, camera: SimDetector, twin: Twin, tmp_path: Path
) -> None:
    attributes = [NDAttributeParam("gain", "GAIN", NDAttributeDataType.DOUBLE)]
    twin.put(f"{P}CAM:Gain", 3)
    ran(engine, setup_ndattributes(camera.driver, attributes))
    documents = ran(engine, bp.count([camera], num=2))
    resources = {one["data_key"]: one for one in documents["stream_resource"]}
    assert set(resources) == {"camera", "gain"}
    described = documents["descriptor"][0]["data_keys"]["gain"]
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        gains = file[resources["gain"]["parameters"]["dataset"]]
        assert list(gains) == [3, 3]
        assert (gains.dtype, gains.chunks) == (np.dtype(described["dtype_numpy"]), (16384,))
    twin.put(f"{P}CAM:NDAttributesFile", "")


def test_the_sum_of_a_frame_is_an_attribute_behind_the_statistics(
    engine: RunEngine, camera: SimDetector, twin: Twin, tmp_path: Path
) -> None:
    put(twin, {"STAT:EnableCallbacks": 1, "STAT:ComputeStatistics": 1, "HDF5:NDArrayPort": "STAT1"})
    ran(engine, setup_ndstats_sum(camera, "stat"))
    documents = ran(engine, bp.count([camera], num=2))
    put(twin, {"HDF5:NDArrayPort": "SIM1", "STAT:NDAttributesFile": ""})
    (resource,) = (one for one in documents["stream_resource"] if one["data_key"] == "camera-sum")
    with h5py.File(tmp_path / "made" / "scan.h5") as file:
        assert list(file[resource["parameters"]["dataset"]]) == [frame.sum() for frame in file[DATA]]


def test_the_generated_camera_counts(engine: RunEngine, twin: Twin, tmp_path: Path) -> None:
    paths = StaticPathProvider(StaticFilenameProvider("generated"), tmp_path)
    camera = x01.camera(path_provider=paths, connect=True)
    twin.put(f"{P}CAM:ImageMode", "Multiple")
    documents = ran(engine, bp.count([camera], num=3))
    assert len(documents["event"]) == 3
    with h5py.File(tmp_path / "generated.h5") as file:
        assert file[DATA].shape[0] == 3
