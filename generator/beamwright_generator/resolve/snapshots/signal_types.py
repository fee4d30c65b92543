"""The types of recorded signals, before anything has a name: enums are their choices, tables are their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from beamwright_generator.model import ArrayType, BuiltinType, ClassRef
from beamwright_generator.parse.yaml.snapshot_file import INTEGERS, RecordedColumn, RecordedSignal
from beamwright_generator.resolve.naming.identifiers import is_attribute
from beamwright_generator.resolve.signals.class_match import ref_of
from beamwright_generator.resolve.types.datatype_rules import says_truth
from beamwright_generator.tables.ophyd_async_classes import (
    ShippedBlock,
    shipped_enum,
    shipped_tables,
    table_members,
)

TRUTHS = frozenset({"bool", "int8", "uint8", "int32", "uint32"})
"""What a `bool` can stand for over PV Access."""


@dataclass(frozen=True, slots=True)
class Choices:
    """An enum by its choices.

    :param many: a column of a table, which has one choice in each row.
    """

    states: tuple[str, ...]
    many: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """A table by its columns."""

    columns: tuple[tuple[str, Form], ...]


Form = BuiltinType | ArrayType | ClassRef | Choices | Columns

TABLE = ClassRef("ophyd_async.core", "Table")
IMAGE = BuiltinType("np.ndarray")


@dataclass(frozen=True, slots=True)
class NoSignalType:
    """There is no type for a signal: why, as words that follow its name."""

    reason: str


def form_of(signal: RecordedSignal) -> Form | NoSignalType:
    """Return the type of a signal as `with_pvi` would find it, but for enums and tables, which become classes."""
    match signal.type:
        case "unknown":
            return NoSignalType(f"did not answer: {signal.missing}" if signal.missing else f"is {_named(signal.nt)}")
        case "enum":
            return _choices(signal.choices)
        case "table":
            return _table(signal.columns)
        case "image":
            return IMAGE
        case name:
            return _plain(name)


def _named(nt: str) -> str:
    return f"of type {nt}" if nt else "of an unknown type"


def _plain(name: str) -> BuiltinType | ArrayType:
    if name == "str[]":
        return BuiltinType("Sequence[str]")
    if name.endswith("[]"):
        return ArrayType(name.removesuffix("[]").replace("bool", "bool_"))
    return BuiltinType("int" if name in INTEGERS else "float" if name.startswith("float") else name)


def _choices(states: tuple[str, ...]) -> Form:
    members = tuple(dict.fromkeys(state for state in states if state.strip()))
    if len(states) == 2 and says_truth(*states):
        return BuiltinType("bool")
    return _shipped_enum(states) or Choices(states) if members else BuiltinType("str")


def _shipped_enum(states: tuple[str, ...]) -> ClassRef | None:
    """Find the strict enum of ophyd-async's blocks with exactly these states."""
    for path in _ENUMS:
        enum = shipped_enum(path)
        if enum and enum.kind == "strict" and tuple(enum.members.values()) == states:
            return ref_of(path)
    return None


BLOCKS = "ophyd_async.fastcs.panda"
"""Where ophyd-async's blocks of a PandA are."""
_ENUMS = tuple(f"{BLOCKS}.{name}" for name in ("PandaTimeUnits", "PandaPcompDirection", "PandaCaptureMode"))


def misfit_columns(signal: RecordedSignal) -> list[str]:
    """Name the columns that no class of a table can have."""
    return [name for name, column in signal.columns.items() if not _fits(name, column)]


def _fits(name: str, column: RecordedColumn) -> bool:
    return is_attribute(name) and name not in table_members() and column.type.endswith("[]")


def _table(columns: Mapping[str, RecordedColumn]) -> Form:
    if not columns or not all(_fits(name, column) for name, column in columns.items()):
        return TABLE
    for path, wanted in shipped_tables().items():
        if list(wanted) == list(columns) and not any(_columns_against(wanted, columns)):
            return ref_of(path)
    return Columns(tuple((name, _column(column)) for name, column in columns.items()))


def _column(column: RecordedColumn) -> Form:
    usable = column.type == "str[]" and any(state.strip() for state in column.choices)
    return Choices(column.choices, many=True) if usable else _plain(column.type)


# -- what ophyd-async's blocks of a PandA ask for


def against(block: ShippedBlock, signals: Mapping[str, tuple[str, RecordedSignal]]) -> Iterator[str]:
    """Say what stands between a served block and the one that ophyd-async declares.

    :param signals: what is generated for each attribute: the kind of signal, and what was recorded.
    """
    for attribute, (kind, datatype) in block.signals.items():
        found = signals.get(attribute)
        if found is None:
            yield f"{attribute} is not served"
        elif found[0] != kind:
            yield f"{attribute} is a {found[0]}, declared {kind}"
        elif reason := _type_against(datatype, found[1]):
            yield f"{attribute}: {reason}"


def shipped_form(datatype: str) -> Form:
    """Return a type of a shipped block."""
    return ref_of(datatype) if "." in datatype else BuiltinType(datatype)


def _type_against(datatype: str, signal: RecordedSignal) -> str:
    served = f"served as {signal.type}, declared {datatype.rpartition('.')[2]}"
    if columns := shipped_tables().get(datatype):
        return "; ".join(_columns_against(columns, signal.columns)) if signal.type == "table" else served
    if "." in datatype:
        return _states_against(datatype, signal.choices) if signal.type == "enum" else served
    return "" if can_be(datatype, signal) else served


def can_be(datatype: str, signal: RecordedSignal) -> bool:
    """Return whether a signal connects as `bool`, `int`, `float` or `str`."""
    match datatype:
        case "bool":
            return signal.type in TRUTHS or (signal.type == "enum" and len(signal.choices) == 2)
        case "int":
            return signal.type in INTEGERS or (signal.type.startswith("float") and signal.precision == 0)
        case "float":
            return signal.type in ("float32", "float64")
        case _:
            return signal.type in ("str", "enum")


def _states_against(path: str, states: tuple[str, ...]) -> str:
    enum = shipped_enum(path)
    wanted = set(enum.members.values()) if enum else set()
    missing = wanted - set(states)
    extra = set(states) - wanted if enum and enum.kind == "strict" else set()
    parts = [f"lacks {', '.join(map(repr, sorted(missing)))}"] if missing else []
    parts += [f"also has {', '.join(map(repr, sorted(extra)))}"] if extra else []
    return f"{' and '.join(parts)} (declared {path.rpartition('.')[2]})" if parts else ""


def _columns_against(wanted: Mapping[str, str], columns: Mapping[str, RecordedColumn]) -> Iterator[str]:
    if list(wanted) != list(columns):
        missing, extra = [n for n in wanted if n not in columns], [n for n in columns if n not in wanted]
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"also has {', '.join(extra)}"] if extra else []
        yield f"the table {' and '.join(parts) or 'has its columns in another order'}"
        return
    for name, datatype in wanted.items():
        column, enum = columns[name], datatype.removesuffix("[]")
        if column.type != ("str[]" if "." in enum else datatype):
            yield f"column {name} is served as {column.type}, declared {datatype.rpartition('.')[2]}"
        elif "." in enum and column.choices and (reason := _states_against(enum, column.choices)):
            yield f"column {name} {reason}"
