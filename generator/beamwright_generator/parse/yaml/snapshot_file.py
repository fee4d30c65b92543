"""Recorded PVI trees: what a server offers, as `gen snapshot` writes it down; every entry keeps its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ruamel.yaml.nodes import MappingNode, Node

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.yaml.nodes import Nodes
from beamwright_generator.problems import Problems

VERSION: Final = "1"
"""The version of the format that is read."""

INTEGERS: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
"""Whole numbers, by the names numpy has for them."""

SCALARS: Final = INTEGERS | {"bool", "float32", "float64", "str"}
"""Types of one value, by the names numpy has for them."""

TYPES: Final = SCALARS | {f"{name}[]" for name in SCALARS} | {"enum", "table", "image", "unknown"}
"""Every type that a signal may have."""

_ACCESS: Final = ("r", "w", "rw", "x")
_FACT_KEYS: Final = frozenset({"type", "choices", "columns", "description", "units", "precision", "nt", "missing"})
_SIGNAL_KEYS: Final = _FACT_KEYS | {*_ACCESS}
_SIDE_KEYS: Final = _FACT_KEYS | {"pv"}
_BLOCK_KEYS: Final = frozenset({"pvi", "description", "tree", "vector"})
_SNAPSHOT_KEYS: Final = frozenset({"snapshot", "prefix", "pvi", "missing", "tree", "vector", "description"})
_HINT: Final = "record it again with `gen snapshot`; docs/snapshots.md shows the format"


@dataclass(frozen=True, slots=True)
class RecordedColumn:
    """One column of a table: its type, and its choices where the server tells them."""

    type: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedSignal:
    """One signal or command.

    :param access: PV by `r`, `w`, `rw` or `x`.
    :param type: one of `TYPES`.
    :param precision: digits behind the point; None where the server says nothing.
    :param nt: the name of a type that is unknown.
    :param missing: why the type is unknown, if the PV did not answer.
    """

    access: Mapping[str, str]
    type: str
    choices: tuple[str, ...]
    columns: Mapping[str, RecordedColumn]
    precision: int | None
    units: str
    description: str
    nt: str
    missing: str
    at: Position


@dataclass(frozen=True, slots=True)
class RecordedSides:
    """One entry whose PVs serve different things: each as a signal by itself, by `r`, `w`, `rw` or `x`."""

    sides: Mapping[str, RecordedSignal]
    at: Position


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    """A block: entries by the names that the server has for them, in its order.

    :param pvi: the PV that lists the entries; empty where there is none of its own, as of an old list of blocks.
    :param numbered: entries of a vector, by their numbers.
    """

    pvi: str
    description: str
    entries: Mapping[str, RecordedEntry]
    numbered: Mapping[int, RecordedEntry]
    at: Position


RecordedEntry = RecordedSignal | RecordedSides | RecordedBlock


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file.

    :param missing: what did not answer when it was recorded: the reason and the line, by PV.
    """

    source: Source
    prefix: str
    root: RecordedBlock
    missing: Mapping[str, tuple[str, Position]]


def parse_snapshot(source: Source, problems: Problems) -> Snapshot | None:
    """Read a snapshot; everything wrong with it is reported with its line."""
    before = problems.errors
    reader = _SnapshotReader(source, problems, "snapshot-invalid", _HINT)
    node = reader.document()
    snapshot = reader.snapshot(node) if node is not None else None
    return snapshot if problems.errors == before else None


