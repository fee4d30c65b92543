"""What plans can use of device code: devices, classes, signals with their PVs, types, enum members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from beamwright_generator.changes.interface.elements import DeviceClass, EnumClass, Factory, Member
from beamwright_generator.changes.interface.ophyd_async_interface import shipped_class_of, shipped_enum_of
from beamwright_generator.python.type_terms import TypeTerm

AREA_DETECTOR = "beamwright_runtime.AreaDetector"
VECTOR = "ophyd_async.core.DeviceVector"


@dataclass(frozen=True)
class Interface:
    """Classes, enums and device factories by their full names, such as ``beamwright_generated.devices.gauge.Gauge``.

    :param factories: by the full name of the function; `Factory.module` is the beamline.
    """

    classes: Mapping[str, DeviceClass] = field(default_factory=dict)
    enums: Mapping[str, EnumClass] = field(default_factory=dict)
    factories: Mapping[str, Factory] = field(default_factory=dict)

    @cached_property
    def modules(self) -> frozenset[str]:
        """Every module that something stands in."""
        names = (*self.classes, *self.enums, *self.factories)
        return frozenset(name.rpartition(".")[0] for name in names)

    def class_of(self, name: str) -> DeviceClass | None:
        """Find a class, also one that ophyd-async ships."""
        return self.classes.get(name) or shipped_class_of(name)

    def enum_of(self, name: str) -> EnumClass | None:
        """Find an enum, also one that ophyd-async ships."""
        return self.enums.get(name) or shipped_enum_of(name)

    def lineage(self, name: str) -> Iterator[TypeTerm]:
        """Yield a class and all that it derives from as far as they are known, nearest first."""
        yield from self._lineage(TypeTerm(name), set())

    def _lineage(self, term: TypeTerm, seen: set[str]) -> Iterator[TypeTerm]:
        if term.name in seen:
            return
        seen.add(term.name)
        yield term
        known = self.class_of(term.name)
        for base in known.bases if known else ():
            yield from self._lineage(base, seen)

    def derives(self, name: str, base: str) -> bool:
        """Return whether a class is another, or derives from it."""
        return any(term.name == base for term in self.lineage(name))

    @cached_property
    def _members(self) -> dict[str, Mapping[str, Member]]:
        return {}

    def members_of(self, name: str) -> Mapping[str, Member]:
        """Return all members of a class, inherited ones too; where several classes have one, that of the nearest."""
        if name not in self._members:
            self._members[name] = self._collected(name)
        return self._members[name]

    def _collected(self, name: str) -> dict[str, Member]:
        found: dict[str, Member] = {}
        for term in self.lineage(name):
            known = self.class_of(term.name)
            own = dict(known.members) if known else {}
            if term.name == AREA_DETECTOR and term.arguments:
                own["driver"] = Member("driver", term.arguments[0])
            found |= {attribute: member for attribute, member in own.items() if attribute not in found}
        return found

    def pvs_below(self, name: str, depth: int = 4) -> frozenset[str]:
        """Return every suffix of a class and of the devices in it, as far as they are known."""
        found: set[str] = set()
        for member in self.members_of(name).values():
            found |= {pv for pv in member.pvs if pv}
            kind = entry_type(member.type)
            if depth and kind.name in self.classes:
                inner = self.pvs_below(kind.name, depth - 1)
                found |= {start + pv for start in member.read for pv in inner}
        return frozenset(found)


def entry_type(kind: TypeTerm) -> TypeTerm:
    """Return the type of the entries of a vector; any other type as it is."""
    return kind.arguments[0] if kind.name == VECTOR and kind.arguments else kind
