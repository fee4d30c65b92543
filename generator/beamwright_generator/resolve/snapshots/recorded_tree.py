"""From a recorded PVI tree to blocks: names, access and types are decided; what has none is reported and left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Access, BuiltinType, Format
from beamwright_generator.parse.yaml.beamline_file import RecordOverride, SignalKind, SignalType, TemplateOverride
from beamwright_generator.parse.yaml.snapshot_file import (
    INTEGERS,
    RecordedBlock,
    RecordedSides,
    RecordedSignal,
    Snapshot,
)
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.naming.identifiers import IMPORTED_FOR_SNAPSHOTS, Names, is_attribute, snake
from beamwright_generator.resolve.signals.class_match import ref_of
from beamwright_generator.resolve.snapshots.pvi_blocks import Attribute, Block, Blocks, Member, Part, Row, prefix_of
from beamwright_generator.resolve.snapshots.signal_split import pieces_of
from beamwright_generator.resolve.snapshots.signal_types import (
    TABLE,
    Choices,
    Form,
    NoSignalType,
    against,
    can_be,
    form_of,
    misfit_columns,
    shipped_form,
)
from beamwright_generator.tables.ophyd_async_classes import device_members, panda_members, shipped_blocks

_WORDS: Final = IMPORTED_FOR_SNAPSHOTS | {"panda"}
"""What annotations in a generated class mean by these words: an attribute of that name would hide it from them."""

_NO_CHANGE: Final = RecordOverride()
_NUMBERED: Final = re.compile(r"(.*[^0-9])[0-9]+")
_HINT: Final = "record it again when the server is complete, or leave it out with `exclude` under overrides/templates"


@dataclass
class Tree:
    """Turns one snapshot into blocks.

    :ivar leaves: the dotted name of every entry, for overrides; numbers of vectors are left out of them.
    """

    snapshot: Snapshot
    override: TemplateOverride
    problems: Problems
    leaves: set[str] = field(default_factory=set)

    def root(self, stem: str, name: str) -> Block:
        """Return the whole, with everything below.

        :param name: of its class, if one was asked for.
        """
        for pv, (reason, at) in self.snapshot.missing.items():
            hint = "record it again when the server is complete"
            self.problems.warning("snapshot-partial", at, f"{pv} is left out: {reason}", hint=hint)
        root = self.snapshot.root
        members = list(self._members(root, "", ""))
        if root.numbered:
            self._leave_out(root.at, "the whole is numbered, so its entries have no names")
        wanted = self.snapshot.prefix
        return self._block(stem, "", name, wanted, members, root)

    def _block(
        self, stem: str, path: str, label: str, wanted: str, members: Sequence[Member], recorded: RecordedBlock
    ) -> Block:
        panda = not path and is_panda(members)
        names = Names(reserved=(panda_members() if panda else device_members()) | _WORDS)
        prefix = prefix_of(members, wanted)
        named = self._in_order(members, names, path, prefix)
        block = Block(stem, path, label, prefix, named, recorded.at, recorded.description)
        depth = path.count(".")
        return self._shipped(block) if path and not depth else block

    def _shipped(self, block: Block) -> Block:
        """Take the types of ophyd-async's block of that name, where what is served agrees with all of it."""
        known = shipped_blocks().get(block.stem)
        if known is None:
            return block
        signals = {m.name: (m.access.value, m.recorded) for m in block.members if isinstance(m, Attribute)}
        if reasons := tuple(against(known, signals)):
            return replace(block, refused=(known.path.rpartition(".")[2], reasons))
        members = tuple(
            replace(member, form=shipped_form(known.signals[member.name][1]))
            if isinstance(member, Attribute) and member.name in known.signals
            else member
            for member in block.members
        )
        return replace(block, members=members, shipped=ref_of(known.path))

    # -- members, still with the names that the server has for them

    def _members(self, recorded: RecordedBlock, path: str, leaf: str) -> Iterator[Member]:
        stems = Counter(found[1] for name in recorded.entries if (found := _NUMBERED.fullmatch(name)))
        for name, entry in self._pieces(recorded, path, leaf):
            below, where = f"{leaf}.{name}".lstrip("."), f"{path}.{name}".lstrip(".")
            numbered = _NUMBERED.fullmatch(name)
            stem = numbered[1] if numbered and stems[numbered[1]] > 1 else name
            member = self._member(name, stem.strip("_").lower(), entry, where, below)
            if member is not None:
                yield member

    def _pieces(
        self, recorded: RecordedBlock, path: str, leaf: str
    ) -> Iterator[tuple[str, RecordedSignal | RecordedBlock]]:
        """Yield what entries are made of, but for what an override excludes."""
        for name, entry in recorded.entries.items():
            pieces, apart = pieces_of(name, entry)
            leaves = [f"{leaf}.{piece}".lstrip(".") for piece, _ in pieces]
            self.leaves.update(leaves)
            kept = [piece for piece, below in zip(pieces, leaves, strict=True) if not self._is_excluded(below)]
            if len(kept) == len(pieces):
                for pair in apart:
                    pair.report(f"{path}.{name}".lstrip("."), self.problems)
            yield from kept

    def _is_excluded(self, leaf: str) -> bool:
        return any(fnmatchcase(leaf, glob) for glob in self.override.exclude)

    def _member(
        self, name: str, stem: str, entry: RecordedSignal | RecordedBlock, path: str, leaf: str
    ) -> Member | None:
        if isinstance(entry, RecordedSignal):
            return self._attribute(name, entry, path, leaf)
        if entry.numbered:
            return self._vector(name, stem, entry, path, leaf)
        made = self._below(stem, name, entry, path, leaf)
        return Part(name, made, made.prefix, entry.description) if made else None

    def _below(self, stem: str, label: str, entry: RecordedBlock, path: str, leaf: str) -> Block | None:
        """Return the block of an entry; None if nothing of it is left."""
        members = list(self._members(entry, path, leaf))
        wanted = entry.pvi.removesuffix("PVI") if entry.pvi.endswith("PVI") else ""
        return self._block(stem, path, label, wanted, members, entry) if members else None

    def _vector(self, name: str, stem: str, entry: RecordedBlock, path: str, leaf: str) -> Member | None:
        if entry.entries:
            self._leave_out(entry.at, f"{', '.join(entry.entries)} of {path}: it is a vector, which has numbers only")
        blocks: list[tuple[int, str, Block]] = []
        signals: list[tuple[int, Attribute]] = []
        for number, below in entry.numbered.items():
            where = f"{path}[{number}]"
            if isinstance(below, RecordedSignal):
                made = self._attribute("", below, where, leaf)
                signals += [(number, made)] if made else []
                continue
            assert not isinstance(below, RecordedSides), "pieces serve one thing each"
            if below.numbered:
                self._leave_out(below.at, f"{where}: a vector in a vector has no type")
            elif (block := self._below(stem, f"{stem}{number}", below, where, leaf)) is not None:
                blocks.append((number, block.prefix, block))
        if blocks and signals:
            self._leave_out(entry.at, f"{path}: blocks and signals are numbered together")
        elif blocks:
            return Blocks(name, tuple(blocks), entry.description)
        elif len({(signal.access, signal.form) for _, signal in signals}) > 1:
            self._leave_out(entry.at, f"{path}: its signals are not of one type")
        elif signals:
            return Row(name, tuple(signals), entry.description)
        return None

    def _attribute(self, name: str, signal: RecordedSignal, path: str, leaf: str) -> Attribute | None:
        if self.override.include and not any(fnmatchcase(leaf, glob) for glob in self.override.include):
            return None
        change = self._change(leaf)
        access, read, write = self._access(signal, change, leaf)
        form = form_of(signal)
        if isinstance(form, NoSignalType):
            self._leave_out(signal.at, f"{path} {form.reason}")
            return None
        if access is Access.COMMAND:
            if signal.type not in {"bool", "enum", *INTEGERS}:
                self._leave_out(signal.at, f"{path} is a command of type {signal.type}, which cannot be given 1")
                return None
            return Attribute(name, access, None, write, write, signal, doc=signal.description)
        if form == TABLE:
            misfits = ", ".join(misfit_columns(signal))
            self.problems.warning(
                "snapshot-columns",
                signal.at,
                f"{path} is a Table without columns: "
                + (f"no class can have {misfits}" if misfits else "none is recorded"),
            )
        if change.type is not None:
            form = self._as_wanted(form, signal, change.type, leaf)
        shown = Format.NONE if change.format is None or access is Access.WRITE else change.format
        return Attribute(name, access, form, read, write, signal, shown, signal.description)

    def _access(self, signal: RecordedSignal, change: RecordOverride, leaf: str) -> tuple[Access, str, str]:
        """Choose as ophyd-async does: `r` and `w` together before `rw`, and `x` only by itself."""
        pvs = signal.access
        read, write = pvs.get("r") or pvs.get("rw", ""), pvs.get("w") or pvs.get("rw") or pvs.get("x", "")
        possible = [Access.READ_WRITE] if read and write else []
        possible += [Access.READ] if read else []
        possible += [Access.WRITE, Access.COMMAND] if write else []
        usual = Access.COMMAND if list(pvs) == ["x"] else possible[0]
        wanted = _ACCESS[change.kind] if change.kind else usual
        if wanted not in possible or change.fields:
            what = "have `fields`: PVI names none" if change.fields else f"be `{change.kind}`: it has {', '.join(pvs)}"
            self._impossible(signal.at, f"{leaf} cannot {what}")
            wanted = usual
        if wanted in (Access.READ, Access.READ_WRITE):
            return wanted, read, read if wanted is Access.READ else write
        return wanted, write, write

    def _as_wanted(self, form: Form, signal: RecordedSignal, wanted: SignalType, leaf: str) -> Form:
        if wanted is SignalType.ENUM and signal.type == "enum" and signal.choices:
            return Choices(signal.choices)
        if wanted is SignalType.ENUM or not can_be(wanted, signal):
            self._impossible(signal.at, f"{leaf} cannot be {wanted}: it is served as {signal.type}")
            return form
        return BuiltinType(wanted.value)

    # -- names

    def _in_order(self, members: Sequence[Member], names: Names, path: str, prefix: str) -> tuple[Member, ...]:
        """Name members; those that keep the name they are served by come first to it."""
        plain = {id(member): self._named(member, names, path) for member in members if is_attribute(member.name)}
        return tuple((plain.get(id(m)) or self._named(m, names, path)).below(prefix) for m in members)

    def _named(self, member: Member, names: Names, path: str) -> Member:
        served = member.name
        leaf = re.sub(r"\[\d+\]", "", f"{path}.{served}".lstrip("."))
        change = self._change(leaf)
        wanted = change.name or (served if is_attribute(served) else snake(served) or "entry")
        taken = names.take(wanted)
        at = _place(member)
        if wanted != served and not change.name:
            self.problems.warning(
                "snapshot-name",
                at,
                f"{leaf} is called {taken}: {served} cannot be the name of an attribute",
                hint="give it a `name` in the beamline file to choose yourself",
            )
        elif taken not in (wanted, f"{wanted}_"):
            self.problems.note(
                "name-collision",
                at,
                f"{leaf} is called {taken} because {wanted} is another entry beside it",
            )
        if not isinstance(member, Attribute | Row) and (change.kind or change.type or change.format or change.fields):
            self._impossible(at, f"{leaf} is a block: it has no kind, type, format or fields")
        return replace(member, name=taken, doc=change.doc or member.doc)

    def _change(self, leaf: str) -> RecordOverride:
        return self.override.records.get(leaf, _NO_CHANGE)

    def _leave_out(self, at: Position, what: str) -> None:
        self.problems.warning("snapshot-left-out", at, f"left out: {what}", hint=_HINT)

    def _impossible(self, at: Position, what: str) -> None:
        self.problems.error("override-impossible", at, what, hint="change or remove it in the beamline file")


def is_panda(members: Sequence[Member]) -> bool:
    """Return whether blocks are those that make a PandA a detector: position capture and its file writer."""
    shipped = shipped_blocks()
    found = {m.name: m.block.shipped for m in members if isinstance(m, Part)}
    return all(found.get(name) == ref_of(shipped[name].path) for name in ("pcap", "data"))


def _place(member: Member) -> Position:
    match member:
        case Attribute():
            return member.recorded.at
        case Row():
            return member.entries[0][1].recorded.at
        case Part():
            return member.block.at
        case Blocks():
            return member.entries[0][2].at


_ACCESS: Final[Mapping[SignalKind, Access]] = {
    SignalKind.READ: Access.READ,
    SignalKind.READ_WRITE: Access.READ_WRITE,
    SignalKind.WRITE: Access.WRITE,
    SignalKind.COMMAND: Access.COMMAND,
}
