"""What everything is called now that had another name before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from beamwright_generator.changes.interface.device_interface import Interface

Names = Mapping[str, str]
"""New names by old ones; one that is not there has no successor."""


@dataclass(frozen=True)
class Successors:
    """New names by old ones: full names of devices, classes and enums; names of members and states in their owner.

    :param old: the interface that plans were written for.
    :param new: the interface that they shall fit.
    :param altered: what else broke, in words, by the full name of what it is about, members by their old names.
    :param calls: what must be seen to where a class is called to make a device, by its old name.
    """

    old: Interface
    new: Interface
    devices: Names = field(default_factory=dict)
    classes: Names = field(default_factory=dict)
    enums: Names = field(default_factory=dict)
    members: Mapping[str, Names] = field(default_factory=dict)
    states: Mapping[str, Names] = field(default_factory=dict)
    altered: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, str] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Return whether a full name is one of before."""
        return name in self.old.factories or name in self.old.classes or name in self.old.enums

    def of(self, name: str) -> str:
        """Return the full name that a device, a class or an enum has now; empty when it is gone."""
        for before, now in (
            (self.old.factories, self.devices),
            (self.old.classes, self.classes),
            (self.old.enums, self.enums),
        ):
            if name in before:
                return now.get(name, "")
        return name

    def holder(self, owner: str, attribute: str, interface: Interface) -> str:
        """Find the class of before that an attribute of some class comes from; empty when its own class has it.

        :param interface: knows the classes of plans too.
        """
        for term in interface.lineage(owner):
            if term.name in self.members:
                return term.name if attribute in self.old.members_of(term.name) else ""
            known = interface.class_of(term.name)
            if known and (attribute in known.members or attribute in known.methods):
                return ""
        return ""

    def member(self, owner: str, attribute: str) -> str:
        """Return the name that a member of a class of before has now; empty when it is gone."""
        return self.members[owner].get(attribute, "")

    def alteration(self, owner: str, attribute: str) -> str:
        """Find what else broke of a member, in its class or the one that brings it."""
        names = (f"{term.name}.{attribute}" for term in self.old.lineage(owner))
        return next((self.altered[name] for name in names if name in self.altered), "")

    @property
    def wanted(self) -> frozenset[str]:
        """The names of members and states that are not what they were."""
        names = {old for members in self.members.values() for old, now in members.items() if old != now}
        for owner, now in self.members.items():
            names |= self.old.members_of(owner).keys() - now.keys()
        for enum, states in self.states.items():
            names |= {state for state in self.old.enums[enum].states if states.get(state) != state}
        return frozenset(names | {key.rpartition(".")[2] for key in self.altered})

    @property
    def gone(self) -> frozenset[str]:
        """The full names of devices, classes and enums that have another name or none."""
        before = (*self.old.factories, *self.old.classes, *self.old.enums)
        return frozenset(name for name in before if self.of(name) != name)
