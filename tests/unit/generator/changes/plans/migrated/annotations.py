"""Types that annotations prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Optional

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import DeviceVector

from beamwright_generated.beamlines import b01
from beamwright_generated.devices.detector import Detector, DetectorMode
from beamwright_generated.devices.plate import Plate
from beamwright_generated.devices.pump import RotaryPump as Pump, RotaryPumpState


def parameters(detector: Detector, pump: Pump | None, station: b01.Station) -> MsgGenerator[None]:
    yield from bps.mv(detector.amplification, 2.0, station.detector.amplification, 1.0)  # both gains
    if pump is not None:
        yield from bps.mv(pump.rotation, 10.0)
    yield from bps.mv(station.vacuum.rotation, 10.0)
    yield from bps.mv(detector.mode, DetectorMode.SLOW_SCAN, station.detector.mode, DetectorMode.FAST)


def quoted(pump: "Pump", other: "Optional[Pump]") -> MsgGenerator[None]:
    yield from bps.mv(pump.rotation, 1.0)
    assert other is not None
    yield from bps.mv(other.rotation, 1.0)


def several(pumps: Sequence[Pump], by_name: Mapping[str, Pump], pair: tuple[Detector, Pump]) -> MsgGenerator[None]:
    for pump in pumps:
        yield from bps.mv(pump.rotation, 1.0)
    for name, pump in by_name.items():
        yield from bps.mv(pump.rotation, len(name))
    yield from bps.mv(pumps[0].rotation, 1.0, by_name["main"].rotation, 2.0, pair[1].rotation, 3.0)
    first, *_ = pumps
    detector, last = pair
    yield from bps.mv(detector.amplification, 1.0, last.rotation, 1.0)
    signals = [pump.rotation for pump in pumps if pump is not last]
    for index, (one, other) in enumerate(zip(pumps, reversed(pumps))):
        yield from bps.mv(one.rotation, index, other.rotation, index)
    yield from bps.read(signals[0])


def vectors(detector: Detector, plates: DeviceVector[Plate]) -> MsgGenerator[float]:
    total: float = 0.0
    for plate in detector.plate.values():
        total += yield from bps.rd(plate.beam_current)
    total += yield from bps.rd(detector.plate[1].beam_current)
    total += yield from bps.rd(plates[2].beam_current)
    return total


def variables(anything: Annotated[Detector, "injected"]) -> MsgGenerator[bool]:
    gain, mode = anything.amplification, anything.mode
    plates = anything.plate
    state: RotaryPumpState = yield from bps.rd(b01.roots_pump().state)
    if (plate := plates[1]) is not None:
        yield from bps.rd(plate.beam_current)
    yield from bps.mv(gain, 1.0, mode, DetectorMode.SLOW_SCAN)
    return state is RotaryPumpState.RUNNING
