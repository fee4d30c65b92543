"""What PVI descriptions say about the records of a template: names, labels, groups, readbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beamwright_generator.basics.source_text import Position
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.yaml.pvi_file import PviSignal, read_pvi
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.naming.identifiers import words
from beamwright_generator.resolve.naming.prefixes import common_prefix, plain_macros


@dataclass(frozen=True, slots=True)
class PviFacts:
    """What a PVI description says about the records of one template, by record suffix.

    :param pairs: setpoint to readback.
    :param reads: what is only read.
    :param commands: what is only triggered.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    docs: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    pairs: Mapping[str, str] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()

    def on_top_of(self, included: Iterable[PviFacts]) -> PviFacts:
        """Add what is said about the records of included files, where this says nothing else about them."""
        layers = [*included, self]
        return PviFacts(
            {leaf: name for facts in layers for leaf, name in facts.names.items()},
            {leaf: doc for facts in layers for leaf, doc in facts.docs.items()},
            {leaf: group for facts in layers for leaf, group in facts.groups.items()},
            {setpoint: readback for facts in layers for setpoint, readback in facts.pairs.items()},
            frozenset(leaf for facts in layers for leaf in facts.reads),
            frozenset(leaf for facts in layers for leaf in facts.commands),
        )


def pvi_facts(
    files: DescriptionFiles, path: Path, search: Sequence[Path], problems: Problems, at: Position | None
) -> PviFacts | None:
    """Read a PVI device file and key what it says by record suffix."""
    device = read_pvi(files, path, search, problems, at=at)
    if device is None:
        return None
    signals = [(groups, signal) for groups, signal in device.signals() if signal.read_pv or signal.write_pv]
    pvs = [plain_macros(pv).text for _, s in signals for pv in (s.write_pv, s.read_pv) if pv]
    prefix = common_prefix(pvs) if pvs else ""
    labels = {group.name: group.label for group in device.groups}
    names, docs, grouped, pairs = {}, {}, {}, {}
    reads, commands = set(), set()
    for groups, signal in signals:
        leaf = _leaf(signal.write_pv or signal.read_pv, prefix)
        names[leaf] = signal.name
        docs[leaf] = _words(signal)
        if groups:
            grouped[leaf] = labels.get(groups[0], groups[0])
        if signal.access == "x":
            commands.add(leaf)
        elif signal.write_pv and signal.read_pv and signal.write_pv != signal.read_pv:
            pairs[leaf] = _leaf(signal.read_pv, prefix)
        elif not signal.write_pv:
            reads.add(leaf)
    return PviFacts(
        names, {leaf: doc for leaf, doc in docs.items() if doc}, grouped, pairs, frozenset(reads), frozenset(commands)
    )


def _leaf(pv: str, prefix: str) -> str:
    plain = plain_macros(pv).text
    return plain.removeprefix(prefix)


def _words(signal: PviSignal) -> str:
    """Return the description, or a label that says more than the name."""
    return signal.description or ("" if words(signal.label) == words(signal.name) else signal.label)
