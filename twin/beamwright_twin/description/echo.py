"""Which setpoints of an IOC are echoed to which readbacks, as working hardware would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Position
from beamwright_generator.parse.database.loader import LoadedRecord
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.signals.readback_pairs import pair_records
from beamwright_generator.resolve.types.datatype_rules import value_type
from beamwright_generator.resolve.types.kinds import Served
from beamwright_generator.resolve.types.template_record import READBACK_TYPES, SETPOINT_TYPES
from beamwright_twin.description.asyn_ports import address, writes


@dataclass(frozen=True, slots=True)
class _EchoRecord:
    """A record as pairing needs it; its whole name takes the place of what follows a device prefix."""

    leaf: str
    type: str
    served: Served
    at: Position


def echoes(records: Mapping[str, LoadedRecord]) -> dict[str, str]:
    """Return the setpoints of an IOC's records by their readbacks.

    Records of the same asyn parameter are two sides of one value, whatever their names; the others are paired by
    name, as in generated devices.
    """
    found = dict(_by_parameter(records.values()))
    judged = list(_judged(records.values()))
    for pair in pair_records(judged, {}, frozenset(), Problems()):
        if records[pair.readback].type in READBACK_TYPES:
            found.setdefault(pair.readback, pair.setpoint)
    return found


def _by_parameter(records: Iterable[LoadedRecord]) -> Iterator[tuple[str, str]]:
    setpoints: dict[tuple[str, ...], str] = {}
    readbacks: list[tuple[tuple[str, ...], str]] = []
    for record in records:
        key = address(record)
        if key is None:
            continue
        if record.type in SETPOINT_TYPES and writes(record):
            setpoints.setdefault(key, record.name)
        elif record.type in READBACK_TYPES:
            readbacks.append((key, record.name))
    return ((name, setpoints[key]) for key, name in readbacks if key in setpoints)


def _judged(records: Iterable[LoadedRecord]) -> Iterator[_EchoRecord]:
    for record in records:
        fields = {name: value.value for name, value in record.fields.items()}
        infos = {name: value.value for name, value in record.infos.items()}
        served = value_type(record.type, fields, Transport.CA, infos)
        if isinstance(served, Served):
            yield _EchoRecord(record.name, record.type, served, record.at)
