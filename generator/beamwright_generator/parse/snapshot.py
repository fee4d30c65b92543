"""Recorded PVI trees: what a server offers, as `gen snapshot` writes it down; every entry keeps its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from beamwright_generator.problems import Problems
from beamwright_generator.source import Position, Source

VERSION: Final = "1"
"""The version of the format that is read."""

INTEGERS: Final = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
"""Whole numbers, by the names numpy has for them."""

SCALARS: Final = INTEGERS | {"bool", "float32", "float64", "str"}
"""Types of one value, by the names numpy has for them."""

TYPES: Final = SCALARS | {f"{name}[]" for name in SCALARS} | {"enum", "table", "image", "unknown"}
"""Every type that a signal may have."""

_DEEPEST: Final = 64
_ACCESS: Final = ("r", "w", "rw", "x")
_SIGNAL_KEYS: Final = frozenset(
    {*_ACCESS, "type", "choices", "columns", "description", "units", "precision", "nt", "missing"}
)
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
    description: str
    nt: str
    missing: str
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


RecordedEntry = RecordedSignal | RecordedBlock


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
    node = _document(source, problems)
    snapshot = _Reader(source, problems).snapshot(node) if node is not None else None
    return snapshot if problems.errors == before else None


def _document(source: Source, problems: Problems) -> Node | None:
    at, reason = Position(source.name), "it is empty"
    try:
        refused = _refused(source)
        if refused is None:
            document: Node | None = YAML(typ="safe").compose(source.text)
            if document is not None:
                return document
        else:
            at, reason = refused
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Position(source.name, mark.line + 1, mark.column + 1) if mark else at
        reason = f"not valid YAML: {error.problem}"
    except ReaderError as error:
        reason = f"not valid YAML: {error.reason}"
    except (YAMLError, ValueError) as error:
        reason = f"not valid YAML: {error}"
    problems.error("snapshot-invalid", at, reason, hint=_HINT)
    return None


def _refused(source: Source) -> tuple[Position, str] | None:
    """Look for what makes a small file a huge tree; the C library's own recursion knows no limit."""
    depth = 0
    for event in YAML(typ="safe").parse(source.text):
        at = Position(source.name, event.start_mark.line + 1, event.start_mark.column + 1)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if isinstance(event, AliasEvent):
            return at, "aliases are not read"
        if depth > _DEEPEST:
            return at, "it is nested too deeply"
    return None


@dataclass
class _Reader:
    source: Source
    problems: Problems

    def snapshot(self, node: Node) -> Snapshot | None:
        parts = self._mapping(node, "a snapshot")
        if not isinstance(node, MappingNode):
            return None
        version = self._text(parts.get("snapshot"))
        if version != VERSION:
            said = f"has version {version}" if version else "says no version"
            at = self._at(parts["snapshot"]) if "snapshot" in parts else self._at(node)
            self._wrong(at, f"`snapshot` {said}, {VERSION} is read")
            return None
        self._known(parts, _SNAPSHOT_KEYS)
        prefix = self._text(parts.get("prefix"))
        if not prefix:
            self._wrong(self._at(node), "`prefix` is missing")
        missing = {pv: (self._text(why), self._at(why)) for pv, why in self._optional(parts, "missing").items()}
        return Snapshot(self.source, prefix, self._block(node, parts), missing)

    def _entry(self, node: Node) -> RecordedEntry | None:
        parts = self._mapping(node, "an entry")
        if "type" in parts:
            return self._signal(node, parts)
        if "tree" in parts or "vector" in parts:
            self._known(parts, _BLOCK_KEYS)
            return self._block(node, parts)
        if isinstance(node, MappingNode):
            self._wrong(self._at(node), "an entry has `type`, `tree` or `vector`")
        return None

    def _block(self, node: Node, parts: Mapping[str, Node]) -> RecordedBlock:
        entries = {
            name: entry for name, below in self._optional(parts, "tree").items() if (entry := self._entry(below))
        }
        return RecordedBlock(
            self._text(parts.get("pvi")),
            self._text(parts.get("description")),
            entries,
            dict(sorted(self._numbered(parts))),
            self._at(node),
        )

    def _numbered(self, parts: Mapping[str, Node]) -> Iterator[tuple[int, RecordedEntry]]:
        for number, below in self._optional(parts, "vector").items():
            if not (number.isascii() and number.isdecimal()):
                self._wrong(self._at(below), f"{number} is no number of a vector")
            elif entry := self._entry(below):
                yield int(number), entry

    def _signal(self, node: Node, parts: Mapping[str, Node]) -> RecordedSignal | None:
        self._known(parts, _SIGNAL_KEYS)
        kind = self._text(parts["type"])
        if kind not in TYPES:
            self._wrong(self._at(parts["type"]), f"{kind} is no type of a signal")
            return None
        access = {key: self._text(parts[key]) for key in _ACCESS if key in parts}
        if not access or not all(access.values()):
            self._wrong(self._at(node), "a signal has a PV under `r`, `w`, `rw` or `x`")
            return None
        precision = self._text(parts.get("precision"))
        return RecordedSignal(
            access,
            kind,
            self._texts(parts.get("choices")),
            {name: self._column(below) for name, below in self._optional(parts, "columns").items()},
            int(precision) if precision.isdecimal() else None,
            self._text(parts.get("description")),
            self._text(parts.get("nt")),
            self._text(parts.get("missing")),
            self._at(node),
        )

    def _column(self, node: Node) -> RecordedColumn:
        parts = self._mapping(node, "a column")
        self._known(parts, frozenset({"type", "choices"}))
        kind = self._text(parts.get("type"))
        if kind not in TYPES:
            self._wrong(self._at(node), f"{kind or 'nothing'} is no type of a column")
        return RecordedColumn(kind, self._texts(parts.get("choices")))

    def _known(self, parts: Mapping[str, Node], keys: frozenset[str]) -> None:
        for key, node in parts.items():
            if key not in keys:
                self._wrong(self._at(node), f"{key} is not a known key here")

    # -- nodes of YAML, which keep both the text as written and its place

    def _mapping(self, node: Node, what: str) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            self._wrong(self._at(node), f"{what} is a mapping")
            return {}
        parts: dict[str, Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if name in parts:
                self._wrong(self._at(key), f"{name} stands here twice")
            parts[name] = value
        return parts

    def _optional(self, parts: Mapping[str, Node], key: str) -> dict[str, Node]:
        return self._mapping(parts[key], f"`{key}`") if key in parts else {}

    def _text(self, node: Node | None) -> str:
        if node is None:
            return ""
        if isinstance(node, ScalarNode):
            return str(node.value)
        self._wrong(self._at(node), "text is expected here")
        return ""

    def _texts(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if isinstance(node, SequenceNode):
            return tuple(self._text(item) for item in node.value)
        self._wrong(self._at(node), "a list is expected here")
        return ()

    def _at(self, node: Node) -> Position:
        return Position(self.source.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def _wrong(self, at: Position, message: str) -> None:
        self.problems.error("snapshot-invalid", at, message, hint=_HINT)
