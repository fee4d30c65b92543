"""Triggers and detectors on one clock with axes that move exactly: positions are compared, and HDF5 is written.

Each frame carries the number of its trigger in its pixels, and where the axes were in the middle of its exposure.
"""

from __future__ import annotations

import asyncio
import time
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

from beamwright_runtime.fly import FlownDetector, Points
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.fired import FiredTriggers

SHAPE = (2, 3)


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
