"""One record of a type that EPICS base lacks: its fields in the IOC's memory, and what it does, in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ctypes import (
    Array,
    addressof,
    c_char,
    c_double,
    c_float,
    c_int8,
    c_int16,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    memset,
)
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from beamwright_generator.resolve.types.array_fields import EXTENTS
from beamwright_generator.tables.record_types import FieldDef, menu
from beamwright_twin.records import epics_base

NUMBERS: Final[Mapping[str, Any]] = {
    "CHAR": c_int8,
    "UCHAR": c_uint8,
    "SHORT": c_int16,
    "USHORT": c_uint16,
    "LONG": c_int32,
    "ULONG": c_uint32,
    "INT64": c_int64,
    "UINT64": c_uint64,
    "FLOAT": c_float,
    "DOUBLE": c_double,
    "ENUM": c_uint16,
    "MENU": c_uint16,
    "DEVICE": c_uint16,
}
"""The C type behind each database field type that is a number in memory."""

STATE_ALARM, MAJOR = 7, 2

Value = int | float | str


@dataclass(frozen=True, slots=True)
class FieldLocation:
    """Where a field is: bytes from the start of its record."""

    definition: FieldDef
    offset: int


class PythonRecord:
    """A record that is served by the IOC and run by Python.

    All methods are called with the record's lock held. A subclass says what processing does in `process`, and what a
    write to a field does in `written`; a subclass whose processing goes on after it returned gives False and calls
    `done` later, which completes the puts that wait.

    :param address: where the record is in memory.
    :param places: its fields.
    """

    UNITS: ClassVar[Mapping[str, str]] = {}
    """Units of fields that do not have those of the value; `EGU` stands for the record's own."""

    LIMITED: ClassVar[frozenset[str]] = frozenset({"VAL", "HIHI", "HIGH", "LOW", "LOLO"})
    """Fields that are shown from LOPR to HOPR."""

    def __init__(self, address: int, kind: str, places: Mapping[str, FieldLocation]) -> None:
        self.address = address
        self.kind = kind
        self.places = places
        self.arrays: dict[str, Array[Any]] = {}
        self.counts: dict[str, int] = {}
        self._changed: set[str] = set()
        self.name = str(self["NAME"])

    def __getitem__(self, field: str) -> Any:
        place = self.places[field]
        number = NUMBERS.get(place.definition.dbf)
        if number is not None:
            return number.from_address(self.address + place.offset).value
        text = (c_char * place.definition.size).from_address(self.address + place.offset)
        return bytes(text.value).decode("utf-8", errors="replace")

    def __setitem__(self, field: str, value: Value) -> None:
        """Change a field; `post` sends it to monitors."""
        if self[field] != value:
            self.poke(field, value)
            self._changed.add(field)

    def poke(self, field: str, value: Value) -> None:
        """Change a field of which monitors need not know."""
        place = self.places[field]
        number = NUMBERS.get(place.definition.dbf)
        if number is not None:
            number.from_address(self.address + place.offset).value = value
        else:
            (c_char * place.definition.size).from_address(self.address + place.offset).value = str(value).encode()[
                : place.definition.size - 1
            ]

    # What subclasses say.

    def start(self) -> None:
        """Get ready, once all fields have the values of the database."""

    def process(self) -> bool:
        """Process the record; False when it is not done yet, so that `done` follows."""
        return True

    def written(self, field: str) -> None:
        """React to a client's write to a field that is marked `special`."""

    def alarm(self) -> tuple[int, int]:
        """Return the alarm status and severity."""
        return 0, 0

    def states(self) -> tuple[str, ...]:
        """Return the choices of an enum value."""
        return ()

    def limits(self, field: str) -> tuple[float, float] | None:
        """Return the display limits of a field, high and low; None for those of its type."""
        return (self["HOPR"], self["LOPR"]) if field in self.LIMITED and "HOPR" in self.places else None

    def control_limits(self, field: str) -> tuple[float, float] | None:
        """Return the limits of what may be written to a field, high and low."""
        return self.limits(field)

    def alarm_limits(self, field: str) -> tuple[float, float, float, float] | None:
        """Return HIHI, HIGH, LOW and LOLO of a field; None if it has none."""
        if field == "VAL" and "HIHI" in self.places:
            return self["HIHI"], self["HIGH"], self["LOW"], self["LOLO"]
        return None

    def units(self, field: str) -> str:
        """Return the units of a field."""
        own = str(self["EGU"]) if "EGU" in self.places else ""
        return self.UNITS.get(field, "EGU").replace("EGU", own)

    def precision(self, field: str) -> int | None:
        """Return the precision of a field; None for that of its type."""
        return self["PREC"] if "PREC" in self.places else None

    # What the IOC calls.

    def run(self) -> None:
        """Process the record as the IOC asks."""
        self.poke("PACT", 1)
        if self.process():
            self.done()
        else:
            self.post()
        self.poke("PACT", 0)

    def done(self) -> None:
        """Post monitors, process forward links, and complete the puts that wait for this record."""
        self.post(value=True)
        epics_base.forward_link(self.address)

    def post(self, value: bool = False) -> None:
        """Post monitors of every field that changed, and of a change of alarm.

        :param value: of the value as well, changed or not.
        """
        self.poke("UDF", 0)
        epics_base.get_time_stamp(self.address)
        status, severity = self.alarm()
        if severity:
            epics_base.set_severity(self.address, status, severity)
        mask = epics_base.reset_alarms(self.address)
        changed, self._changed = self._changed, set()
        if value or mask:
            changed.add("VAL")
        for field in changed:
            self.notify(field, mask)

    def notify(self, field: str, mask: int = 0) -> None:
        """Post the monitors of one field."""
        buffer = self.arrays.get(field)
        where = addressof(buffer) if buffer is not None else self.address + self.places[field].offset
        epics_base.post_events(self.address, where, mask | epics_base.DBE_VALUE | epics_base.DBE_LOG)

    def array(self, field: str) -> Array[Any] | None:
        """Return the memory of an array field, as long as the record says; None if clients cannot reach the field."""
        extent = EXTENTS.get((self.kind, field))
        if extent is None:
            return None
        if field not in self.arrays:
            dbf = extent.dbf or menu("menuFtype")[self[extent.type_field]]
            length = int(self[extent.length]) if extent.length in self.places else int(extent.length)
            element = c_char * epics_base.STRING_SIZE if dbf == "STRING" else NUMBERS[dbf]
            made: Array[Any] = (element * max(1, length))()
            memset(addressof(made), 0, len(bytes(made)))
            self.arrays[field] = made
            self.counts[field] = len(made)
        return self.arrays[field]

    def element_type(self, field: str) -> str:
        """Name the database field type of an array field's elements."""
        extent = EXTENTS[self.kind, field]
        return extent.dbf or menu("menuFtype")[self[extent.type_field]]


Maker = Callable[[int, str, Mapping[str, FieldLocation]], PythonRecord]
"""Makes the object of a record: its address, its type and its fields."""
