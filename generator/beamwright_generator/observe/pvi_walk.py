"""Walks the PVI tree of a live server: which blocks and signals it has, and what each signal serves.

A PVI structure holds under `value` one entry per name: `{r|w|rw|x: PV}` is a signal, `{d: PVI PV}` a block. Entries
`__1`, `__2` are the members of a vector (FastCS), and so is a list of entries, counted from 0 with holes
(pandablocks-ioc). Where `value` is missing, the entries stand under `pvi` (what the pvi package puts into databases).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from beamwright_generator.observe.nt_facts import UNKNOWN, PvaValue, PvFacts, facts_of, text_of

ACCESSES = ("r", "rw", "w", "x")
"""How a signal is reached: read, read and written through one PV, written, executed."""

MOST_BLOCKS = 100_000
"""Blocks that one walk reads; a server that invents ever more of them does not keep it for ever."""

DEEPEST = 14
"""Blocks in blocks; deeper than any real tree, and as deep as the reader of snapshots goes."""

_MEMBER = re.compile(r"__(\d+)", re.ASCII)


class NoAnswerError(Exception):
    """A PV gave no answer that can be used; the text says why, in the same words every time."""


class StructureReader(Protocol):
    """Gives what PVs serve."""

    async def get(self, name: str) -> PvaValue:
        """Return the structure that a PV serves now."""
        ...


@dataclass(frozen=True)
class LiveSignal:
    """A signal: its PVs by access, what they serve, or why that is not known.

    :param apart: what each of its PVs serves, by access, where that is not the same; `facts` are unknown then.
    """

    pvs: Mapping[str, str]
    facts: PvFacts
    missing: str = ""
    apart: Mapping[str, PvFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class MissingPart:
    """A part of the tree that was named and is not recorded: its PVI PV, or its entry, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class LiveBlock:
    """A block: its entries by name and the members of its vector by number, as they are served."""

    pvi: str = ""
    description: str = ""
    tree: Mapping[str, Entry] = field(default_factory=dict)
    vector: Mapping[int, Entry] = field(default_factory=dict)

    def walk(self) -> Iterator[Entry]:
        """Yield everything below this block, parents before children."""
        for entry in (*self.tree.values(), *self.vector.values()):
            yield entry
            if isinstance(entry, LiveBlock):
                yield from entry.walk()


Entry = LiveBlock | LiveSignal | MissingPart


class PviWalk:
    """One walk over a PVI tree; everything that can be asked at the same time is.

    :param progress: called with the numbers of blocks and signals that were read so far.
    """

    def __init__(
        self, asker: StructureReader, progress: Callable[[int, int], None] = lambda blocks, signals: None
    ) -> None:
        self._asker = asker
        self._progress = progress
        self._blocks = 0
        self._signals = 0

    async def block(self, pvi: str, above: tuple[str, ...] = ()) -> LiveBlock | MissingPart:
        """Read the block of a PVI PV with everything below it.

        :param above: the PVI PVs on the way here; one that names itself again is not followed.
        """
        if pvi in above:
            return MissingPart(pvi, f"cycle: {above[-1]} leads back to it")
        if len(above) > DEEPEST:
            return MissingPart(pvi, f"not read: it is more than {DEEPEST} blocks deep")
        self._blocks += 1
        if self._blocks > MOST_BLOCKS:
            return MissingPart(pvi, f"not read: the tree has more than {MOST_BLOCKS:,} blocks")
        try:
            served = await self._asker.get(pvi)
        except NoAnswerError as error:
            return MissingPart(pvi, str(error))
        entries = _entries(served)
        if entries is None:
            return MissingPart(pvi, "it serves no PVI structure: there are no entries in `value` or `pvi`")
        self._progress(self._blocks, self._signals)
        path = (*above, pvi)
        found = await asyncio.gather(*(self._entry(name, entry, path) for name, entry in entries.items()))
        named = dict(zip(entries, found, strict=True))
        members = {name: int(member[1]) for name in entries if (member := _MEMBER.fullmatch(name))}
        return LiveBlock(
            pvi,
            text_of(served.get("display.description")),
            {name: entry for name, entry in named.items() if name not in members},
            {number: named[name] for name, number in members.items()},
        )

    async def _entry(self, name: str, entry: Any, path: tuple[str, ...]) -> Entry:
        if isinstance(entry, list):
            members = {number: member for number, member in enumerate(entry) if member is not None}
            found = await asyncio.gather(*(self._entry(f"{name}[{n}]", m, path) for n, m in members.items()))
            return LiveBlock(vector=dict(zip(members, found, strict=True)))
        given = entry if isinstance(entry, Mapping) else {}
        pvs = {access: pv for access, pv in given.items() if isinstance(pv, str) and pv}
        if set(pvs) == {"d"}:
            return await self.block(pvs["d"], path)
        if pvs and set(pvs) <= set(ACCESSES):
            return await self._signal({access: pvs[access] for access in ACCESSES if access in pvs})
        return MissingPart(f"{path[-1]} {name}", f"neither a signal nor a block: it has {_listed(entry)}")

    async def _signal(self, pvs: Mapping[str, str]) -> LiveSignal:
        names = list(dict.fromkeys(pvs.values()))
        answers = dict(zip(names, await asyncio.gather(*map(self._facts, names)), strict=True))
        self._signals += 1
        self._progress(self._blocks, self._signals)
        facts = {pv: answer for pv, answer in answers.items() if isinstance(answer, PvFacts)}
        if len(facts) < len(answers):
            reasons = [f"{pv}: {answer}" for pv, answer in answers.items() if isinstance(answer, str)]
            return LiveSignal(pvs, PvFacts(UNKNOWN), "; ".join(reasons))
        if len({one.serves for one in facts.values()}) > 1:
            return LiveSignal(pvs, PvFacts(UNKNOWN), apart={access: facts[pv] for access, pv in pvs.items()})
        described = next((one.description for one in facts.values() if one.description), "")
        return LiveSignal(pvs, replace(facts[names[0]], description=described))

    async def _facts(self, pv: str) -> PvFacts | str:
        try:
            return facts_of(await self._asker.get(pv))
        except NoAnswerError as error:
            return str(error)


def _entries(served: PvaValue) -> Mapping[str, Any] | None:
    for name in ("value", "pvi"):
        found = served.get(name)
        if hasattr(found, "todict"):
            entries: Mapping[str, Any] = found.todict()
            return entries
    return None


def _listed(entry: object) -> str:
    return ", ".join(f"`{key}`" for key in entry) or "no PVs" if isinstance(entry, Mapping) else "no PVs"
