"""A fastcs server over PVA with one attribute of each kind."""

from __future__ import annotations

import asyncio
import enum

import numpy as np
from fastcs.attributes import AttrR, AttrRW
from fastcs.control_system import FastCS
from fastcs.controllers import Controller
from fastcs.datatypes import Bool, Enum, Float, Int, String, Table, Waveform
from fastcs.transports.epics.pva import EpicsPVATransport


class Gains(enum.Enum):
    """States that are served by their names."""

    LOW = 1
    HIGH = 7


class Detector(Controller):
    """Serves `F:Exposure`, `F:Exposure_RBV` and so on."""

    exposure = AttrRW(Float(units="s", prec=3, min=0, max=10))
    frames = AttrRW(Int())
    armed = AttrRW(Bool())
    title = AttrRW(String())
    gain = AttrRW(Enum(Gains))
    image = AttrR(Waveform(np.uint16, (2, 3)))
    regions = AttrRW(Table([("x", np.dtype(np.int32)), ("weight", np.dtype(np.float64))]))
    unset = AttrR(Table([("x", np.dtype(np.int32)), ("weight", np.dtype(np.float64))]))


if __name__ == "__main__":
    detector = Detector()
    detector.set_path(["F"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    FastCS(detector, [EpicsPVATransport()], loop).run(interactive=False)
