"""The sample stage of the simulated x01 in a scanner: motor records, a PandA and a camera that it triggers.

Everything is told over Channel Access and PV Access by the processes of a twin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky import RunEngine
from numpy.typing import NDArray
from ophyd_async.core import DetectorTrigger, init_devices
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import PosOutScaleOffset
from scanspec.specs import Fly, Linspace, Spec

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.panda import PandaBitBus, PandaDevice
from beamwright_runtime import is_connected
from beamwright_runtime.fly import FlownDetector, FlyScanner, MotorMotion, Scan, SequencerTriggers, Timing, rows_of
from beamwright_twin import Twin, frame_number
from tests.helpers.fly.recorded import Recorded
from tests.helpers.fly.rig import paths_in
from tests.helpers.fly.waiting import until

X, CAMERA, PANDA = "BL01X-MO-STAGE-01:X", "BL01X-EA-CAM-01:", "BL01X-EA-PANDA-01:"
MOTION_IOC, CAMERA_IOC, PANDA_IOC = "BL01X-MO-IOC-01", "BL01X-EA-IOC-01", "BL01X-EA-IOC-02"
TIMING = Timing(stall=4.0, settle=0.5, step=10.0)
ALLOWED = 0.0005
"""Millimetres that a frame may be off, of 0.1 from one to the next: a few counts of the encoders."""
SIDE = 32
"""Pixels of a frame along and across."""


@dataclass
class Stage:
    """The connected devices, and a scanner that owns them."""

    twin: Twin
    engine: RunEngine
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with init_devices():
            x, y = x01.stage_x(), x01.stage_y()
            panda = PandaDevice(f"pva://{PANDA}", paths_in(self.folder))
            camera = x01.Camera(paths_in(self.folder))
        self.x, self.y, self.panda, self.camera = x, y, panda, camera
        self.set_up()
        positions = {
            self.x: PosOutScaleOffset.from_inenc(self.panda, 1),
            self.y: PosOutScaleOffset.from_inenc(self.panda, 2),
        }
        self.scanner = FlyScanner(
            [
                FlownDetector(self.panda, trigger=DetectorTrigger.EXTERNAL_LEVEL),
                FlownDetector(self.camera, trigger=DetectorTrigger.EXTERNAL_EDGE, deadtime=0.002),
            ],
            MotorMotion([self.x, self.y], timeout=5.0),
            SequencerTriggers(self.panda.seq[1], positions),
            **{"timing": TIMING, **self.options},
        )
        self.spec: Spec[Motor] = Fly(0.05 @ (Linspace(self.y, 0, 1, 2) * ~Linspace(self.x, 0, 0.7, 8)))

    def set_up(self) -> None:
        """Set what an IOC that has started anew no longer has, once it is connected."""
        devices = self.x, self.y, self.panda, self.camera
        until(lambda: all(map(is_connected, devices)), "a device")
        for axis in "XY":
            self.twin.put(f"{CAMERA}CAM:Size{axis}", SIDE)
        self.engine(bps.mv(self.panda.pcap.trig, PandaBitBus.SEQ1_OUTA))

    @property
    def at_rest(self) -> bool:
        """Whether no axis moves, nothing is triggered and no detector is armed."""
        return (
            not self.twin.moving
            and not self.twin.get(f"{PANDA}Seq:1:Active")
            and not self.twin.get(f"{PANDA}Pcap:Active")
            and not self.twin.get(f"{CAMERA}CAM:Acquire_RBV")
        )

    def wait_for_frame(self, frame: int) -> None:
        """Wait until the frame before this scan index is on disk."""
        until(lambda: self.scanner.frames_done >= frame, f"frame {frame}")

    def check(self, run: Recorded) -> NDArray[np.int64]:
        """See that documents agree with files, and each frame that segments tell of with where it should be."""
        points = Scan(self.spec, flown={self.x, self.y}).points()
        rows = rows_of(run.segments(), len(points))
        told = run.told()
        data = run.datasets()
        assert all(told <= len(values) for values in data.values()), "documents tell of rows that no file has"
        assert sum(one["rows"] for one in run.segments()) == told
        taken = rows >= 0
        assert np.all(rows[taken] < told)
        for name, axis in (("x", self.x), ("y", self.y)):
            if name in data:
                error = np.abs(data[name][rows[taken]] - points.lower[axis][taken])
                assert error.max(initial=0.0) <= ALLOWED, f"{name} is misplaced"
        if "camera" in data:
            for one in run.segments():
                valid = data["camera"][one["row"] : one["row"] + one["stop"] - one["start"]]
                numbers = [frame_number(frame) for frame in valid]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        return rows
