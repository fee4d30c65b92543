"""Signals that a class declares by annotation, as ophyd-async's EPICS connector fills them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from beamwright_generator.python.expressions import Expressions, NameScope, members
from beamwright_generator.python.name_lookup import NameLookup
from beamwright_generator.python.python_modules import Module
from beamwright_generator.python.values import (
    UNKNOWN,
    ClassValue,
    Connector,
    DeviceValue,
    ExternalName,
    GenericType,
    SignalValue,
    Suffix,
    Value,
)

SIGNALS: Final = ("SignalR", "SignalRW", "SignalW", "SignalX", "TriggerableCommand", "Command")


class DeviceMaker(Protocol):
    """Makes a device of a class."""

    def __call__(self, cls: ClassValue, arguments: tuple[Value, ...] = (), **keywords: Value) -> DeviceValue:
        """Make it."""
        ...


@dataclass(frozen=True)
class Annotation:
    """One annotated attribute of a class."""

    name: str
    type: Value
    extras: tuple[Value, ...]
    module: Module
    node: ast.stmt


@dataclass
class AnnotationFiller:
    """Makes the children of devices from the annotations of their classes."""

    lookup: NameLookup
    expressions: Expressions
    make: DeviceMaker

    def fill(self, device: DeviceValue) -> None:
        """Make every child that an annotation declares."""
        for one in self.annotations(device.cls):
            made = self._child(device, one)
            if made is not None:
                device.attributes[one.name] = made
                device.children[one.name] = made, one.module, one.node

    def annotations(self, cls: ClassValue) -> list[Annotation]:
        """Give the annotations of a class and its ancestors; the nearest says what an attribute is."""
        found: dict[str, Annotation] = {}
        for one in reversed(self.lookup.line(cls)):
            if isinstance(one, ClassValue):
                found |= {a.name: a for a in self._own(one)}
        return list(found.values())

    def _own(self, cls: ClassValue) -> Iterator[Annotation]:
        for statement in members(cls):
            match statement:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=written):
                    if not name.startswith("_") and name != "parent":
                        yield Annotation(name, *self._type(written, cls.module), cls.module, statement)
                case _:
                    continue

    def _type(self, written: ast.expr, module: Module) -> tuple[Value, tuple[Value, ...]]:
        if isinstance(written, ast.Constant) and isinstance(written.value, str):
            try:
                written = ast.parse(written.value.strip(), mode="eval").body
            except SyntaxError:
                return UNKNOWN, ()
        value = self.expressions.value(written, NameScope(module))
        match value:
            case GenericType(base=ExternalName(path="typing.Annotated"), arguments=(declared, *extras)):
                return _without_none(declared), tuple(extras)
            case _:
                return _without_none(value), ()

    def is_signal(self, value: Value) -> bool:
        """Tell whether a type is that of a signal or a command."""
        return self.lookup.is_a(value, *SIGNALS)

    def _child(self, device: DeviceValue, one: Annotation) -> Value:
        suffix = next((extra for extra in one.extras if isinstance(extra, Suffix)), None)
        unclear = any(extra is UNKNOWN for extra in one.extras) and suffix is None
        if self.is_signal(one.type):
            return self._signal(device, one.type, suffix, unclear)
        declared = one.type.base if isinstance(one.type, GenericType) else one.type
        if not isinstance(declared, ClassValue) or not self.lookup.is_a(declared, "Device"):
            return None
        if self.lookup.is_a(declared, "DeviceVector", "DeviceMap") or suffix is None:
            return None
        prefix = device.prefix + suffix.read if isinstance(device.prefix, str) else UNKNOWN
        return self.make(declared, connector=Connector(prefix))

    def _signal(self, device: DeviceValue, declared: Value, suffix: Suffix | None, unclear: bool) -> SignalValue:
        base, arguments = (declared.base, declared.arguments) if isinstance(declared, GenericType) else (declared, ())
        kind = base.name if isinstance(base, ClassValue) else str(base).rpartition(".")[2]
        command = kind in ("SignalX", "Command", "TriggerableCommand")
        datatype = None if command else arguments[0] if arguments else UNKNOWN
        if suffix is None or not isinstance(device.prefix, str):
            missing: Value = UNKNOWN if unclear or suffix is not None else ""
            return SignalValue(kind, datatype, missing, missing)
        read = device.prefix + suffix.read
        write = device.prefix + (suffix.write or suffix.read)
        if command:
            return SignalValue(kind, None, write, write)
        return SignalValue(kind, datatype, read, write)


def _without_none(value: Value) -> Value:
    match value:
        case GenericType(base=ExternalName(path="types.UnionType" | "typing.Optional"), arguments=arguments):
            some = [one for one in arguments if one is not None]
            return some[0] if len(some) == 1 else value
        case _:
            return value
