"""Classes of one's own around generated ones."""

from __future__ import annotations

from dataclasses import dataclass

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import AsyncStatus, soft_signal_rw

from beamwright_generated.devices.detector import Detector
from beamwright_generated.devices.pump import Pump, PumpState


@dataclass
class Vacuum:
    pump: Pump
    spare: Pump | None = None


class QuietPump(Pump):
    """It has a `gain` of its own, which is none of a detector's."""

    def __init__(self, prefix: str = "", name: str = "") -> None:
        super().__init__(prefix, name)
        self.gain = soft_signal_rw(float)

    @AsyncStatus.wrap
    async def run(self) -> None:
        await self.speed.set(10.0)
        if await self.state.get_value() is PumpState.STOPPED:
            await super().speed.set(11.0)


class SilentPump(QuietPump):
    speed_limit: float = 5.0


class Experiment:
    def __init__(self, vacuum: Vacuum, detector: Detector) -> None:
        self.vacuum = vacuum
        self._detector = detector

    @property
    def detector(self) -> Detector:
        return self._detector

    def prepare(self) -> MsgGenerator[None]:
        yield from bps.mv(self.vacuum.pump.speed, 1.0, self._detector.gain, 2.0)
        yield from bps.mv(self.detector.gain, 3.0)

        def inner() -> MsgGenerator[None]:
            yield from bps.mv(self.detector.plate[1].offset, 1.0, self.vacuum.pump.speed, 1.0)

        yield from inner()


def own(pump: QuietPump, silent: SilentPump) -> MsgGenerator[None]:
    yield from bps.mv(pump.speed, 1.0, pump.gain, 1.0, silent.speed, silent.speed_limit, silent.gain, 1.0)
