"""NeXus files from documents made by hand: segments, surplus rows, holes, snakes, and files that are not as told."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scanspec.specs import Ellipse, Fly, Linspace, Spec

from beamwright_runtime.fly import Scan
from beamwright_runtime.nexus import NexusWriter
from tests.helpers.nexus_documents import FRAME, MadeRun, numbers_in

SNAKE: Spec[str] = Fly(0.1 @ (Linspace("y", 0, 1, 3) * ~Linspace("x", 0, 2, 4)))
GRID = [[0, 1, 2, 3], [7, 6, 5, 4], [8, 9, 10, 11]]
"""The scan index of each place of the snake."""


def flown(folder: Path, spec: Spec[str] = SNAKE, **start: Any) -> MadeRun:
    """Begin a fly scan."""
    facts = {**Scan(spec).facts(), "detectors": {"det": {"collections_per_event": 1}}, "segments": "fly_segments"}
    return MadeRun(folder, NexusWriter(folder / "nexus"), fly_scan=facts, motors=["y", "x"], **start)


def test_frames_of_a_snake_stand_in_the_order_of_the_grid(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    run.file("det", range(12))
    run.rows("det", 0, 5)
    run.rows("det", 5, 12)
    written = run.stop()
    assert written.problems == []
    assert numbers_in(written).tolist() == GRID
    assert numbers_in(written, "/entry/instrument/det/data").tolist() == GRID


def test_the_last_valid_row_of_a_frame_counts_and_surplus_is_left_out(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    # Frames 3 to 5 are taken again, and then 5 once more; what is no frame is 99.
    run.segments((0, 6, 0, 6), (3, 6, 6, 5), (5, 12, 11, 7))
    run.file("det", [0, 1, 2, 93, 94, 95, 3, 4, 95, 99, 99, 5, 6, 7, 8, 9, 10, 11])
    run.rows("det", 0, 18)
    written = run.stop()
    assert numbers_in(written).tolist() == GRID
    assert written.problems == []


@pytest.mark.parametrize(("dtype", "fill"), [("u4", 2**32 - 1), ("u1", 255), ("i2", -(2**15)), ("f4", np.nan)], ids=str)
def test_holes_are_filled_with_what_no_detector_reads_and_told(tmp_path: Path, dtype: str, fill: float) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, dtype))
    run.segments((0, 7, 0, 7))
    run.file("det", range(7), dtype)
    run.rows("det", 0, 7)
    written = run.stop("abort", "the user had seen enough")
    expected = np.asarray([[0, 1, 2, 3], [fill, 6, 5, 4], [fill] * 4], dtype)
    assert np.array_equal(numbers_in(written), expected, equal_nan=dtype == "f4")
    assert written.problems == [
        "the run ended as abort: the user had seen enough",
        "5 of 12 frames were not taken",
    ]
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/instrument/det/data"].attrs["frames_missing"] == 5
        assert file["/entry/run/row"][()].tolist() == [[0, 1, 2, 3], [-1, 6, 5, 4], [-1] * 4]
        assert file["/entry/run/problems"].asstr()[()].tolist() == written.problems
        assert file["/entry/run/exit_status"].asstr()[()] == "abort"


def test_a_file_for_each_segment(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 6, 0, 7), (5, 12, 7, 7))
    run.file("det", [0, 1, 2, 3, 4, 95, 99])
    run.rows("det", 0, 7)
    second = run.file("det", range(5, 12))
    run.rows("det", 0, 7, seq=8)
    written = run.stop()
    assert numbers_in(written).tolist() == GRID
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/instrument/det/files/data_1"][:, 0, 0].tolist() == list(range(5, 12))
        link = file.get("/entry/instrument/det/files/data_1", getlink=True)
        assert (link.filename, link.path) == (f"../{second.name}", "/entry/data")


@pytest.mark.parametrize("snaked", [False, True])
def test_several_collections_of_a_frame_have_a_dimension_of_their_own(tmp_path: Path, snaked: bool) -> None:
    fast = ~Linspace("x", 0, 2, 4) if snaked else Linspace("x", 0, 2, 4)
    run = flown(tmp_path, Fly(0.1 @ (Linspace("y", 0, 1, 3) * fast)))
    run.describe(det=(5, "u4"))
    run.segments((0, 12, 0, 12))
    run.file("det", range(60))
    run.rows("det", 0, 12)
    numbers = numbers_in(run.stop())
    first = 5 * np.asarray(GRID if snaked else np.arange(12).reshape(3, 4))
    assert np.array_equal(numbers, first[..., np.newaxis] + np.arange(5))


def test_a_missing_file_is_told_and_found_when_it_comes(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    path = run.file("det", range(12))
    run.rows("det", 0, 12)
    path.rename(tmp_path / "elsewhere.h5")
    written = run.stop()
    assert written.problems == [f"det: {path.name} is missing; links to it wait for it"]
    assert np.all(numbers_in(written) == 2**32 - 1)
    (tmp_path / "elsewhere.h5").rename(path)
    assert numbers_in(written).tolist() == GRID


def test_a_short_file_is_told(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    path = run.file("det", range(10))
    run.rows("det", 0, 12)
    written = run.stop()
    assert written.problems == [f"det: ../{path.name} has 10 frames, the documents say 12"]
    assert numbers_in(written)[2].tolist() == [8, 9, 2**32 - 1, 2**32 - 1]


@pytest.mark.parametrize("broken", ["no HDF5", "no dataset", "a group"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, broken: str) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    path = run.file("det", range(12))
    run.rows("det", 0, 12)
    if broken == "no HDF5":
        path.write_text("a text")
    else:
        with h5py.File(path, "w") as file:
            file.create_group("entry/data" if broken == "a group" else "entry")
    (problem,) = run.stop().problems
    assert problem.startswith("det: /entry/data in det_")
    assert ("cannot be read" in problem) is (broken != "a group")


def test_frames_of_another_shape_are_left_out(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    run.file("det", range(6))
    run.rows("det", 0, 6)
    other = run.file("det", range(6), frame=(4, 4))
    run.rows("det", 0, 6, seq=7)
    written = run.stop()
    assert written.problems == [f"det: frames in ../{other.name} are not like the others"]
    assert numbers_in(written)[2].tolist() == [2**32 - 1] * 4


def test_files_of_another_kind_are_told(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    run.file("det", range(12), mimetype="multipart/related;type=image/tiff")
    run.rows("det", 0, 12)
    written = run.stop()
    (problem,) = written.problems
    assert problem.endswith("is multipart/related;type=image/tiff, only datasets of HDF5 files can be linked")
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert "data" not in file["/entry"]
        assert "default" not in file["/entry"].attrs


def test_a_detector_that_tells_of_no_rows_is_told(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(det=(1, "u4"))
    written = run.stop("fail", "a motor stalled")
    assert written.problems == [
        "the run ended as fail: a motor stalled",
        "12 of 12 frames were not taken",
        "det: the documents have no rows",
    ]


def test_all_of_it_can_be_moved_elsewhere(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    run = flown(before)
    run.describe(det=(1, "u4"))
    run.segments((0, 12, 0, 12))
    run.file("det", range(12))
    run.rows("det", 0, 12)
    written = run.stop()
    before.rename(tmp_path / "after")
    assert written.path is not None
    with h5py.File(tmp_path / "after" / "nexus" / written.path.name) as file:
        assert file["/entry/data/det"][..., 0, 0].tolist() == GRID
        assert file["/entry/instrument/det/files/data_0"].shape == (12, *FRAME)


def test_axes_of_a_grid_have_set_points_read_values_and_units(tmp_path: Path) -> None:
    run = flown(tmp_path)
    run.describe(
        det=(1, "u4"),
        det__x={"source": "", "dtype": "number", "dtype_numpy": "<f8", "shape": [1], "external": "STREAM:"},
        configuration={
            "scanner": {
                "data": {"x-motor_egu": "mm", "x-velocity": 2.0, "y-motor_egu": "um", "det-gain": "high"},
                "data_keys": {"x-velocity": {"units": "mm/s"}},
                "timestamps": {},
            }
        },
    )
    run.segments((0, 12, 0, 12))
    run.file("det", range(12))
    run.rows("det", 0, 12)
    run.file("det-x", range(12), "f8", frame=())
    run.rows("det-x", 0, 12)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        data = file["/entry/data"]
        assert list(data.attrs["axes"]) == ["y", "x", ".", "."]
        assert data["y"][()].tolist() == [0, 0.5, 1]
        assert data["x"][()] == pytest.approx([0, 2 / 3, 4 / 3, 2])
        assert (data.attrs["y_indices"].tolist(), data.attrs["x_indices"].tolist()) == ([0], [1])
        assert data["x_value"][()].tolist() == GRID
        assert data.attrs["x_value_indices"].tolist() == [0, 1]
        assert (data["x"].attrs["units"], data["x_value"].attrs["units"], data["y"].attrs["units"]) == (
            "mm",
            "mm",
            "um",
        )
        x = file["/entry/instrument/x"]
        assert x.attrs["NX_class"] == "NXpositioner"
        assert x["value"] == file["/entry/instrument/det/x"]
        assert (x["configuration/velocity"][()], x["configuration/velocity"].attrs["units"]) == (2.0, "mm/s")
        assert file["/entry/instrument/det/configuration/gain"].asstr()[()] == "high"


def test_axes_that_share_a_dimension(tmp_path: Path) -> None:
    spec: Spec[str] = Fly(0.1 @ Ellipse("x", 0, 4, 1, "y", 0, 4))
    frames = len(Scan(spec))
    run = flown(tmp_path, spec)
    run.describe(det=(1, "u4"))
    run.segments((0, frames, 0, frames))
    run.file("det", range(frames))
    run.rows("det", 0, frames)
    written = run.stop()
    assert numbers_in(written).tolist() == list(range(frames))
    assert written.path is not None
    with h5py.File(written.path) as file:
        data = file["/entry/data"]
        assert list(data.attrs["axes"]) == ["y", ".", "."]
        for axis in "xy":
            assert data.attrs[f"{axis}_indices"].tolist() == [0]
            assert np.array_equal(data[axis], Scan(spec).points().midpoints[axis])


def test_keys_of_a_panda_are_its_own_and_may_be_read_values(tmp_path: Path) -> None:
    roles = {"det": "detector", "panda": "detector", "i0": "monitor"}
    run = flown(tmp_path, detectors=["det", "panda", "i0"], nexus={"roles": roles, "reads": {"INENC1": "x"}})
    scalar = {"source": "", "dtype": "number", "dtype_numpy": "<f8", "shape": [1], "external": "STREAM:"}
    run.describe(det=(1, "u4"), INENC1=scalar, i0__counts=scalar)
    run.segments((0, 12, 0, 12))
    for key in ("det", "INENC1", "i0-counts"):
        run.file(key, range(12), frame=FRAME if key == "det" else ())
        run.rows(key, 0, 12)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/instrument/panda"].attrs["NX_class"] == "NXdetector"
        assert file["/entry/instrument/x/value"] == file["/entry/instrument/panda/INENC1"]
        assert file["/entry/i0"].attrs["NX_class"] == "NXmonitor"
        assert file["/entry/i0/data"][()].tolist() == GRID
        assert file["/entry"].attrs["default"] == "data"
        assert file["/entry/data"].attrs["signal"] == "det"
        assert file["/entry/data_i0_counts"].attrs["signal"] == "i0_counts"


def test_the_signal_may_be_told(tmp_path: Path) -> None:
    run = flown(tmp_path, detectors=["det", "other"], nexus={"signal": "other"})
    run.describe(det=(1, "u4"), other=(1, "u2"))
    run.segments((0, 12, 0, 12))
    for key in ("det", "other"):
        run.file(key, range(12))
        run.rows(key, 0, 12)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/data"].attrs["signal"] == "other"
        assert list(file["/entry/data"].attrs["auxiliary_signals"]) == ["det"]


def stepped(folder: Path, **start: Any) -> MadeRun:
    """Begin a step scan, with as much as bluesky's plans tell."""
    facts = {"motors": ["x"], "detectors": ["det"], "num_points": 3, "hints": {"dimensions": [[["x"], "primary"]]}}
    return MadeRun(folder, NexusWriter(folder / "nexus"), **{**facts, **start})


