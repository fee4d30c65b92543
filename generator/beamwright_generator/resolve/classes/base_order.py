"""The orders that Python looks classes up in, and lists of bases that have one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from beamwright_generator.model import ClassRef
from beamwright_generator.tables.ophyd_async_classes import lookup_order

RECORDS: Final = ClassRef("beamwright_runtime", "RecordDevice")
READABLE: Final = ClassRef("ophyd_async.core", "StandardReadable")
"""Stands last among the bases of a class that shows values in documents."""

Order = tuple[ClassRef, ...]


@dataclass
class Orders:
    """Knows the order of every class: those of a run as they are added, those that are shipped from the table."""

    _known: dict[ClassRef, Order] = field(default_factory=dict)

    @classmethod
    def of_types(cls, types: Mapping[ClassRef, tuple[Sequence[ClassRef], bool]]) -> Orders:
        """Take up classes in any order, each with its bases and whether it is readable."""
        orders = cls()

        def add(ref: ClassRef) -> None:
            bases, readable = types[ref]
            for base in bases:
                if base in types and base not in orders._known:
                    add(base)
            orders.add(ref, bases, readable=readable)

        for ref in types:
            if ref not in orders._known:
                add(ref)
        return orders

    def add(self, ref: ClassRef, bases: Sequence[ClassRef], *, readable: bool) -> None:
        """Take up a class after its bases; without any it is a plain record device."""
        above = [*(bases or (RECORDS,)), *([READABLE] if readable else [])]
        order = self.of_bases(above)
        if order is None:
            raise ValueError(f"{ref.name} cannot extend {', '.join(base.name for base in above)}: they have no order")
        self._known[ref] = (ref, *order)

    def of(self, ref: ClassRef) -> Order:
        """Return the classes that an attribute is looked up in: the class itself, then what it extends."""
        if ref not in self._known:
            shipped = tuple(map(_named, lookup_order(f"{ref.module}.{ref.name}")))
            self._known[ref] = shipped or (ref,)
        return self._known[ref]

    def of_bases(self, bases: Sequence[ClassRef]) -> Order | None:
        """Return what a class with these bases looks its attributes up in, as Python orders it; None if it refuses."""
        return _merged([*map(self.of, bases), tuple(bases)])

    def fitting(self, wanted: Iterable[ClassRef]) -> Order:
        """Choose bases that Python accepts: without what others extend, in an order that agrees with theirs.

        The order stays as it is where it can. A base that extends the same classes as those before it, the other way
        round, is left out.
        """
        chosen: list[ClassRef] = []
        for base in self._without_ancestors(dict.fromkeys(wanted)):
            if self._ordered([*chosen, base]):
                chosen.append(base)
        return self._ordered(chosen)

    def _without_ancestors(self, bases: Iterable[ClassRef]) -> list[ClassRef]:
        bases = list(bases)
        above = {ancestor for base in bases for ancestor in self.of(base)[1:]}
        return [base for base in bases if base not in above]

    def _ordered(self, bases: Sequence[ClassRef]) -> Order:
        """Sort bases as their own orders want it; empty where these contradict each other."""
        # A class may turn out to be readable: the last base must not come before any other then.
        chains = [*map(self.of, bases), self.of(READABLE), *((base, READABLE) for base in bases)]
        wanted = dict.fromkeys(name for chain in chains for name in chain)
        place = {name: number for number, name in enumerate(wanted)}
        before: dict[ClassRef, set[ClassRef]] = {name: set() for name in wanted}
        for chain in chains:
            for one, following in pairwise(chain):
                before[following].add(one)
        if self.of_bases(bases) and self.of_bases([*bases, READABLE]):
            return tuple(bases)
        sorted_names: list[ClassRef] = []
        while before:
            free = [name for name, waiting in before.items() if not waiting]
            if not free:
                return ()
            first = min(free, key=lambda name: (name not in bases, place[name]))
            sorted_names.append(first)
            del before[first]
            for waiting in before.values():
                waiting.discard(first)
        return tuple(name for name in sorted_names if name in bases)


def _merged(chains: Sequence[Order]) -> Order | None:
    """Merge orders as Python does (C3): the first class that comes after no other, again and again."""
    left = [list(chain) for chain in chains if chain]
    found: list[ClassRef] = []
    while left:
        later = {name for chain in left for name in chain[1:]}
        first = next((chain[0] for chain in left if chain[0] not in later), None)
        if first is None:
            return None
        found.append(first)
        left = [rest for chain in left if (rest := chain[1:] if chain[0] == first else chain)]
    return tuple(found)


def _named(path: str) -> ClassRef:
    module, _, name = path.rpartition(".")
    return ClassRef(module, name)
