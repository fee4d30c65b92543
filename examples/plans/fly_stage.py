"""Fly the sample stage, while the PandA captures where it is at the beginning of each frame."""

from __future__ import annotations

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import DetectorTrigger
from ophyd_async.epics import motor
from scanspec.specs import Fly, Linspace

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.panda import PandaBitBus, PandaDevice
from beamwright_runtime import Motor
from beamwright_runtime.fly import FlownDetector, FlyScanner, MotorMotion, SequencerTriggers
from beamwright_runtime.plans import connected, fly_grid, fly_scan

READOUT = 0.002
"""Seconds that the camera needs from one exposure to the next; its driver does not know."""


def stage_scanner(panda: PandaDevice, camera: x01.Camera, x: Motor, y: Motor) -> FlyScanner[motor.Motor]:
    """Join what flies: the stage, whose position starts each row, the PandA, which times its frames, and the camera."""
    triggered = FlownDetector(camera, trigger=DetectorTrigger.EXTERNAL_EDGE, deadtime=READOUT)
    triggers = SequencerTriggers(panda.seq[1], {x: panda.encoder(1), y: panda.encoder(2)})
    return FlyScanner([panda, triggered], MotorMotion([x, y]), triggers)


@connected
def fly_map(
    x: Motor,
    y: Motor,
    panda: PandaDevice,
    camera: x01.Camera,
    width: float,
    height: float,
    columns: int,
    rows: int,
    duration: float = 0.1,
) -> MsgGenerator[str]:
    """Map a rectangle from (0, 0), row by row, there and back; may be paused anywhere.

    :param width: from the middle of the first column to that of the last, in mm.
    :param height: from the first row to the last, in mm.
    :param duration: of each frame, in seconds.
    :return: the run's identifier.
    """
    lines = Linspace(y, 0, height, rows), Linspace(x, 0, width, columns)
    yield from bps.mv(panda.pcap.trig, PandaBitBus.SEQ1_OUTA)
    named = {"plan_name": "fly_map", "nexus": {"reads": {"x": x.name, "y": y.name}}}
    return (yield from fly_grid(stage_scanner(panda, camera, x, y), *lines, duration=duration, metadata=named))


@connected
def fly_angles(
    theta: Motor,
    x: Motor,
    y: Motor,
    panda: PandaDevice,
    camera: x01.Camera,
    turn: float,
    angles: int,
    columns: int,
    duration: float = 0.1,
) -> MsgGenerator[str]:
    """Fly a row of the sample at each of so many angles, all in one run and one file.

    :param turn: from the first angle, which is 0, to the last, in degrees.
    :param columns: 0.05 mm apart.
    :param duration: of each frame, in seconds.
    :return: the run's identifier.
    """
    row = Linspace(x, 0, 0.05 * (columns - 1), columns)
    spec = Linspace(theta, 0, turn, angles) * Fly(duration @ row)
    yield from bps.mv(panda.pcap.trig, PandaBitBus.SEQ1_OUTA)
    named = {"plan_name": "fly_angles"}
    return (yield from fly_scan(stage_scanner(panda, camera, x, y), spec, metadata=named))
