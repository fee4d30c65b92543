"""What a device class declares, found once for each class and made into children of every device.

ADR 0011 rules here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin

from ophyd_async.core import (
    Command,
    Device,
    DeviceVector,
    Signal,
)
from ophyd_async.epics.core import EpicsDeviceConnector, EpicsOptions, PvSuffix

from beamwright_runtime.ophyd_seam import PLAIN, Annotations, add_child, make_plain_command, make_plain_signal
from beamwright_runtime.signals.ca_backend import CaBackend, CaCommand

_Suffix = TypeVar("_Suffix", PvSuffix, "PvSuffixes")


@dataclass(frozen=True)
class PvSuffixes:
    """The suffixes of the members of a vector, by number.

        seq: Annotated[DeviceVector[SeqBlock], PvSuffixes({1: "SEQ1:", 2: "SEQ2:"})]

    :param suffixes: relative to the device that declares the vector; a text is the suffix to read and to write.
    :param classes: of members that are not just of the vector's class, but extend it.
    """

    suffixes: Mapping[int, str | PvSuffix]
    classes: Mapping[int, type[Device]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChildPlan:
    """One annotation of a class.

    :param attribute: the name of the child.
    :param make: what makes the child.
    :param datatype: a signal's type of value.
    :param read: the suffix of the record to read.
    :param write: the suffix of the record to write.
    :param options: of a signal's puts; None for the usual ones.
    :param formats: what is called with the device and the child when it is made.
    """

    attribute: str
    make: Any
    datatype: Any
    read: str
    write: str
    options: EpicsOptions[Any] | None
    formats: tuple[Callable[[Device, Device], None], ...]


@dataclass(frozen=True)
class VectorPlan:
    """One annotation of a class that declares a vector.

    :param attribute: the name of the vector.
    :param kind: what its members are.
    :param members: by number.
    :param formats: what is called with the device and each member when it is made.
    """

    attribute: str
    kind: type[Device]
    members: Mapping[int, ChildPlan]
    formats: tuple[Callable[[Device, Device], None], ...]


@dataclass(frozen=True)
class ClassPlan:
    """All annotations of a class, in the order in which children are made."""

    signals: tuple[ChildPlan, ...]
    commands: tuple[ChildPlan, ...]
    devices: tuple[ChildPlan | VectorPlan, ...]


_plans: dict[type[Device], ClassPlan] = {}


def class_plan(device: Device) -> ClassPlan:
    """Return the plan of a device's class.

    :raises TypeError: if a declared child has no `PvSuffix`, a vector no `PvSuffixes`, or a command takes or returns
        values.
    """
    cls = type(device)
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _ClassReader(device).plan(cls.__name__)
    return plan


class _ClassReader:
    """Makes a plan of what ophyd-async reads of a device's class."""

    def __init__(self, device: Device) -> None:
        self._annotations = Annotations(device)

    def plan(self, name: str) -> ClassPlan:
        annotations = self._annotations
        for signature in annotations.signatures:
            _refuse_values(signature)
        return ClassPlan(
            tuple(
                self._declared(name, attribute, make, annotations.datatypes[attribute])
                for attribute, make in annotations.signals.items()
            ),
            tuple(self._declared(name, attribute, make) for attribute, make in annotations.commands.items()),
            tuple(
                self._vector(name, attribute, make)
                if get_origin(make) is DeviceVector
                else self._declared(name, attribute, make)
                for attribute, make in annotations.devices.items()
            ),
        )

    def _declared(self, name: str, attribute: Any, make: Any, datatype: Any = None) -> ChildPlan:
        suffix, options, formats = self._sorted_extras(name, attribute, PvSuffix)
        if suffix is None:
            raise TypeError(f"{name}: a declared child has no PvSuffix")
        return ChildPlan(attribute, make, datatype, suffix.read_suffix, _write_suffix(suffix), options, formats)

    def _vector(self, name: str, attribute: Any, make: Any) -> VectorPlan:
        numbered, options, formats = self._sorted_extras(name, attribute, PvSuffixes)
        if numbered is None:
            raise TypeError(f"{name}.{attribute}: a declared vector has no PvSuffixes")
        (member,) = get_args(make)
        kind, arguments = get_origin(member) or member, get_args(member)
        if kind is Command:
            raise TypeError(f"{name}.{attribute}: a vector of commands is one of TriggerableCommand")
        datatype = arguments[0] if arguments and issubclass(kind, Signal) else None
        members = {}
        for number, given in numbered.suffixes.items():
            suffix = PvSuffix(given) if isinstance(given, str) else given
            write = _write_suffix(suffix)
            make = numbered.classes.get(number, kind)
            members[number] = ChildPlan(str(number), make, datatype, suffix.read_suffix, write, options, ())
        return VectorPlan(attribute, kind, members, formats)

    def _sorted_extras(
        self, name: str, attribute: Any, kind: type[_Suffix]
    ) -> tuple[_Suffix | None, EpicsOptions[Any] | None, tuple[Any, ...]]:
        suffix: _Suffix | None = None
        options: EpicsOptions[Any] | None = None
        formats: list[Any] = []
        for extra in self._annotations.extras(attribute):
            if isinstance(extra, kind):
                suffix = suffix or extra
            elif isinstance(extra, EpicsOptions):
                options = extra
            elif callable(extra):
                formats.append(extra)
            else:
                raise TypeError(f"{name}.{attribute}: {extra!r} is not an annotation that a device understands")
        return suffix, options, tuple(formats)


