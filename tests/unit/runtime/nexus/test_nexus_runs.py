"""NeXus files of runs of a real RunEngine, compared frame by frame with the files that detectors wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted
from numpy.typing import NDArray
from ophyd_async.core import (
    DetectorTrigger,
    StaticPathProvider,
    TriggerInfo,
    UUIDFilenameProvider,
    init_devices,
    soft_signal_r_and_setter,
)
from ophyd_async.sim import PatternGenerator, SimBlobDetector, SimMotor, SimPointDetector
from scanspec.core import Path as ScanPath
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import (
    BeamWatch,
    Emission,
    FlownDetector,
    FlyScanner,
    SoftwareTriggers,
    Surplus,
    Timing,
    rows_of,
)
from beamwright_runtime.nexus import NexusWriter, Written
from beamwright_runtime.plans import fly_grid, fly_scan, step_scan
from tests.helpers.fly.beamline import TIMING, Beamline, Disturbed
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.recorded import Recorded
from tests.helpers.nexus_documents import tree
from tests.helpers.paths import ROOT

GUIDE = ROOT / "docs" / "nexus.md"


class Brighter(PatternGenerator):
    """Makes each frame brighter than the one before, so that no two are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def generate_point(self, channel: int = 1, high_energy: bool = False) -> float:
        self.taken += 1
        return 0.1 * self.taken


class Simulated:
    """Two motors of ophyd-async, a detector that writes a file while it steps or flies, and one that does not."""

    def __init__(self, engine: RunEngine, folder: Path) -> None:
        async def make() -> None:
            async with init_devices():
                self.x = SimMotor(name="x")
                self.y = SimMotor(name="y")
                paths = StaticPathProvider(UUIDFilenameProvider(), folder)
                self.det = SimBlobDetector(paths, Brighter(), name="det")
                self.i0 = SimPointDetector(Brighter(), 1, name="i0")

        asyncio.run_coroutine_threadsafe(make(), engine.loop).result(10)
        self.run = Recorded()
        self.writer = NexusWriter(folder / "nexus")
        engine.subscribe(self.run)
        engine.subscribe(self.writer)

    @property
    def written(self) -> Written:
        (written,) = self.writer.written
        return written


@pytest.fixture
def disturbed(run_engine: RunEngine) -> Disturbed:
    return Disturbed(run_engine)


@pytest.fixture
def simulated(run_engine: RunEngine, tmp_path: Path) -> Simulated:
    return Simulated(run_engine, tmp_path)


def visited(frames: Sequence[Any], axes: Sequence[Sequence[float]], positions: Sequence[Sequence[float]]) -> Any:
    """Put frames where the positions that were visited with them are among the set points: no index is computed."""
    grid = np.zeros((*map(len, axes), *np.shape(frames[0])), np.asarray(frames).dtype)
    for frame, where in zip(frames, positions, strict=True):
        grid[tuple(int(np.argmin(np.abs(np.asarray(a) - p))) for a, p in zip(axes, where, strict=True))] = frame
    return grid


def check_stepped(simulated: Simulated) -> None:
    """See that all frames and values of a step scan are where its events say the axes were."""
    raw = simulated.run.datasets()
    events = [one["data"] for one in simulated.run.all("event")]
    assert len({int(total) for total in raw["det-sum"]}) == len(events) == 6, "frames must differ"
    positions = [(one["y"], one["x"]) for one in events]
    axes = [[0.0, 1.0], [0.0, 1.0, 2.0]]
    assert simulated.written.problems == []
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        det = file["/entry/instrument/det"]
        assert np.array_equal(det["data"][()], visited(raw["det"], axes, positions))
        assert np.array_equal(det["sum"][()], visited(raw["det-sum"], axes, positions))
        assert np.array_equal(det["files/data_0"][()], raw["det"])
        data = file["/entry/data"]
        assert list(data.attrs["axes"]) == ["y", "x", ".", "."]
        assert [data[axis][()].tolist() for axis in "yx"] == axes
        assert data["x_value"][()].tolist() == [[0, 1, 2]] * 2
        assert data["y_value"][()].tolist() == [[0] * 3, [1] * 3]
        assert data["x"].attrs["units"] == "mm"
        (i0,) = [one for one in ("/entry/i0", "/entry/instrument/i0") if one in file]
        values = visited([one["i0-channel-1-value"] for one in events], axes, positions)
        assert np.array_equal(file[f"{i0}/data"][()], values)