class _SnapshotReader(Nodes):
    def snapshot(self, node: Node) -> Snapshot | None:
        parts = self.mapping(node, "a snapshot")
        if not isinstance(node, MappingNode):
            return None
        version = self.text(parts.get("snapshot"))
        if version != VERSION:
            said = f"has version {version}" if version else "says no version"
            at = self.at(parts["snapshot"]) if "snapshot" in parts else self.at(node)
            self.wrong(at, f"`snapshot` {said}, {VERSION} is read")
            return None
        self.known(parts, _SNAPSHOT_KEYS)
        prefix = self.text(parts.get("prefix"))
        if not prefix:
            self.wrong(self.at(node), "`prefix` is missing")
        missing = {pv: (self.text(why), self.at(why)) for pv, why in self.optional(parts, "missing").items()}
        return Snapshot(self.source, prefix, self._block(node, parts), missing)

    def _entry(self, node: Node) -> RecordedEntry | None:
        parts = self.mapping(node, "an entry")
        if "type" in parts:
            self.known(parts, _SIGNAL_KEYS)
            access: dict[str, str] = {key: self.text(parts[key]) for key in _ACCESS if key in parts}
            return self._signal(node, parts, access, "a signal has a PV under `r`, `w`, `rw` or `x`")
        if any(isinstance(parts.get(key), MappingNode) for key in _ACCESS):
            return self._sides(node, parts)
        if "tree" in parts or "vector" in parts:
            self.known(parts, _BLOCK_KEYS)
            return self._block(node, parts)
        if isinstance(node, MappingNode):
            self.wrong(self.at(node), "an entry has `type`, `tree` or `vector`")
        return None

    def _block(self, node: Node, parts: Mapping[str, Node]) -> RecordedBlock:
        entries = {name: entry for name, below in self.optional(parts, "tree").items() if (entry := self._entry(below))}
        return RecordedBlock(
            self.text(parts.get("pvi")),
            self.text(parts.get("description")),
            entries,
            dict(sorted(self._numbered(parts))),
            self.at(node),
        )

    def _numbered(self, parts: Mapping[str, Node]) -> Iterator[tuple[int, RecordedEntry]]:
        for number, below in self.optional(parts, "vector").items():
            if not (number.isascii() and number.isdecimal()):
                self.wrong(self.at(below), f"{number} is not a number of a vector")
            elif entry := self._entry(below):
                yield int(number), entry

    def _sides(self, node: Node, parts: Mapping[str, Node]) -> RecordedSides | None:
        self.known(parts, frozenset(_ACCESS))
        sides = {access: self._side(parts[access], access) for access in _ACCESS if access in parts}
        found = {access: side for access, side in sides.items() if side is not None}
        return RecordedSides(found, self.at(node)) if len(found) == len(sides) else None

    def _side(self, node: Node, access: str) -> RecordedSignal | None:
        parts = self.mapping(node, f"`{access}`, where another access has a type of its own,")
        if not isinstance(node, MappingNode):
            return None
        self.known(parts, _SIDE_KEYS)
        if "type" not in parts:
            self.wrong(self.at(node), f"`{access}` has no `type`")
            return None
        return self._signal(node, parts, {access: self.text(parts.get("pv"))}, f"`{access}` has no `pv`")

    def _signal(
        self, node: Node, parts: Mapping[str, Node], access: Mapping[str, str], no_pv: str
    ) -> RecordedSignal | None:
        kind = self.text(parts["type"])
        if kind not in TYPES:
            self.wrong(self.at(parts["type"]), f"{kind} is not a type of a signal")
            return None
        if not access or not all(access.values()):
            self.wrong(self.at(node), no_pv)
            return None
        precision = self.text(parts.get("precision"))
        return RecordedSignal(
            access,
            kind,
            self.texts(parts.get("choices")),
            {name: self._column(below) for name, below in self.optional(parts, "columns").items()},
            int(precision) if precision.isdecimal() else None,
            self.text(parts.get("units")),
            self.text(parts.get("description")),
            self.text(parts.get("nt")),
            self.text(parts.get("missing")),
            self.at(node),
        )

    def _column(self, node: Node) -> RecordedColumn:
        parts = self.mapping(node, "a column")
        self.known(parts, frozenset({"type", "choices"}))
        kind = self.text(parts.get("type"))
        if kind not in TYPES:
            self.wrong(self.at(node), f"{kind or 'nothing'} is not a type of a column")
        return RecordedColumn(kind, self.texts(parts.get("choices")))
