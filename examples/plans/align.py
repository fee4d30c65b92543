"""Find where the beam goes through the slits."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from ophyd_async.core import EnableDisable
from ophyd_async.epics.adcore import ADImageMode

from beamwright_generated.beamlines import x01
from beamwright_runtime import Motor


def align(axis: Motor, camera: x01.Camera, width: float, points: int = 11) -> MsgGenerator[float]:
    """Step an axis across the beam, leave it where the camera sees most light, and give that position.

    :param axis: such as `slits.x_centre`; the scan is centred on where it stands.
    :param width: of the scan, in units of the axis.
    """
    driver, stat = camera.driver, camera.stat
    centre: float = yield from bps.rd(axis.user_readback)
    positions = np.linspace(centre - width / 2, centre + width / 2, points)
    # Acquire is done when the statistics are, so that each total belongs to its position.
    yield from bps.mv(driver.image_mode, ADImageMode.SINGLE, driver.wait_for_plugins, True)
    yield from bps.mv(stat.enable_callbacks, EnableDisable.ENABLE, stat.compute_statistics, True)

    hints = {"dimensions": [([axis.name], "primary")]}
    yield from bps.open_run({"plan_name": "align", "motors": [axis.name], "detectors": [stat.name], "hints": hints})
    totals: list[float] = []
    for position in positions:
        yield from bps.mv(axis, position)
        yield from bps.mv(driver.acquire, True)
        reading = yield from bps.trigger_and_read([axis, stat.total])
        totals.append(float(reading[stat.total.name]["value"]))
    yield from bps.close_run()
    best = float(positions[int(np.argmax(totals))])
    yield from bps.mv(axis, best)
    return best


def align_slits(slits: x01.Slits, camera: x01.Camera, gap: float = 0.05) -> MsgGenerator[tuple[float, float]]:
    """Close the slits to a narrow gap, centre both directions on the beam, and open the gaps again.

    :param gap: to look through, in mm.
    :return: the horizontal and the vertical centre, in mm.
    """
    x_gap: float = yield from bps.rd(slits.x_gap.user_setpoint)
    y_gap: float = yield from bps.rd(slits.y_gap.user_setpoint)

    try:
        yield from bps.mv(slits.x_gap, gap)
        x = yield from align(slits.x_centre, camera, width=20 * gap, points=41)
        yield from bps.mv(slits.x_gap, x_gap, slits.y_gap, gap)
        y = yield from align(slits.y_centre, camera, width=20 * gap, points=41)
    except Exception:
        yield from bps.mv(slits.x_gap, x_gap, slits.y_gap, y_gap)
        raise
    yield from bps.mv(slits.y_gap, y_gap)
    return x, y
