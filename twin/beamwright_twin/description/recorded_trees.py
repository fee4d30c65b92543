"""The recorded trees that an IOC of a twin serves over PVA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from beamwright_generator.problems import Problems
from beamwright_twin.description.beamline_description import BeamlineDescription, RecordedTree
from beamwright_twin.description.pv_list import PvList
from beamwright_twin.description.pvi_names import pv_types
from beamwright_twin.description.soft_records import soften
from beamwright_twin.description.wiring import Wire, wires_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRecords(PvList):
    """The recorded trees of one IOC.

    :param trees: what was recorded.
    :param wires: what leads into its boxes and out of them.
    :param gone: PVs that are not served.
    """

    trees: tuple[RecordedTree, ...]
    wires: tuple[Wire, ...] = ()
    gone: frozenset[str] = frozenset()

    module = "beamwright_twin.processes.pvi_ioc"
    pva_only = True

    def config(self) -> Mapping[str, Any]:
        """Return the snapshots' texts, the wires, and what is gone."""
        return {
            "trees": [[tree.source.name, tree.source.text] for tree in self.trees],
            "wires": [wire.to_json() for wire in self.wires],
            "gone": sorted(self.gone),
        }

    @property
    def prefixes(self) -> set[str]:
        """The prefixes of the trees."""
        return {tree.prefix for tree in self.trees}

    def wired(self, wire: Wire) -> TreeRecords:
        """Add a wire."""
        return replace(self, wires=(*self.wires, wire))

    def without(self, names: Iterable[str]) -> TreeRecords:
        """Leave PVs out."""
        gone = self.gone | set(names)
        return replace(self, gone=gone, types={pv: kind for pv, kind in self.types.items() if pv not in gone})


def served_of(described: BeamlineDescription, problems: Problems, only: str = "*") -> list[PvList]:
    """Return what the IOCs of a beamline serve; wires that lead nowhere are reported.

    :param only: a glob; an IOC whose name matches is served whole, of the others the records or PVs whose names match.
    """
    made: list[PvList] = [soften(name, database, only) for name, database in described.databases.items()]
    wires = wires_of(described, problems)
    for ioc, trees in described.trees.items():
        # Recorded trees are served by a process of their own, and an IOC may have databases besides.
        name = f"{ioc} (PVI)" if described.databases[ioc].records else ioc
        types = {pv: kind for tree in trees for pv, kind in pv_types(tree.root).items()}
        gone = () if fnmatchcase(ioc, only) else [pv for pv in types if not fnmatchcase(pv, only)]
        own = tuple(wire for wire in wires if wire.prefix in {tree.prefix for tree in trees})
        made.append(TreeRecords(name=name, types=types, aliases={}, trees=tuple(trees), wires=own).without(gone))
    return [one for one in made if one.types]
