"""Loads databases into one map of records the way an IOC does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.database.database_text import parse_database
from beamwright_generator.parse.database.statements import Alias, Breaktable, Database, Info, Record, RecordField
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.parse.macros.msi import expand_text
from beamwright_generator.problems import Problems

_UNEXPANDED = re.compile(r"\$[({]")
_BAD_IN_NAME = re.compile(r"""[ "'.$]""")


class LoadedValue(NamedTuple):
    """A field's or info item's value as the IOC has it, and where it was given."""

    value: str
    source: Source
    offset: int

    @property
    def at(self) -> Position:
        """Where the value was given."""
        return self.source.position(self.offset)


@dataclass(slots=True)
class LoadedRecord:
    """One record, all its definitions merged: the order is that of first mention, the value the last one given."""

    name: str
    type: str
    source: Source
    offset: int
    visible: bool = False
    fields: dict[str, LoadedValue] = field(default_factory=dict)
    infos: dict[str, LoadedValue] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)

    @property
    def at(self) -> Position:
        """Where the record was first defined."""
        return self.source.position(self.offset)


@dataclass
class LoadedDatabase:
    """The records of one IOC, merged from one load after another.

    :param aliases: alias to record name.
    :param refused: an IOC reports failure for one of the loads, as far as the texts alone tell.
    :param needs_msi: a text holds `substitute`, so an IOC cannot load it before msi has expanded it.
    """

    records: dict[str, LoadedRecord] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    breaktables: dict[str, Breaktable] = field(default_factory=dict)
    refused: bool = False
    needs_msi: bool = False

    def record(self, name: str) -> LoadedRecord | None:
        """Find a record by its name or one of its aliases."""
        return self.records.get(name) or self.records.get(self.aliases.get(name, ""))


def load_database(
    files: DescriptionFiles,
    path: Path,
    macros: MacroScope | Mapping[str, str],
    search: Sequence[Path],
    problems: Problems,
    *,
    env: MacroScope | None = None,
    cwd: Path | None = None,
    into: LoadedDatabase | None = None,
    at: Position | None = None,
) -> LoadedDatabase:
    """Load one database as dbLoadRecords does, into the records of earlier loads where `into` is given.

    :param env: the environment, seen by include names only.
    :param cwd: the folder relative names count from; by default the file's own.
    :param at: what asks for the file.
    """
    loaded = LoadedDatabase() if into is None else into
    scope = macros if isinstance(macros, MacroScope) else MacroScope(macros)
    source, complete = expand_text(files, path, scope, search, problems, env=env, cwd=cwd, at=at)
    if source is None:
        loaded.refused = True
        return loaded
    merge(parse_database(source, problems), loaded, problems)
    loaded.refused |= not complete
    return loaded


def merge(database: Database, loaded: LoadedDatabase, problems: Problems) -> None:
    """Add the statements of an expanded database to a map of records, as an IOC does."""
    merging = _DatabaseMerge(database.source, loaded, problems)
    for item in database.items:
        if isinstance(item, Record):
            merging.record(item)
        elif isinstance(item, Alias):
            merging.alias(item.record or "", item.name, item.offset)
        elif isinstance(item, Breaktable):
            loaded.breaktables.setdefault(item.name, item)
    loaded.refused |= database.refused_by_epics
    loaded.needs_msi |= database.needs_msi


class _DatabaseMerge:
    """One database on its way into the map."""

    def __init__(self, source: Source, loaded: LoadedDatabase, problems: Problems) -> None:
        self.source = source
        self.loaded = loaded
        self.problems = problems

    def _refuse(self, code: str, offset: int, message: str, hint: str = "") -> None:
        self.problems.error(code, self.source.position(offset), message, hint=hint)
        self.loaded.refused = True

    def _usable(self, name: str, offset: int) -> bool:
        """Return whether EPICS accepts a name; only faults that macros can cause are reported here."""
        if name and not _BAD_IN_NAME.search(name):
            return True
        if "$" in name or not name:
            message = f"the name {name!r} still holds a macro" if name else "the name is empty"
            self._refuse("database-name", offset, message)
        return False

    def record(self, item: Record) -> None:
        """Create a record, add to one, or delete one."""
        loaded = self.loaded
        if not self._usable(item.name, item.offset):
            return
        record = loaded.record(item.name)
        if item.type == "#":
            self._delete(item, record)
            return
        if record is None and item.type == "*":
            self._refuse(
                "record-unknown", item.offset, f"record {item.name} does not exist, so nothing can be added to it"
            )
            return
        if record is None:
            record = LoadedRecord(item.name, item.type, self.source, item.offset)
            loaded.records[item.name] = record
        elif item.type not in ("*", record.type):
            message = f"{item.name} is already a record of type {record.type}; this {item.type} is dropped"
            self._refuse("record-type-conflict", item.offset, message, f"the first definition is at {record.at}")
            return
        record.visible |= item.visible
        self._body(item, record)

    def _delete(self, item: Record, record: LoadedRecord | None) -> None:
        loaded = self.loaded
        if record is None:
            at = self.source.position(item.offset)
            self.problems.warning("record-unknown", at, f"record {item.name} does not exist, so it cannot be deleted")
        elif item.name in loaded.aliases:
            del loaded.aliases[item.name]
            record.aliases.remove(item.name)
        else:
            for alias in record.aliases:
                del loaded.aliases[alias]
            del loaded.records[item.name]

    def _body(self, item: Record, record: LoadedRecord) -> None:
        source, fields = self.source, record.fields
        for statement in item.body:
            if isinstance(statement, RecordField):
                value = statement.value
                if "$" in value and _UNEXPANDED.search(value):
                    message = f"{record.name}.{statement.name} still holds a macro: {value!r}"
                    self._refuse("field-unexpanded", statement.offset, message, "give the macro a value")
                else:
                    fields[statement.name] = LoadedValue(value, source, statement.offset)
            elif isinstance(statement, Info):
                record.infos[statement.name] = LoadedValue(statement.value, source, statement.offset)
            elif isinstance(statement, Alias):
                self.alias(record.name, statement.name, statement.offset)

    def alias(self, name: str, alias: str, offset: int) -> None:
        """Add an alias of a record."""
        loaded = self.loaded
        if not (self._usable(name, offset) and self._usable(alias, offset)):
            return
        record = loaded.record(name)
        if record is None:
            self._refuse("alias-refused", offset, f"alias {alias} is for record {name}, which does not exist")
        elif alias in loaded.records:
            self._refuse("alias-refused", offset, f"alias {alias} is already the name of a record")
        elif loaded.aliases.get(alias, record.name) != record.name:
            self._refuse("alias-refused", offset, f"alias {alias} already stands for {loaded.aliases[alias]}")
        elif alias not in loaded.aliases:
            loaded.aliases[alias] = record.name
            record.aliases.append(alias)
