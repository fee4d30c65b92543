"""The process that is one IOC of a twin: EPICS base with the records of a description, run by Python behaviours.

It is started by `ioc_process.IocProcess`, which sends its records first, and then orders.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import pvxslibs.path
from epicscorelibs import ioc as base
from setuptools_dso import find_dso

from beamwright_generator.tables.record_types import record_type
from beamwright_twin.areadetector.asyn_driver import Driver, Drivers, Outputs
from beamwright_twin.areadetector.busy_record import BusyRecord
from beamwright_twin.areadetector.camera import Camera
from beamwright_twin.areadetector.hdf5.file_plugin import Hdf5
from beamwright_twin.areadetector.roi import Roi
from beamwright_twin.areadetector.stats import Stats
from beamwright_twin.description.asyn_ports import Port
from beamwright_twin.description.record_definitions import device_name
from beamwright_twin.motor.motor_record import MotorRecord
from beamwright_twin.processes.child_process import Parent, serve
from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import Maker, PythonRecord
from beamwright_twin.records.record_access import RecordChannel
from beamwright_twin.records.record_support import RecordSupport
from beamwright_twin.sim.clock import Clock
from beamwright_twin.sim.schedule import Schedule
from beamwright_twin.sim.world import World

DRIVERS: Final[Mapping[str, type[Driver]]] = {"camera": Camera, "hdf5": Hdf5, "stats": Stats, "roi": Roi}
"""What plays the asyn ports of each kind."""


class RecordIoc:
    """One IOC in this process.

    :param config: what `ioc_process.IocProcess` sends first.
    :param parent: where news go.
    """

    def __init__(self, config: Mapping[str, Any], parent: Parent) -> None:
        clock = Clock(config["epoch"], config["speed"])
        self.world = World(clock, Schedule(clock), parent.publish, config["positions"])
        self._channels: dict[str, RecordChannel] = {}
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
        _must(epics_base.load_database(definitions, base.DEFAULT_DBD_PATH.encode(), None), "load the definitions")
        for kind in config["python_types"]:
            definition = record_type(kind)
            assert definition is not None
            epics_base.add_device(device_name(kind))
            epics_base.keep(RecordSupport(definition, self._maker(kind)))
        for kind in config["driven"]:
            epics_base.add_device(device_name(kind), epics_base.keep(Outputs(kind, self.world, self._drivers)).write)
        for name in config["subroutines"]:
            epics_base.add_subroutine(name, lambda record: 0)
        _must(epics_base.load_records(_in_memory("records", config["database"]), b""), "load the records")
        _must(base.iocInit(), "start")

    def _maker(self, kind: str) -> Maker:
        match kind:
            case "motor":
                return partial(MotorRecord, self.world)
            case "busy":
                return partial(BusyRecord, self._drivers, self.world)
        # The other types are values that clients write.
        return PythonRecord

    def execute(self, what: str, given: Sequence[Any]) -> Any:
        """Execute an order and return its answer."""
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
            case "driver":
                port, order, *arguments = given
                return self._drivers.order(port, order, arguments)
        raise ValueError(f"unknown order {what}")

    def _channel(self, name: str) -> RecordChannel:
        if name not in self._channels:
            self._channels[name] = RecordChannel(name)
        return self._channels[name]


def _must(status: int, what: str) -> None:
    if status:
        raise SystemExit(f"the IOC cannot {what}")


def _in_memory(name: str, text: str) -> bytes:
    """Return the name of a file in memory that holds a text, so that no file is left behind."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return f"/proc/self/fd/{descriptor}".encode()


if __name__ == "__main__":
    serve(lambda config, parent: RecordIoc(config, parent).execute)
