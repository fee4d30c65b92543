"""What expressions of Python source amount to, as far as it shows without running the code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from beamwright_generator.python.python_modules import Module


class UnknownValue(Enum):
    """The value of what cannot be told without running the code."""

    VALUE = "unknown"


UNKNOWN: Final = UnknownValue.VALUE


@dataclass(frozen=True)
class ModuleValue:
    """A module."""

    name: str


@dataclass(frozen=True)
class ExternalName:
    """Something of a package that is not read, by its dotted name."""

    path: str


@dataclass(frozen=True, eq=False)
class ClassValue:
    """A class as it stands in a module."""

    node: ast.ClassDef = field(repr=False)
    module: Module

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @property
    def path(self) -> str:
        """Its dotted name, from where it is defined."""
        return f"{self.module.name}.{self.name}"


@dataclass(frozen=True, eq=False)
class FunctionValue:
    """A function as it stands in a module; a method also has the object that it is called on."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = field(repr=False)
    module: Module

    @property
    def name(self) -> str:
        """Its name; empty for a lambda."""
        return "" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(frozen=True)
class GenericType:
    """A type with parameters, such as `SignalR[float]`."""

    base: Value
    arguments: tuple[Value, ...]


@dataclass(frozen=True)
class Suffix:
    """A `PvSuffix`."""

    read: str
    write: str | None
    at: ast.expr = field(repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class SignalValue:
    """A signal or command that a call makes.

    :param kind: `SignalR`, `SignalRW`, `SignalW`, `SignalX` or `TriggerableCommand`.
    """

    kind: str
    datatype: Value
    read: Value
    write: Value


@dataclass(eq=False)
class DeviceValue:
    """A device being made.

    :param start: what it is given as the start of its PVs.
    """

    cls: ClassValue
    start: Value = UNKNOWN
    attributes: dict[str, Value] = field(default_factory=dict)
    children: dict[str, tuple[Value, Module, ast.stmt | ast.expr]] = field(default_factory=dict)
    prefix: Value = UNKNOWN
    pvi: bool = False


@dataclass(frozen=True)
class Connector:
    """What gives a device inside another one its prefix."""

    prefix: Value


@dataclass(frozen=True, eq=False)
class VectorValue:
    """A `DeviceVector` or `DeviceMap` with its entries."""

    entries: dict[object, Value]
    cls: ClassValue | None = None


@dataclass(frozen=True, eq=False)
class Super:
    """What `super()` gives in a method of `cls`, on `device`."""

    device: DeviceValue
    cls: ClassValue


@dataclass(frozen=True, eq=False)
class Method:
    """An attribute of a value that is called: a method."""

    of: Value
    name: str


Value = (
    UnknownValue
    | ModuleValue
    | ExternalName
    | ClassValue
    | FunctionValue
    | GenericType
    | Suffix
    | SignalValue
    | DeviceValue
    | VectorValue
    | Connector
    | Super
    | Method
    | str
    | int
    | float
    | bool
    | None
    | list["Value"]
    | tuple["Value", ...]
    | dict[object, "Value"]
)

HOLE: Final = "\ue000{}\ue001"
"""What stands in a text for the value of a constructor's parameter, such as the device prefix."""


_HOLE: Final = re.compile(HOLE.format("([^\ue001]*)"))


def hole_and_rest(text: str) -> tuple[str, str | None]:
    """Return the parameter that a text begins with, and what follows; None where more parameters stand in it."""
    found = _HOLE.match(text)
    hole, rest = (found[1], text[found.end() :]) if found else ("", text)
    return hole, None if _HOLE.search(rest) else rest


def plain(text: str) -> str:
    """Show a text with its holes as `{name}`."""
    return _HOLE.sub(r"{\1}", text)


def is_ophyd_async(value: Value, *names: str) -> bool:
    """Tell whether a value is something that ophyd-async defines, by its name."""
    if isinstance(value, ClassValue | FunctionValue):
        return value.module.name.partition(".")[0] == "ophyd_async" and value.name in names
    if isinstance(value, ExternalName):
        top, _, _ = value.path.partition(".")
        return top == "ophyd_async" and value.path.rpartition(".")[2] in names
    return False
