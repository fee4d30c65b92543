"""The process that is one IOC of a twin: EPICS base with the records of a description, run by Python behaviours.

It is started by `process.IocProcess`, reads its records and its orders from standard input as lines of JSON, and
answers on standard output. It ends when its input does, so it never outlives the process that started it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import IO, Any, Final

import pvxslibs.path
from epicscorelibs import ioc as base
from setuptools_dso import find_dso

from beamwright_generator.tables.record_types import record_type
from beamwright_generator.twin import epics
from beamwright_generator.twin.asyn import Port
from beamwright_generator.twin.busy import Busy
from beamwright_generator.twin.camera import Camera
from beamwright_generator.twin.channel import Channel
from beamwright_generator.twin.clock import Clock
from beamwright_generator.twin.definitions import device_name
from beamwright_generator.twin.driver import Driver, Drivers, Outputs
from beamwright_generator.twin.hdf5 import Hdf5
from beamwright_generator.twin.motor import Motor
from beamwright_generator.twin.record import Maker, Record
from beamwright_generator.twin.record_support import RecordSupport
from beamwright_generator.twin.schedule import Schedule
from beamwright_generator.twin.stats import Stats
from beamwright_generator.twin.world import World

DRIVERS: Final[Mapping[str, type[Driver]]] = {"camera": Camera, "hdf5": Hdf5, "stats": Stats}
"""What plays the asyn ports of each kind."""


class Ioc:
    """One IOC in this process.

    :param config: what `process.IocProcess` sends first.
    :param output: where answers and news go.
    """

    def __init__(self, config: Mapping[str, Any], output: IO[str]) -> None:
        self._output = output
        self._writing = threading.Lock()
        clock = Clock(config["epoch"], config["speed"])
        self.world = World(clock, Schedule(clock), self._publish, config["positions"])
        self._channels: dict[str, Channel] = {}
        ports: Mapping[str, Port] = config["ports"]
        self._drivers = Drivers({n: DRIVERS[p["kind"]](self.world, n, p) for n, p in ports.items()}, ports)
        self._serve(config)
        for driver in self._drivers.by_port.values():
            self.world.schedule.soon(driver.start)
        self.world.schedule.wait()

    def _serve(self, config: Mapping[str, Any]) -> None:
        ctypes.CDLL(find_dso("pvxslibs.lib.pvxsIoc"), ctypes.RTLD_GLOBAL)
        base.iocshRegisterCommon()
        for file, folder in (("base.dbd", base.DEFAULT_DBD_PATH), ("pvxsIoc.dbd", pvxslibs.path.dbd_path)):
            _must(base.dbLoadDatabase(file.encode(), folder.encode(), None), f"load {file}")
        _must(base.registerRecordDeviceDriver(base.pdbbase), "register the record types of EPICS base")
        definitions = _in_memory("definitions", config["definitions"])
        _must(epics.load_database(definitions, base.DEFAULT_DBD_PATH.encode(), None), "load the definitions")
        for kind in config["python_types"]:
            definition = record_type(kind)
            assert definition is not None
            epics.add_device(device_name(kind))
            epics.keep(RecordSupport(definition, self._maker(kind)))
        for kind in config["driven"]:
            epics.add_device(device_name(kind), epics.keep(Outputs(kind, self.world, self._drivers)).write)
        for name in config["subroutines"]:
            epics.add_subroutine(name, lambda record: 0)
        _must(epics.load_records(_in_memory("records", config["database"]), b""), "load the records")
        _must(base.iocInit(), "start")

    def _maker(self, kind: str) -> Maker:
        match kind:
            case "motor":
                return partial(Motor, self.world)
            case "busy":
                return partial(Busy, self._drivers, self.world)
        # The other types are values that clients write.
        return Record

    def _publish(self, topic: str, record: str, news: Any) -> None:
        self.say({"topic": topic, "record": record, "news": news})

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message to the process that started this one."""
        with self._writing:
            self._output.write(json.dumps(message) + "\n")
            self._output.flush()

    def obey(self, orders: IO[str]) -> None:
        """Obey orders until there are no more."""
        for line in orders:
            order = json.loads(line)
            try:
                answer = {"result": self._do(order["do"], order["with"])}
            except (LookupError, ValueError, TypeError, RuntimeError) as error:
                answer = {"error": str(error)}
            self.say({"id": order["id"], **answer})

    def _do(self, what: str, given: Sequence[Any]) -> Any:
        match what:
            case "put":
                self._channel(given[0]).put(given[1])
                return self.world.schedule.wait()
            case "get":
                return self._channel(given[0]).get()
            case "fault":
                record, kind, on = given
                if record not in self.world.faulty:
                    raise LookupError(f"{record} has no behaviour that could fail")
                return self.world.faulty[record].fault(kind, on)
        raise ValueError(f"unknown order {what}")

    def _channel(self, name: str) -> Channel:
        if name not in self._channels:
            self._channels[name] = Channel(name)
        return self._channels[name]


def _must(status: int, what: str) -> None:
    if status:
        raise SystemExit(f"the IOC cannot {what}")


def _in_memory(name: str, text: str) -> bytes:
    """Give a text the name of a file, without a file that could be left behind."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return f"/proc/self/fd/{descriptor}".encode()


def _end_with(parent: int) -> None:
    """End when the parent has: its end of the pipe may live on in processes that it forked."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    """Be an IOC until standard input ends."""
    # What EPICS prints goes to standard error, so that standard output holds messages and nothing else.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    config = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(config["parent"],), daemon=True).start()
    ioc = Ioc(config, output)
    ioc.say({"ready": os.getpid()})
    ioc.obey(sys.stdin)


if __name__ == "__main__":
    try:
        main()
    except BaseException as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(1)
    # EPICS base has threads that never end, and nothing that would have to be saved.
    os._exit(0)
