"""Types that factories and functions give."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import beamwright_generated.beamlines.b01
from bluesky.utils import MsgGenerator

from beamwright_generated.beamlines import b01 as beamline
from beamwright_generated.beamlines.b01 import detector, main_pump, station as the_station
from beamwright_generated.devices.pump import Pump
from beamwright_runtime.plans import ensure_connected


def made() -> MsgGenerator[None]:
    yield from bps.mv(detector().gain, 1.0, main_pump().speed, 2.0, the_station().pump.speed, 3.0)
    yield from bps.mv(beamline.main_pump().speed, 2.0)
    yield from bps.mv(beamwright_generated.beamlines.b01.main_pump().speed, 2.0)


def connected() -> MsgGenerator[None]:
    pump, station = yield from ensure_connected(main_pump, beamline.station())
    yield from bps.mv(pump.speed, 1.0, station.pump.speed, 1.0)
    one = yield from ensure_connected(beamline.detector)
    yield from bps.mv(one.plate[2].offset, 1.0, one.gain, 1.0)


async def awaited() -> Pump:
    pump = await main_pump.connect(mock=True)
    await pump.speed.set(3.0)
    return pump


def chosen(first: bool) -> Pump:
    return main_pump() if first else the_station().pump


def given() -> MsgGenerator[None]:
    yield from bps.mv(chosen(True).speed, 1.0)
    pump = yield from picked()
    yield from bps.mv(pump.speed, 1.0)


def picked() -> MsgGenerator[Pump]:
    yield from bps.null()
    return main_pump()


def shadowed(main_pump: Pump) -> MsgGenerator[None]:
    roots_pump = main_pump
    yield from bps.mv(roots_pump.speed, 1.0)
