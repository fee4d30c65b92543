"""Types that factories and functions give."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import beamwright_generated.beamlines.b01
from bluesky.utils import MsgGenerator

from beamwright_generated.beamlines import b01 as beamline
from beamwright_generated.beamlines.b01 import detector, roots_pump as main_pump, station as the_station
from beamwright_generated.devices.pump import RotaryPump
from beamwright_runtime.plans import ensure_connected


def made() -> MsgGenerator[None]:
    yield from bps.mv(detector().amplification, 1.0, main_pump().rotation, 2.0, the_station().vacuum.rotation, 3.0)
    yield from bps.mv(beamline.roots_pump().rotation, 2.0)
    yield from bps.mv(beamwright_generated.beamlines.b01.roots_pump().rotation, 2.0)


def connected() -> MsgGenerator[None]:
    pump, station = yield from ensure_connected(main_pump, beamline.station())
    yield from bps.mv(pump.rotation, 1.0, station.vacuum.rotation, 1.0)
    one = yield from ensure_connected(beamline.detector)
    yield from bps.mv(one.plate[2].offset, 1.0, one.amplification, 1.0)


async def awaited() -> RotaryPump:
    pump = await main_pump.connect(mock=True)
    await pump.rotation.set(3.0)
    return pump


def chosen(first: bool) -> RotaryPump:
    return main_pump() if first else the_station().vacuum


def given() -> MsgGenerator[None]:
    yield from bps.mv(chosen(True).rotation, 1.0)
    pump = yield from picked()
    yield from bps.mv(pump.rotation, 1.0)


def picked() -> MsgGenerator[RotaryPump]:
    yield from bps.null()
    return main_pump()


def shadowed(main_pump: RotaryPump) -> MsgGenerator[None]:
    roots_pump = main_pump
    yield from bps.mv(roots_pump.rotation, 1.0)
