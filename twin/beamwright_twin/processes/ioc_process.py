"""One IOC of a twin as its parent sees it: a child process that executes orders and ends with its parent."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import IO, Any

from beamwright_twin.description.pv_list import PvList
from beamwright_twin.processes.loopback_ports import LOOPBACK
from beamwright_twin.sim.clock import Clock

TIMEOUT = 30.0
"""Seconds that an IOC may take to answer an order."""

News = Callable[[str, str, Any], None]
"""Called with what an IOC publishes: a topic, a record and what is new about it."""


class TwinError(RuntimeError):
    """A twin, or a part of it, cannot do what it was asked."""


class IocProcess:
    """An IOC of a twin, from `launch` to `stop` or `kill`; it may be launched again.

    :param environment: what makes clients of this process find every IOC of the twin.
    :param ports: for CA, unless it serves none, and for PVA, each for TCP and UDP alike.
    """

    def __init__(
        self, records: PvList, clock: Clock, ports: tuple[int | None, int], environment: Mapping[str, str], news: News
    ) -> None:
        self.records = records
        self.ports = ports
        self._clock = clock
        self._environment = environment
        self._news = news
        self._process: subprocess.Popen[str] | None = None
        self._ready: Future[int] = Future()
        self._answers: dict[int, Future[Any]] = {}
        self._numbers = itertools.count()
        self._writing = threading.Lock()
        self._printed: deque[str] = deque(maxlen=200)
        self._readers: list[threading.Thread] = []

    @property
    def name(self) -> str:
        """The IOC's name."""
        return self.records.name

    @property
    def pid(self) -> int | None:
        """The process id while the IOC runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def printed(self) -> str:
        """What the IOC printed lately."""
        return "".join(self._printed)

    def launch(self, positions: Mapping[str, float]) -> None:
        """Start the process; `wait` tells when it serves.

        :param positions: where the axes of its motors are.
        """
        self._ready = Future()
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", self.records.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._environment, **_server(*self.ports)},
            # An interrupt at the terminal is for the parent, which ends its IOCs in its own order.
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._listen, args=(process, process.stdout, self._ready), daemon=True),
            threading.Thread(target=self._collect, args=(process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        # The process reads this only when it has imported what it needs, and others are to start meanwhile.
        threading.Thread(target=self._configure, args=(positions,), daemon=True).start()

    def _configure(self, positions: Mapping[str, float]) -> None:
        one = self.records
        # A process that has ended already says why to those who wait for it.
        with suppress(TwinError):
            self._write(
                {
                    "parent": os.getpid(),
                    "epoch": self._clock.epoch,
                    "speed": self._clock.speed,
                    "positions": {name: at for name, at in positions.items() if name in one.types},
                    **one.config(),
                }
            )

    def wait(self, timeout: float) -> None:
        """Wait until the IOC serves its records.

        :raises TwinError: when it ends, or takes longer.
        """
        try:
            self._ready.result(timeout)
        except (FutureTimeoutError, TwinError) as error:
            self.kill()
            raise TwinError(f"the IOC {self.name} did not start:\n{self.printed}") from error

    def order(self, what: str, *given: Any) -> Any:
        """Execute an order in the IOC and return its answer.

        :raises TwinError: when the IOC refuses, does not run, or does not answer.
        """
        number, answer = next(self._numbers), Future[Any]()
        self._answers[number] = answer
        try:
            self._write({"id": number, "do": what, "with": given})
            return answer.result(TIMEOUT)
        except FutureTimeoutError as error:
            raise TwinError(f"the IOC {self.name} does not answer") from error
        finally:
            self._answers.pop(number, None)

    def send(self, what: str, *given: Any) -> None:
        """Send an order without waiting for its answer; an IOC that does not serve yet misses it."""
        if self._ready.done():
            with suppress(TwinError):
                self._write({"do": what, "with": given})

    def stop(self) -> None:
        """End the IOC; a second call does nothing."""
        self._end(lambda process: process.wait(TIMEOUT))

    def kill(self) -> None:
        """End the IOC as a crash would."""
        self._end(lambda process: process.kill())

    def _end(self, how: Callable[[subprocess.Popen[str]], object]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            how(process)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        for reader in self._readers:
            reader.join()

    def _write(self, message: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise TwinError(f"the IOC {self.name} does not run")
        try:
            with self._writing:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise TwinError(f"the IOC {self.name} has ended:\n{self.printed}") from error

    def _listen(self, process: subprocess.Popen[str], messages: IO[str], ready: Future[int]) -> None:
        with messages:
            for line in messages:
                message = json.loads(line)
                if "topic" in message:
                    self._news(message["topic"], message["record"], message["news"])
                elif "ready" in message:
                    ready.set_result(message["ready"])
                elif (answer := self._answers.get(message["id"])) is None:
                    continue
                elif "error" in message:
                    answer.set_exception(TwinError(message["error"]))
                else:
                    answer.set_result(message["result"])
        gone = TwinError(f"the IOC {self.name} has ended")
        if not ready.done():
            ready.set_exception(gone)
        for answer in tuple(self._answers.values()):
            if not answer.done():
                answer.set_exception(gone)

    def _collect(self, printed: IO[str]) -> None:
        with printed:
            self._printed.extend(printed)


def _server(ca: int | None, pva: int) -> dict[str, str]:
    """Make the IOC serve on loopback and nowhere else."""
    return ({} if ca is None else {"EPICS_CAS_SERVER_PORT": str(ca)}) | {
        "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_ADDR_LIST": LOOPBACK,
        "EPICS_PVAS_INTF_ADDR_LIST": LOOPBACK,
        "EPICS_PVAS_SERVER_PORT": str(pva),
        "EPICS_PVAS_BROADCAST_PORT": str(pva),
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_PVAS_BEACON_ADDR_LIST": LOOPBACK,
        "PVXS_QSRV_ENABLE": "YES",
        "PYTHONUNBUFFERED": "1",
    }
