"""Looks names up through imports, and classes up through their bases."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from beamwright_generator.python.python_modules import UNREAD, Definition, ImportTarget, Module, ModuleFinder
from beamwright_generator.python.values import (
    UNKNOWN,
    ClassValue,
    ExternalName,
    FunctionValue,
    GenericType,
    ModuleValue,
    Value,
    is_ophyd_async,
)

ENUMS = {"StrictEnum": "strict", "SubsetEnum": "subset", "SupersetEnum": "superset"}
"""The enums of ophyd-async, by how they compare states."""

Evaluate = Callable[[ast.expr, Module], Value]


class NameLookup:
    """What names stand for, each looked up once.

    :param evaluate: gives the value of an expression at the top of a module.
    """

    def __init__(self, modules: ModuleFinder, evaluate: Evaluate) -> None:
        self.modules = modules
        self.evaluate = evaluate
        self._known: dict[tuple[str, str], Value] = {}
        self._lines: dict[str, tuple[ClassValue | ExternalName, ...]] = {}

    def name(self, module: Module, name: str) -> Value:
        """Give what a name at the top of a module stands for."""
        key = module.name, name
        if key not in self._known:
            self._known[key] = UNKNOWN  # what a name that leads to itself is
            self._known[key] = self._found(module, name)
        return self._known[key]

    def _found(self, module: Module, name: str) -> Value:
        bound = module.bindings.get(name)
        if bound is not None:
            return self._value(module, bound)
        for star in module.stars:
            other = self.modules.module(star)
            if other is not None and (found := self.name(other, name)) is not UNKNOWN:
                return found
        return UNKNOWN

    def _value(self, module: Module, bound: Definition) -> Value:
        match bound:
            case ast.ClassDef():
                return ClassValue(bound, module)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return FunctionValue(bound, module)
            case ImportTarget(module=of, name=""):
                return ModuleValue(of)
            case ImportTarget(module=of, name=name):
                return self.member(of, name)
            case _:
                return self.evaluate(bound, module)

    def member(self, module: str, name: str) -> Value:
        """Give what a module has under a name: what it defines, or a module inside it."""
        found = self.modules.module(module)
        if found is None:
            return ExternalName(f"{module}.{name}")
        value = self.name(found, name)
        if value is UNKNOWN and self.modules.module(f"{module}.{name}") is not None:
            return ModuleValue(f"{module}.{name}")
        return value

    def line(self, cls: ClassValue) -> tuple[ClassValue | ExternalName, ...]:
        """Give a class and its ancestors in the order that attributes are looked up in."""
        if cls.path not in self._lines:
            self._lines[cls.path] = (cls,)  # for a class that names itself as a base
            bases = [base for one in cls.node.bases if (base := self.base(cls, one)) is not None]
            lines: list[list[ClassValue | ExternalName]]
            lines = [[*self.line(base)] if isinstance(base, ClassValue) else [base] for base in bases]
            lines.append(bases)
            self._lines[cls.path] = (cls, *_merged(lines))
        return self._lines[cls.path]

    def base(self, cls: ClassValue, node: ast.expr) -> ClassValue | ExternalName | None:
        """Return what an expression among the bases of a class stands for."""
        value = self.evaluate(node, cls.module)
        if isinstance(value, GenericType):
            value = value.base
        if isinstance(value, ClassValue):
            same = self.name(value.module, value.name)  # one object for each class, however it was reached
            return same if isinstance(same, ClassValue) else value
        return value if isinstance(value, ExternalName) else None

    def is_a(self, value: Value, *names: str) -> bool:
        """Tell whether a value is a class of ophyd-async, or derives from one."""
        if isinstance(value, GenericType):
            value = value.base
        line: Sequence[Value] = self.line(value) if isinstance(value, ClassValue) else (value,)
        return any(is_ophyd_async(one, *names) for one in line)

    def complete(self, cls: ClassValue) -> bool:
        """Tell whether all ancestors were found."""
        return not any(isinstance(one, ExternalName) and not _is_known(one) for one in self.line(cls))


def _is_known(external: ExternalName) -> bool:
    return external.path.partition(".")[0] in UNREAD or "." not in external.path


def _merged(lines: list[list[ClassValue | ExternalName]]) -> list[ClassValue | ExternalName]:
    """Merge the lines of bases as Python does (C3); an order that Python would refuse is taken as written."""
    merged: list[ClassValue | ExternalName] = []
    while lines := [line for line in lines if line]:
        heads = (line[0] for line in lines)
        chosen = next((head for head in heads if not any(head in line[1:] for line in lines)), lines[0][0])
        merged.append(chosen)
        lines = [[one for one in line if one != chosen] for line in lines]
    return merged
