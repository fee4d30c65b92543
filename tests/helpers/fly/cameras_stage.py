"""The sample stage of the simulated x01 in a RunEngine: motor records, a PandA, and two cameras of areaDetector.

Everything is told over Channel Access and PV Access by the processes of a twin.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlparse

import bluesky.plan_stubs as bps
import h5py
import numpy as np
from bluesky import RunEngine
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from numpy.typing import NDArray
from ophyd_async.core import DetectorTrigger, PathProvider, init_devices
from ophyd_async.epics.motor import Motor
from scanspec.specs import Spec

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.nd_file_hdf5 import NDFileHDF5
from beamwright_generated.devices.panda import PandaBitBus, PandaDevice
from beamwright_generated.devices.sim_detector import SimDetector
from beamwright_runtime import AreaDetector
from beamwright_runtime.fly import (
    FlownDetector,
    FlyScanner,
    FlyState,
    MotorMotion,
    Points,
    Scan,
    SequencerTriggers,
    Timing,
    rows_of,
)
from beamwright_twin import Twin, frame_number
from tests.helpers.fly.recorded import Recorded

CAMERAS = ("BL01X-EA-CAM-01:", "BL01X-EA-CAM-02:")
PANDA, PANDA_IOC = "BL01X-EA-PANDA-01:", "BL01X-EA-IOC-02"
STAGE = "BL01X-MO-STAGE-01:"
SIDE = 32
"""Pixels of a frame along and across."""
RAMP = 0.1
"""Seconds that the axes take to reach their velocity."""
READOUT = 0.002
"""Seconds between exposures."""
TIMING = Timing(stall=20.0, settle=0.2, step=15.0)
STAMPS = "/entry/instrument/NDAttributes/NDArrayTimeStamp"
COUNTS = 6e-4
"""Millimetres that a row may be off: a few counts of the encoders."""
TOGETHER = 0.02
"""Seconds within which motor records start that are told to move at the same time."""

T = TypeVar("T")


class SecondCamera(AreaDetector[SimDetector]):
    """A camera that a PULSE block of the PandA triggers."""

    def __init__(self, path_provider: PathProvider, name: str = "") -> None:
        self.hdf5 = NDFileHDF5(f"{CAMERAS[1]}HDF5:")
        super().__init__(SimDetector(f"{CAMERAS[1]}CAM:"), writer=self.hdf5, path_provider=path_provider, name=name)


class Devices:
    """The stage's connected devices, in the one event loop of a process."""

    def __init__(self, engine: RunEngine, paths: PathProvider) -> None:
        self.engine = engine
        with init_devices():
            x, y = x01.stage_x(), x01.stage_y()
            panda = PandaDevice(f"pva://{PANDA}", paths)
            camera, second = x01.Camera(paths), SecondCamera(paths)
        self.x, self.y, self.panda, self.camera, self.second = x, y, panda, camera, second
        self.positions = {x: panda.encoder(1), y: panda.encoder(2)}

    def capture_at(self, source: PandaBitBus, rate: int = 1) -> FlownDetector:
        """Have the PandA capture its encoders at each rise of a bit."""
        self.engine(bps.mv(self.panda.pcap.trig, source))
        return FlownDetector(self.panda, rate, trigger=DetectorTrigger.EXTERNAL_LEVEL)

    def triggered(self, camera: AreaDetector[SimDetector], rate: int = 1) -> FlownDetector:
        """Have a camera expose at edges."""
        return FlownDetector(camera, rate, trigger=DetectorTrigger.EXTERNAL_EDGE, deadtime=READOUT)

    def at_sequencer(self, *axes: Motor, camera: bool = True, timing: Timing | None = None) -> FlyScanner[Motor]:
        """Give a scanner of the PandA and the camera, at the PandA's sequencer."""
        detectors = [self.capture_at(PandaBitBus.SEQ1_OUTA)]
        if camera:
            detectors.append(self.triggered(self.camera))
        triggers = SequencerTriggers(self.panda.seq[1], self.positions)
        return FlyScanner(detectors, MotorMotion(axes), triggers, timing=timing or TIMING)


def set_up(twin: Twin) -> None:
    """Give the axes short ramps and the cameras small frames."""
    for axis in "XY":
        twin.put(f"{STAGE}{axis}.ACCL", RAMP)
        for camera in CAMERAS:
            twin.put(f"{camera}CAM:Size{axis}", SIDE)


