"""What type checkers must accept and refuse of plans; a comment marks each line they must refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack, assert_type

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from ophyd_async.core import Device

from beamwright_runtime import Beamline, ConnectionResult, DeviceFactory, DeviceState, Motor, get_device_factories
from beamwright_runtime.plans import connected, ensure_connected
from tests.helpers.example_devices import Camera

devices = Beamline("x01")


@devices.fixture
def path() -> str:
    """Where files go."""
    return "/data"


@devices.factory()
def stage_x() -> Motor:
    """Sample stage, horizontal."""
    return Motor("BL01X-MO-STAGE-01:X")


@devices.factory()
def camera() -> Camera:
    """Simulated camera."""
    return Camera()


@dataclass
class Microscope:
    """A composite of devices."""

    stage: Motor
    camera: Camera


class Parts(TypedDict):
    """A composite of devices by name."""

    stage: Motor
    camera: Camera


def right() -> MsgGenerator[None]:
    """Get back what was given."""
    assert_type((yield from ensure_connected(stage_x())), Motor)
    assert_type((yield from ensure_connected(stage_x)), Motor)
    assert_type((yield from ensure_connected(camera(), stage_x())), tuple[Camera, Motor])
    assert_type((yield from ensure_connected(camera, stage_x())), tuple[Camera, Motor])
    assert_type((yield from ensure_connected(camera, stage_x, stage_x, timeout=2.0)), tuple[Camera, Motor, Motor])
    four = yield from ensure_connected(camera, stage_x, camera, stage_x)
    assert_type(four, tuple[Camera, Motor, Camera, Motor])
    five = yield from ensure_connected(stage_x, stage_x, stage_x, stage_x, stage_x())
    assert_type(five, tuple[Motor, ...])
    assert_type((yield from ensure_connected(first=stage_x(), second=stage_x)), dict[str, Motor])
    assert_type((yield from ensure_connected(Microscope(stage_x(), camera()))), Microscope)
    assert_type((yield from ensure_connected(Parts(stage=stage_x(), camera=camera()))), Parts)
    assert_type((yield from ensure_connected([stage_x(), stage_x()])), list[Motor])


def by_name(**parts: Unpack[Parts]) -> MsgGenerator[Parts]:
    """Keep the types of named devices."""
    return (yield from ensure_connected(parts))


@connected
def align(stage: Motor, camera: Camera, steps: int = 5) -> MsgGenerator[float]:
    """Keep the parameters and the result."""
    yield from bps.mv(stage, 1.0)
    return 1.5


def use() -> MsgGenerator[None]:
    """Use plans that are decorated."""
    assert_type((yield from align(stage_x(), camera(), steps=2)), float)
    assert_type((yield from connected(align(stage_x(), camera()))), float)
    yield from connected(bp.count)([camera()], num=2)


assert_type(devices.states["camera"], DeviceState)
assert_type(camera.state, DeviceState)
assert_type(devices.build_and_connect(mock=True), ConnectionResult)
assert_type(devices.start().result(5), ConnectionResult)
assert_type(get_device_factories(), tuple[DeviceFactory[Device], ...])
assert_type(path(), str)
RunEngine().preprocessors.append(connected)


async def in_a_loop() -> None:
    """Connect without a plan."""
    assert_type(await camera.connect(timeout=2.0), Camera)


def wrong() -> MsgGenerator[None]:
    """Use plans in ways that must not pass."""
    yield from ensure_connected(stage_x(), 1)  # refused
    yield from ensure_connected(stage=1)  # refused
    yield from ensure_connected(stage_x(), mock="yes")  # refused
    yield from align(camera(), stage_x())  # refused
    yield from align(stage_x())  # refused
    moved: Camera = yield from ensure_connected(stage_x)  # refused
    yield from bps.mv(moved.driver.acquire_time, 1.0)


@devices.fixture  # refused
def folder(year: int) -> str:
    """Takes a parameter, which nothing fills."""
    return str(year)