def test_a_step_scan_with_a_detector_that_writes_and_a_monitor(run_engine: RunEngine, simulated: Simulated) -> None:
    spec = Linspace(simulated.y, 0, 1, 2) * ~Linspace(simulated.x, 0, 2, 3)
    run_engine(step_scan([simulated.det], spec, monitors=[simulated.i0]))
    check_stepped(simulated)
    assert simulated.run.start["nexus"]["roles"] == {"det": "detector", "i0": "monitor", "x": "axis", "y": "axis"}
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        assert file["/entry/i0"].attrs["NX_class"] == "NXmonitor"
        assert file["/entry/i0/configuration/channel_1_mode"].asstr()[()] == "Low Energy"
        assert file["/entry/data"].attrs["signal"] == "det"


def test_a_grid_scan_of_bluesky(run_engine: RunEngine, simulated: Simulated) -> None:
    detectors = [simulated.det, simulated.i0]
    run_engine(bp.grid_scan(detectors, simulated.y, 0, 1, 2, simulated.x, 0, 2, 3, snake_axes=True))
    check_stepped(simulated)


def test_points_that_are_taken_again_after_a_pause(run_engine: RunEngine, simulated: Simulated) -> None:
    """bluesky goes back to the last checkpoint: the frame of that point is in the file twice, the second is valid."""
    paused: list[int] = []

    # bluesky looks at the signature, and takes none with types.
    def pause_in_the_middle(detectors, step, pos_cache):  # type: ignore[no-untyped-def]
        yield from bps.checkpoint()
        yield from bps.mv(*(part for pair in step.items() for part in pair))
        yield from bps.trigger_and_read([simulated.det, *step])
        if len(simulated.run.all("event")) == 3 and not paused:
            paused.append(3)
            yield from bps.pause()

    plan = bp.grid_scan([simulated.det], simulated.y, 0, 1, 2, simulated.x, 0, 2, 3, per_step=pause_in_the_middle)
    with pytest.raises(RunEngineInterrupted):
        run_engine(plan)
    run_engine.resume()
    raw = simulated.run.datasets()["det"]
    told = {}
    for datum in simulated.run.all("stream_datum"):
        if datum["stream_resource"] == simulated.run.all("stream_resource")[0]["uid"]:
            seqs, indices = datum["seq_nums"], datum["indices"]
            told.update(zip(range(seqs["start"], seqs["stop"]), range(indices["start"], indices["stop"]), strict=True))
    assert len(raw) > 6
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        frames = file["/entry/data/det"][()].reshape(6, *raw.shape[1:])
    for seq, index in told.items():
        assert np.array_equal(frames[seq - 1], raw[index])


def test_a_count_has_one_dimension(run_engine: RunEngine, simulated: Simulated) -> None:
    run_engine(bp.count([simulated.det, simulated.i0], 3))
    raw = simulated.run.datasets()["det"]
    assert simulated.written.problems == []
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        assert np.array_equal(file["/entry/data/det"][()], raw)
        assert list(file["/entry/data"].attrs["axes"]) == [".", ".", "."]


