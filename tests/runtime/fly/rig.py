"""A beamline on one clock: axes that move exactly, a trigger source that compares positions, detectors that write HDF5.

Each frame carries the number of its trigger in its pixels, and where the axes were in the middle of its exposure.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from ophyd_async.core import (
    DetectorAcquireLogic,
    DetectorDataLogic,
    DetectorTrigger,
    DetectorTriggerLogic,
    PathProvider,
    SignalRW,
    StandardDetector,
    StaticPathProvider,
    StreamableDataProvider,
    StreamResourceDataProvider,
    StreamResourceInfo,
    UUIDFilenameProvider,
    soft_signal_r_and_setter,
)

from beamwright_runtime.fly import FlownDetector, FlyScanError, MotionLogic, Points, ScanRefusedError
from beamwright_runtime.fly.scan import constant_velocity, run_down, run_up
from tests.runtime.fly.fired import FiredTriggers

SHAPE = (2, 3)


class Stretch(NamedTuple):
    """Motion from one velocity to another at constant acceleration."""

    start: float
    position: float
    velocity: float
    acceleration: float


class Axis:
    """An axis whose position is an exact function of time."""

    def __init__(self, fastest: float, ramp: float) -> None:
        self.fastest = fastest
        self.ramp = ramp
        self._stretches = [Stretch(-math.inf, 0.0, 0.0, 0.0)]

    def at(self, moment: float) -> tuple[float, float]:
        """Position and velocity."""
        one = next(one for one in reversed(self._stretches) if one.start <= moment)
        if math.isinf(one.start):
            return one.position, 0.0
        passed = moment - one.start
        return (
            one.position + one.velocity * passed + one.acceleration * passed**2 / 2,
            one.velocity + one.acceleration * passed,
        )

    @property
    def still_at(self) -> float:
        """When it comes to rest."""
        return self._stretches[-1].start

    def go(self, now: float, target: float, speed: float) -> None:
        """Move from rest."""
        start = self.at(now)[0]
        way = math.copysign(1.0, target - start)
        distance, ramp = abs(target - start), self.ramp
        if speed * ramp > distance:
            ramp = math.sqrt(distance * self.ramp / speed)
            speed = distance / ramp if ramp else 0.0
        cruise = (distance - speed * ramp) / speed if speed else 0.0
        ramped = way * speed * ramp / 2
        acceleration = way * speed / ramp if ramp else 0.0
        self._stretches += [
            Stretch(now, start, 0.0, acceleration),
            Stretch(now + ramp, start + ramped, way * speed, 0.0),
            Stretch(now + ramp + cruise, target - ramped, way * speed, -acceleration),
            Stretch(now + 2 * ramp + cruise, target, 0.0, 0.0),
        ]

    def stop(self, now: float) -> None:
        """Slow down."""
        position, velocity = self.at(now)
        if now >= self.still_at:
            return
        ramp = self.ramp * min(1.0, abs(velocity) / self.fastest)
        self._stretches = [one for one in self._stretches if one.start <= now]
        deceleration = -velocity / ramp if ramp else 0.0
        self._stretches += [
            Stretch(now, position, velocity, deceleration),
            Stretch(now + ramp, position + velocity * ramp / 2, 0.0, 0.0),
        ]


class ExactMotion(MotionLogic[str]):
    """Axes that fly rows at constant velocity."""

    def __init__(self, *names: str, fastest: float = 100.0, ramp: float = 0.05) -> None:
        self.moves = {name: Axis(fastest, ramp) for name in names}
        self.began = 0.0
        self.stuck_in: int | None = None
        self.refused = ""

    @property
    def axes(self) -> Sequence[str]:
        return list(self.moves)

    def position(self, name: str, moment: float) -> float:
        return self.moves[name].at(moment)[0]

    def moving(self, moment: float) -> bool:
        return any(moment < axis.still_at for axis in self.moves.values())

    async def flights(self, points: Points[str]) -> Sequence[Points[str]]:
        if self.refused:
            raise ScanRefusedError(self.refused)
        return constant_velocity(points)

    async def approach(self, flight: Points[str]) -> None:
        now = time.monotonic()
        for name in flight.midpoints:
            axis = self.moves[name]
            axis.go(now, run_up(flight, name, axis.ramp), axis.fastest)
        await self._rest()

    async def start(self, flight: Points[str]) -> None:
        now = time.monotonic()
        for name in flight.midpoints:
            if velocity := abs(float(flight.velocity(name)[0])):
                self.moves[name].go(now, run_down(flight, name, self.moves[name].ramp), velocity)
        ramp = max(axis.ramp for axis in self.moves.values())
        self.began = now + ramp
        if self.stuck_in is not None and flight.start <= self.stuck_in < flight.stop:
            self.stuck_in = None
            stuck_at = self.began + float(flight.duration.sum()) / 2
            asyncio.get_running_loop().call_later(stuck_at - now, self._stop_all)
        await asyncio.sleep(ramp)

    async def finish(self, flight: Points[str]) -> None:
        await self._rest()
        for name in flight.midpoints:
            at = self.position(name, time.monotonic())
            if flight.velocity(name)[0] and abs(at - run_down(flight, name, self.moves[name].ramp)) > 1e-6:
                raise FlyScanError(f"{name} stopped at {at:g}")

    async def stop(self) -> None:
        self._stop_all()
        await self._rest()

    def _stop_all(self) -> None:
        for axis in self.moves.values():
            axis.stop(time.monotonic())

    async def _rest(self) -> None:
        while (left := max(axis.still_at for axis in self.moves.values()) - time.monotonic()) > 0:
            await asyncio.sleep(left)


class Exposure(NamedTuple):
    """What a trigger makes a detector see."""

    number: int
    positions: dict[str, float]


class CompareTriggers(FiredTriggers[str]):
    """Triggers each frame of a row in time, from when the axes pass its start."""

    def __init__(self, motion: ExactMotion, *cameras: Camera, edge: bool = True) -> None:
        super().__init__()
        self.trigger = DetectorTrigger.EXTERNAL_EDGE if edge else DetectorTrigger.EXTERNAL_LEVEL
        self.motion = motion
        self.cameras = cameras
        self.times: list[float] = []
        self.hold_after: int | None = None

    @property
    def started(self) -> float:
        return self.motion.began

    async def _fire(self, flight: Points[str]) -> None:
        starts = self.motion.began + np.concatenate([[0.0], np.cumsum(flight.duration)])
        for start, end in pairwise(starts):
            await asyncio.sleep(start - time.monotonic())
            if self._closed:
                return
            self.times.append(time.monotonic())
            self._sent += 1
            number = len(self.times)
            await asyncio.sleep(end - time.monotonic())
            # Told at the end of the exposure: by then the axes have moved, or somebody stopped them too soon.
            for camera in self.cameras:
                for collection in range(camera.flown.collections_per_event):
                    middle = start + (end - start) * (collection + 0.5) / camera.flown.collections_per_event
                    where = {name: self.motion.position(name, middle) for name in self.motion.axes}
                    camera.expose(Exposure(number, where))
            while number == self.hold_after and not self._closed:
                await asyncio.sleep(0.001)


@dataclass
class Faults:
    """What goes wrong with a camera, by the number of the exposure it has seen."""

    missed: int | None = None
    dead_from: int | None = None


class Camera(StandardDetector):
    """A detector that writes what it is shown to HDF5, some time later."""

    def __init__(
        self, paths: PathProvider, name: str, latency: float = 0.01, per_frame: int = 1, overwrites: bool = False
    ) -> None:
        self.latency = latency
        self.faults = Faults()
        self.flown = FlownDetector(self, per_frame)
        self.files: list[Path] = []
        self.row = 0
        self._left = 0
        self._seen = 0
        self._period = 0.0
        self._internal: asyncio.Task[None] | None = None
        self._motion: ExactMotion | None = None
        self._file: h5py.File | None = None
        self.written, self._set_written = soft_signal_r_and_setter(int)
        self.flush: SignalRW[bool] | None = None
        self.add_detector_logics(
            _Triggers(self), _Acquires(self), (_Overwrites if overwrites else _Writes)(self, paths)
        )
        super().__init__(name)

    def watch(self, motion: ExactMotion) -> None:
        """Look at axes by itself, when it times its own exposures."""
        self._motion = motion

    @property
    def armed(self) -> bool:
        return self._left > 0

    @property
    def writing(self) -> bool:
        return self._file is not None

    def expect(self, exposures: int, period: float) -> None:
        self._left = exposures
        self._period = period

    def expose(self, exposure: Exposure) -> None:
        """See a trigger, if it is armed."""
        self._seen += 1
        if self._left and self._seen != self.faults.missed:
            self._left -= 1
            if self.faults.dead_from is None or self._seen < self.faults.dead_from:
                asyncio.get_running_loop().call_later(self.latency, self.write, exposure)

    def start(self, timed: bool) -> None:
        if timed:
            self._internal = asyncio.create_task(self._expose_all())

    async def _expose_all(self) -> None:
        assert self._motion is not None
        began = time.monotonic()
        for number in range(self._left):
            middle, end = began + (number + 0.5) * self._period, began + (number + 1) * self._period
            await asyncio.sleep(end - time.monotonic())
            self.write(Exposure(0, {name: self._motion.position(name, middle) for name in self._motion.axes}))

    async def idle(self) -> None:
        if self._internal is not None:
            await self._internal

    async def stop(self) -> None:
        self._left = 0
        if self._internal is not None:
            self._internal.cancel()
            await asyncio.wait({self._internal})
            self._internal = None

    def open(self, path: Path) -> None:
        self.files.append(path)
        self._file = h5py.File(path, "w", libver="latest")
        self._file.create_dataset("data", (0, *SHAPE), np.uint32, maxshape=(None, *SHAPE), chunks=(1, *SHAPE))
        for name in ("x", "y"):
            self._file.create_dataset(name, (0,), np.float64, maxshape=(None,), chunks=(1024,))
        self._file.swmr_mode = True
        self.go_to(0)

    def go_to(self, row: int) -> None:
        """Have a row written next."""
        self.row = row
        self._set_written(row)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, exposure: Exposure) -> None:
        """Write a row, if a file is open."""
        if self._file is None:
            return
        row = self.row
        contents = {"data": np.full(SHAPE, exposure.number), **{n: exposure.positions.get(n, 0.0) for n in "xy"}}
        for name, value in contents.items():
            dataset = self._file[name]
            dataset.resize(max(row + 1, len(dataset)), 0)
            dataset[row] = value
            dataset.flush()
        self.go_to(row + 1)


@dataclass
class _Triggers(DetectorTriggerLogic):
    camera: Camera

    def get_deadtime(self, config_values: object) -> float:
        return 0.001

    async def prepare_internal(self, num: int, livetime: float, deadtime: float) -> None:
        self.camera.expect(num, livetime + deadtime)
        self.timed = True

    async def prepare_edge(self, num: int, livetime: float) -> None:
        self.camera.expect(num, livetime)
        self.timed = False

    async def prepare_level(self, num: int) -> None:
        self.camera.expect(num, 0.0)
        self.timed = False

    timed: bool = field(default=False)


@dataclass
class _Acquires(DetectorAcquireLogic):
    camera: Camera

    async def start_acquiring(self) -> None:
        logic = self.camera._trigger_logic
        assert isinstance(logic, _Triggers)
        self.camera.start(logic.timed)

    async def wait_for_idle(self) -> None:
        await self.camera.idle()

    async def ensure_stopped(self) -> None:
        await self.camera.stop()


@dataclass
class _Writes(DetectorDataLogic):
    camera: Camera
    paths: PathProvider

    async def prepare_unbounded(self, datakey_name: str) -> StreamableDataProvider:
        info = self.paths(datakey_name)
        path = Path(info.directory_path) / f"{info.filename}.h5"
        self.camera.open(path)
        image = StreamResourceInfo(
            data_key=datakey_name,
            shape=SHAPE,
            chunk_shape=(1, *SHAPE),
            dtype_numpy=np.dtype(np.uint32).str,
            parameters={"dataset": "/data"},
        )
        positions = [
            StreamResourceInfo(
                data_key=f"{datakey_name}-{name}",
                shape=(),
                chunk_shape=(1024,),
                dtype_numpy=np.dtype(np.float64).str,
                parameters={"dataset": f"/{name}"},
            )
            for name in ("x", "y")
        ]
        uri = f"{info.directory_uri}{info.filename}.h5"
        counted, flush = self.camera.written, self.camera.flush
        return StreamResourceDataProvider(uri, [image, *positions], "application/x-hdf5", counted, flush)

    async def stop(self) -> None:
        self.camera.close()


class _Overwrites(_Writes):
    """Can be told where to go on."""

    async def set_back(self, collections: int) -> None:
        self.camera.go_to(collections)


def paths_in(folder: Path) -> PathProvider:
    """Write each file under a name of its own."""
    return StaticPathProvider(UUIDFilenameProvider(), folder)