class Stage(Devices):
    """The devices, and the twin that they are connected to."""

    def __init__(self, twin: Twin, engine: RunEngine, paths: PathProvider) -> None:
        set_up(twin)
        super().__init__(engine, paths)
        self.twin = twin

    def missed(self) -> list[int]:
        """How many triggers each camera has missed."""
        return [self.twin.camera(camera).missed for camera in CAMERAS]

    @property
    def late(self) -> int:
        """How many motions the PandA has heard of too late to be exact."""
        return int(self.twin.iocs[PANDA_IOC].order("late"))

    def in_time(self, flight: Callable[[], T]) -> T:
        """Fly once more where the twin says that it was not exact, as on a machine that others keep busy."""
        for _ in range(3):
            late = self.late
            try:
                return flight()
            except AssertionError:
                if self.late == late:
                    raise
        return flight()

    @property
    def going_on(self) -> list[str]:
        """What moves, triggers or is armed."""
        looked = {
            "sequencer": f"{PANDA}Seq:1:Active",
            "compare": f"{PANDA}Pcomp:1:Active",
            "capture": f"{PANDA}Pcap:Active",
            "camera": f"{CAMERAS[0]}CAM:Acquire_RBV",
            "second": f"{CAMERAS[1]}CAM:Acquire_RBV",
        }
        return [*self.twin.moving, *(name for name, pv in looked.items() if self.twin.get(pv))]

    def written(self) -> list[int]:
        """How many rows each writer has."""
        counters = [f"{PANDA}Data:NumCaptured", *(f"{camera}HDF5:NumCaptured_RBV" for camera in CAMERAS)]
        return [int(self.twin.get(counter)) for counter in counters]


@dataclass
class Interrupted:
    """Runs a plan of a scanner and interrupts it, each time after so many frames or so many seconds.

    :param moments: scan indices behind which the plan is interrupted, or seconds since it started or went on.
    :param kind: how: `pause`, `defer`, `suspend` or `abort`.
    :param aborts: whether the last pause ends in an abort.
    """

    stage: Stage
    scanner: FlyScanner[Motor]
    moments: Sequence[float] = ()
    kind: str = "pause"
    aborts: bool = False
    rests: int = 0
    run: Recorded = field(default_factory=Recorded)
    _left: list[float] = field(default_factory=list)
    _troubles: list[BaseException] = field(default_factory=list)

    def fly(self, plan: MsgGenerator[object]) -> Recorded:
        """Run it to its end."""
        engine, ended = self.stage.engine, threading.Event()
        self._left = list(self.moments)
        threads = []

        def arm(*_: object) -> None:
            if self._left:
                threads.append(threading.Thread(target=self._interrupt, args=(self._left.pop(0), ended)))
                threads[-1].start()

        token = engine.subscribe(arm, "start")
        try:
            self._go(lambda: engine(plan, self.run))
            while engine.state == "paused":
                self._rest()
                last = self.aborts and not self._left
                arm()
                self._go(engine.abort if last else engine.resume)
        finally:
            engine.unsubscribe(token)
            ended.set()
            for thread in threads:
                thread.join()
        if self._troubles:
            raise self._troubles[0]
        return self.run

    def _interrupt(self, moment: float, ended: threading.Event) -> None:
        engine = self.stage.engine
        if isinstance(moment, int):
            while not ended.wait(0.002) and not (self.scanner.frames_done > moment and self._flies()):
                pass
        else:
            ended.wait(moment)
        if ended.is_set() or engine.state != "running":
            return
        match self.kind:
            case "pause" | "defer":
                engine.request_pause(defer=self.kind == "defer")
            case "suspend":
                engine.request_suspend(self._suspended)
            case "abort":
                engine.abort()

    def _flies(self) -> bool:
        return self.scanner.state is FlyState.RUNNING

    def _go(self, going: Callable[[], object]) -> None:
        try:
            going()
        except RunEngineInterrupted:
            return

    async def _suspended(self) -> None:
        try:
            await asyncio.to_thread(self._rest)
        except BaseException as error:
            self._troubles.append(error)

    def _rest(self) -> None:
        """See that nothing goes on while the plan is paused, and that whoever waits for the scan still does."""
        if self.scanner.state is not FlyState.PAUSED:
            return
        self.rests += 1
        assert self.stage.going_on == []
        before = self.stage.written()
        pending = asyncio.run_coroutine_threadsafe(self._complete(), self.stage.engine.loop)
        try:
            pending.result(0.15)
        except concurrent.futures.TimeoutError:
            pending.cancel()
        else:
            raise AssertionError("the scan was complete while it was paused")
        assert self.stage.written() == before
        assert self.stage.going_on == []

    async def _complete(self) -> None:
        await self.scanner.complete()


