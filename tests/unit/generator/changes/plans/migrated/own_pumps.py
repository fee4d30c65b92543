"""Uses a class that another module of plans derives from a generated one."""

from __future__ import annotations

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from classes import QuietPump


def slow(pump: QuietPump) -> MsgGenerator[None]:
    yield from bps.mv(pump.rotation, 0.5, pump.gain, 1.0)
