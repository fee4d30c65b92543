"""An asyn driver that Python plays: parameters that records write and read, as asynPortDriver has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from beamwright_twin.description.asyn_ports import Parameter, Port
from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import PythonRecord, Value
from beamwright_twin.records.record_access import RecordChannel
from beamwright_twin.records.record_support import places_of
from beamwright_twin.sim.world import World


class Driver:
    """One asyn port.

    Everything runs in the schedule's thread, one write after another. A record's write is complete when `written` is
    done; that of a busy record when the record is 0 again.

    :param name: the port's name.
    """

    ORDERS: ClassVar[frozenset[str]] = frozenset()
    """The methods that the process which runs the twin may call."""

    def __init__(self, world: World, name: str, port: Port) -> None:
        self.world = world
        self.name = name
        self._parameters: Mapping[str, Parameter] = port["parameters"]
        self._values: dict[str, Value | list[Value]] = {}
        self._shown: dict[str, Value | list[Value]] = {}
        self._channels: dict[str, RecordChannel] = {}

    def start(self) -> None:
        """Set the parameters to their first values, once the IOC runs."""
        for name, parameter in self._parameters.items():
            if parameter["writers"]:
                self._values.setdefault(name, value_of(self._channel(parameter["writers"][0])))
        for name, parameter in self._parameters.items():
            if parameter["writers"] and parameter["readers"]:
                self.written(name)

    def accept(self, parameter: str, value: Value | list[Value]) -> None:
        """Accept the value that a record wrote to a parameter."""
        self._values[parameter] = value
        self.written(parameter)

    def written(self, parameter: str) -> None:
        """React to a write to a parameter: its readbacks follow."""
        self.set(parameter, self._values[parameter])

    def get(self, parameter: str) -> float:
        """Return the value of a numeric parameter; 0 if it has none."""
        value = self._values.get(parameter)
        return float(value) if isinstance(value, int | float) else 0.0

    def number(self, parameter: str) -> int:
        """Return the value of an integer parameter; 0 if it has none."""
        return int(self.get(parameter))

    def text(self, parameter: str) -> str:
        """Return the value of a text parameter; empty if it has none."""
        value = self._values.get(parameter)
        return value if isinstance(value, str) else ""

    def state(self, parameter: str) -> str:
        """Return the label of the state that was last written to a parameter; empty if none was."""
        known = self._parameters.get(parameter)
        records = known["writers"] if known else ()
        return self._channel(records[0]).state() if records else ""

    def set(self, parameter: str, value: Value | list[Value]) -> None:
        """Change a parameter: the records that read it say so."""
        self._values[parameter] = value
        known = self._parameters.get(parameter)
        if known is None:
            return
        # The readers last: who waits for one may write at once what the driver has read back now.
        for record in known["readbacks"]:
            self._write_back(record, value)
        if self._shown.get(parameter) != value:
            self._shown[parameter] = value
            for record in known["readers"]:
                # A readback of another kind than its setpoint keeps what it has.
                with suppress(ValueError, TypeError):
                    self._channel(record).put(value)

    def set_initial(self, parameter: str, value: Value) -> None:
        """Set an initial value, which the records that write it adopt, as asyn's records do."""
        for record in self.writers(parameter):
            self._write_back(record, value)
        self.set(parameter, value)

    def _write_back(self, record: str, value: Value | list[Value]) -> None:
        """Set the value of an output record without it writing to the driver."""
        if not self.world.pending[record] and value_of(self._channel(record)) != value:
            self.world.quiet.add(record)
            self._channel(record).put(value)
            self.world.quiet.discard(record)

    def writers(self, parameter: str) -> Sequence[str]:
        """Return the records that write a parameter."""
        known = self._parameters.get(parameter)
        return known["writers"] if known else ()

    def _channel(self, record: str) -> RecordChannel:
        if record not in self._channels:
            self._channels[record] = RecordChannel(record)
        return self._channels[record]


def value_of(channel: RecordChannel) -> Value | list[Value]:
    """Return the value of a parameter as its record holds it."""
    return channel.text() if channel.is_text else channel.get()


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
        """Return the driver and the parameter that a record writes."""
        return self._of_record.get(record)

    def order(self, port: str, what: str, given: Sequence[Any]) -> Any:
        """Execute an order that no record can give.

        :raises LookupError: when there is no such driver, or it has no such order.
        """
        driver = self.by_port.get(port)
        if driver is None or what not in driver.ORDERS:
            raise LookupError(f"no driver at the port {port} can {what}")
        return getattr(driver, what)(*given)


class Outputs:
    """Device support for the records of one type of EPICS base that write to drivers.

    A write is asynchronous, so that a put is complete when the driver has done it.
    """

    def __init__(self, kind: str, world: World, drivers: Drivers) -> None:
        self._kind = kind
        self._world = world
        self._drivers = drivers
        self._places = places_of(kind)
        self._records: dict[int, tuple[PythonRecord, RecordChannel]] = {}

    def write(self, address: int) -> int:
        """Hand the value of a record to its driver; the record is processed again when the driver is done."""
        if address not in self._records:
            made = PythonRecord(address, self._kind, self._places)
            self._records[address] = made, RecordChannel(made.name)
        record, channel = self._records[address]
        found = self._drivers.find(record.name)
        if not record["PACT"] and found is not None and not self._world.is_read_back(record.name):
            record.poke("PACT", 1)
            self._world.pending[record.name] += 1
            value = value_of(channel)
            self._world.schedule.soon(lambda: self._forward(record, value, *found))
        return 0

    def _forward(self, record: PythonRecord, value: Value | list[Value], driver: Driver, parameter: str) -> None:
        self._world.pending[record.name] -= 1
        try:
            driver.accept(parameter, value)
        finally:
            epics_base.complete(self._kind, record.address)