def test_a_detector_flown_by_ophyd_async_alone(run_engine: RunEngine, simulated: Simulated) -> None:
    det = simulated.det

    @bpp.stage_decorator([det])
    @bpp.run_decorator(md={"num_points": 4, "detectors": ["det"]})
    def fly() -> MsgGenerator[None]:
        info = TriggerInfo(number_of_events=4, trigger=DetectorTrigger.INTERNAL, livetime=0.01, collections_per_event=2)
        yield from bps.prepare(det, info, wait=True)
        yield from bps.declare_stream(det, name="fast", collect=True)
        yield from bps.kickoff(det, wait=True)
        yield from bps.collect_while_completing([det], [det], flush_period=0.1, stream_name="fast")

    run_engine(fly())
    raw = simulated.run.datasets()["det"]
    assert simulated.written.problems == []
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        assert np.array_equal(file["/entry/data/det"][()], raw.reshape(4, 2, *raw.shape[1:]))


def check_flown(run: Recorded, written: Written, spec: Spec[str], cameras: Sequence[str]) -> NDArray[Any]:
    """See that each frame of a fly scan is where its axes were, in all detectors; give the rows of the frames."""
    points = ScanPath(spec.calculate()).consume()
    rows = rows_of(run.segments(), len(points))
    raw = run.datasets()
    assert written.path is not None
    with h5py.File(written.path) as file:
        axes = {axis: file[f"/entry/data/{axis}"][()] for axis in "yx"}
        for camera in cameras:
            fields = file[f"/entry/instrument/{camera}"]
            taken = np.flatnonzero(rows >= 0)
            for index in taken:
                place = tuple(
                    int(np.flatnonzero(np.isclose(axes[axis], points.midpoints[axis][index]))[0]) for axis in "yx"
                )
                assert np.array_equal(fields["data"][place], raw[camera][rows[index]])
                for axis in "yx":
                    assert fields[axis][place] == pytest.approx(points.midpoints[axis][index], abs=1e-6)
            missing = len(points) - len(taken)
            assert fields["data"].attrs.get("frames_missing", 0) == missing
            assert np.count_nonzero(fields["data"][()] == 2**32 - 1) == missing * raw[camera][0].size
    return rows


SNAKED: Spec[str] = Fly(0.02 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 12)))


def pause_when_held(beamline: Beamline) -> Callable[[RunEngine], object]:
    """Pause once the frame after which the triggers wait is on disk."""

    def pause(engine: RunEngine) -> None:
        while beamline.scanner.frames_done != beamline.triggers.hold_after:
            time.sleep(0.001)
        engine.request_pause()

    return pause


def test_a_fly_scan_that_pauses_in_a_row_that_runs_back(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path)
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)
    beamline.triggers.hold_after = 17
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.0, how=pause_when_held(beamline))
    (written,) = writer.written
    assert written.problems == []
    assert [one["reason"] for one in run.segments()] == ["pause", "done"]
    check_flown(run, written, SNAKED, ["det1", "det2"])
    assert run.start["nexus"]["roles"] == {"det1": "detector", "det2": "detector", "x": "axis", "y": "axis"}


@pytest.mark.parametrize(("surplus", "files"), [(Surplus.APPEND, 1), (Surplus.NEW_FILE, 2), (Surplus.OVERWRITE, 1)])
def test_a_fly_scan_that_goes_back_to_when_there_was_beam(
    tmp_path: Path, disturbed: Disturbed, surplus: Surplus, files: int
) -> None:
    current, set_current = soft_signal_r_and_setter(float, 300.0)
    beam = BeamWatch(current, lambda value: value > 100, margin=0.03)
    late = Emission(frames=8) if surplus is Surplus.OVERWRITE else Emission()
    overwrites = surplus is Surplus.OVERWRITE
    beamline = Beamline(tmp_path, overwrites=overwrites, beam=beam, surplus=surplus, emission=late)
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)

    def lose(engine: RunEngine) -> None:
        while beamline.scanner.frames_done < 15:
            time.sleep(0.001)
        engine.loop.call_soon_threadsafe(set_current, 0.0)
        engine.loop.call_soon_threadsafe(lambda: engine.loop.call_later(0.5, set_current, 300.0))

    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.0, how=lose)
    (written,) = writer.written
    assert written.problems == []
    assert run.segments()[0]["reason"] == "beam"
    rows = check_flown(run, written, SNAKED, ["det1", "det2"])
    assert overwrites or rows[-1] > 23, "no frame was taken again"
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert len([name for name in file["/entry/instrument/det1/files"] if name.startswith("data_")]) == files


