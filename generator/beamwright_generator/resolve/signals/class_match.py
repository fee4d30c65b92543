"""Classes that ophyd-async ships against what a database really serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from beamwright_generator.model import Access, ArrayType, BuiltinType, ClassRef, Datatype, Signal
from beamwright_generator.resolve.types.kinds import Kind, Served, states_against
from beamwright_generator.tables.ophyd_async_classes import (
    ShippedClass,
    ShippedSignal,
    classes_for_templates,
    classes_of_templates,
    shipped_class,
    shipped_enum,
)


@dataclass(frozen=True, slots=True)
class Match:
    """What the shipped classes have for the records of one device type.

    :param extended: the shipped classes that the database agrees with; the generated class extends them.
    :param signals: shipped signals that fit, also of classes that are not extended: their names and types are used.
    :param refused: shipped classes that do not fit, each with what stands against it.
    """

    extended: tuple[ClassRef, ...]
    signals: Mapping[str, ShippedSignal]
    refused: tuple[tuple[str, tuple[str, ...]], ...]


def match(templates: Collection[str], served: Mapping[str, Served]) -> Match:
    """Compare the shipped classes that mirror some templates with the records they are to stand for.

    :param templates: file names of the template and all it includes.
    :param served: datatype of each record by its suffix.
    """
    extended: dict[str, None] = {}
    signals: dict[str, ShippedSignal] = {}
    refused: list[tuple[str, tuple[str, ...]]] = []
    for known in classes_of_templates(templates):
        own = (known.signals[name] for name in known.own)
        signals |= {s.attribute: s for s in own if _against(s, served) is None}
    for wanted in classes_for_templates(templates):
        signals |= {s.attribute: s for s in wanted.signals.values() if _against(s, served) is None}
        for candidate in (wanted, *_lineage(wanted)):
            reasons = tuple(_reasons(candidate, served))
            if not reasons:
                extended[candidate.path] = None
                break
            refused.append((candidate.path.rpartition(".")[2], reasons))
    return Match(tuple(ref_of(path) for path in extended), signals, tuple(refused))


def _lineage(shipped: ShippedClass) -> Iterator[ShippedClass]:
    for path in shipped.lineage:
        if ancestor := shipped_class(path):
            yield ancestor


def ref_of(path: str) -> ClassRef:
    """Turn an import path into a class reference."""
    module, _, name = path.rpartition(".")
    return ClassRef(module, name)


def _reasons(shipped: ShippedClass, served: Mapping[str, Served]) -> Iterator[str]:
    if shipped.vectors:
        yield f"its constructor makes {', '.join(shipped.vectors)} itself"
    for signal in shipped.signals.values():
        reason = _against(signal, served)
        if reason is not None:
            yield f"{signal.attribute}: {reason}"


def _against(signal: ShippedSignal, served: Mapping[str, Served]) -> str | None:
    for suffix in dict.fromkeys((signal.read, signal.write)):
        if suffix not in served:
            return f"there is no typed record {suffix}"
        reason = _type_against(signal, suffix, served[suffix])
        if reason is not None:
            return reason
    read, write = served[signal.read], served[signal.write]
    if read.native != write.native:
        return f"{signal.read} is served as {read.native}, {signal.write} as {write.native}"
    if signal.enum and read.states != write.states:
        return f"{signal.read} and {signal.write} have different states"
    return None


def _type_against(signal: ShippedSignal, suffix: str, served: Served) -> str | None:
    if served.suffix:
        return f"{suffix} has to be reached as {suffix}{served.suffix}"
    if signal.enum:
        return _enum_against(signal.enum, suffix, served)
    fits = {
        "bool": served.kind is Kind.BOOL or served.takes_bool,
        "int": served.kind is Kind.INT,
        "float": served.kind is Kind.FLOAT,
        "str": served.kind in (Kind.STR, Kind.LONG_STR, Kind.ENUM),
    }.get(signal.datatype, False)
    return None if fits else f"{suffix} is a record of type {served.kind}, declared {signal.datatype}"


def _enum_against(path: str, suffix: str, served: Served) -> str | None:
    enum = shipped_enum(path)
    if enum is None or served.native not in ("ENUM", "NTEnum") or served.kind is Kind.DRIVER_STATES:
        return f"{suffix} has no states"
    missing, extra = states_against(enum.kind, enum.members.values(), served.states)
    if not missing and not extra:
        return None
    parts = [f"lacks {', '.join(map(repr, sorted(missing)))}"] if missing else []
    parts += [f"also has {', '.join(map(repr, sorted(extra)))}"] if extra else []
    return f"{suffix} {' and '.join(parts)} (declared {path.rpartition('.')[2]})"


def as_signal(shipped: ShippedSignal) -> Signal:
    """Return a shipped signal as one of the model."""
    kinds = {"SignalR": Access.READ, "SignalRW": Access.READ_WRITE, "SignalW": Access.WRITE}
    return Signal(
        shipped.attribute,
        kinds.get(shipped.kind, Access.COMMAND),
        _datatype(shipped),
        shipped.read,
        None if shipped.write == shipped.read else shipped.write,
        busy=shipped.wait == "non_zero",
    )


def _datatype(shipped: ShippedSignal) -> Datatype:
    if shipped.enum:
        return ref_of(shipped.enum)
    if shipped.datatype.startswith("Array1D[np."):
        return ArrayType(shipped.datatype.removeprefix("Array1D[np.").rstrip("]"))
    return BuiltinType(shipped.datatype)