def test_events_that_come_again_replace_those_before(tmp_path: Path) -> None:
    run = stepped(tmp_path)
    run.describe(x=None, det=None)
    for seq, det in [(1, 10), (2, 99), (2, 11), (3, 12)]:
        run.event(seq, x=0.5 * seq, det=det)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/data/det"][()].tolist() == [10, 11, 12]
        assert file["/entry/data/x"][()].tolist() == [0.5, 1.0, 1.5]
        assert list(file["/entry/data"].attrs["axes"]) == ["x"]


def test_events_of_any_type_are_kept(tmp_path: Path) -> None:
    run = stepped(tmp_path)
    run.describe(x=None, det=None, det__state=None, det__open=None, det__trace=None, det__ragged=None)
    for seq in (1, 2):
        trace = {"det__trace": [seq, 2 * seq], "det__ragged": [0.0] * seq}
        run.event(seq, x=0.5, det=seq, det__state=f"state {seq}", det__open=True, **trace)
    written = run.stop("abort")
    assert "det-ragged: values of events have no common shape, so they are left out" in written.problems
    assert written.path is not None
    with h5py.File(written.path) as file:
        det = file["/entry/instrument/det"]
        assert det["state"].asstr()[()].tolist() == ["state 1", "state 2", ""]
        assert det["trace"][:2].tolist() == [[1, 2], [2, 4]]
        assert det["open"][()].tolist() == [1, 1, -128]
        assert det["data"].attrs["frames_missing"] == 1


