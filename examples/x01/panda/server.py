"""Serve a PandA-like box over PVA on 127.0.0.1, until the process that started it ends.

    python examples/x01/panda/server.py

Clients find it with EPICS_PVA_ADDR_LIST=127.0.0.1 and EPICS_PVA_AUTO_ADDR_LIST=NO. Other ports are taken from
EPICS_PVAS_SERVER_PORT (TCP) and EPICS_PVAS_BROADCAST_PORT (UDP).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fastcs.attributes import AttrRW
from fastcs.control_system import FastCS
from fastcs.controllers import Controller, ControllerAPI, ControllerVector
from fastcs.logging import logger
from fastcs.transports import Transport

from blocks import Inenc, Pcomp, Pulse
from capture import Data, Pcap
from choices import COMPARATORS, ENCODERS, PULSES, SEQUENCERS
from sequencer import Seq
from wires import Wires

PREFIX = "BL01X-EA-PANDA-01:"


class Box(Controller):
    """The box with its blocks; `wires` is how a simulation of the beamline drives it."""

    def __init__(self, wires: Wires) -> None:
        super().__init__(description="PandA of the sample stage")
        self.wires = wires
        encoders = {number: Inenc(number, wires) for number in ENCODERS}
        self.inenc = ControllerVector(encoders, description="Encoder inputs")
        self.pcomp = ControllerVector({n: Pcomp(n, wires) for n in COMPARATORS}, description="Position compare")
        self.pulse = ControllerVector({n: Pulse(n, wires) for n in PULSES}, description="Pulse generators")
        self.seq = ControllerVector({n: Seq(n, wires) for n in SEQUENCERS}, description="Sequencers")
        self.data = Data(list(encoders.values()))
        self.pcap = Pcap(self.data.take_row, wires)


@dataclass
class Ready(Transport):
    """Serves nothing; stands last to act once the others serve."""

    box: Box
    ready: Callable[[], None]

    def connect(self, controller_apis: list[ControllerAPI], loop: asyncio.AbstractEventLoop) -> None:
        """Keep what is served."""
        self._apis = controller_apis

    async def serve(self) -> None:
        """Give the setpoints their first values, which FastCS leaves at 0, and tell that the box is there."""
        for number, name in zip(ENCODERS, ("x", "y"), strict=True):
            await self.box.inenc[number].val_dataset.update(name)
        for api in self._apis:
            for below in api.walk_api():
                for attribute in below.attributes.values():
                    if isinstance(attribute, AttrRW):
                        await attribute.update(attribute.get())
        self.ready()


async def serve(prefix: str, ready: Callable[[], None]) -> None:
    """Serve until this is cancelled; `ready` is called when clients can connect."""
    from fastcs.transports.epics.pva import EpicsPVATransport

    logger.remove()
    logger.add(sys.stderr, level="WARNING", format="{level}: {message}")
    box = Box(Wires())
    box.set_path([prefix.rstrip(":")])
    loop = asyncio.get_running_loop()
    await FastCS(box, [EpicsPVATransport(), Ready(box, ready)], loop=loop).serve(interactive=False)


async def parent_ended(period: float = 0.5) -> None:
    """Wait until the process that started this one is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(period)


async def main(prefix: str) -> None:
    """Serve until a signal or the end of the parent."""
    serving = asyncio.create_task(serve(prefix, lambda: print(f"serving {prefix}", flush=True)))
    orphaned = asyncio.create_task(parent_ended())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    await asyncio.wait({serving, orphaned}, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    orphaned.cancel()
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve a PandA-like box over PVA on 127.0.0.1.")
    parser.add_argument("--prefix", default=PREFIX, help="starts every name, %(default)s unless given")
    arguments = parser.parse_args()
    # Before p4p is loaded, which reads them: nothing leaves this machine.
    os.environ["EPICS_PVAS_INTF_ADDR_LIST"] = "127.0.0.1"
    os.environ["EPICS_PVAS_BEACON_ADDR_LIST"] = "127.0.0.1"
    os.environ["EPICS_PVAS_AUTO_BEACON_ADDR_LIST"] = "NO"
    asyncio.run(main(arguments.prefix))
