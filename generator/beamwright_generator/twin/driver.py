"""An asyn driver that Python plays: parameters that records write and read, as asynPortDriver has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from beamwright_generator.twin import epics
from beamwright_generator.twin.asyn import Parameter, Port
from beamwright_generator.twin.channel import Channel
from beamwright_generator.twin.record import Record, Value
from beamwright_generator.twin.record_support import places_of
from beamwright_generator.twin.world import World


class Driver:
    """One asyn port.

    Everything runs in the schedule's thread, one write after another. A record's write is complete when `written` is
    done; that of a busy record when the record is 0 again.

    :param name: the port's name.
    """

    def __init__(self, world: World, name: str, port: Port) -> None:
        self.world = world
        self.name = name
        self._parameters: Mapping[str, Parameter] = port["parameters"]
        self._channels: dict[str, Channel] = {}
        self._values: dict[str, Value] = {}

    def start(self) -> None:
        """Give the parameters their first values, once the IOC runs."""
        for name, parameter in self._parameters.items():
            if parameter["writers"] and parameter["readers"]:
                self._read_back(name)

    def take(self, parameter: str) -> None:
        """Take over what a record wrote to a parameter."""
        self._values.pop(parameter, None)
        self.written(parameter)

    def written(self, parameter: str) -> None:
        """React to a write to a parameter: its readbacks follow."""
        self._read_back(parameter)

    def _read_back(self, parameter: str) -> None:
        known = self._parameters[parameter]
        value = self._channel(known["writers"][0]).get()
        for record in known["readers"]:
            # A readback of another kind than its setpoint keeps what it has.
            with suppress(ValueError, TypeError):
                self._channel(record).put(value)

    def get(self, parameter: str) -> float:
        """Give the value of a parameter that is a number; 0 where no record has it."""
        value = self._values.get(parameter)
        value = self._value(parameter, Channel.get) if value is None else value
        return float(value) if isinstance(value, int | float) else 0.0

    def text(self, parameter: str) -> str:
        """Give the value of a parameter that is a text; nothing where no record has it."""
        return str(self._value(parameter, Channel.text) or "")

    def _value(self, parameter: str, read: Callable[[Channel], Any]) -> Any:
        known = self._parameters.get(parameter)
        records = [*known["writers"], *known["readers"]] if known else []
        return read(self._channel(records[0])) if records else None

    def set(self, parameter: str, value: Value) -> None:
        """Change a parameter: the records that read it say so."""
        self._values[parameter] = value
        known = self._parameters.get(parameter)
        # The readers last: who waits for one may write at once what the driver has read back now.
        for record in known["readbacks"] if known else ():
            if record not in self.world.pending:
                self.world.quiet.add(record)
                self._channel(record).put(value)
                self.world.quiet.discard(record)
        for record in known["readers"] if known else ():
            self._channel(record).put(value)

    def _channel(self, record: str) -> Channel:
        if record not in self._channels:
            self._channels[record] = Channel(record)
        return self._channels[record]


class Drivers:
    """The drivers of an IOC, found by the records that write their parameters."""

    def __init__(self, drivers: Mapping[str, Driver], ports: Mapping[str, Port]) -> None:
        self.by_port = drivers
        self._of_record = {
            record: (drivers[port], parameter)
            for port, described in ports.items()
            for parameter, known in described["parameters"].items()
            for record in known["writers"]
        }

    def find(self, record: str) -> tuple[Driver, str] | None:
        """Give the driver and the parameter that a record writes."""
        return self._of_record.get(record)


class Outputs:
    """Device support for the records of one type of EPICS base that write to drivers.

    A write is asynchronous, so that a put is complete when the driver has done it.
    """

    def __init__(self, kind: str, world: World, drivers: Drivers) -> None:
        self._kind = kind
        self._world = world
        self._drivers = drivers
        self._places = places_of(kind)
        self._records: dict[int, Record] = {}

    def write(self, address: int) -> int:
        """Hand the value of a record to its driver; the record is processed again when the driver is done."""
        if address not in self._records:
            self._records[address] = Record(address, self._kind, self._places)
        record = self._records[address]
        found = self._drivers.find(record.name)
        if not record["PACT"] and found is not None and not self._world.is_read_back(record.name):
            record.poke("PACT", 1)
            self._world.pending.add(record.name)
            self._world.schedule.soon(lambda: self._do(record, *found))
        return 0

    def _do(self, record: Record, driver: Driver, parameter: str) -> None:
        self._world.pending.discard(record.name)
        try:
            driver.take(parameter)
        finally:
            epics.complete(self._kind, record.address)