def _write_suffix(suffix: PvSuffix) -> str:
    # An empty setpoint suffix is a name too: the record is called like the device.
    return suffix.read_suffix if suffix.write_suffix is None else suffix.write_suffix


def _refuse_values(signature: inspect.Signature | None) -> None:
    if signature is not None:
        raise TypeError(f"a record takes no arguments and returns nothing as a command, but {signature} is declared")


def make_children(
    device: Device,
    prefix: str,
    macros: Mapping[str, str],
    make_connector: Callable[[str], EpicsDeviceConnector],
) -> None:
    """Make the children that a device's class declares.

    :param prefix: starts the name of every record; `pva://` or `ca://` before it chooses the protocol, else CA.
    :param macros: what stands for each `$(NAME)` in a suffix.
    :param make_connector: makes the connector of a declared device from its prefix.
    """
    make_backend, make_command, start = backends_for(prefix)

    def signal(declared: ChildPlan) -> Any:
        read = start + _expanded(declared.read, macros)
        write = read if declared.write == declared.read else start + _expanded(declared.write, macros)
        return _make_signal(declared.make, make_backend(declared.datatype, read, write, declared.options))

    def command(declared: ChildPlan) -> Any:
        return _make_command(declared.make, make_command(start + _expanded(declared.write, macros)))

    def below(declared: ChildPlan) -> Any:
        return declared.make(connector=make_connector(prefix + _expanded(declared.read, macros)))

    def vector(declared: VectorPlan) -> DeviceVector[Any]:
        make = signal if issubclass(declared.kind, Signal) else command if issubclass(declared.kind, Command) else below
        return DeviceVector({number: make(member) for number, member in declared.members.items()})

    plan = class_plan(device)
    for declared in plan.signals:
        _add(device, declared, signal(declared))
    for declared in plan.commands:
        _add(device, declared, command(declared))
    for branch in plan.devices:
        child = below(branch) if isinstance(branch, ChildPlan) else vector(branch)
        for adjust in branch.formats:
            for shown in child.values() if isinstance(child, DeviceVector) else (child,):
                adjust(device, shown)
        setattr(device, branch.attribute, child)


def backends_for(pv: str) -> tuple[Any, Any, str]:
    """Return the makers of the backends of signals and of commands, and the name without its protocol.

    :param pv: a name or the start of one; `pva://` or `ca://` before it chooses the protocol, else CA.
    :raises ValueError: if it is another protocol.
    """
    protocol, _, name = pv.rpartition("://")
    if protocol == "pva":
        from beamwright_runtime.signals.pva_backend import PvaBackend, PvaCommand  # many beamlines never need it

        return PvaBackend, PvaCommand, name
    if protocol not in ("", "ca"):
        raise ValueError(f"{pv}: unknown protocol {protocol!r}, use ca:// or pva://")
    return CaBackend, CaCommand, name


def _expanded(suffix: str, macros: Mapping[str, str]) -> str:
    for macro, value in macros.items():
        suffix = suffix.replace(f"$({macro})", value)
    return suffix


def _make_signal(make: Any, backend: Any) -> Any:
    return make_plain_signal(make, backend) if make in PLAIN else make(backend)


def _make_command(make: Any, backend: Any) -> Any:
    return make_plain_command(make, backend) if make in PLAIN else make(backend)


def _add(device: Device, declared: ChildPlan, child: Signal[Any] | Command[Any, Any]) -> None:
    for adjust in declared.formats:
        adjust(device, child)
    add_child(device, declared.attribute, child)
