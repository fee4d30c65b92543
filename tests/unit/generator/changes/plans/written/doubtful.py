"""What cannot be proven is left alone and listed; what is something else is passed over."""

from __future__ import annotations

from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from ophyd_async.core import StandardReadable

from beamwright_generated.beamlines import b01
from beamwright_generated.devices.detector import Detector, DetectorMode
from beamwright_generated.devices.pump import Pump, PumpState


class Lens:
    speed = 1.4

    def gain(self) -> float:
        return self.speed


def bare(detector, pump: Any, device: StandardReadable):  # type: ignore[no-untyped-def]
    yield from bps.mv(detector.gain, 1.0, pump.speed, 2.0)
    yield from bps.read(device.gain)  # type: ignore[attr-defined]


def something_else(lens: Lens) -> float:
    speed = np.array([lens.speed, lens.gain()])
    return float(speed.mean())


def bound_twice(pump: Pump, other: object) -> MsgGenerator[None]:
    chosen: Any = pump
    found = pump
    for found in [pump, other]:
        pass
    yield from bps.mv(chosen.speed, 1.0, found.speed, 1.0)
    match other:
        case Pump() as pump:
            yield from bps.mv(pump.speed, 1.0)
        case _:
            pass


def gone(pump: Pump, detector: Detector) -> MsgGenerator[None]:
    state: PumpState = yield from bps.rd(pump.state)
    if state is PumpState.FAULT:
        print((yield from bps.rd(pump.hours)), (yield from bps.rd(detector.temperature)))


def texts(pump: Pump) -> list[str]:
    getattr(pump, "speed")
    b01.devices.factories["main_pump"]
    return ["main_pump-speed", "speed", DetectorMode("Slow"), DetectorMode["SLOW"]]


def either(device: Pump | Detector | Lens) -> None:
    print(device.speed)  # type: ignore[union-attr]


def mixed(pumps: list[Pump], detector: Detector, by_name: dict[str, Pump], key: str) -> None:
    pairs = [(detector, pump) for pump in pumps]
    for first in zip(*pairs):
        print(first[1].speed)
    print((*pumps, detector)[1].speed, by_name.get(key, detector).speed, [*pumps][0].speed)
    match pumps:
        case [Pump(speed=signal), *_]:
            print(signal)


class Pair:
    def __init__(self, pump: Pump, detector: Detector) -> None:
        self.one, self.other = pump, detector

    def use(self) -> None:
        print(self.one.speed, self.other.gain)