def test_an_aborted_fly_scan_is_written_with_its_holes(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path)
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)
    beamline.triggers.hold_after = 15
    run = disturbed.fly(
        fly_scan(beamline.scanner, SNAKED, flush_period=0.1),
        0.0,
        how=pause_when_held(beamline),
        then=RunEngine.abort,
    )
    (written,) = writer.written
    assert written.problems == ["the run ended as abort: no reason is given", "9 of 24 frames were not taken"]
    check_flown(run, written, SNAKED, ["det1", "det2"])


def test_a_failed_fly_scan_is_written(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, timing=Timing(stall=1.5, settle=0.3, step=10.0))
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)
    beamline.cameras[1].faults.dead_from = 10
    with pytest.raises(FailedStatus):
        disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1))
    (written,) = writer.written
    assert written.problems[0].startswith("the run ended as fail: ")
    assert "det2" in written.problems[0]
    check_flown(disturbed.run, written, SNAKED, ["det1", "det2"])


def test_a_stream_of_any_name_and_a_faster_detector_and_a_monitor(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, rates=(1, 3))
    first, second = beamline.cameras
    second.flown.role = "monitor"
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, stream="frames", flush_period=0.1))
    (written,) = writer.written
    assert written.problems == []
    raw = run.datasets()
    assert written.path is not None
    with h5py.File(written.path) as file:
        assert file["/entry/det2"].attrs["NX_class"] == "NXmonitor"
        whole = raw[second.name].reshape(2, 12, 3, 2, 3)
        assert np.array_equal(file["/entry/det2/data"][0], whole[0])
        assert np.array_equal(file["/entry/det2/data"][1], whole[1, ::-1])
        assert np.array_equal(file[f"/entry/instrument/{first.name}/data"][1], raw[first.name][:11:-1])


def test_a_detector_of_ophyd_async_flown_by_the_scanner(run_engine: RunEngine, simulated: Simulated) -> None:
    scanner = FlyScanner(
        [FlownDetector(simulated.det)], ExactMotion("x", "y"), SoftwareTriggers(), timing=TIMING, name="scanner"
    )
    run_engine(fly_grid(scanner, Linspace("y", 0, 1, 2), Linspace("x", 0, 2, 3), duration=0.05))
    raw = simulated.run.datasets()["det"]
    rows = rows_of(simulated.run.segments(), 6)
    assert simulated.written.problems == []
    assert simulated.written.path is not None
    with h5py.File(simulated.written.path) as file:
        frames = file["/entry/data/det"][()]
    assert np.array_equal(frames[0], raw[rows[:3]])
    assert np.array_equal(frames[1], raw[rows[:2:-1]])


def test_the_guide_shows_what_is_written(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, rates=(1,))
    (camera,) = beamline.cameras
    camera.set_name("det")
    writer = NexusWriter(tmp_path / "nexus")
    disturbed.engine.subscribe(writer)
    beamline.triggers.hold_after = 17
    told = {"sample": "Si wafer", "beamline": "x01", "nexus": {"units": {"x": "mm", "y": "mm"}}}
    plan = fly_scan(beamline.scanner, SNAKED, flush_period=0.1, metadata=told)
    disturbed.fly(plan, 0.0, how=pause_when_held(beamline))
    (written,) = writer.written
    assert written.path is not None
    with h5py.File(written.path) as file:
        printed = "\n".join(tree(file))
    assert f"```\n{printed}\n```" in GUIDE.read_text(), printed