@pytest.mark.parametrize(
    ("told", "grid"),
    [
        ({"snaking": [False, True]}, [[0, 1], [3, 2]]),
        ({"snake_axes": "True"}, [[0, 1], [3, 2]]),
        ({"snake_axes": "False"}, [[0, 1], [2, 3]]),
        ({"snake_axes": "[SimMotor('x')]"}, [0, 1, 2, 3]),
        ({"snaking": [True]}, [0, 1, 2, 3]),
        ({"shape": [3, 2], "snaking": [False, True]}, [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_grids_of_bluesky_are_understood_or_left_out(tmp_path: Path, told: Any, grid: Any) -> None:
    hints = {"dimensions": [[["y"], "primary"], [["x"], "primary"]]}
    run = stepped(tmp_path, **{"num_points": 4, "shape": [2, 2], "hints": hints, "motors": ["y", "x"], **told})
    run.describe(x=None, y=None, det=None)
    for number in range(4):
        run.event(number + 1, x=0.0, y=0.0, det=number)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/data/det"][()].tolist() == grid


def test_more_events_than_points_are_all_kept(tmp_path: Path) -> None:
    run = stepped(tmp_path)
    run.describe(x=None, det=None)
    for number in range(5):
        run.event(number + 1, x=float(number), det=number)
    written = run.stop()
    assert written.problems == ["the scan has 3 frames, the documents have 5"]
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/data/det"][()].tolist() == [0, 1, 2, 3, 4]


def test_a_specification_that_cannot_be_read_costs_only_the_set_points(tmp_path: Path) -> None:
    run = stepped(tmp_path, spec={"type": "Unheard of"}, shape=[3])
    run.describe(x=None, det=None)
    for number in range(3):
        run.event(number + 1, x=float(number), det=number)
    written = run.stop()
    (problem,) = written.problems
    assert problem.startswith("the scan specification cannot be read, so set points are left out")
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/data/x"][()].tolist() == [0, 1, 2]


def test_other_streams_are_kept_in_time(tmp_path: Path) -> None:
    run = stepped(tmp_path)
    run.describe(x=None, det=None)
    run.describe(stream="baseline", temperature={"source": "", "dtype": "number", "shape": [], "units": "K"})
    run.event(1, "baseline", temperature=290.5)
    run.event(2, "baseline", temperature=291.5)
    written = run.stop()
    assert written.path is not None
    with h5py.File(written.path) as file:
        baseline = file["/entry/streams/baseline"]
        assert baseline["temperature"][()].tolist() == [290.5, 291.5]
        assert baseline["temperature"].attrs["units"] == "K"
        assert baseline["time"][()].tolist() == [1.0, 2.0]


def test_the_entry_says_what_was_done_by_whom_and_when(tmp_path: Path) -> None:
    told = {"sample": {"name": "Si wafer", "thickness": 0.5}, "user": "A. Curie", "title": "first light"}
    run = stepped(tmp_path, scan_id=7, plan_args={"num": 3}, beamline="x01", proposal="cm-1", **told)
    run.describe(x=None, det=None)
    written = run.stop()
    assert written.path is not None
    assert written.path.name == "7-made-by-.nxs"
    with h5py.File(written.path) as file:
        assert (file.attrs["NX_class"], file.attrs["default"]) == ("NXroot", "entry")
        assert file.attrs["file_name"] == written.path.name
        entry = file["/entry"]
        read = {name: entry[name].asstr()[()] for name in ("title", "entry_identifier", "experiment_identifier")}
        assert read == {"title": "first light", "entry_identifier": "7", "experiment_identifier": "cm-1"}
        assert np.datetime64(entry["end_time"].asstr()[()][:19]) - np.datetime64(
            entry["start_time"].asstr()[()][:19]
        ) == np.timedelta64(60, "s")
        assert (entry["sample/name"].asstr()[()], entry["sample/thickness"][()]) == ("Si wafer", 0.5)
        assert entry["user/name"].asstr()[()] == "A. Curie"
        assert entry["instrument/name"].asstr()[()] == "x01"
        assert entry["run/uid"].asstr()[()] == "made-by-hand"
        assert (entry["run/plan_name"].asstr()[()], entry["run/plan_args"].asstr()[()]) == ("by_hand", '{"num": 3}')


def test_runs_within_each_other_are_kept_apart(tmp_path: Path) -> None:
    outer = stepped(tmp_path)
    writer = outer.writer
    outer.describe(x=None, det=None)
    inner = MadeRun(tmp_path, writer, "inner", motors=["x"], num_points=1, hints={"dimensions": [[["x"], "primary"]]})
    inner.describe(x=None, det=None)
    for number in range(3):
        outer.event(number + 1, x=float(number), det=number)
    inner.event(1, x=5.0, det=50)
    for run, expected in ((inner, [50]), (outer, [0, 1, 2])):
        written = run.stop()
        assert written.path is not None
        with h5py.File(written.path) as file:
            assert file["/entry/data/det"][()].tolist() == expected


def test_what_cannot_be_written_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "nexus").write_text("a file where the folder should be")
    run = stepped(tmp_path)
    run.describe(x=None, det=None)
    with caplog.at_level(logging.ERROR):
        written = run.stop()
    assert written.path is None
    assert written.problems[-1].startswith("made-by-.nxs is not written: ")
    assert [one.message for one in caplog.records] == [f"{tmp_path / 'nexus' / 'made-by-.nxs'} is not written"]


def test_nothing_unfinished_is_left(tmp_path: Path) -> None:
    run = stepped(tmp_path)
    run.describe(x=None, det=None)
    written = run.stop()
    assert list((tmp_path / "nexus").iterdir()) == [written.path]
    broken = stepped(tmp_path, uid="broken", num_points="many")
    broken.describe(x=None, det=None)
    assert broken.stop().path is None
    assert list((tmp_path / "nexus").iterdir()) == [written.path]


def test_without_h5py_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "h5py")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ModuleNotFoundError, match=r"NexusWriter needs h5py, .*: pip install \"beamwright\[nexus\]\"$"):
        NexusWriter(tmp_path)
