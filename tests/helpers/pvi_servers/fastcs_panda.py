"""A small PandA served by FastCS: vectors, a table, commands, enums and units, as a real one has them.

Its first argument is the id: `fastcs_panda.py PANDA` serves `PANDA:PVI`.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import sys

import numpy as np
from child import announce, until_told
from fastcs.attributes import AttrR, AttrRW, AttrW
from fastcs.control_system import FastCS
from fastcs.controllers import Controller, ControllerVector
from fastcs.datatypes import Bool, Enum, Float, Int, String, Table, Waveform
from fastcs.methods import command
from fastcs.transports import EpicsPVATransport
from p4p.client.asyncio import Context

Units = enum.Enum("Units", {"us": 0, "ms": 1, "s": 2, "min": 3})
Gate = enum.Enum("Gate", {"ZERO": 0, "ONE": 1})


class Pcap(Controller):
    """Position capture."""

    active = AttrR(Bool(), description="Whether it is armed")
    gate = AttrRW(Enum(Gate))
    shift_sum = AttrRW(Int())

    @command()
    async def arm(self) -> None:
        """Begin to capture."""


class Pulse(Controller):
    """One pulse generator."""

    width = AttrRW(Float(units="s", prec=3), description="Length of a pulse")
    width_units = AttrRW(Enum(Units))
    queued = AttrR(Int(units="pulses"))
    seed = AttrW(Int())


class Seq(Controller):
    """One sequencer."""

    table = AttrRW(
        Table(
            [("repeats", np.uint16), ("trigger", "U32"), ("position", np.int32), ("time1", np.uint32), ("outa1", "?")]
        )
    )
    label = AttrRW(String())
    positions = AttrR(Waveform(np.int32, (8,)))


class PandA(Controller):
    """The whole box."""

    def __init__(self) -> None:
        super().__init__()
        self.add_sub_controller("pcap", Pcap(description="Position capture"))
        self.add_sub_controller("pulse", ControllerVector({number: Pulse() for number in (1, 2)}))
        self.add_sub_controller("seq", ControllerVector({number: Seq() for number in (1, 2)}, description="Sequencers"))


async def serve(identity: str) -> None:
    panda = PandA()
    panda.set_path([identity])
    system = FastCS(panda, [EpicsPVATransport()], loop=asyncio.get_running_loop())
    serving = asyncio.create_task(system.serve(interactive=False))
    with Context("pva") as context:
        await context.get(f"{identity}:PVI")
    announce()
    await until_told()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
