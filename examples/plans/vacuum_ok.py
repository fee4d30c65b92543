"""Open the photon shutter when the vacuum allows it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import wait_for_value

from beamwright_generated.devices.gauge import Gauge, GaugeStatus
from beamwright_generated.devices.shutter import Shutter, ShutterControl, ShutterInterlock, ShutterState


class VacuumNotReadyError(Exception):
    """Something stands against opening the photon shutter; the message says what."""


def vacuum_ok(gauges: Sequence[Gauge], valves: Sequence[Shutter], limit: float = 1e-6) -> MsgGenerator[list[str]]:
    """Check gauges and valves, and give what is wrong; nothing is when the list is empty.

    :param limit: of the pressure at every gauge, in mbar.
    """
    faults: list[str] = []
    for gauge in gauges:
        status: GaugeStatus = yield from bps.rd(gauge.status)
        pressure: float = yield from bps.rd(gauge.pressure)
        if status not in (GaugeStatus.OK, GaugeStatus.UNDER_RANGE):
            faults.append(f"{gauge.name}: {status.value}")
        elif pressure > limit:
            faults.append(f"{gauge.name}: {pressure:.1e} mbar is above {limit:.1e} mbar")
    for valve in valves:
        state: ShutterState = yield from bps.rd(valve.state)
        if state is not ShutterState.OPEN:
            faults.append(f"{valve.name}: {state.value}")
    return faults


def open_shutter(
    shutter: Shutter, gauges: Sequence[Gauge], valves: Sequence[Shutter], limit: float = 1e-6, timeout: float = 30.0
) -> MsgGenerator[None]:
    """Open a shutter and wait until it is open, if the vacuum is good and the interlock lets it.

    :param limit: of the pressure at every gauge, in mbar.
    :param timeout: seconds that opening may take.
    :raises VacuumNotReadyError: if something stands against it; the shutter is left alone.
    """
    faults = yield from vacuum_ok(gauges, valves, limit)
    interlock: ShutterInterlock = yield from bps.rd(shutter.interlock)
    if interlock is not ShutterInterlock.GOOD:
        faults.append(f"{shutter.name}: the interlock is {interlock.value}")
    if faults:
        raise VacuumNotReadyError("; ".join(faults))
    yield from bps.mv(shutter.control, ShutterControl.OPEN)
    yield from bps.wait_for([partial(wait_for_value, shutter.state, ShutterState.OPEN, timeout)])
