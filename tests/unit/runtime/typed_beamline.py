"""What type checkers must accept and refuse of a generated beamline; a comment marks each line they must refuse."""

from __future__ import annotations

from typing import assert_type

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import PathProvider, SignalR, SignalRW
from ophyd_async.epics import adcore, motor

from beamwright_runtime import Beamline, DeviceFactory, Motor, MotorMode, Policy, device_factory
from tests.helpers.example_devices import Camera, SimDetector, SimDetectorSimMode

devices = Beamline("x01")


@devices.factory(policy=Policy.EAGER, timeout=5)
def stage_x() -> Motor:
    """Sample stage, horizontal."""
    return Motor("BL01X-MO-STAGE-01:X")


@devices.factory(policy=Policy.LAZY, optional=True)
def camera(path_provider: PathProvider) -> Camera:
    """Simulated camera."""
    return Camera(path_provider)


@device_factory(policy=Policy.EXPLICIT, optional=True, timeout=2.5, mock=True, skip=lambda: True)
def stage_y() -> Motor:
    """Sample stage, vertical."""
    return Motor("BL01X-MO-STAGE-01:Y")


assert_type(stage_x(), Motor)
assert_type(stage_x(connect=True), Motor)
assert_type(stage_x, DeviceFactory[Motor])
assert_type(stage_y, DeviceFactory[Motor])
assert_type(stage_y(connect=True, mock=True), Motor)
assert_type(camera(connect=True, mock=True, timeout=3.0), Camera)
assert_type(camera().driver, SimDetector)
assert_type(camera().driver.sim_mode, SignalRW[SimDetectorSimMode])
assert_type(camera().driver.acquire_time, SignalRW[float])
assert_type(camera().stat.centroid_x, SignalR[float])
assert_type(camera().hdf5.swmr_mode, SignalRW[bool])
assert_type(stage_x().moving, SignalR[int])
detector: adcore.AreaDetector[SimDetector] = camera()
axis: motor.Motor = stage_x()


def align() -> MsgGenerator[None]:
    """Use devices as plans do."""
    yield from bps.mv(stage_x(), 1.0, camera().driver.gain, 2.0)


async def wrong() -> None:
    """Use devices in ways that must not pass."""
    await camera().driver.sim_mode.set("Peak")  # refused
    await camera().driver.sim_mode.set(MotorMode.GO)  # refused
    await camera().stat.centroid_x.set(1.0)  # refused
    await camera().driver.gain_x.get_value()  # refused
    stage_x(connect="yes")  # refused
    Camera("BL01X-EA-CAM-01:")  # refused


@devices.factory(policy="eager")  # refused
def mistaken() -> Motor:
    """Names its policy as text."""
    return Motor("X")


@devices.factory(skip="yes", mock="no")  # refused
def skipped() -> Motor:
    """Says yes and no as text."""
    return Motor("X")


@devices.factory()  # refused
def no_device() -> int:
    """Makes no device."""
    return 1
