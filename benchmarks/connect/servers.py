"""Real soft IOCs on 127.0.0.1 for the connection benchmark."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.connect.devices import SIGNALS, database
from tests.helpers.softioc import SoftIoc, free_ports

DEFAULT_TABLE = 512
"""Entries of the table of record names in an IOC that does not set its size."""
LARGEST_TABLE = 65_536
IOC = Path(__file__).with_name("ioc.py")


@dataclass(frozen=True)
class Fleet:
    """Running servers and what they serve.

    :param prefixes: of the devices, each of 100 signals.
    :param environment: with which clients find the servers.
    """

    prefixes: list[str]
    environment: Mapping[str, str]
    iocs: Sequence[SoftIoc] = ()


@contextlib.contextmanager
def fleet(signals: int, servers: int = 1, table: int | None = None) -> Iterator[Fleet]:
    """Serve so many signals from so many IOCs, as on a host where a CA repeater runs.

    Where none does, libca forks to start one. That takes the longer the more memory a process has: some 12 ms with
    Python, next to nothing for a small program in C.

    :param table: entries of each IOC's table of record names; by default as many as it has records, as a power of two.
    """
    prefixes = [f"B{number:04}:" for number in range(signals // SIGNALS)]
    text = database()
    with contextlib.ExitStack() as stack:
        addresses: dict[str, list[str]] = {"EPICS_CA_ADDR_LIST": [], "EPICS_PVA_ADDR_LIST": []}
        environment: dict[str, str] = {}
        iocs: list[SoftIoc] = []
        # All that libca looks for is that the port is taken.
        repeater = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        repeater.bind(("127.0.0.1", 0))
        for server in range(servers):
            served = "".join(text.replace("$(P)", prefix) for prefix in prefixes[server::servers])
            entries = str(table or name_table(served.count("record(")))
            ioc = stack.enter_context(SoftIoc(served, timeout=300, ports=free_ports(3), program=(str(IOC), entries)))
            iocs.append(ioc)
            environment = ioc.environment
            for name, list_ in addresses.items():
                list_.append(environment[name])
        environment = {
            **environment,
            **{name: " ".join(list_) for name, list_ in addresses.items()},
            "EPICS_CA_REPEATER_PORT": str(repeater.getsockname()[1]),
        }
        yield Fleet(prefixes, environment, iocs)


def name_table(records: int) -> int:
    """Return the size that EPICS allows for the table of so many record names."""
    return min(LARGEST_TABLE, max(DEFAULT_TABLE, 1 << (records - 1).bit_length()))
