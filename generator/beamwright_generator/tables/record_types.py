"""What each EPICS record type holds: fields with type, menu, size and access.

The facts stand in `record_types.json`, which `scripts/refresh_record_types.py` writes from record definitions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypedDict, cast


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field of a record type.

    :param dbf: the database field type without its `DBF_`, such as `DOUBLE`, `MENU` or `NOACCESS`.
    :param menu: the menu that a `MENU` field takes its choices from.
    :param size: the bytes of a `STRING` with its closing NUL; 0 for every other type.
    :param special: what the record does on access: `SPC_NOMOD` is read only, `SPC_DBADDR` has its type set by the
        record at run time.
    :param pp: a write to the field processes a passive record.
    :param initial: the value before a database sets one.
    """

    name: str
    dbf: str
    menu: str = ""
    size: int = 0
    special: str = ""
    pp: bool = False
    initial: str = ""

    @property
    def writable(self) -> bool:
        """Whether clients may put to the field."""
        if self.dbf == "NOACCESS":
            return self.special == "SPC_DBADDR"
        return self.special != "SPC_NOMOD"


@dataclass(frozen=True, slots=True)
class RecordType:
    """One record type, the fields of dbCommon first.

    :param module: the support module that defines it, `base` for EPICS base.
    :param devices: the device support that this module brings for it; other modules may add more.
    """

    name: str
    module: str
    devices: tuple[str, ...]
    fields: Mapping[str, FieldDef] = field(repr=False)


class _FieldFacts(TypedDict, total=False):
    dbf: str
    menu: str
    size: int
    special: str
    pp: bool
    initial: str


class _TypeFacts(TypedDict):
    module: str
    devices: list[str]
    fields: dict[str, _FieldFacts]


class _MenuFacts(TypedDict):
    module: str
    choices: list[str]


class _RecordTypeTable(TypedDict):
    menus: dict[str, _MenuFacts]
    types: dict[str, _TypeFacts]


COMMON = "dbCommon"
"""The pseudo record type whose fields every record has."""


@cache
def _table() -> _RecordTypeTable:
    text = files("beamwright_generator.tables").joinpath("record_types.json").read_text(encoding="utf-8")
    return cast("_RecordTypeTable", json.loads(text))


@cache
def record_type(name: str) -> RecordType | None:
    """Look a record type up; None when the table does not know it."""
    types = _table()["types"]
    if name not in types or name == COMMON:
        return None
    facts = types[name]
    fields = {key: FieldDef(name=key, **value) for key, value in {**types[COMMON]["fields"], **facts["fields"]}.items()}
    return RecordType(name, facts["module"], tuple(facts["devices"]), MappingProxyType(fields))


@cache
def record_type_names() -> tuple[str, ...]:
    """Name every known record type, sorted."""
    return tuple(sorted(name for name in _table()["types"] if name != COMMON))


@cache
def common_fields() -> Mapping[str, FieldDef]:
    """Return the fields that every record has."""
    facts = _table()["types"][COMMON]["fields"]
    return MappingProxyType({key: FieldDef(name=key, **value) for key, value in facts.items()})


@cache
def base_menus() -> frozenset[str]:
    """Name the menus that EPICS base defines."""
    return frozenset(name for name, facts in _table()["menus"].items() if facts["module"] == "base")


@cache
def menu(name: str) -> tuple[str, ...]:
    """Return the choices of a menu, in order; empty when the table does not know it."""
    facts = _table()["menus"].get(name)
    return tuple(facts["choices"]) if facts else ()
