"""Finds where in a description a class belongs: the prefixes at which its PVs are records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from beamwright_generator.audit.announcement import RECORD_TYPE
from beamwright_generator.audit.record_set import RecordSet
from beamwright_generator.basics.choices import Transport
from beamwright_generator.python.declarations import ClassDeclaration, SignalDeclaration
from beamwright_generator.python.values import hole_and_rest
from beamwright_generator.tables.record_types import record_type

ASKED: Final = 8
"""Record names that are looked for everywhere; the rest only where these are."""

MOST_TRIED: Final = 100
"""Prefixes that are tried with every PV, those first that stand before most of these names."""


@dataclass(frozen=True)
class PvText:
    """A PV as a class writes it.

    :param hole: the constructor's parameter that it begins with; empty for a PV that is written out.
    :param leaf: what follows; None where more parameters stand in it.
    """

    hole: str
    leaf: str | None
    transport: Transport | None


@cache
def pv_text(text: str) -> PvText:
    """Take the text of a PV apart."""
    transport = None
    for protocol in Transport:
        if text.startswith(f"{protocol}://"):
            transport, text = protocol, text.removeprefix(f"{protocol}://")
    return PvText(*hole_and_rest(text), transport)


def texts_of(signal: SignalDeclaration) -> tuple[str, ...]:
    """Give the PVs that a signal connects to, the one it reads first."""
    both = (signal.read, signal.write) if signal.reads else (signal.write,)
    return tuple(dict.fromkeys(text for text in both if text))


@dataclass(frozen=True)
class PrefixMatch:
    """Where a class stands in a description.

    :param prefixes: the value of each constructor parameter that PVs begin with.
    :param found: how many of its PVs are served there, of how many.
    """

    prefixes: tuple[tuple[str, str], ...]
    found: int
    of: int

    def pv(self, text: str) -> str | None:
        """Give the PV that a text stands for here; None where the source does not tell."""
        part = pv_text(text)
        prefixes = {"": "", **dict(self.prefixes)}
        return None if part.leaf is None or part.hole not in prefixes else prefixes[part.hole] + part.leaf


def places(cls: ClassDeclaration, description: RecordSet, prefix: str | None) -> list[PrefixMatch]:
    """Find the places that fit a class best; several where a beamline has several such devices.

    :param prefix: said by the user, for the parameter that most PVs begin with.
    """
    leaves: dict[str, dict[str, None]] = {}
    for signal in cls.signals:
        for text in texts_of(signal):
            part = pv_text(text)
            if part.leaf is not None:
                leaves.setdefault(part.hole, {})[part.leaf] = None
    written = leaves.pop("", {})
    found = sum(_serves(description, leaf) for leaf in written)
    of = len(written) + sum(map(len, leaves.values()))
    main = max(leaves, key=lambda hole: len(leaves[hole]), default="")
    best: list[tuple[str, list[str], int]] = []
    for hole, some in leaves.items():
        candidates = [prefix] if prefix is not None and hole == main else list(_candidates(list(some), description))
        scored = {one: sum(_serves(description, one + leaf) for leaf in some) for one in candidates}
        top = max(scored.values(), default=0)
        if top:
            best.append((hole, [one for one, score in scored.items() if score == top], top))
    found += sum(top for _, _, top in best)
    if not found:
        return []
    fixed = tuple((hole, prefixes[0]) for hole, prefixes, _ in best if hole != main)
    several = next((prefixes for hole, prefixes, _ in best if hole == main), None)
    if several is None:
        return [PrefixMatch(fixed, found, of)]
    return [PrefixMatch((*fixed, (main, one)), found, of) for one in several]


def _serves(description: RecordSet, pv: str) -> bool:
    found = description.find(pv)
    if found is None:
        return False
    record, name = found
    definition = record_type(record.type)
    return definition is None or not name or name == RECORD_TYPE or name.removesuffix("$") in definition.fields


def _candidates(leaves: Sequence[str], description: RecordSet) -> Iterable[str]:
    """Give the prefixes that come into question, those of devices first."""
    derived = Counter(_derived(leaves, description)).most_common(MOST_TRIED)
    return dict.fromkeys((*description.prefixes, *(prefix for prefix, _ in derived)))


def _derived(leaves: Sequence[str], description: RecordSet) -> Iterator[str]:
    """Give what stands before some of the names, once for each."""
    records = {leaf.partition(".")[0]: None for leaf in leaves}
    named = sorted((leaf for leaf in records if leaf), key=len, reverse=True)[:ASKED]
    ends = tuple(named)
    for name in description.records:
        if not named and "" in records:
            yield name
        elif name.endswith(ends):
            yield from (name[: len(name) - len(leaf)] for leaf in named if name.endswith(leaf))
