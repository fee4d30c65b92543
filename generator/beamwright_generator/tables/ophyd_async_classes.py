"""What ophyd-async ships for EPICS: classes with their signals, the templates they mirror, and reserved names.

The facts stand in `ophyd_async_classes.json`, which `scripts/refresh_shipped.py` writes by looking at the installed
ophyd-async; generating needs no ophyd-async.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NotRequired, TypedDict, cast

ANNOTATION_WORDS: Final = frozenset({"bool", "float", "int", "non_zero", "np", "str"})
"""What annotations in a generated class mean by these words: an attribute of that name would hide it from them."""


@dataclass(frozen=True, slots=True)
class ShippedSignal:
    """One signal of a shipped class.

    :param kind: `SignalR`, `SignalRW`, `SignalW`, `SignalX` or `TriggerableCommand`.
    :param datatype: the datatype as source text, such as `float` or `ADImageMode`.
    :param enum: the import path of that datatype when it is an enum, for `shipped_enum`.
    :param read: suffix of the PV that is read, after the device's prefix.
    :param write: suffix of the PV that is written; the same for a signal on one PV.
    :param wait: what a put waits for when that is not completion: `non_zero` or `False`.
    """

    attribute: str
    kind: str
    datatype: str
    read: str
    write: str
    enum: str = ""
    wait: str = ""


@dataclass(frozen=True, slots=True)
class ShippedEnum:
    """An enum that ophyd-async ships.

    :param kind: `strict`, `subset` or `superset`.
    :param members: state by member name, in order.
    """

    path: str
    kind: str
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShippedVector:
    """Equal devices that a shipped class makes in its constructor, numbered from 1.

    :param suffix: suffix of an entry, with `{}` for its number.
    """

    attribute: str
    entry: str
    suffix: str


@dataclass(frozen=True, slots=True)
class ShippedClass:
    """A class that ophyd-async ships.

    :param path: the public import path.
    :param bases: import paths of its bases.
    :param lineage: the shipped classes among its ancestors, nearest first.
    :param templates: the EPICS templates it mirrors; a database that includes all of them has its signals.
    :param signals: every signal by attribute, inherited ones first.
    :param own: the attributes that no shipped ancestor has just so.
    :param members: every name that an attribute of a subclass would hide, signals and vectors included.
    """

    path: str
    bases: tuple[str, ...]
    lineage: tuple[str, ...]
    templates: tuple[str, ...]
    signals: Mapping[str, ShippedSignal] = field(repr=False)
    own: tuple[str, ...] = field(repr=False)
    vectors: Mapping[str, ShippedVector] = field(repr=False)
    members: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShippedBlock:
    """A block of a PandA as ophyd-async declares it; it has no PVs, which PVI would tell.

    :param signals: kind and datatype by attribute; the datatype is `float`, `uint16[]`, or the import path of an enum
        or a table.
    """

    path: str
    signals: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MotorSignal:
    """One signal of `beamwright_runtime.Motor`.

    :param datatype: the datatype as source text; empty for a command.
    :param field: the field of the motor record.
    """

    attribute: str
    kind: str
    datatype: str
    field: str
    choices: tuple[str, ...] = ()


class _SignalFacts(TypedDict):
    kind: str
    datatype: str
    read: str
    write: str
    enum: NotRequired[str]
    wait: NotRequired[str]


class _MotorFacts(TypedDict):
    kind: str
    datatype: str
    field: str
    choices: NotRequired[list[str]]


class _EnumFacts(TypedDict):
    kind: str
    members: dict[str, str]


_VectorFacts = TypedDict("_VectorFacts", {"class": str, "suffix": str})


class _ClassFacts(TypedDict):
    templates: list[str]
    bases: list[str]
    lineage: list[str]
    members: list[str]
    vectors: dict[str, _VectorFacts]
    signals: dict[str, _SignalFacts]


class _BlockSignalFacts(TypedDict):
    kind: str
    datatype: str


_BlockFacts = TypedDict("_BlockFacts", {"class": str, "signals": dict[str, _BlockSignalFacts]})


class _ShippedTable(TypedDict):
    ophyd_async: str
    device_members: list[str]
    motor_members: list[str]
    motor_signals: dict[str, _MotorFacts]
    panda_members: list[str]
    table_members: list[str]
    blocks: dict[str, _BlockFacts]
    tables: dict[str, dict[str, str]]
    enums: dict[str, _EnumFacts]
    orders: dict[str, list[str]]
    classes: dict[str, _ClassFacts]


@cache
def _table() -> _ShippedTable:
    text = files("beamwright_generator.tables").joinpath("ophyd_async_classes.json").read_text(encoding="utf-8")
    return cast("_ShippedTable", json.loads(text))


def ophyd_async_version() -> str:
    """Return the version of ophyd-async that the facts were taken from."""
    return _table()["ophyd_async"]


@cache
def shipped_paths() -> tuple[str, ...]:
    """Name every shipped class by its import path, bases before what derives from them."""
    return tuple(_table()["classes"])


@cache
def shipped_names() -> frozenset[str]:
    """Return the names of all classes, enums and tables that ophyd-async ships, without their modules."""
    table = _table()
    return frozenset(path.rpartition(".")[2] for path in (*table["classes"], *table["enums"], *table["tables"]))


def unlike_shipped(name: str, ending: str) -> str:
    """Return a name as it is, or with an ending where ophyd-async ships something of that name."""
    return name + ending if name in shipped_names() else name


@cache
def shipped_class(path: str) -> ShippedClass | None:
    """Look a class up by its import path; None when ophyd-async does not ship it."""
    classes = _table()["classes"]
    facts = classes.get(path)
    if facts is None:
        return None
    signals: dict[str, ShippedSignal] = {}
    vectors: dict[str, ShippedVector] = {}
    for ancestor in (*reversed(facts["lineage"]), path):
        for name, signal in classes[ancestor]["signals"].items():
            signals[name] = ShippedSignal(attribute=name, **signal)
        for name, vector in classes[ancestor]["vectors"].items():
            vectors[name] = ShippedVector(name, vector["class"], vector["suffix"])
    return ShippedClass(
        path=path,
        bases=tuple(facts["bases"]),
        lineage=tuple(facts["lineage"]),
        templates=tuple(facts["templates"]),
        signals=MappingProxyType(signals),
        own=tuple(facts["signals"]),
        vectors=MappingProxyType(vectors),
        members=frozenset({*device_members(), *facts["members"], *signals, *vectors}),
    )


def lookup_order(path: str) -> tuple[str, ...]:
    """Name the classes that Python looks an attribute up in, in order, for a class that a generated one can extend.

    Classes that no public module has are given by their bare names. The class stands first; empty for an unknown one.
    """
    return tuple(_table()["orders"].get(path, ()))


@cache
def shipped_enum(path: str) -> ShippedEnum | None:
    """Look an enum up by its import path; None when no shipped class uses it."""
    facts = _table()["enums"].get(path)
    return ShippedEnum(path, facts["kind"], MappingProxyType(facts["members"])) if facts else None


def classes_for_templates(templates: Collection[str]) -> tuple[ShippedClass, ...]:
    """Find the most specific shipped classes for the templates a database consists of.

    :param templates: file names (`NDStats.template`) of the database itself and all it includes.
    """
    found = [
        shipped
        for path in shipped_paths()
        if (shipped := shipped_class(path)) and shipped.templates and set(shipped.templates) <= set(templates)
    ]
    covered = {ancestor for shipped in found for ancestor in shipped.lineage}
    return tuple(shipped for shipped in found if shipped.path not in covered)


def classes_of_templates(templates: Collection[str]) -> tuple[ShippedClass, ...]:
    """Find the shipped classes whose own signals stand in some template, though it may lack what they inherit.

    ``NDFile.template`` has the own signals of NDFileIO, but not those of NDArrayBaseIO, which that extends.
    """
    found = []
    for path in shipped_paths():
        shipped = shipped_class(path)
        if shipped is not None:
            bases = [known for base in shipped.lineage if (known := shipped_class(base))]
            inherited = {template for base in bases for template in base.templates}
            own = set(shipped.templates) - inherited
            if own and own <= set(templates):
                found.append(shipped)
    return tuple(found)


@cache
def device_members() -> frozenset[str]:
    """Name what no attribute of any device may hide: members of the base classes, and words of annotations."""
    return frozenset(_table()["device_members"]) | ANNOTATION_WORDS


@cache
def motor_members() -> frozenset[str]:
    """Name what no attribute of a class that extends `beamwright_runtime.Motor` may hide."""
    return device_members() | frozenset(_table()["motor_members"])


@cache
def motor_signals() -> tuple[MotorSignal, ...]:
    """Return the signals of `beamwright_runtime.Motor`."""
    return tuple(
        MotorSignal(name, facts["kind"], facts["datatype"], facts["field"], tuple(facts.get("choices", ())))
        for name, facts in _table()["motor_signals"].items()
    )


@cache
def panda_members() -> frozenset[str]:
    """Name what no attribute of a class that extends `beamwright_runtime.Panda` may hide."""
    return device_members() | frozenset(_table()["panda_members"])


@cache
def table_members() -> frozenset[str]:
    """Name what no column of a `Table` may hide."""
    return frozenset(_table()["table_members"])


@cache
def shipped_blocks() -> Mapping[str, ShippedBlock]:
    """Return the blocks of a PandA by the name, without number, that they have in its PVI tree."""
    return MappingProxyType(
        {
            name: ShippedBlock(
                facts["class"], {attribute: (s["kind"], s["datatype"]) for attribute, s in facts["signals"].items()}
            )
            for name, facts in _table()["blocks"].items()
        }
    )


@cache
def shipped_tables() -> Mapping[str, Mapping[str, str]]:
    """Return the type of each column by the import path of each table; that of an enum ends with `[]` too."""
    return MappingProxyType(_table()["tables"])