def check(run: Recorded, spec: Spec[Motor], taken: int | None = None) -> NDArray[np.int64]:
    """See that each frame of a scan is once in each file, with its pixels and where the axes were; give its rows.

    :param taken: how many frames there are, if not all.
    """
    axes: dict[str, Motor] = {axis.name: axis for axis in spec.axes()}
    scan = Scan(spec, flown=[axis for axis in axes.values() if axis.name in run.start["fly_scan"]["flown_axes"]])
    points = scan.points()
    wanted = len(scan) if taken is None else taken
    rows = rows_of(run.segments(), len(scan))
    assert np.all(rows[:wanted] >= 0)
    assert np.all(rows[wanted:] < 0)
    rows = rows[:wanted]
    rates = {name: one["collections_per_event"] for name, one in run.start["fly_scan"]["detectors"].items()}
    told, data = run.told(), run.datasets()
    assert np.array_equal(rows, np.arange(wanted)), "a pause by a user takes no frame again"
    assert told == wanted
    if not wanted:
        return rows
    for name, axis in axes.items():
        places = data[name.removeprefix("stage_")]
        assert len(places) == told * rates["panda"]
        error = np.abs(places - expected(scan, axis, rates["panda"])[: len(places)])
        assert error.max() < COUNTS + _late(points, axis), f"{name} is misplaced by {error.max():g}"
    for name, rate in rates.items():
        if name in data:
            numbers = np.array([frame_number(frame) for frame in data[name]])
            assert len(numbers) == told * rate
            assert np.array_equal(numbers, numbers[0] + np.arange(len(numbers))), f"{name} lost or repeated a frame"
            assert np.all(data[name][:, 1, 0] == (1 + numbers) % 100), f"{name} has other pixels"
            _check_stamps(run, name, points.gap[:wanted], points.duration[:wanted], rate)
    return rows


def _late(points: Points[Motor], axis: Motor) -> float:
    """Say how far an axis may be off because it starts a little after the one that a sequencer looks at."""
    moving = [float(np.abs(points.velocity(one)).max()) for one in points.midpoints]
    return TOGETHER * min(moving) if axis in points.midpoints and all(moving) else 0.0


def expected(scan: Scan[Motor], axis: Motor, rate: int = 1) -> NDArray[np.float64]:
    """Say where an axis is at each trigger of a detector."""
    if axis in scan.outer_axes:
        steps = [scan.outer_positions(step)[axis] for step in range(scan.steps)]
        return np.repeat(np.array(steps), scan.flight_frames * rate)
    points = scan.points()
    lower, upper = points.lower[axis][:, np.newaxis], points.upper[axis][:, np.newaxis]
    places: NDArray[np.float64] = (lower + (upper - lower) * np.arange(rate) / rate).reshape(-1)
    return places


def _check_stamps(run: Recorded, name: str, gap: NDArray[np.bool_], duration: NDArray[np.float64], rate: int) -> None:
    """See that frames without a gap between them, in the scan or by an interruption, are as far apart as they last."""
    (file,) = {doc["uri"] for doc in run.all("stream_resource") if doc["data_key"] == name}
    with h5py.File(Path(unquote(urlparse(file).path)), "r") as content:
        stamps = content[STAMPS][()].reshape(-1, rate)
    breaks = gap | np.isin(np.arange(len(gap)), [one["start"] for one in run.segments()])
    apart = np.diff(stamps[:, 0])[~breaks[1:]]
    assert np.allclose(apart, duration[:-1][~breaks[1:]], atol=2e-6), f"{name} was not in time"
    assert np.allclose(np.diff(stamps, axis=1), duration[:, np.newaxis] / rate, atol=2e-6), f"{name} was not in time"
