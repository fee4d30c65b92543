"""What a class declares: each signal with its type and the PVs it reads and writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from beamwright_generator.basics.source_text import Position
from beamwright_generator.python.constructors import Evaluator
from beamwright_generator.python.expressions import NameScope, members
from beamwright_generator.python.name_lookup import ENUMS
from beamwright_generator.python.python_modules import Module
from beamwright_generator.python.values import (
    UNKNOWN,
    ClassValue,
    DeviceValue,
    ExternalName,
    GenericType,
    SignalValue,
    Suffix,
    Value,
    VectorValue,
    is_ophyd_async,
    plain,
)

RUNTIME: Final = "beamwright_runtime."
"""What generated classes stand on; its `DriverEnum` connects to any states."""


class DatatypeForm(StrEnum):
    """How a datatype is checked when a signal connects."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    ENUM = "enum"
    ARRAY = "array"
    STRINGS = "Sequence[str]"
    ANY = "any"
    """Whatever is served; commands and `SignalX` say nothing."""
    OTHER = "other"
    """Tables, images, and what is no datatype of a record."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DatatypeDeclaration:
    """The datatype of a signal.

    :param enum: how the enum compares states: `strict`, `subset`, `superset`, `driver` for one that takes any, or empty
        for another class.
    :param states: what an enum asks for, in order.
    :param dtype: the numpy type of an array.
    :param text: how the source writes it.
    """

    form: DatatypeForm
    text: str
    enum: str = ""
    states: tuple[str, ...] = ()
    dtype: str = ""


@dataclass(frozen=True)
class SignalDeclaration:
    """One signal of a class.

    :param attribute: with dots for a device inside the device.
    :param kind: `SignalR`, `SignalRW`, `SignalW`, `SignalX`, `Command` or `TriggerableCommand`.
    :param read: what is read, with holes for what the constructor gets; None where the source does not tell.
    :param inherited: it stands outside the module of the class.
    """

    attribute: str
    kind: str
    type: DatatypeDeclaration
    read: str | None
    write: str | None
    at: Position
    inherited: bool = False

    @property
    def is_command(self) -> bool:
        """Whether it is triggered, and neither read nor set."""
        return self.kind in ("Command", "TriggerableCommand")

    @property
    def reads(self) -> bool:
        """Whether its value is read."""
        return self.kind in ("SignalR", "SignalRW")

    @property
    def writes(self) -> bool:
        """Whether clients may set it."""
        return self.kind in ("SignalRW", "SignalW")


@dataclass(frozen=True)
class OwnerlessSignal:
    """A signal that is made, and that is no child of any device.

    :param pvs: as the source writes them; empty where it does not tell.
    :param inherited: it stands outside the module of the class.
    """

    pvs: str
    at: Position
    inherited: bool


@dataclass(frozen=True)
class ClassDeclaration:
    """One class with everything that it declares.

    :param silent: names in its body that look like a declaration and make no signal, each with its place.
    :param pvi: devices inside it whose signals the running server names.
    :param complete: whether all of its ancestors could be read.
    :param ownerless: signals that it makes and no device has.
    """

    name: str
    module: str
    at: Position
    signals: tuple[SignalDeclaration, ...]
    silent: Mapping[str, Position] = field(default_factory=dict)
    pvi: tuple[str, ...] = ()
    complete: bool = True
    ownerless: tuple[OwnerlessSignal, ...] = ()

    @property
    def path(self) -> str:
        """Its dotted name."""
        return f"{self.module}.{self.name}"


class Declarations:
    """Reads what classes declare."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.lookup = evaluator.lookup

    def classes(self, module: Module) -> Iterator[ClassDeclaration]:
        """Give every device class of a module that has signals, or seems to want some."""
        for name in module.classes:
            found = self.declared(module, name)
            if found is not None and (found.signals or found.silent or found.pvi or found.ownerless):
                yield found

    def declared(self, module: Module, name: str) -> ClassDeclaration | None:
        """Give what one class declares; None where it is no device class."""
        cls = self.lookup.name(module, name)
        if not isinstance(cls, ClassValue) or not self.lookup.is_a(cls, "Device"):
            return None
        del self.evaluator.made_signals[:]
        device = self.evaluator.made(cls)
        pvi: list[str] = []
        signals = tuple(self._signals(device, "", cls.module, pvi))
        return ClassDeclaration(
            cls.name,
            cls.module.name,
            cls.module.at(cls.node),
            signals,
            dict(self._silent(cls)),
            tuple(pvi),
            self.lookup.complete(cls),
            tuple(self._ownerless(cls)),
        )

    def _ownerless(self, cls: ClassValue) -> Iterator[OwnerlessSignal]:
        """Find signals that constructors or the body of a class make, and that no device has."""
        for statement in members(cls):
            match statement:
                case ast.Assign(value=ast.Call() as value) | ast.AnnAssign(value=ast.Call() as value):
                    self.evaluator.expressions.value(value, NameScope(cls.module))
                case _:
                    continue
        for one in self.evaluator.made_signals:
            if not self.evaluator.is_owned(one.signal) and not one.module.name.startswith("ophyd_async."):
                pvs = dict.fromkeys(pv for pv in (one.signal.read, one.signal.write) if isinstance(pv, str))
                yield OwnerlessSignal(
                    " and ".join(map(plain, pvs)), one.module.at(one.call), one.module is not cls.module
                )

    def _signals(self, device: DeviceValue, path: str, home: Module, pvi: list[str]) -> Iterator[SignalDeclaration]:
        if device.pvi:
            pvi.append(path)
        for name, (child, module, node) in device.children.items():
            yield from self._child(f"{path}.{name}" if path else name, child, module, node, home, pvi)

    def _child(
        self, path: str, child: Value, module: Module, node: ast.stmt | ast.expr, home: Module, pvi: list[str]
    ) -> Iterator[SignalDeclaration]:
        match child:
            case SignalValue():
                read, write = (side if isinstance(side, str) else None for side in (child.read, child.write))
                declared = self.type_of(child.datatype)
                yield SignalDeclaration(path, child.kind, declared, read, write, module.at(node), module is not home)
            case DeviceValue():
                yield from self._signals(child, path, home, pvi)
            case VectorValue(entries=entries):
                for key, entry in entries.items():
                    yield from self._child(
                        f"{path}[{'?' if key is UNKNOWN else repr(key)}]", entry, module, node, home, pvi
                    )
            case _:
                return

    def _silent(self, cls: ClassValue) -> Iterator[tuple[str, Position]]:
        """Find `name = A[...]`, which sets a class attribute and declares nothing."""
        for statement in members(cls):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() as value):
                    made = self.evaluator.expressions.value(value, NameScope(cls.module))
                    if isinstance(made, GenericType) and self._declares(made):
                        yield name, cls.module.at(statement)
                case _:
                    continue

    def _declares(self, made: GenericType) -> bool:
        if made.base == ExternalName("typing.Annotated"):
            first = made.arguments[0] if made.arguments else UNKNOWN
            return any(isinstance(one, Suffix) for one in made.arguments) or (
                isinstance(first, GenericType) and self.evaluator.filling.is_signal(first)
            )
        return self.evaluator.filling.is_signal(made)

    def type_of(self, value: Value) -> DatatypeDeclaration:
        """Say how a datatype is checked."""
        match value:
            case None:
                return DatatypeDeclaration(DatatypeForm.ANY, "nothing")
            case ExternalName(path="bool" | "int" | "float" | "str" as name):
                return DatatypeDeclaration(DatatypeForm(name), name)
            case GenericType(base=base, arguments=(element, *_)):
                return self._parametrised(base, element)
            case ClassValue():
                return self._class(value)
            case ExternalName(path=path):
                return DatatypeDeclaration(DatatypeForm.OTHER, path)
            case _:
                return DatatypeDeclaration(DatatypeForm.UNKNOWN, "a type that the source does not tell")

    def _parametrised(self, base: Value, element: Value) -> DatatypeDeclaration:
        # ophyd-async's Array1D is itself a numpy.ndarray with parameters.
        if base == ExternalName("ophyd_async.core.Array1D") or (
            isinstance(base, GenericType) and base.base == ExternalName("numpy.ndarray")
        ):
            dtype = element.path.removeprefix("numpy.") if isinstance(element, ExternalName) else ""
            return DatatypeDeclaration(DatatypeForm.ARRAY, f"Array1D[np.{dtype}]", dtype=dtype.removesuffix("_"))
        if base in (ExternalName("collections.abc.Sequence"), ExternalName("typing.Sequence")):
            if element == ExternalName("str"):
                return DatatypeDeclaration(DatatypeForm.STRINGS, "Sequence[str]")
            return DatatypeDeclaration(DatatypeForm.OTHER, "Sequence[...]")
        return DatatypeDeclaration(
            DatatypeForm.OTHER if not isinstance(base, ClassValue) else DatatypeForm.UNKNOWN, "a generic type"
        )

    def _class(self, cls: ClassValue) -> DatatypeDeclaration:
        line = self.lookup.line(cls)
        kind = next((how for name, how in ENUMS.items() if self.lookup.is_a(cls, name)), None)
        if any(
            isinstance(one, ClassValue) and one.path.startswith(RUNTIME) and one.name == "DriverEnum" for one in line
        ):
            kind = "driver"
        if kind is not None:
            states = self.states(cls)
            if states is None:
                return DatatypeDeclaration(DatatypeForm.UNKNOWN, cls.name)
            return DatatypeDeclaration(DatatypeForm.ENUM, cls.name, kind, _texts(states))
        if self.lookup.is_a(cls, "Table"):
            return DatatypeDeclaration(DatatypeForm.OTHER, cls.name)
        if any(isinstance(one, ExternalName) and one.path in ("enum.Enum", "enum.StrEnum") for one in line):
            return DatatypeDeclaration(DatatypeForm.ENUM, cls.name, "", _texts(self.states(cls) or {}))
        return DatatypeDeclaration(DatatypeForm.UNKNOWN, cls.name)

    def states(self, cls: ClassValue) -> dict[str, str] | None:
        """Return the texts of an enum's members by their names; None where the source does not tell."""
        found: dict[str, str] = {}
        for one in reversed(self.lookup.line(cls)):
            if not isinstance(one, ClassValue) or is_ophyd_async(one, *ENUMS) or one.path.startswith(RUNTIME):
                continue
            for statement in members(one):
                match statement:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        state = self.evaluator.expressions.value(value, NameScope(one.module))
                        if isinstance(state, str):
                            found[name] = state
                        elif not name.startswith("_"):
                            return None
                    case _:
                        continue
        return found


def _texts(states: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(states.values()))
