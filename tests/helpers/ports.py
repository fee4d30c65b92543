"""Where clients of this process look for servers, whether they run or not.

CA and PVA read it once per process, so it is decided, and the ports are held, before the first test.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from tests.helpers.softioc import HeldPorts, SoftIoc


class ServerPorts(NamedTuple):
    """The ports of each server."""

    soft_ioc: HeldPorts
    """CA, PVA over TCP and over UDP."""
    motor: HeldPorts
    """CA."""
    pva_motor: HeldPorts
    """PVA over TCP and over UDP."""
    structures: HeldPorts
    """PVA over TCP and over UDP."""
    fastcs: HeldPorts
    """PVA over TCP and over UDP."""
    mortal: HeldPorts
    """Like `soft_ioc`, of an IOC that a test starts and kills."""
    pandas: HeldPorts
    """PVA over TCP and over UDP of each of two PandAs, which tests start and end."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make this process find all of them, and nothing else."""
        variables = SoftIoc(ports=self.soft_ioc.numbers).environment
        variables["EPICS_CA_ADDR_LIST"] += "".join(
            f" 127.0.0.1:{held.numbers[0]}" for held in (self.motor, self.mortal)
        )
        searched = (self.pva_motor, self.structures, self.fastcs, self.mortal, self.pandas)
        udp = [held.numbers[-1] for held in searched] + [self.pandas.numbers[1]]
        variables["EPICS_PVA_ADDR_LIST"] += "".join(f" 127.0.0.1:{port}" for port in udp)
        return variables


@cache
def searched_ports() -> ServerPorts:
    """Return the ports that this process searches, once they are in its environment."""
    ports = ServerPorts(*map(HeldPorts, (3, 1, 2, 2, 2, 3, 4)))
    os.environ.update(ports.environment)
    return ports


def pva_server(ports: HeldPorts) -> dict[str, str]:
    """Return the variables that make a PVA server serve on the ports, and on 127.0.0.1 alone."""
    tcp, udp = map(str, ports.release())
    return {
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": tcp,
        "EPICS_PVAS_BROADCAST_PORT": udp,
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
    }
