"""The signals of a class, inherited and held ones too, as rows of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from beamwright_generator.catalogue.entries import SignalRow
from beamwright_generator.model import (
    Access,
    AnnotatedVector,
    ArrayType,
    BuiltinType,
    Child,
    ClassRef,
    Datatype,
    DeviceType,
    EnumType,
    Format,
    Member,
    Signal,
    SignalVector,
    States,
    Vector,
)
from beamwright_generator.resolve.classes.base_order import Orders
from beamwright_generator.resolve.signals.record_signals import MOTOR
from beamwright_generator.tables.ophyd_async_classes import ShippedClass, motor_signals, shipped_class, shipped_enum


@dataclass
class ClassRows:
    """Lists the signals of classes: what a class declares first, then what its bases do.

    :param types: the generated classes.
    """

    types: Mapping[ClassRef, DeviceType]
    _made: dict[ClassRef, tuple[SignalRow, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._orders = Orders.of_types({ref: (device.bases, device.readable) for ref, device in self.types.items()})
        self._enums: Mapping[ClassRef, EnumType] = {
            ClassRef(device.ref.module, enum.name): enum for device in self.types.values() for enum in device.enums
        }

    def of(self, ref: ClassRef) -> tuple[SignalRow, ...]:
        """List the signals of a class, each attribute once; a shipped class has them too."""
        if ref not in self._made:
            rows: dict[str, SignalRow] = {}
            for owner in (ref, *self.lineage(ref)):
                for row in self._declared(owner):
                    rows.setdefault(row.attribute, row)
            self._made[ref] = tuple(rows.values())
        return self._made[ref]

    def lineage(self, ref: ClassRef) -> tuple[ClassRef, ...]:
        """Name what a class extends that has signals, in the order that Python looks an attribute up in."""
        found: set[ClassRef] = set()
        waiting = [*self._bases(ref)]
        while waiting:
            base = waiting.pop(0)
            found.add(base)
            waiting += self._bases(base)
        return tuple(base for base in self._orders.of(ref) if base in found)

    def _bases(self, ref: ClassRef) -> tuple[ClassRef, ...]:
        if ref in self.types:
            return self.types[ref].bases
        shipped = _shipped(ref)
        return tuple(ClassRef(*_parted(path)) for path in shipped.lineage) if shipped else ()

    def _declared(self, owner: ClassRef) -> Iterator[SignalRow]:
        if owner in self.types:
            for member in self.types[owner].members:
                yield from self._of_member(member, owner)
        elif owner == MOTOR:
            yield from _of_motor(owner.name)
        elif shipped := _shipped(owner):
            yield from self._of_shipped(shipped, owner.name)

    def _of_member(self, member: Member, owner: ClassRef) -> Iterator[SignalRow]:
        match member:
            case Signal():
                row = self._signal(member.attribute, member, owner)
                yield replace(row, read=member.read, write=member.write or "", at=member.at)
            case SignalVector():
                for number, read, write in member.entries:
                    row = self._signal(f"{member.attribute}.{number}", member, owner)
                    yield replace(row, read=read, write=write if write and write != read else "")
            case Child():
                yield from self._below(member.attribute, member.type, member.suffix, owner)
            case Vector() | AnnotatedVector():
                own = dict(member.own) if isinstance(member, AnnotatedVector) else {}
                for number, suffix in member.entries:
                    yield from self._below(f"{member.attribute}.{number}", own.get(number, member.type), suffix, owner)

    def _below(self, attribute: str, ref: ClassRef, suffix: str, owner: ClassRef) -> Iterator[SignalRow]:
        ref = ref if ref.module else ClassRef(owner.module, ref.name)
        for row in self.of(ref):
            write = suffix + row.write if row.write else ""
            yield replace(row, attribute=f"{attribute}.{row.attribute}", read=suffix + row.read, write=write)

    def _signal(self, attribute: str, member: Signal | SignalVector, owner: ClassRef) -> SignalRow:
        return SignalRow(
            attribute,
            owner.name,
            member.access.value,
            _shown(member.datatype) if member.access is not Access.COMMAND else "",
            "",
            doc=member.doc,
            choices=self._choices(member.datatype, owner),
            format="" if member.format is Format.NONE else member.format.value,
        )

    def _choices(self, datatype: Datatype | None, owner: ClassRef) -> tuple[str, ...]:
        if not isinstance(datatype, ClassRef):
            return ()
        enum = self._enums.get(datatype if datatype.module else ClassRef(owner.module, datatype.name))
        if enum is not None:
            return tuple(state.text for state in enum.states)
        return _shipped_choices(f"{datatype.module}.{datatype.name}")

    def _of_shipped(self, shipped: ShippedClass, owner: str) -> Iterator[SignalRow]:
        for name in shipped.own:
            signal = shipped.signals[name]
            access = Access.COMMAND if signal.kind == "SignalX" else Access(signal.kind)
            yield SignalRow(
                name,
                owner,
                access.value,
                "" if access is Access.COMMAND else signal.datatype,
                signal.read,
                signal.write if signal.write != signal.read else "",
                choices=_shipped_choices(signal.enum) if signal.enum else (),
            )


def _of_motor(owner: str) -> Iterator[SignalRow]:
    for signal in motor_signals():
        yield SignalRow(
            signal.attribute,
            owner,
            Access(signal.kind).value,
            signal.datatype,
            f".{signal.field}",
            choices=signal.choices,
        )


def _shipped(ref: ClassRef) -> ShippedClass | None:
    return shipped_class(f"{ref.module}.{ref.name}")


def _shipped_choices(path: str) -> tuple[str, ...]:
    enum = shipped_enum(path)
    return tuple(enum.members.values()) if enum else ()


def _parted(path: str) -> tuple[str, str]:
    module, _, name = path.rpartition(".")
    return module, name


def _shown(datatype: Datatype | None) -> str:
    match datatype:
        case BuiltinType(name) | ClassRef(_, name):
            return name
        case ArrayType(dtype):
            return f"Array1D[np.{dtype}]"
        case States(enum):
            return f"Sequence[{enum.name}]"
        case None:
            return ""
