"""Teaches an IOC the record types that base lacks: their support is Python, all the rest of serving them is base's."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import addressof, c_char, sizeof
from typing import Any, Final

from beamwright_generator.tables.record_types import FieldDef, RecordType, common_fields, record_type
from beamwright_twin.records import epics_base
from beamwright_twin.records.python_record import NUMBERS, FieldLocation, Maker, PythonRecord

BAD_CHOICE: Final = -1


class RecordSupport:
    """The support of one record type: finds the object of each record, and passes on what the IOC asks.

    :param make: makes the object of a record, when the IOC initialises it.
    """

    def __init__(self, definition: RecordType, make: Maker) -> None:
        self.definition = definition
        self.records: dict[int, PythonRecord] = {}
        self._make = make
        description = epics_base.find_record_type(definition.name)
        self._places = _lay_out(definition, description)
        epics_base.add_record_type(definition.name, epics_base.keep(self._table()))

    def _table(self) -> epics_base.SupportTable:
        return epics_base.SupportTable(
            number=17,
            init_record=epics_base.InitRecord(self._initialise),
            process=epics_base.Process(self._process),
            special=epics_base.Special(self._special),
            convert_address=epics_base.Convert(self._convert),
            get_array=epics_base.GetArray(self._get_array),
            put_array=epics_base.PutArray(self._put_array),
            get_units=epics_base.GetUnits(self._units),
            get_precision=epics_base.GetPrecision(self._precision),
            get_state=epics_base.GetState(self._state),
            get_states=epics_base.GetStates(self._states),
            put_state=epics_base.PutState(self._put_state),
            get_graphic=epics_base.GetLimits(self._graphic),
            get_control=epics_base.GetLimits(self._control),
            get_alarm=epics_base.GetLimits(self._alarm),
        )

    def at(self, address: int) -> PythonRecord:
        """Return the object of a record."""
        if address not in self.records:
            self.records[address] = self._make(address, self.definition.name, self._places)
        return self.records[address]

    def _initialise(self, address: int, stage: int) -> int:
        if stage == 1:
            self.at(address).start()
        return 0

    def _process(self, address: int) -> int:
        self.at(address).run()
        return 0

    def _special(self, address: Any, after: int) -> int:
        if after:
            self.at(address.contents.record).written(address.contents.name)
        return 0

    def _convert(self, address: Any) -> int:
        """Point an address at the memory of an array."""
        to = address.contents
        record, field = self.at(to.record), to.name
        array = record.array(field)
        if array is not None:
            to.field = addressof(array)
            to.elements = len(array)
            to.field_size = sizeof(array) // len(array)
            to.field_type = to.request_type = epics_base.DBF[record.element_type(field)]
        return 0

    def _get_array(self, address: Any, count: Any, offset: Any) -> int:
        record, field = self.at(address.contents.record), address.contents.name
        count[0], offset[0] = record.counts.get(field, address.contents.elements), 0
        return 0

    def _put_array(self, address: Any, count: int) -> int:
        self.at(address.contents.record).counts[address.contents.name] = count
        return 0

    def _units(self, address: Any, units: Any) -> int:
        text = self.at(address.contents.record).units(address.contents.name).encode()[: epics_base.UNITS_SIZE - 1]
        (c_char * epics_base.UNITS_SIZE).from_address(addressof(units.contents)).value = text
        return 0

    def _precision(self, address: Any, precision: Any) -> int:
        digits = self.at(address.contents.record).precision(address.contents.name)
        if digits is not None:
            precision[0] = digits
        epics_base.default_precision(address, precision)
        return 0

    def _state(self, address: Any, text: Any) -> int:
        record = self.at(address.contents.record)
        states, number = record.states(), record[address.contents.name]
        shown = states[number] if number < len(states) else "Illegal_Value"
        (c_char * epics_base.STRING_SIZE).from_address(addressof(text.contents)).value = shown.encode()
        return 0

    def _states(self, address: Any, to: Any) -> int:
        states = self.at(address.contents.record).states()
        to.contents.number = len(states)
        for number, state in enumerate(states):
            to.contents.strings[number].value = state.encode()[: epics_base.STRING_SIZE - 1]
        return 0

    def _put_state(self, address: Any, text: bytes) -> int:
        record = self.at(address.contents.record)
        states = [state.encode() for state in record.states()]
        if text not in states:
            return BAD_CHOICE
        record.poke(address.contents.name, states.index(text))
        return 0

    def _graphic(self, address: Any, to: Any) -> int:
        found = self.at(address.contents.record).limits(address.contents.name)
        return _give(found, to, address, epics_base.default_graphic)

    def _control(self, address: Any, to: Any) -> int:
        found = self.at(address.contents.record).control_limits(address.contents.name)
        return _give(found, to, address, epics_base.default_control)

    def _alarm(self, address: Any, to: Any) -> int:
        found = self.at(address.contents.record).alarm_limits(address.contents.name)
        return _give(found, to, address, epics_base.default_alarm)


def _give(found: tuple[float, ...] | None, to: Any, address: Any, default: Any) -> int:
    if found is None:
        default(address, to)
    for index, limit in enumerate(found or ()):
        to[index] = limit
    return 0


def _lay_out(definition: RecordType, description: epics_base.RecordTypeDescription) -> dict[str, FieldLocation]:
    """Lay out the fields as C would: those of dbCommon where EPICS base has them, the others behind.

    Nothing but this package looks into the records of these types, so the order is all that matters.
    """
    common = {field.name: field for field in _fields(epics_base.find_record_type("ai"))}
    link = common[b"FLNK"]
    end = link.offset + link.size
    places: dict[str, FieldLocation] = {}
    for field in _fields(description):
        name = field.name.decode()
        known = definition.fields[name]
        if name in common_fields():
            field.offset, field.size = common[field.name].offset, common[field.name].size
        else:
            field.size, alignment = _extent(known, link.size)
            field.offset = end = -(-end // alignment) * alignment
            end += field.size
        places[name] = FieldLocation(known, field.offset)
    description.record_size = -(-end // 8) * 8
    return places


def places_of(kind: str) -> dict[str, FieldLocation]:
    """Return where the fields of a record type of EPICS base are."""
    definition = record_type(kind)
    assert definition is not None
    found = ((field.name.decode(), field.offset) for field in _fields(epics_base.find_record_type(kind)))
    return {name: FieldLocation(definition.fields[name], offset) for name, offset in found if name in definition.fields}


def _fields(description: epics_base.RecordTypeDescription) -> Iterator[epics_base.FieldDescription]:
    return (description.field_descriptions[number].contents for number in range(description.fields))


def _extent(field: FieldDef, link: int) -> tuple[int, int]:
    """Return the size and the alignment of a field, in bytes."""
    if field.dbf == "STRING":
        return field.size, 1
    if field.dbf.endswith("LINK"):
        return link, 8
    size = sizeof(NUMBERS[field.dbf]) if field.dbf in NUMBERS else 8
    return size, size
