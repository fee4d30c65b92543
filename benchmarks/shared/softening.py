"""Database texts as an IOC made of nothing but EPICS base can take them: for its verdict, and for serving."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from beamwright_generator.parse.database.loader import LoadedDatabase, LoadedRecord
from beamwright_generator.parse.database.statements import Database, Include, Record, Substitute
from beamwright_generator.tables.record_types import record_type
from benchmarks.shared.databases import BASE_TYPES

STAND_INS = ("state", "permissive", "event", "histogram", "sel", "compress", "dfanout", "printf", "lsi", "int64in")
"""Base types that few databases use; a text's foreign types are replaced by those that it does not use itself."""

COMMON_FIELDS = frozenset.intersection(
    *(frozenset(known.fields) for name in BASE_TYPES if (known := record_type(name)) is not None)
) - {"VAL"}
"""Fields that every record has."""

_HEAD = re.compile(r'g?record[ \t\n]*\([ \t\n]*"?(?=[A-Za-z0-9])')
_COMMAND = re.compile(r'(?:include|substitute)[ \t]*(?:"(?:[^"\\\n]|\\.)*"|[^\s{}"]*)')


def with_stand_ins(database: Database) -> tuple[str, list[str]]:
    """Return an expanded text in which base types stand for those that base lacks, and what that hides.

    Fields that not every record has become info items, so that their values still have to be well formed. What
    expansion has obeyed already (`include`, msi's `substitute`) is taken out. Everything else stays as written.

    :returns: the text, and the fields that the record type table does not know.
    """
    text = database.source.text
    used = {record.type for record in database.records}
    free = [name for name in STAND_INS if name not in used]
    foreign = sorted(used - BASE_TYPES - {"*", "#"})
    stand_ins = {name: free[number % len(free)] for number, name in enumerate(foreign)}
    kinds = {record.name: record.type for record in reversed(database.records) if record.type not in ("*", "#")}
    unknown: list[str] = []
    edits: list[tuple[int, int, str]] = []
    for item in database.items:
        if isinstance(item, Record):
            kind = kinds.get(item.name, "")
            head = _HEAD.match(text, item.offset)
            if item.type in stand_ins and head:
                edits.append((head.end(), head.end() + len(item.type), stand_ins[item.type]))
            for statement in item.fields if kind in stand_ins else ():
                if statement.name not in COMMON_FIELDS:
                    edits.append((statement.offset, statement.offset + len("field"), "info"))
                    definition = record_type(kind)
                    if definition is not None and statement.name not in definition.fields:
                        unknown.append(f"{kind} record '{item.name}' doesn't have a field '{statement.name}'")
        for line in item.body if isinstance(item, Record) else (item,):
            if isinstance(line, Include | Substitute) and (command := _COMMAND.match(text, line.offset)):
                edits.append((command.start(), command.end(), ""))
    parts, at = [], 0
    for start, end, new in sorted(edits):
        parts += [text[at:start], new]
        at = end
    return "".join((*parts, text[at:])), unknown


def served_text(loaded: LoadedDatabase, types: Collection[str] = BASE_TYPES) -> str:
    """Write the records of some types without what needs hardware, their values and everything else as loaded.

    Left out are device support that base lacks with its address (`@...`, `#...`), and scanning by its interrupts.
    """
    return "".join(_record_text(record) for record in loaded.records.values() if record.type in types)


def _record_text(record: LoadedRecord) -> str:
    lines = [f"record({record.type}, {quoted(record.name)}) {{"]
    lines += [f"  alias({quoted(alias)})" for alias in record.aliases]
    lines += [f"  field({name}, {quoted(value)})" for name, value in _soft_fields(record)]
    lines += [f"  info({quoted(name)}, {quoted(item.value)})" for name, item in record.infos.items()]
    return "\n".join((*lines, "}\n"))


def _soft_fields(record: LoadedRecord) -> Iterator[tuple[str, str]]:
    definition = record_type(record.type)
    assert definition is not None
    device = record.fields.get("DTYP")
    foreign = device is not None and device.value not in definition.devices
    for name, item in record.fields.items():
        address = foreign and name in ("INP", "OUT") and item.value.lstrip().startswith(("@", "#"))
        interrupts = name == "SCAN" and item.value == "I/O Intr"
        if not (address or interrupts or (foreign and name == "DTYP")):
            yield name, item.value


def quoted(value: str) -> str:
    """Write a value as a quoted string that an IOC reads back as it is."""
    return '"' + "".join(_escaped(value)) + '"'


def _escaped(value: Iterable[str]) -> Iterator[str]:
    for character in value:
        if character in '"\\':
            yield "\\" + character
        elif character == "\n":
            yield "\\n"
        elif ord(character) < 0x20 or ord(character) == 0x7F:
            yield f"\\x{ord(character):02x}"
        else:
            yield character
