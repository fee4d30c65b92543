"""The records of a beamline's IOCs as a twin serves them: hardware taken out, everything else as described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord
from beamwright_generator.tables.record_types import RecordType, menu, record_type
from beamwright_twin.description.asyn_ports import Port, address, played_ports, without, writes
from beamwright_twin.description.echo import echoes
from beamwright_twin.description.pv_list import PvList
from beamwright_twin.description.record_definitions import definitions

INPUTS: Final = frozenset(
    {"ai", "bi", "mbbi", "mbbiDirect", "longin", "int64in", "stringin", "lsi", "aai", "waveform", "subArray", "event"}
)
"""Record types whose device support reads."""

BUSY: Final = frozenset({"busy"})
"""Setpoints that process what follows them only when their work is done."""

DEFINED: Final = {"UDF": "0", "STAT": "NO_ALARM", "SEVR": "NO_ALARM"}
"""What a record says that hardware has answered for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IocRecords(PvList):
    """The records that one IOC of the twin loads.

    :param definitions: dbd text of the record types that EPICS base lacks.
    :param database: every record, macros expanded, as text.
    :param subroutines: the functions that sub and aSub records name.
    :param driven: the record types of EPICS base that behaviours have device support for.
    :param ports: the asyn ports that behaviours play.
    """

    definitions: str
    database: str
    python_types: tuple[str, ...] = ()
    subroutines: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()
    ports: Mapping[str, Port] = field(default_factory=dict)

    module = "beamwright_twin.processes.record_ioc"

    def config(self) -> Mapping[str, Any]:
        """Return what the IOC loads."""
        given = ("definitions", "database", "python_types", "subroutines", "driven", "ports")
        return {name: getattr(self, name) for name in given}

    def without(self, names: Iterable[str]) -> IocRecords:
        """Leave records out, as an IOC has them that was started from other databases."""
        gone = set(names)
        kept = [text for text in self.database.split("\n\n") if _name_of(text) not in gone]
        types = {name: kind for name, kind in self.types.items() if name not in gone}
        aliases = {alias: name for alias, name in self.aliases.items() if name not in gone}
        ports = without(self.ports, gone)
        return replace(self, types=types, aliases=aliases, database="\n\n".join(kept), ports=ports)


@dataclass
class _SoftRecord:
    """A record on its way into the twin."""

    type: str
    fields: dict[str, str] = field(default_factory=dict)
    infos: dict[str, str] = field(default_factory=dict)
    hardware: bool = False
    driven: bool = False


def soften(ioc: str, loaded: LoadedDatabase, only: str = "*") -> IocRecords:
    """Turn the records of one IOC into what an IOC without hardware can load."""
    whole = fnmatchcase(ioc, only)
    records = {name: one for name, one in loaded.records.items() if whole or fnmatchcase(name, only)}
    left_out: list[str] = []
    ports = played_ports(records.values())
    soft = {name: made for name, one in records.items() if (made := _soften(one, ports, left_out))}
    _echo({name: one for name, one in records.items() if name in soft}, soft, ports)
    kinds = {one.type for one in soft.values()}
    python_types = tuple(sorted(kind for kind in kinds if not _is_base(kind)))
    driven = tuple(sorted({one.type for one in soft.values() if one.driven and _is_base(one.type)}))
    devices = {kind: _devices(kind, soft.values()) for kind in python_types}
    devices |= {kind: _driven_devices(kind, soft.values()) for kind in driven}
    aliases = {alias: name for alias, name in loaded.aliases.items() if name in soft}
    texts = [f"breaktable({name}) {{ {_points(table.points)} }}" for name, table in loaded.breaktables.items()]
    texts += [_text(name, one, [alias for alias, of in aliases.items() if of == name]) for name, one in soft.items()]
    return IocRecords(
        name=ioc,
        types={name: one.type for name, one in soft.items()},
        aliases=aliases,
        definitions=definitions(python_types, devices),
        database="\n\n".join(texts),
        python_types=python_types,
        subroutines=tuple(sorted(set(_subroutines(soft.values())))),
        driven=driven,
        ports=ports,
        left_out=tuple(left_out),
    )


def _is_base(kind: str) -> bool:
    definition = record_type(kind)
    return definition is not None and definition.module == "base"


def _soften(record: LoadedRecord, ports: Mapping[str, Port], left_out: list[str]) -> _SoftRecord | None:
    definition = record_type(record.type)
    if definition is None:
        left_out.append(f"{record.at}: {record.name} is not served: the record type {record.type} is not known")
        return None
    soft = _SoftRecord(record.type, infos={name: info.value for name, info in record.infos.items()})
    for name, given in record.fields.items():
        if _takes(definition, name, given.value):
            soft.fields[name] = given.value
        else:
            left_out.append(f"{given.at}: {record.name}.{name} stays as it starts: EPICS refuses {given.value!r} there")
    soft.driven = _port_of(record) in ports and writes(record)
    if definition.module == "base" and not soft.driven:
        _take_hardware_out(soft, definition)
    else:
        _keep_link(soft, definition)
    return soft


