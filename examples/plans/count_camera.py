"""Take frames with the simulated camera."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky.utils import MsgGenerator

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.sim_detector import SimDetectorSimMode


def count_camera(
    camera: x01.Camera,
    exposure: float,
    num: int = 1,
    pattern: SimDetectorSimMode = SimDetectorSimMode.PEAKS,
) -> MsgGenerator[str]:
    """Count a number of frames, each in an event of one run.

    :param exposure: of one frame, in seconds.
    :param pattern: what the simulated camera draws.
    :return: the run's identifier.
    """
    driver = camera.driver
    yield from bps.mv(driver.sim_mode, pattern, driver.acquire_time, exposure)
    run: str = yield from bp.count([camera], num=num, md={"pattern": pattern.value})
    return run
