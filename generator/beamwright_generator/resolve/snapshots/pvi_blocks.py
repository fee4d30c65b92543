"""Blocks of a recorded PVI tree: what each has, by the names that are served, with PVs relative to its prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from beamwright_generator.basics.source_text import Position
from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.model import Access, ClassRef, Format
from beamwright_generator.parse.yaml.snapshot_file import RecordedSignal
from beamwright_generator.resolve.naming.prefixes import SEPARATORS
from beamwright_generator.resolve.snapshots.signal_types import Form

Shape = tuple[object, ...]
"""Equal for what one class can stand for; words and places do not count."""


@dataclass(frozen=True)
class Attribute:
    """One signal or command.

    :param form: its type; None of a command.
    :param read: the PV that is read, or that a command writes.
    :param write: the PV that is written; the same for a signal on one PV.
    """

    name: str
    access: Access
    form: Form | None
    read: str
    write: str
    recorded: RecordedSignal
    format: Format = Format.NONE
    doc: str = ""

    @property
    def shape(self) -> Shape:
        """What a class would have for it."""
        return self.name, self.access, self.form, self.read, self.write, self.format

    @property
    def pvs(self) -> tuple[str, ...]:
        """Every PV that it is reached by."""
        return self.read, self.write

    def below(self, prefix: str) -> Attribute:
        """Leave a prefix out of its PVs."""
        return replace(self, read=self.read.removeprefix(prefix), write=self.write.removeprefix(prefix))


@dataclass(frozen=True)
class Row:
    """Signals or commands of one kind and type that are numbered."""

    name: str
    entries: tuple[tuple[int, Attribute], ...]
    doc: str = ""

    @property
    def format(self) -> Format:
        """Where its values appear in the documents of a run."""
        return self.entries[0][1].format

    @property
    def shape(self) -> Shape:
        """What a class would have for it."""
        return self.name, tuple((number, entry.shape) for number, entry in self.entries)

    @property
    def pvs(self) -> tuple[str, ...]:
        """Every PV that it is reached by."""
        return tuple(pv for _, entry in self.entries for pv in entry.pvs)

    def below(self, prefix: str) -> Row:
        """Leave a prefix out of its PVs."""
        return replace(self, entries=tuple((number, entry.below(prefix)) for number, entry in self.entries))


@dataclass(frozen=True)
class Part:
    """A block inside a block; `suffix` is what its own prefix adds."""

    name: str
    block: Block
    suffix: str
    doc: str = ""

    @property
    def shape(self) -> Shape:
        """What a class would have for it."""
        return self.name, self.block.shape, self.suffix

    @property
    def pvs(self) -> tuple[str, ...]:
        """What the PVs below begin with."""
        return (self.suffix,)

    def below(self, prefix: str) -> Part:
        """Leave a prefix out of the suffix."""
        return replace(self, suffix=self.suffix.removeprefix(prefix))


@dataclass(frozen=True)
class Blocks:
    """Blocks that are numbered, each with its suffix; they need not be alike."""

    name: str
    entries: tuple[tuple[int, str, Block], ...]
    doc: str = ""

    @property
    def shape(self) -> Shape:
        """What a class would have for it."""
        return self.name, tuple((number, suffix, block.shape) for number, suffix, block in self.entries)

    @property
    def pvs(self) -> tuple[str, ...]:
        """What the PVs below begin with."""
        return tuple(suffix for _, suffix, _ in self.entries)

    @property
    def variants(self) -> dict[Shape, Block]:
        """Give one block of each shape, in order."""
        return {block.shape: block for _, _, block in reversed(self.entries)}

    def below(self, prefix: str) -> Blocks:
        """Leave a prefix out of the suffixes."""
        return replace(
            self, entries=tuple((n, suffix.removeprefix(prefix), block) for n, suffix, block in self.entries)
        )


Member = Attribute | Row | Part | Blocks


@dataclass(frozen=True, eq=False)
class Block:
    """A block of a server, or the whole of it.

    :param stem: what its class is called after.
    :param path: how it is reached from the whole: names, and numbers as `[1]`.
    :param label: stem and number, where it is one of several; of the whole, the name that was asked for.
    :param prefix: what all its PVs begin with.
    :param shipped: the class of ophyd-async that it agrees with.
    :param refused: the class that it should agree with, and why it does not.
    """

    stem: str
    path: str
    label: str
    prefix: str
    members: tuple[Member, ...]
    at: Position
    doc: str = ""
    shipped: ClassRef | None = None
    refused: tuple[str, tuple[str, ...]] | None = field(default=None)

    @cached_property
    def shape(self) -> Shape:
        """Equal for blocks that share a class: those of one name, and whole devices whatever their files are called."""
        name = self.stem if self.path else self.label
        return name, self.shipped, tuple(member.shape for member in self.members)

    @cached_property
    def readable(self) -> bool:
        """Whether something of it appears in the documents of a run."""
        return any(_is_readable(member) for member in self.members)

    def walk(self) -> Iterator[Block]:
        """Give every block below, and then itself: what a class needs comes before it."""
        for member in self.members:
            if isinstance(member, Part):
                yield from member.block.walk()
            elif isinstance(member, Blocks):
                for _, _, block in member.entries:
                    yield from block.walk()
        yield self


def _is_readable(member: Member) -> bool:
    match member:
        case Attribute():
            return member.format is not Format.NONE
        case Part():
            return member.block.readable
        case Blocks():
            return any(block.readable for _, _, block in member.entries)
        case Row():
            return member.format is not Format.NONE


def prefix_of(members: Sequence[Member], wanted: str) -> str:
    """Give what all PVs of a block begin with: the wanted prefix if it is one, else as much as they share.

    :param wanted: what stands before `PVI` in the name of the PV that lists the block.
    """
    pvs = [pv for member in members for pv in member.pvs]
    if wanted and all(pv.startswith(wanted) for pv in pvs):
        return wanted
    common = text_prefix(pvs)
    return common[: max(common.rfind(separator) for separator in SEPARATORS) + 1]
