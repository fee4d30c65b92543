"""What ophyd-async ships, in the terms of interfaces, from the generator's tables."""

from __future__ import annotations

from functools import cache

from beamwright_generator.changes.interface.elements import DeviceClass, EnumClass, Member
from beamwright_generator.python.type_terms import TypeTerm
from beamwright_generator.tables.ophyd_async_classes import ShippedSignal, shipped_class, shipped_enum

CORE = "ophyd_async.core"


@cache
def shipped_class_of(path: str) -> DeviceClass | None:
    """Look a class up by its import path; inherited members stand in it too."""
    shipped = shipped_class(path)
    if shipped is None:
        return None
    members = {name: _member(signal) for name, signal in shipped.signals.items()}
    for name, vector in shipped.vectors.items():
        members[name] = Member(name, TypeTerm(f"{CORE}.DeviceVector", (TypeTerm(vector.entry),)))
    return DeviceClass(path, tuple(map(TypeTerm, shipped.bases)), members)


def _member(signal: ShippedSignal) -> Member:
    datatype = () if not signal.datatype else (TypeTerm(signal.enum or signal.datatype),)
    write = (signal.write,) if signal.write != signal.read else ()
    return Member(signal.attribute, TypeTerm(f"{CORE}.{signal.kind}", datatype), (signal.read,), write)


@cache
def shipped_enum_of(path: str) -> EnumClass | None:
    """Look an enum up by its import path."""
    shipped = shipped_enum(path)
    return EnumClass(path, shipped.kind, shipped.members) if shipped else None
