"""A soft IOC for tests: real records, served over CA and PVA on ports of their own on 127.0.0.1.

    with SoftIoc('record(ai, "$(P)A") {field(VAL, "1")}', macros="P=X:") as ioc:
        output = ioc.client("from aioca import caget; ...")

The IOC is a child process (`python -m pvxslibs.ioc`: EPICS base with QSRV2). It is ready when `start` returns, it sends
nothing to the network, and it is ended by closing its input, or by its own process id when that does not help.

CA and PVA clients read where to search once per process. So either run the client part in a process of its own, with
`client` or with `environment` for a subprocess, or use one IOC for a whole test session and put its `environment` into
`os.environ` before aioca or p4p are imported. `SoftIoc` never changes this process's environment.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

READY = "IOC Running"
PORTS = (20_000, 32_000)
"""Below those that Linux gives away: a server that asks for any port could be given one that another is to have."""
SECURED = Path(__file__).parent / "secured_ioc.py"
STARTS = 5
"""Tries to start; another process may take a port between its choice and its use."""


class SoftIoc:
    """Runs databases in a soft IOC, from `start` (or entering the context) to `stop` (or leaving it).

    :param databases: database texts, or paths of database files; each is loaded with the macros.
    :param macros: macro definitions for `dbLoadRecords`, such as `P=X:,R=CAM:`.
    :param timeout: seconds that starting, stopping and each client may take.
    :param environment: further environment variables of the IOC, such as `EPICS_DB_INCLUDE_PATH`.
    :param ports: where to serve CA, PVA over TCP and PVA over UDP; free ones are found unless given.
    :param program: what Python runs as the IOC, with options like those of `pvxslibs.ioc`.
    :param security: an access security file; without it everybody may read and write everything.
    """

    def __init__(
        self,
        *databases: str | Path,
        macros: str = "",
        timeout: float = 60.0,
        environment: Mapping[str, str] | None = None,
        ports: tuple[int, ...] = (),
        program: Sequence[str] = ("-m", "pvxslibs.ioc"),
        security: Path | None = None,
    ) -> None:
        self._databases = databases
        self._macros = macros
        self._timeout = timeout
        self._further = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._output: deque[str] = deque(maxlen=1000)
        self._decided = threading.Event()
        self._listener: threading.Thread | None = None
        self._serves = False
        self._given = ports
        self._program = program if security is None else (str(SECURED), str(security.resolve()))
        self._ports: tuple[int, ...] = ports or (0, 0, 0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a client process find this IOC over CA and PVA, and nothing else."""
        ca, pva_tcp, pva_udp = self._ports
        return {
            "EPICS_CA_ADDR_LIST": f"127.0.0.1:{ca}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(ca),
            "EPICS_CA_MAX_ARRAY_BYTES": "16777216",
            "EPICS_PVA_ADDR_LIST": f"127.0.0.1:{pva_udp}",
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
            "EPICS_PVA_SERVER_PORT": str(pva_tcp),
            "EPICS_PVA_BROADCAST_PORT": str(pva_udp),
        }

    @property
    def output(self) -> str:
        """What the IOC printed lately."""
        return "".join(self._output)

    @property
    def pid(self) -> int:
        """The process id of the running IOC."""
        if self._process is None:
            raise RuntimeError("the IOC is not running")
        return self._process.pid

    def start(self) -> dict[str, str]:
        """Start the IOC, wait until its records can be found, and give `environment`."""
        if self._process is not None:
            raise RuntimeError("the IOC runs already")
        files = self._files()
        for _ in range(STARTS):
            self._ports = self._given or free_ports(3)
            self._launch(files)
            if self._decided.wait(self._timeout) and self._serves:
                return self.environment
            self._end()
            if "bind" not in self.output.lower() and "in use" not in self.output.lower():
                break
        self.stop()
        raise RuntimeError(f"the soft IOC did not start:\n{self.output}")

    def stop(self) -> None:
        """End the IOC; a second call does nothing."""
        self._end()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def kill(self) -> None:
        """End the IOC as a crash would; `start` makes it again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
            if self._listener is not None:  # its last word must not be taken for that of the next process
                self._listener.join()

    def client(self, code: str, *arguments: str, data: str = "") -> str:
        """Run Python code as a client of this IOC, in a process of its own, and give what it prints.

        :param arguments: its `sys.argv[1:]`.
        :param data: its standard input.
        """
        return self.run([sys.executable, "-c", code, *arguments], data)

    def run(self, command: Sequence[str], data: str = "") -> str:
        """Run a command with `environment`, and give what it prints; a failure raises with all of its output."""
        done = subprocess.run(
            list(command),
            input=data,
            capture_output=True,
            text=True,
            timeout=self._timeout,
            env={**os.environ, **self.environment},
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for index, database in enumerate(self._databases):
            if isinstance(database, str):
                if self._folder is None:
                    self._folder = tempfile.TemporaryDirectory(prefix="softioc-")
                path = Path(self._folder.name) / f"{index}.db"
                path.write_text(database)
                files.append(path)
            else:
                files.append(database.resolve())
        return files

    def _launch(self, files: Sequence[Path]) -> None:
        ca, pva_tcp, pva_udp = map(str, self._ports)
        loads = [word for file in files for word in ("-d", str(file))]
        self._decided.clear()
        self._serves = False
        self._output.clear()
        self._process = subprocess.Popen(
            [sys.executable, *self._program, "-m", self._macros, *loads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                **self.environment,
                "PYTHONUNBUFFERED": "1",
                "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
                "EPICS_CAS_SERVER_PORT": ca,
                "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
                "EPICS_CAS_BEACON_ADDR_LIST": "127.0.0.1",
                "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
                "EPICS_PVAS_SERVER_PORT": pva_tcp,
                "EPICS_PVAS_BROADCAST_PORT": pva_udp,
                "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
                "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
                **self._further,
            },
        )
        assert self._process.stdout is not None
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()

    def _listen(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._output.append(line)
                if READY in line:
                    self._serves = True
                    self._decided.set()
        self._decided.set()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process, self._timeout)


def end(process: subprocess.Popen[str], timeout: float) -> None:
    """End a process by closing its input, or by its own process id when that does not help within seconds."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports on 127.0.0.1 that are free for TCP and UDP, and that no system gives to sockets of its choice."""
    return HeldPorts(count).release()


class HeldPorts:
    """Free ports on 127.0.0.1 that no other process can take until `release`: for servers that start later.

    Whoever looks for a free port finds TCP taken. Over UDP a port is shared, for PVA clients listen for beacons there.
    """

    def __init__(self, count: int) -> None:
        self._held: list[socket.socket] = []
        while len(self._held) < 2 * count:
            pair = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
            port = random.SystemRandom().randrange(*PORTS)  # tests seed the common one
            pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                for opened in pair:
                    opened.bind(("127.0.0.1", port))
            except OSError:
                for opened in pair:
                    opened.close()
            else:
                self._held += pair
        self.numbers: tuple[int, ...] = tuple(tcp.getsockname()[1] for tcp in self._held[::2])

    def release(self) -> tuple[int, ...]:
        """Return the ports, and leave them to the servers that are started next."""
        while self._held:
            self._held.pop().close()
        return self.numbers
