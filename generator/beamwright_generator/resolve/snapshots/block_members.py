"""Members of generated classes from those of blocks, and the enums and tables that their types need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from beamwright_generator.model import (
    AnnotatedVector,
    Child,
    ClassRef,
    Datatype,
    EnumKind,
    EnumState,
    EnumType,
    Format,
    Member,
    Signal,
    SignalVector,
    States,
    TableType,
)
from beamwright_generator.resolve.naming.identifiers import Names, enum_member, pascal
from beamwright_generator.resolve.snapshots import pvi_blocks as blocks
from beamwright_generator.resolve.snapshots.pvi_blocks import Attribute, Blocks, Part, Row
from beamwright_generator.resolve.snapshots.signal_types import Choices, Columns, Form
from beamwright_generator.tables.ophyd_async_classes import shipped_enum, unlike_shipped

Key = tuple[str, tuple[object, ...]]
"""The module of an enum or a table, and its states or columns: equal ones of a module share a class."""


@dataclass
class _NamedTypeUse:
    """Who needs an enum or a table, in order.

    :param words: the class, and the names of attribute and column.
    """

    owner: ClassRef
    form: Choices | Columns
    words: list[tuple[ClassRef, str, tuple[str, ...]]] = field(default_factory=list)


@dataclass
class NamedTypes:
    """Gives enums and tables their classes, after every class that needs them has been noted.

    :param devices: what a module is called after: the name of what several classes share begins with it.
    """

    devices: Mapping[str, str]
    names: Names
    _uses: dict[Key, _NamedTypeUse] = field(default_factory=dict)
    _refs: dict[Key, ClassRef] = field(default_factory=dict)

    def note(self, owner: ClassRef, stem: str, members: Sequence[blocks.Member]) -> None:
        """Take up what the members of a class need."""
        for member in members:
            if isinstance(member, Attribute | Row):
                attribute = member.entries[0][1] if isinstance(member, Row) else member
                self._note(owner, stem, (member.name,), attribute.form)

    def _note(self, owner: ClassRef, stem: str, words: tuple[str, ...], form: Form | None) -> None:
        if isinstance(form, Columns):
            for name, column in form.columns:
                self._note(owner, stem, (*words, name), column)
        if isinstance(form, Choices | Columns):
            use = self._uses.setdefault(_key(owner.module, form), _NamedTypeUse(owner, form))
            use.words.append((owner, stem, words))

    def datatype(self, module: str, form: Form | None) -> Datatype | None:
        """Return the type of a signal or a column of a class in a module."""
        if isinstance(form, Choices):
            ref = self._ref(_key(module, form))
            return States(ref) if form.many else ref
        return self._ref(_key(module, form)) if isinstance(form, Columns) else form

    def _ref(self, key: Key) -> ClassRef:
        if key not in self._refs:
            use = self._uses[key]
            owner, stem, words = use.words[0]
            if len({owner for owner, _, _ in use.words}) == 1:
                name = owner.name + "".join(map(pascal, words))
            elif len({stem for _, stem, _ in use.words}) == 1:
                name = f"{pascal(stem)}Block{''.join(map(pascal, words))}"
            else:
                name = self._shared_name(owner, use.form, words)
            name = unlike_shipped(name, "States" if isinstance(use.form, Choices) else "Columns")
            self._refs[key] = ClassRef(owner.module, self.names.take(name))
        return self._refs[key]

    def _shared_name(self, owner: ClassRef, form: Choices | Columns, words: tuple[str, ...]) -> str:
        """Name what several classes need: buses of a PandA as such, others after the first that needs it."""
        states = form.states if isinstance(form, Choices) else ()
        for name in ("PandaBitMux", "PandaPosMux"):
            enum = shipped_enum(f"ophyd_async.fastcs.panda.{name}")
            first = tuple(enum.members.values()) if enum else ()
            if first and states[: len(first)] == first:
                words = (name.removeprefix("Panda").replace("Mux", "Bus"),)
                break
        return self.devices[owner.module] + "".join(map(pascal, words))

    def enums(self, owner: ClassRef) -> tuple[EnumType, ...]:
        """Return the enums that a class is the first to need."""
        return tuple(
            _enum(self._ref(key).name, use.form)
            for key, use in self._uses.items()
            if use.owner == owner and isinstance(use.form, Choices)
        )

    def tables(self, owner: ClassRef) -> tuple[TableType, ...]:
        """Return the tables that a class is the first to need."""
        return tuple(
            TableType(self._ref(key).name, tuple(self._columns(owner.module, use.form)))
            for key, use in self._uses.items()
            if use.owner == owner and isinstance(use.form, Columns)
        )

    def _columns(self, module: str, form: Columns) -> Iterator[tuple[str, Datatype]]:
        for name, column in form.columns:
            datatype = self.datatype(module, column)
            if datatype is not None:
                yield name, datatype


def _key(module: str, form: Choices | Columns) -> Key:
    return module, form.states if isinstance(form, Choices) else form.columns


def _enum(name: str, form: Choices) -> EnumType:
    members = Names()
    texts = dict.fromkeys(state for state in form.states if state.strip())
    kind = EnumKind.STRICT if all(state.strip() for state in form.states) else EnumKind.SUBSET
    return EnumType(name, kind, tuple(EnumState(members.take(enum_member(text)), text) for text in texts))


@dataclass(frozen=True)
class Members:
    """Makes members of the classes in one module.

    :param block: gives the class of a block, `vector` that of all blocks of a vector.
    :param records: whether the class takes part in the documents of a run; a detector chooses by itself.
    """

    module: str
    types: NamedTypes
    block: Callable[[blocks.Block], ClassRef]
    vector: Callable[[Blocks], ClassRef]
    records: bool = True

    def of(self, member: blocks.Member) -> Member:
        """Make the member of a class from that of a block."""
        match member:
            case Attribute():
                shown = member.format if self.records else Format.NONE
                datatype = self.types.datatype(self.module, member.form)
                read, write = _pvs(member)
                at = member.recorded.at
                return Signal(member.name, member.access, datatype, read, write, format=shown, doc=member.doc, at=at)
            case Row():
                first = member.entries[0][1]
                datatype = self.types.datatype(self.module, first.form)
                entries = tuple((number, *_pvs(entry)) for number, entry in member.entries)
                shown = member.format if self.records else Format.NONE
                return SignalVector(member.name, first.access, datatype, entries, shown, member.doc)
            case Part():
                readable = self.records and member.block.readable
                return Child(member.name, self.block(member.block), member.suffix, doc=member.doc, readable=readable)
            case Blocks():
                return self._vector(member)

    def _vector(self, member: Blocks) -> AnnotatedVector:
        ref = self.vector(member)
        refs = [(number, self.block(block)) for number, _, block in member.entries]
        return AnnotatedVector(
            member.name,
            ref,
            tuple((number, suffix) for number, suffix, _ in member.entries),
            tuple((number, own) for number, own in refs if own != ref),
            member.doc,
            self.records and any(block.readable for _, _, block in member.entries),
        )


def _pvs(attribute: Attribute) -> tuple[str, str | None]:
    return attribute.read, None if attribute.write == attribute.read else attribute.write
