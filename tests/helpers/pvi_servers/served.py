"""Runs a PVA server for tests in a process of its own, on ports of its own on 127.0.0.1.

    with Served("fastcs_panda.py", "PANDA") as server:
        subprocess.run(..., env=os.environ | server.environment)

A server is a script of this folder that does as `child.py` says; its process id is what ends it when it does not end by
itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.helpers.pvi_servers.child import SERVES
from tests.helpers.softioc import end, free_ports

HERE = Path(__file__).parent


class Served:
    """A PVA server in a child process, from entering the context to leaving it.

    :param script: a file of this folder.
    :param arguments: its `sys.argv[1:]`.
    :param ports: where it serves over TCP and is searched for over UDP; free ones are found unless given.
    """

    def __init__(self, script: str, *arguments: str, timeout: float = 60.0, ports: tuple[int, ...] = ()) -> None:
        self._command = [sys.executable, str(HERE / script), *arguments]
        self._timeout = timeout
        self._given = ports
        self._ports: tuple[int, ...] = (0, 0)
        self._process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a client process find this server over PVA, and nothing else."""
        tcp, udp = map(str, self._ports)
        return {
            "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{udp}",
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
            "EPICS_PVA_SERVER_PORT": tcp,
            "EPICS_PVA_BROADCAST_PORT": udp,
        }

    def start(self) -> None:
        """Start the server and wait until it can be found."""
        self._ports = self._given or free_ports(2)
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment, **self._serving()},
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said.strip() != SERVES:
            self.stop()
            raise RuntimeError(f"{self._command[1]} did not start: {said}")

    def _serving(self) -> Mapping[str, str]:
        tcp, udp = map(str, self._ports)
        return {
            "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
            "EPICS_PVAS_SERVER_PORT": tcp,
            "EPICS_PVAS_BROADCAST_PORT": udp,
            "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
        }

    def stop(self) -> None:
        """End the server; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdout is not None
        with process.stdout:
            end(process, self._timeout)

    def kill(self) -> None:
        """End the server as a crash would."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
