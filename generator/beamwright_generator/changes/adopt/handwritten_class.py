"""Classes that somebody wrote by hand, in the terms of interfaces: nothing is imported. ADR 0029 rules here."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.elements import DeviceClass, EnumClass, Member
from beamwright_generator.changes.interface.module_reader import public_methods, required_arguments
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.problems import Problems
from beamwright_generator.python.constructors import Evaluator
from beamwright_generator.python.declarations import Declarations
from beamwright_generator.python.name_lookup import ENUMS
from beamwright_generator.python.python_modules import ModuleFinder
from beamwright_generator.python.type_terms import NONE, TypeTerm, union
from beamwright_generator.python.values import (
    ClassValue,
    DeviceValue,
    ExternalName,
    GenericType,
    SignalValue,
    Value,
    VectorValue,
    hole_and_rest,
)

_CORE = "ophyd_async.core"
_APART = ("ophyd_async", "beamwright_runtime")
"""Packages whose classes nobody replaces."""


@dataclass(frozen=True)
class HandwrittenClass:
    """A class with everything that it is made of.

    :param name: its full name.
    :param file: that defines it.
    """

    name: str
    file: Path
    interface: Interface


def find_class(target: str, problems: Problems) -> HandwrittenClass | None:
    """Find ``MODULE:CLASS``, where the module is an import path or a file; None when it is not there."""
    where, _, name = target.rpartition(":")
    here = Path.cwd()
    modules = ModuleFinder(
        DescriptionFiles([here], here, problems), [here, here / "src", *(Path(entry) for entry in sys.path if entry)]
    )
    module = modules.open(where)
    if module is None:
        if not problems.errors:
            hint = "name its file, or run where it is"
            problems.error("class-missing", None, f"there is no module {where}", hint=hint)
        return None
    declarations = Declarations(Evaluator(modules))
    cls = declarations.lookup.name(module, name)
    if not isinstance(cls, ClassValue):
        problems.error("class-missing", None, f"{where} defines no class {name}")
        return None
    reader = _InterfaceReader(declarations)
    reader.add(cls)
    return HandwrittenClass(cls.path, cls.module.source.path, Interface(reader.classes, reader.enums))


@dataclass
class _InterfaceReader:
    """Reads classes, the devices inside them, their ancestors and their enums."""

    declarations: Declarations
    classes: dict[str, DeviceClass] = field(default_factory=dict)
    enums: dict[str, EnumClass] = field(default_factory=dict)

    def add(self, cls: ClassValue) -> None:
        """Add a class with the members that an instance has, and its ancestors with their methods."""
        if cls.path in self.classes or cls.path.startswith(tuple(f"{package}." for package in _APART)):
            return
        self.classes[cls.path] = self._class(cls, {})
        device = self.declarations.evaluator.made(cls)
        members = (
            self._member(name, child, cls.module.at(node).line) for name, (child, _, node) in device.children.items()
        )
        found = {member.name: member for member in members if member and not member.name.startswith("_")}
        self.classes[cls.path] = self._class(cls, found)
        for one in self.declarations.lookup.line(cls)[1:]:
            if isinstance(one, ClassValue):
                self.add(one)

    def _class(self, cls: ClassValue, members: dict[str, Member]) -> DeviceClass:
        bases = (base for one in cls.node.bases if (base := self.declarations.lookup.base(cls, one)) is not None)
        return DeviceClass(
            cls.path,
            tuple(map(self._type, bases)),
            members,
            required=required_arguments(cls.node),
            methods=tuple(public_methods(cls.node)),
            line=cls.node.lineno,
        )

    def _member(self, name: str, child: Value, line: int) -> Member | None:
        match child:
            case SignalValue(kind=kind, datatype=datatype, read=read, write=write):
                reads, writes = _suffixes(read), _suffixes(write)
                inner = () if datatype is None else (self._type(datatype),)
                return Member(
                    name, TypeTerm(f"{_CORE}.{kind}", inner), reads, writes if writes != reads else (), line=line
                )
            case DeviceValue(cls=cls, start=start):
                return Member(name, self._type(cls), _suffixes(start), line=line)
            case VectorValue(entries=entries):
                listed = [self._member(name, entry, line) for entry in entries.values()]
                known = [entry for entry in listed if entry is not None]
                numbers = tuple(key for key in entries if isinstance(key, int))
                vector = TypeTerm(f"{_CORE}.DeviceVector", tuple(entry.type for entry in known[:1]))
                return Member(
                    name, vector, tuple(pv for entry in known for pv in entry.read), entries=numbers, line=line
                )
            case _:
                return None

    def _type(self, value: Value) -> TypeTerm:
        """Return a type by its public name; its class or enum is added."""
        match value:
            case None:
                return TypeTerm(NONE)
            case ClassValue():
                return self._named(value)
            case ExternalName(path=path):
                return TypeTerm(path)
            case GenericType(base=ExternalName(path="types.UnionType"), arguments=arguments):
                return union(*map(self._type, arguments))
            case GenericType(base=GenericType(base=ExternalName(path="numpy.ndarray")), arguments=arguments):
                return TypeTerm(f"{_CORE}.Array1D", tuple(map(self._type, arguments)))
            case GenericType(base=base, arguments=arguments):
                return TypeTerm(self._type(base).name, tuple(map(self._type, arguments)))
            case _:
                return TypeTerm("?")

    def _named(self, cls: ClassValue) -> TypeTerm:
        lookup = self.declarations.lookup
        if cls.module.name.startswith(tuple(f"{package}." for package in _APART)):
            # What users import is above the modules whose names begin with an underscore.
            return TypeTerm(".".join([*cls.module.name.partition("._")[0].split("."), cls.name]))
        kind = next((name for name in ENUMS if lookup.is_a(cls, name)), None)
        if kind is not None:
            self.enums[cls.path] = EnumClass(cls.path, kind, self.declarations.states(cls) or {})
        elif lookup.is_a(cls, "Device"):
            self.add(cls)
        return TypeTerm(cls.path)


def _suffixes(pv: Value) -> tuple[str, ...]:
    """Return what a PV has behind the prefix of its device, or all of it; nothing where it cannot be told."""
    suffix = hole_and_rest(pv)[1] if isinstance(pv, str) else None
    return () if suffix is None else (suffix,)
