"""What type checkers must accept and refuse of fly scans on generated devices; comments mark what to refuse."""

from __future__ import annotations

from typing import assert_type

from bluesky.utils import MsgGenerator
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import PosOutScaleOffset
from scanspec.specs import Fly, Linspace

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.panda import PandaDevice
from beamwright_runtime.fly import FlyScanner, MotorMotion, SequencerTriggers
from beamwright_runtime.plans import ensure_connected, fly_grid, fly_scan, step_scan


def right() -> MsgGenerator[None]:
    """Fly what is generated."""
    x, y, panda = yield from ensure_connected(x01.stage_x, x01.stage_y, x01.panda)
    assert_type(panda, PandaDevice)
    assert_type(panda.encoder(1), PosOutScaleOffset)
    encoders = {x: panda.encoder(1), y: panda.encoder(2)}
    scanner = FlyScanner([panda], MotorMotion([x, y]), SequencerTriggers(panda.seq[1], encoders))
    panda.scan_flyer(1, encoders)
    assert_type((yield from fly_scan(scanner, Fly(0.1 @ Linspace(x, 0, 1, 5)))), str)
    assert_type((yield from fly_grid(scanner, Linspace(y, 0, 1, 2), Linspace(x, 0, 1, 5), duration=0.1)), str)
    assert_type((yield from step_scan([x01.camera()], Linspace(x, 0, 1, 5))), str)


def wrong(x: Motor, panda: PandaDevice, camera: x01.Camera) -> MsgGenerator[None]:
    """Fly in ways that must not pass."""
    panda.encoder("INENC1")  # refused
    SequencerTriggers(panda.seq, {x: panda.encoder(1)})  # refused
    SequencerTriggers(panda.seq[1], {x: panda.inenc[1]})  # refused
    FlyScanner([x], MotorMotion([x]))  # refused
    FlyScanner([camera], MotorMotion([camera]))  # refused
    scanner = FlyScanner([panda], MotorMotion([x]))
    yield from fly_grid(scanner, Linspace(x, 0, 1, 5), duration="0.1")  # refused
    yield from fly_scan(panda, Fly(0.1 @ Linspace(x, 0, 1, 5)))  # refused
    yield from step_scan(camera, Linspace(x, 0, 1, 5))  # refused