def _takes(definition: RecordType, name: str, value: str) -> bool:
    """Return whether a record of the twin can have a field with a value."""
    known = definition.fields.get(name)
    if known is None:
        return False
    if known.size and known.dbf == "STRING":
        return len(value.encode()) < known.size
    choices = menu(known.menu) if known.menu else ()
    return not choices or value in choices or (value.isdigit() and int(value) < len(choices)) or not value


def _take_hardware_out(soft: _SoftRecord, definition: RecordType) -> None:
    """Leave a record without device support where its own needs hardware."""
    device = soft.fields.get("DTYP", "")
    reads = definition.name in INPUTS
    if device and device not in definition.devices:
        for name in ("DTYP", "INP" if reads else "OUT", "SCAN", "SIOL", "SIML"):
            soft.fields.pop(name, None)
        soft.hardware = True
        soft.fields |= DEFINED
    if reads and (soft.hardware or not soft.fields.get("INP", "").strip()):
        soft.fields["PINI"] = "YES"


def _keep_link(soft: _SoftRecord, definition: RecordType) -> None:
    """Keep what a record of a Python type says of its hardware, which nothing looks at, where it can be written."""
    if soft.fields.get("SCAN") == "I/O Intr":
        del soft.fields["SCAN"]
    link = "OUT" if "OUT" in definition.fields else "INP"
    soft.fields |= DEFINED if soft.driven else {}
    if soft.fields.get(link, "").lstrip().startswith("#"):
        soft.fields.pop(link)
    soft.hardware = soft.fields.get(link, "").startswith("@")


def _port_of(record: LoadedRecord) -> str:
    found = address(record)
    return found[0] if found else ""


def _driven_devices(kind: str, records: Iterable[_SoftRecord]) -> dict[str, str]:
    """Return the device support that a behaviour adds to a type of EPICS base, by the names in DTYP."""
    return {one.fields["DTYP"]: "INST_IO" for one in records if one.type == kind and one.driven}


def _devices(kind: str, records: Iterable[_SoftRecord]) -> dict[str, str]:
    """Return the choices of DTYP with their link types: those of the record's own module first."""
    definition = record_type(kind)
    found = dict.fromkeys(definition.devices if definition else (), "CONSTANT")
    for one in records:
        device = one.fields.get("DTYP", "")
        if one.type == kind and device:
            found[device] = "INST_IO" if one.hardware else found.get(device, "CONSTANT")
    return found


def _echo(records: Mapping[str, LoadedRecord], soft: Mapping[str, _SoftRecord], ports: Mapping[str, Port]) -> None:
    """Make readbacks follow their setpoints as hardware would, where no behaviour does it."""
    for name, setpoint in echoes(records).items():
        readback, source = soft[name], soft[setpoint]
        if not readback.hardware or name == setpoint or _port_of(records[name]) in ports:
            continue
        readback.fields["PINI"] = "YES"
        if source.type in BUSY or source.fields.get("FLNK", "").strip():
            readback.fields["INP"] = f"{setpoint} CP"
            continue
        # Processed by the setpoint itself, so that a completed put has reached the readback.
        readback.fields["INP"] = f"{setpoint} NPP"
        source.fields["FLNK"] = name
        # The next readback of the same setpoint follows through CP, because this link is taken now.


def _subroutines(records: Iterable[_SoftRecord]) -> Iterator[str]:
    for one in records:
        if one.type in ("sub", "aSub"):
            yield from (name for key in ("INAM", "SNAM") if (name := one.fields.get(key, "")))


def _points(points: Iterable[tuple[str, str]]) -> str:
    return " ".join(f'"{raw}" "{engineering}"' for raw, engineering in points)


def _text(name: str, record: _SoftRecord, aliases: Iterable[str]) -> str:
    lines = [f'record({record.type}, "{name}") {{']
    lines += [f'  field({key}, "{_escaped(value)}")' for key, value in record.fields.items()]
    lines += [f'  info("{key}", "{_escaped(value)}")' for key, value in record.infos.items()]
    lines += [f'  alias("{alias}")' for alias in aliases]
    return "\n".join((*lines, "}"))


def _name_of(text: str) -> str:
    found = re.match(r'record\(\w+, "(.*)"\)', text)
    return found[1] if found else ""


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in value)


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"} | {
    chr(code): f"\\x{code:02x}" for code in range(32) if chr(code) not in "\n\t\r"
}
