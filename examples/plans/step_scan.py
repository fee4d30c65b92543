"""Step an axis, and take a frame at each point."""

from __future__ import annotations

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import EnableDisable
from ophyd_async.epics.adcore import ADImageMode
from scanspec.specs import Linspace

from beamwright_generated.beamlines import x01
from beamwright_runtime import Motor, plans


@plans.connected
def step_scan(
    axis: Motor, camera: x01.Camera, start: float, stop: float, points: int, exposure: float = 0.1
) -> MsgGenerator[str]:
    """Write one frame at each of so many positions, with the statistics that the camera was given as data.

    :param start: and `stop`, the first and the last position, in units of the axis.
    :param exposure: of each frame, in seconds.
    :return: the run's identifier.
    """
    driver, stat = camera.driver, camera.stat
    yield from bps.mv(driver.image_mode, ADImageMode.SINGLE, driver.acquire_time, exposure)
    yield from bps.mv(stat.enable_callbacks, EnableDisable.ENABLE, stat.compute_statistics, True)
    return (yield from plans.step_scan([camera], Linspace(axis, start, stop, points)))
