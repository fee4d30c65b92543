"""Ports on loopback for the IOCs of a twin, and what makes clients find them.

Twins that start at the same moment never take the same ports.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1"

FIRST, LAST = 20_000, 32_000
"""Below the ports that systems give to clients, which come and go."""

LARGEST_ARRAY = 64 * 1024 * 1024
"""Bytes that CA may carry, for clients and IOCs."""


class Ports:
    """Ports that are free for TCP and UDP, and claimed until `release`."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []
        self._candidates = _candidates()

    def claim(self, wanted: int | None = None) -> int:
        """Claim a free port.

        :param wanted: this one and no other.
        :raises OSError: when it is taken, or when none is free.
        """
        for port in self._candidates if wanted is None else (wanted,):
            if self._try(port):
                return port
        raise OSError(f"port {wanted} is not free" if wanted else "no port is free")

    def release(self) -> None:
        """Release all claimed ports."""
        for claim in self._claims:
            claim.close()
        self._claims = []

    def _try(self, port: int) -> bool:
        if not _is_free(port):
            return False
        if sys.platform != "linux":
            return True
        # A name in Linux's abstract namespace is a lock that leaves no file and ends with its process.
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0beamwright-twin-{port}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def client_environment(ports: Sequence[tuple[int | None, int]]) -> dict[str, str]:
    """Return the environment variables that make clients find IOCs on loopback, and nothing else.

    :param ports: CA and PVA port of each; None where there is no CA.
    """
    with_ca = [ca for ca, _ in ports if ca is not None]
    pva = ports[0][1]
    return {
        "EPICS_CA_ADDR_LIST": " ".join(f"{LOOPBACK}:{port}" for port in with_ca),
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(next(iter(with_ca), pva)),
        "EPICS_CA_MAX_ARRAY_BYTES": str(LARGEST_ARRAY),
        "EPICS_PVA_ADDR_LIST": " ".join(f"{LOOPBACK}:{port}" for _, port in ports),
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_SERVER_PORT": str(pva),
        "EPICS_PVA_BROADCAST_PORT": str(pva),
    }


def _candidates() -> Iterator[int]:
    span = LAST - FIRST
    start = os.getpid() * 37 % span
    return (FIRST + (start + step) % span for step in range(span))


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as trial:
            if kind == socket.SOCK_STREAM:
                # As servers do: a connection that was closed a moment ago does not keep the port.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((LOOPBACK, port))
            except OSError:
                return False
    return True
