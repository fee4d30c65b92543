"""The camera of a running twin without ophyd-async: triggers from outside, pauses, faults, and kinds of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beamwright_twin import Twin, TwinError, frame_number
from beamwright_twin.processes.camera_control import CameraControl
from tests.helpers.areadetector import (
    ATTRIBUTES,
    DATA,
    P,
    captured,
    end_capture,
    plain,
    put,
    start_capture,
    wait_for,
    wait_until,
)
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP

pytestmark = ON_X01_IN_ONE_LOOP

WAITING = 7


@pytest.fixture(autouse=True)
def camera(twin: Twin) -> Iterator[None]:
    """The camera with short exposures and small frames, and afterwards as it was found."""
    frames = {"CAM:AcquireTime": 0.02, "CAM:AcquirePeriod": 0.03, "CAM:SizeX": 64, "CAM:SizeY": 48}
    put(twin, {"CAM:ImageMode": "Multiple", "CAM:ArrayCallbacks": 1, **frames})
    yield
    end_capture(twin)
    defaults = {"CAM:SizeX": 1024, "CAM:SizeY": 1024, "CAM:DataType": "UInt8", "CAM:ColorMode": "Mono"}
    put(twin, {"CAM:ImageMode": "Multiple", "CAM:NumImages": 1, **defaults})


# External triggers


@pytest.fixture
def triggered(twin: Twin, tmp_path: Path) -> Iterator[CameraControl]:
    """The camera in its external trigger mode, acquiring for as long as it is triggered, into `captured.h5`."""
    start_capture(twin, tmp_path, "captured")
    twin.put(f"{P}CAM:TriggerMode", "External")
    twin.put(f"{P}CAM:ImageMode", "Continuous")
    twin.put(f"{P}CAM:Acquire", 1)
    wait_for(twin, "CAM:DetectorState_RBV", WAITING)
    yield twin.camera(f"{P}CAM:")
    twin.put(f"{P}CAM:Acquire", 0)
    twin.put(f"{P}CAM:TriggerMode", "Internal")
    twin.put(f"{P}CAM:ImageMode", "Multiple")
    end_capture(twin)


def test_triggers_make_frames_at_exact_times(triggered: CameraControl, twin: Twin, tmp_path: Path) -> None:
    start = twin.clock.now()
    times = [start + offset for offset in (0.1, 0.15, 0.4, 0.43)]
    triggered.trigger(*times)
    numbers, stamps = captured(twin, tmp_path / "captured.h5", 4)
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert np.diff(stamps) == pytest.approx(np.diff(times), abs=1e-6)


def test_a_trigger_during_an_exposure_is_missed(triggered: CameraControl, twin: Twin, tmp_path: Path) -> None:
    missed, start = triggered.missed, twin.clock.now()
    # Exposures last 20 ms; a trigger at their very end is in time.
    triggered.trigger(*(start + offset for offset in (0.1, 0.11, 0.12, 0.14, 0.159)))
    captured(twin, tmp_path / "captured.h5", 3)
    wait_until(lambda: triggered.missed == missed + 2)


def test_triggers_that_are_told_late_count_as_in_time(triggered: CameraControl, twin: Twin, tmp_path: Path) -> None:
    end = twin.clock.now() + 0.2
    wait_until(lambda: twin.clock.now() > end)
    triggered.trigger(*(end - 0.2 + 0.03 * number for number in range(5)))
    _, stamps = captured(twin, tmp_path / "captured.h5", 5)
    assert np.diff(stamps) == pytest.approx([0.03] * 4, abs=1e-6)


def test_a_trigger_while_nothing_is_acquired_is_missed(twin: Twin) -> None:
    control = twin.camera("SIM1")
    missed, counted = control.missed, twin.get(f"{P}CAM:ArrayCounter_RBV")
    control.trigger(twin.clock.now())
    wait_until(lambda: control.missed == missed + 1)
    assert twin.get(f"{P}CAM:ArrayCounter_RBV") == counted


# Pausing


def test_a_pause_leaves_the_file_open_and_the_numbers_go_on(twin: Twin, tmp_path: Path) -> None:
    start_capture(twin, tmp_path, "paused")
    twin.put(f"{P}CAM:ImageMode", "Continuous")
    twin.put(f"{P}CAM:Acquire", 1)
    wait_until(lambda: twin.get(f"{P}HDF5:NumCaptured_RBV") >= 3)
    twin.put(f"{P}CAM:Acquire", 0)
    wait_for(twin, "CAM:AcquireBusy", 0)
    before = twin.get(f"{P}HDF5:NumCaptured_RBV")
    assert twin.get(f"{P}HDF5:Capture_RBV") == 1
    twin.put(f"{P}CAM:ImageMode", "Multiple")
    twin.put(f"{P}CAM:NumImages", 4)
    twin.put(f"{P}CAM:Acquire", 1)
    numbers, stamps = captured(twin, tmp_path / "paused.h5", before + 4)
    assert numbers == list(range(numbers[0], numbers[0] + before + 4))
    assert (np.diff(stamps) > 0).all()
    end_capture(twin)


# Faults


def test_a_lost_frame_is_a_gap_in_the_numbers(triggered: CameraControl, twin: Twin, tmp_path: Path) -> None:
    lost, start = triggered.lost, twin.clock.now()
    triggered.lose(1)
    triggered.trigger(start + 0.1)
    wait_until(lambda: triggered.lost == lost + 1)
    triggered.trigger(start + 0.2, start + 0.3)
    numbers, _ = captured(twin, tmp_path / "captured.h5", 2)
    assert numbers[1] == numbers[0] + 1
    assert twin.get(f"{P}CAM:NumImagesCounter_RBV") == 3


def test_a_late_frame_is_waited_for_when_it_is_asked_for(twin: Twin, tmp_path: Path) -> None:
    start_capture(twin, tmp_path, "late")
    twin.put(f"{P}CAM:WaitForPlugins", 1)
    twin.put(f"{P}CAM:ImageMode", "Single")
    twin.camera(f"{P}CAM:").delay(0.6)
    twin.put(f"{P}CAM:Acquire", 1)
    wait_for(twin, "CAM:NumQueuedArrays", 1)
    wait_for(twin, "CAM:Acquire_RBV", 0)
    assert (twin.get(f"{P}CAM:AcquireBusy"), twin.get(f"{P}HDF5:NumCaptured_RBV")) == (1, 0)
    wait_for(twin, "CAM:AcquireBusy", 0)
    assert (twin.get(f"{P}CAM:NumQueuedArrays"), twin.get(f"{P}HDF5:NumCaptured_RBV")) == (0, 1)
    twin.put(f"{P}CAM:WaitForPlugins", 0)
    end_capture(twin)


def test_a_stuck_camera_goes_on_when_it_is_free(twin: Twin) -> None:
    twin.put(f"{P}CAM:ImageMode", "Multiple")
    twin.put(f"{P}CAM:NumImages", 2)
    counted = twin.get(f"{P}CAM:ArrayCounter_RBV")
    with twin.failing(f"{P}CAM:Acquire", "stuck"):
        twin.put(f"{P}CAM:Acquire", 1)
        later = twin.clock.now() + 0.5
        wait_until(lambda: twin.clock.now() > later)
        assert twin.get(f"{P}CAM:AcquireBusy") == 1
        assert twin.get(f"{P}CAM:ArrayCounter_RBV") == counted
    wait_for(twin, "CAM:AcquireBusy", 0)
    assert twin.get(f"{P}CAM:ArrayCounter_RBV") == counted + 2


def test_a_full_disk_is_a_write_error_and_frames_are_not_counted(
    triggered: CameraControl, twin: Twin, tmp_path: Path
) -> None:
    triggered.trigger(twin.clock.now())
    captured(twin, tmp_path / "captured.h5", 1)
    with twin.failing(f"{P}HDF5:Capture", "full"):
        triggered.trigger(twin.clock.now())
        wait_for(twin, "HDF5:WriteStatus", 1)
        assert "No space left" in plain(twin.get(f"{P}HDF5:WriteMessage"))
    triggered.trigger(twin.clock.now())
    numbers, _ = captured(twin, tmp_path / "captured.h5", 2)
    assert numbers[1] == numbers[0] + 2


@pytest.mark.parametrize("fault", ["slow", "stuck"])
def test_a_flush_takes_long(triggered: CameraControl, twin: Twin, tmp_path: Path, fault: str) -> None:
    triggered.trigger(twin.clock.now())
    wait_for(twin, "HDF5:NumCaptured_RBV", 1)
    with twin.failing(f"{P}HDF5:Capture", fault):
        asked = twin.clock.now()
        twin.put(f"{P}HDF5:FlushNow", 1)
        assert twin.get(f"{P}HDF5:FlushNow") == 1
        triggered.trigger(twin.clock.now())
        wait_for(twin, "HDF5:NumCaptured_RBV", 2)
        if fault == "slow":
            wait_for(twin, "HDF5:FlushNow", 0)
            assert twin.clock.now() >= asked + 1
        else:
            assert twin.get(f"{P}HDF5:FlushNow") == 1
    wait_for(twin, "HDF5:FlushNow", 0)
    assert len(captured(twin, tmp_path / "captured.h5", 2)[0]) == 2


def test_a_folder_that_cannot_be_written_ends_the_capture(twin: Twin) -> None:
    start_capture(twin, Path("/proc"), "never")
    twin.put(f"{P}CAM:ImageMode", "Single")
    twin.put(f"{P}CAM:Acquire", 1)
    wait_for(twin, "HDF5:Capture_RBV", 0)
    assert twin.get(f"{P}HDF5:WriteStatus") == 1
    assert plain(twin.get(f"{P}HDF5:FullFileName_RBV")) == "/proc/never.h5"
    assert "/proc/never.h5" in plain(twin.get(f"{P}HDF5:WriteMessage"))


def test_faults_that_there_are_not(twin: Twin) -> None:
    with pytest.raises(TwinError, match="no fault 'tired'"), twin.failing(f"{P}CAM:Acquire", "tired"):
        raise AssertionError
    with pytest.raises(TwinError, match="no camera NOTHING"):
        twin.camera("NOTHING")


# Files


def shoot(twin: Twin, frames: int = 1) -> None:
    """Take frames, and wait until they have been everywhere."""
    put(twin, {"CAM:ImageMode": "Multiple", "CAM:NumImages": frames, "CAM:Acquire": 1})
    wait_for(twin, "CAM:AcquireBusy", 0)


@pytest.mark.parametrize("dtype", ["Int8", "UInt16", "Int64", "Float32", "Float64"])
def test_frames_have_the_size_and_the_type_that_is_asked_for(twin: Twin, tmp_path: Path, dtype: str) -> None:
    put(twin, {"CAM:DataType": dtype, "CAM:SizeX": 40, "CAM:SizeY": 30, "CAM:BinY": 3, "CAM:MinX": 7})
    start_capture(twin, tmp_path, "sizes")
    shoot(twin, 2)
    end_capture(twin)
    put(twin, {"CAM:BinY": 1, "CAM:MinX": 0})
    assert [twin.get(f"{P}CAM:ArraySize{axis}_RBV") for axis in "XY"] == [40, 30]
    with h5py.File(tmp_path / "sizes.h5") as file:
        assert file[DATA].shape == (2, 10, 40)
        assert file[DATA].dtype == np.dtype(dtype.lower())
        numbers = [frame_number(frame) for frame in file[DATA]]
        assert numbers == list(file[f"{ATTRIBUTES}/NDArrayUniqueId"])
        # The slope goes on where the number ends: the sensor's column 7 is the frame's first.
        assert list(file[DATA][0][0][4:8]) == [(7 + column + numbers[0]) % 100 for column in range(4, 8)]


def test_color_frames_have_three_values_in_a_pixel(twin: Twin, tmp_path: Path) -> None:
    put(twin, {"CAM:ColorMode": "RGB1"})
    start_capture(twin, tmp_path, "color")
    shoot(twin)
    end_capture(twin)
    assert [twin.get(f"{P}HDF5:ArraySize{axis}_RBV") for axis in "012"] == [3, 64, 48]
    with h5py.File(tmp_path / "color.h5") as file:
        assert file[DATA].shape == (1, 48, 64, 3)
        assert list(file["/entry/instrument/detector/NDAttributes/ColorMode"]) == [2]
        assert frame_number(file[DATA][0]) == twin.get(f"{P}CAM:ArrayCounter_RBV")


def test_single_files_are_numbered(twin: Twin, tmp_path: Path) -> None:
    text = {"FilePath": str(tmp_path), "FileName": "one", "FileTemplate": "%s%s_%4.4d.h5", "FileWriteMode": "Single"}
    put(twin, {f"HDF5:{record}": value for record, value in text.items()})
    put(twin, {"HDF5:EnableCallbacks": 1, "HDF5:AutoIncrement": 1, "HDF5:FileNumber": 3})
    shoot(twin)
    first = twin.get(f"{P}CAM:ArrayCounter_RBV")
    put(twin, {"HDF5:WriteFile": 1, "HDF5:AutoSave": 1})
    shoot(twin)
    put(twin, {"HDF5:AutoSave": 0})
    for name, number in (("one_0003.h5", first), ("one_0004.h5", first + 1)):
        with h5py.File(tmp_path / name) as file:
            assert [frame_number(frame) for frame in file[DATA]] == [number]
    assert plain(twin.get(f"{P}HDF5:FullFileName_RBV")) == f"{tmp_path}/one_0004.h5"
    assert twin.get(f"{P}HDF5:FileNumber_RBV") == 5


def test_captured_frames_are_written_when_it_is_asked_for(twin: Twin, tmp_path: Path) -> None:
    text = {"FilePath": str(tmp_path), "FileName": "kept", "FileTemplate": "%s%s.h5", "FileWriteMode": "Capture"}
    put(twin, {f"HDF5:{record}": value for record, value in text.items()})
    put(twin, {"HDF5:EnableCallbacks": 1, "HDF5:NumCapture": 3, "HDF5:Capture": 1})
    shoot(twin, 5)
    wait_for(twin, "HDF5:Capture_RBV", 0)
    assert twin.get(f"{P}HDF5:NumCaptured_RBV") == 3
    assert not (tmp_path / "kept.h5").exists()
    put(twin, {"HDF5:WriteFile": 1})
    with h5py.File(tmp_path / "kept.h5") as file:
        assert file[DATA].shape[0] == 3


def test_a_file_that_is_not_finished_has_another_name(twin: Twin, tmp_path: Path) -> None:
    put(twin, {"HDF5:TempSuffix": ".part"})
    start_capture(twin, tmp_path, "done")
    shoot(twin)
    assert [file.name for file in tmp_path.iterdir()] == ["done.h5.part"]
    end_capture(twin)
    put(twin, {"HDF5:TempSuffix": ""})
    assert [file.name for file in tmp_path.iterdir()] == ["done.h5"]


def test_without_lazy_open_a_first_frame_has_to_be_there(twin: Twin, tmp_path: Path) -> None:
    start_capture(twin, tmp_path, "lazy")
    shoot(twin)
    end_capture(twin)
    text = {"HDF5:FileName": "eager", "HDF5:LazyOpen": 0, "HDF5:Capture": 1}
    put(twin, text)
    assert (tmp_path / "eager.h5").exists()
    assert twin.get(f"{P}HDF5:SWMRActive_RBV") == 1
    end_capture(twin)
    assert twin.get(f"{P}HDF5:SWMRActive_RBV") == 0


LAYOUT = """<hdf5_layout auto_ndattr_default="false"><group name="run">
<attribute name="made_by" source="constant" value="twin" type="string"/>
<dataset name="frames" source="detector" det_default="true"/>
<dataset name="numbers" source="ndattribute" ndattribute="NDArrayUniqueId"/>
<dataset name="version" source="constant" value="3" type="int"/>
<hardlink name="again" target="/run/frames"/>
</group></hdf5_layout>"""


def test_a_layout_says_where_everything_is(twin: Twin, tmp_path: Path) -> None:
    start_capture(twin, tmp_path, "layout")
    end_capture(twin)
    put(twin, {"HDF5:XMLFileName": LAYOUT})
    assert twin.get(f"{P}HDF5:XMLValid_RBV") == 1
    put(twin, {"HDF5:Capture": 1})
    shoot(twin, 2)
    end_capture(twin)
    with h5py.File(tmp_path / "layout.h5") as file:
        assert set(file["run"]) == {"frames", "numbers", "version", "again"}
        assert file["run/again"].shape == file["run/frames"].shape == (2, 48, 64)
        assert list(file["run/numbers"]) == [frame_number(frame) for frame in file["run/frames"]]
        assert (file["run/version"][()], file["run"].attrs["made_by"]) == (3, "twin")
    put(twin, {"HDF5:XMLFileName": "<hdf5_layout><group/>"})
    assert twin.get(f"{P}HDF5:XMLValid_RBV") == 0
    assert "not a layout" in plain(twin.get(f"{P}HDF5:XMLErrorMsg_RBV"))
    put(twin, {"HDF5:XMLFileName": ""})
    assert twin.get(f"{P}HDF5:XMLValid_RBV") == 1


def test_attributes_are_those_of_the_moment(twin: Twin, tmp_path: Path) -> None:
    own, other = f"{P}CAM:Gain", "SR01-DI-RING-01:CURRENT"
    attributes: list[dict[str, Any]] = [
        {"name": "Gain", "type": "EPICS_PV", "source": own, "dbrtype": "DBR_DOUBLE"},
        {"name": "Time", "type": "PARAM", "source": "ACQ_TIME", "datatype": "DOUBLE"},
        {"name": "Where", "type": "CONST", "source": "here", "datatype": "STRING"},
        {"name": "Ring", "type": "EPICS_PV", "source": other, "dbrtype": "DBR_FLOAT"},
    ]
    lines = ("<Attribute " + " ".join(f'{key}="{value}"' for key, value in one.items()) + "/>" for one in attributes)
    file = tmp_path / "attributes.xml"
    file.write_text(f"<Attributes>{''.join(lines)}</Attributes>")
    twin.put(other, 250)
    put(twin, {"CAM:NDAttributesFile": str(file), "CAM:Gain": 2})
    assert twin.get(f"{P}CAM:NDAttributesStatus") == 0
    start_capture(twin, tmp_path, "attributes")
    shoot(twin)

    def has_current() -> bool:
        shoot(twin)
        put(twin, {"HDF5:FlushNow": 1})
        with h5py.File(tmp_path / "attributes.h5", swmr=True) as content:
            return float(content[f"{ATTRIBUTES}/Ring"][-1]) == 250

    # The ring's record is in another IOC, which is asked over PVA.
    wait_until(has_current, "the current")
    put(twin, {"CAM:Gain": 5})
    shoot(twin)
    put(twin, {"CAM:NDAttributesFile": f"{tmp_path}/none.xml"})
    assert twin.get(f"{P}CAM:NDAttributesStatus") == 1
    end_capture(twin)
    put(twin, {"CAM:NDAttributesFile": ""})
    with h5py.File(tmp_path / "attributes.h5") as content:
        found = {name: content[f"{ATTRIBUTES}/{name}"] for name in ("Gain", "Time", "Where", "Ring")}
        assert {name: dataset.dtype for name, dataset in found.items()} == {
            "Gain": np.float64,
            "Time": np.float64,
            "Where": np.dtype("S40"),
            "Ring": np.float32,
        }
        assert (found["Gain"][0], found["Gain"][-1], found["Time"][-1], found["Where"][-1]) == (2, 5, 0.02, b"here")


# Plugins


def test_a_region_is_what_its_readbacks_say(twin: Twin, tmp_path: Path) -> None:
    wanted = {"MinX": 60, "SizeX": 20, "MinY": 8, "SizeY": 9, "BinY": 2, "DataTypeOut": "UInt16", "EnableCallbacks": 1}
    put(twin, {f"ROI:{record}": value for record, value in wanted.items()})
    put(twin, {"HDF5:NDArrayPort": "ROI1", "STAT:NDArrayPort": "ROI1", "STAT:EnableCallbacks": 1})
    put(twin, {"STAT:ComputeStatistics": 1})
    start_capture(twin, tmp_path, "region")
    shoot(twin)
    end_capture(twin)
    put(twin, {"HDF5:NDArrayPort": "SIM1", "STAT:NDArrayPort": "SIM1", "ROI:EnableCallbacks": 0})
    assert [twin.get(f"{P}ROI:{name}_RBV") for name in ("MinX", "SizeX", "MinY", "SizeY")] == [60, 4, 8, 9]
    assert [twin.get(f"{P}ROI:ArraySize{axis}_RBV") for axis in "XY"] == [4, 4]
    number = twin.get(f"{P}CAM:ArrayCounter_RBV")
    rows, columns = np.arange(8, 16)[:, None], np.arange(60, 64)
    frame = (rows + columns + number) % 100
    with h5py.File(tmp_path / "region.h5") as file:
        assert file[DATA].dtype == np.uint16
        assert (file[DATA][0] == frame[::2] + frame[1::2]).all()
    assert twin.get(f"{P}STAT:Total_RBV") == frame.sum()


def test_statistics_are_those_of_the_frame(twin: Twin, tmp_path: Path) -> None:
    wanted = ("EnableCallbacks", "ComputeStatistics", "ComputeCentroid", "ComputeProfiles", "ComputeHistogram")
    put(twin, {f"STAT:{record}": 1 for record in wanted})
    put(twin, {"STAT:CentroidThreshold": 50, "STAT:BgdWidth": 2, "STAT:CursorX": 5, "STAT:CursorY": 6})
    start_capture(twin, tmp_path, "statistics")
    shoot(twin)
    end_capture(twin)
    with h5py.File(tmp_path / "statistics.h5") as file:
        frame = file[DATA][0].astype(float)
    inside = frame[2:-2, 2:-2]
    edge = (frame.sum() - inside.sum()) / (frame.size - inside.size)
    bright = np.where(frame >= 50, frame, 0)
    expected = {
        "MinValue_RBV": frame.min(),
        "MaxValue_RBV": frame.max(),
        "MeanValue_RBV": frame.mean(),
        "Sigma_RBV": frame.std(),
        "Total_RBV": frame.sum(),
        "Net_RBV": frame.sum() - edge * frame.size,
        "CentroidX_RBV": (bright.sum(axis=0) * np.arange(64)).sum() / bright.sum(),
        "CentroidY_RBV": (bright.sum(axis=1) * np.arange(48)).sum() / bright.sum(),
        "CursorVal": frame[6, 5],
        "HistBelow_RBV": 0,
    }
    assert {name: twin.get(f"{P}STAT:{name}") for name in expected} == pytest.approx(expected)
    assert twin.get(f"{P}STAT:ProfileAverageX_RBV")[:64] == pytest.approx(frame.mean(axis=0))
    assert sum(twin.get(f"{P}STAT:Histogram_RBV")) == frame.size
