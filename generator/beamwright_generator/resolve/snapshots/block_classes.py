"""From blocks to classes: equal blocks share one, vectors of unlike blocks get one that all of them extend."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from beamwright_generator.model import ClassRef, DeviceType
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.classes.base_order import RECORDS
from beamwright_generator.resolve.naming.identifiers import IMPORTED_FOR_SNAPSHOTS, Names, pascal
from beamwright_generator.resolve.snapshots.block_members import Members, NamedTypes
from beamwright_generator.resolve.snapshots.pvi_blocks import Block, Blocks, Member, Shape
from beamwright_generator.tables.ophyd_async_classes import shipped_blocks

PANDA = ClassRef("beamwright_runtime", "Panda")


@dataclass(frozen=True)
class Whole:
    """One snapshot as blocks.

    :param prefix: of the device, as it was recorded.
    :param source: the file, as users name it.
    :param module: the import path of the module that gets its classes.
    :param name: what its own class is called.
    """

    root: Block
    prefix: str
    source: str
    module: str
    name: str
    panda: bool


@dataclass
class _ShapeUse:
    """Every block that one class stands for, with the snapshots they are in."""

    blocks: list[Block] = field(default_factory=list)
    wholes: list[Whole] = field(default_factory=list)


@dataclass(eq=False)
class _Family:
    """Blocks that stand in one vector and are not alike.

    :param shared: what all have in common.
    :param ref: the class of that; None if it is nothing.
    """

    shapes: list[Shape]
    shared: Block
    ref: ClassRef | None = None


@dataclass
class SnapshotClasses:
    """Names the classes of all snapshots of a run, and makes device types of them.

    :param taken: names of classes that come from elsewhere.
    """

    wholes: Sequence[Whole]
    taken: Collection[str]
    problems: Problems
    refs: dict[Shape, ClassRef] = field(default_factory=dict)
    _names: Names = field(init=False)
    _types: NamedTypes = field(init=False)
    _uses: dict[Shape, _ShapeUse] = field(default_factory=dict)
    _families: list[_Family] = field(default_factory=list)

    def __post_init__(self) -> None:
        for whole in self.wholes:
            for block in whole.root.walk():
                use = self._uses.setdefault(block.shape, _ShapeUse())
                use.blocks.append(block)
                use.wholes.append(whole)
        self._names = Names(taken=IMPORTED_FOR_SNAPSHOTS | set(self.taken), joint="")
        self._types = NamedTypes({whole.module: whole.name for whole in self.wholes}, self._names)
        self._find_families()
        self._name()
        for shape, use in self._uses.items():
            self._types.note(self.refs[shape], use.blocks[0].stem, use.blocks[0].members)

        for whole in self.wholes:
            self._report(whole)

    def ref(self, whole: Whole) -> ClassRef:
        """Return the class of a whole snapshot."""
        return self.refs[whole.root.shape]

    def modules(self) -> dict[str, tuple[DeviceType, ...]]:
        """Return the device modules, classes after those they extend."""
        types: list[DeviceType] = []
        made: list[_Family] = []
        for shape, use in self._uses.items():
            family = self._family_of(shape)
            if family is not None and family.ref is not None and family not in made:
                made.append(family)
                types.append(self._shared_type(family, family.ref))
            types.append(self._type(shape, use, family))
        modules: dict[str, list[DeviceType]] = {}
        for device in types:
            modules.setdefault(device.ref.module, []).append(device)
        return {module: tuple(devices) for module, devices in modules.items()}

    # -- families

    def _find_families(self) -> None:
        for use in list(self._uses.values()):
            for member in use.blocks[0].members:
                if isinstance(member, Blocks) and len(member.variants) > 1:
                    self._join(list(member.variants))
        for family in self._families:
            family.shared = self._shared(family.shapes)

    def _join(self, shapes: list[Shape]) -> None:
        touched = [family for family in self._families if any(shape in family.shapes for shape in shapes)]
        merged = list(dict.fromkeys([shape for family in touched for shape in family.shapes] + shapes))
        self._families = [family for family in self._families if family not in touched]
        self._families.append(_Family(merged, self._uses[merged[0]].blocks[0]))

    def _shared(self, shapes: Sequence[Shape]) -> Block:
        first, *others = [self._uses[shape].blocks[0] for shape in shapes]
        theirs = [{member.shape for member in other.members} for other in others]
        members = tuple(member for member in first.members if all(member.shape in shapes for shapes in theirs))
        names = {member.name for member in members}
        same = all(other.shipped == first.shipped for other in others)
        known = shipped_blocks().get(first.stem)
        shipped = first.shipped if same and known and known.signals.keys() <= names else None
        return replace(first, members=members, shipped=shipped)

    def _family_of(self, shape: Shape) -> _Family | None:
        return next((family for family in self._families if shape in family.shapes), None)

    # -- names

    def _name(self) -> None:
        names = self._names
        for whole in self.wholes:
            if whole.root.shape not in self.refs:
                wanted = _shared_name([one.name for one in self._uses[whole.root.shape].wholes])
                wanted = f"{wanted}Device" if wanted in IMPORTED_FOR_SNAPSHOTS else wanted
                name = names.take(wanted)
                self.refs[whole.root.shape] = ClassRef(whole.module, name)
                if name != wanted:
                    message = f"the class is called {name} because {wanted} exists"
                    self.problems.note("name-collision", whole.root.at, message)
        for family in self._families:
            whole = self._uses[family.shapes[0]].wholes[0]
            if family.shared.members:
                family.ref = ClassRef(whole.module, names.take(f"{pascal(family.shared.stem)}Block"))
        by_stem: dict[str, list[Shape]] = {}
        for shape, use in self._uses.items():
            if shape not in self.refs:
                by_stem.setdefault(use.blocks[0].stem, []).append(shape)
        for stem, shapes in by_stem.items():
            for shape, wanted in zip(shapes, self._apart(stem, shapes), strict=True):
                self.refs[shape] = ClassRef(self._uses[shape].wholes[0].module, names.take(f"{wanted}Block"))

    def _apart(self, stem: str, shapes: Sequence[Shape]) -> list[str]:
        """Tell classes of one stem apart: by number, by the blocks around them, by the device, or by counting."""
        plain = pascal(stem) or "Entry"
        if len(shapes) == 1:
            return [plain]
        uses = [self._uses[shape] for shape in shapes]
        firsts = [(use.blocks[0], self.ref(use.wholes[0]).name.removesuffix("Device")) for use in uses]
        for candidates in (
            [pascal(block.label) for block, _ in firsts],
            [pascal(re.sub(r"\[\d+\]", "", block.path)) for block, _ in firsts],
            [device + plain for _, device in firsts],
            [device + pascal(block.label) for block, device in firsts],
            [pascal(block.path) for block, _ in firsts],
        ):
            if len(set(candidates)) == len(candidates):
                return candidates
        return [plain, *(f"{plain}{number}" for number in range(2, len(shapes) + 1))]

    # -- what is worth knowing

    def _report(self, whole: Whole) -> None:
        """Note blocks that do not extend ophyd-async's, in what looks like a PandA, and vectors of unlike blocks."""
        blocks = {block.shape: block for block in reversed(list(whole.root.walk()))}
        looks_like_panda = len({block.stem for block in blocks.values() if block.refused or block.shipped}) > 1
        for block in reversed(blocks.values()):
            if block.refused and looks_like_panda:
                name, reasons = block.refused
                message = f"{self.refs[block.shape].name} does not extend ophyd-async's {name}"
                self.problems.note("stands-alone", block.at, message, detail=reasons)
            for member in block.members:
                if isinstance(member, Blocks) and len(member.variants) > 1:
                    self._report_unlike(member)
        if looks_like_panda and not whole.panda:
            message = f"{self.ref(whole).name} is no detector: no pcap and data that ophyd-async's logic takes"
            self.problems.note("stands-alone", whole.root.at, message)

    def _report_unlike(self, member: Blocks) -> None:
        classes: dict[str, list[str]] = {}
        for number, _, block in member.entries:
            classes.setdefault(self.refs[block.shape].name, []).append(f"{member.name}[{number}]")
        self.problems.note(
            "snapshot-unlike",
            member.entries[0][2].at,
            f"the blocks of {member.name} are not alike; {self._of_vector(member).name} has what all have",
            detail=[f"{name}: {', '.join(paths)}" for name, paths in classes.items()],
        )

    # -- device types

    def _type(self, shape: Shape, use: _ShapeUse, family: _Family | None) -> DeviceType:
        block, ref = use.blocks[0], self.refs[shape]
        panda = any(whole.panda and whole.root.shape == shape for whole in use.wholes)
        inherited: set[Shape] = set()
        shipped = [block.shipped] if block.shipped else []
        bases = [RECORDS, *shipped] if shipped else [PANDA] if panda else []
        if family is not None and family.ref is not None:
            inherited = {member.shape for member in family.shared.members}
            bases = [family.ref] if family.shared.shipped else [family.ref, *shipped]
        own = [number for number, member in enumerate(block.members) if member.shape not in inherited]
        return self._device_type(
            ref, _doc(use), bases, [_agreed(use.blocks, number) for number in own], _sources([use]), records=not panda
        )

    def _shared_type(self, family: _Family, ref: ClassRef) -> DeviceType:
        uses = [self._uses[shape] for shape in family.shapes]
        sources, shipped = _sources(uses), family.shared.shipped
        doc = f"What all blocks {family.shared.stem} of {_files(sources)} have"
        return self._device_type(ref, doc, [RECORDS, shipped] if shipped else [], family.shared.members, sources)

    def _device_type(
        self,
        ref: ClassRef,
        doc: str,
        bases: Sequence[ClassRef],
        members: Sequence[Member],
        sources: tuple[str, ...],
        *,
        records: bool = True,
    ) -> DeviceType:
        make = Members(ref.module, self._types, lambda block: self.refs[block.shape], self._of_vector, records)
        return DeviceType(
            ref,
            doc,
            tuple(bases),
            tuple(make.of(member) for member in members),
            self._types.enums(ref),
            sources=sources,
            tables=self._types.tables(ref),
        )

    def _of_vector(self, vector: Blocks) -> ClassRef:
        """Return the class that all blocks of a vector are of."""
        variants = list(vector.variants)
        family = self._family_of(variants[0])
        if len(variants) == 1 or family is None:
            return self.refs[variants[0]]
        return family.ref or RECORDS


def _shared_name(names: Sequence[str]) -> str:
    """Name what several files describe: `Supply` for `Supply1` and `Supply2`, else as the first is called."""
    stems = {name.rstrip("0123456789") for name in names}
    return stems.pop() if len(set(names)) > 1 and len(stems) == 1 and "" not in stems else names[0]


def _agreed(blocks: Sequence[Block], number: int) -> Member:
    """Return a member with the words that all blocks of one shape have for it."""
    member = blocks[0].members[number]
    same = all(block.members[number].doc == member.doc for block in blocks)
    return member if same else replace(member, doc="")


def _doc(use: _ShapeUse) -> str:
    said = {block.doc for block in use.blocks}
    if said != {""} and len(said) == 1:
        return said.pop()
    paths = list(dict.fromkeys(block.path for block in use.blocks))
    files = _files(_sources([use]))
    if paths == [""]:
        return f"PVI tree of {files}"
    shown = paths if len(paths) < 5 else [*paths[:3], f"{len(paths) - 3} more"]
    return f"{'Blocks' if len(paths) > 1 else 'Block'} {', '.join(shown)} of {files}"


def _sources(uses: Sequence[_ShapeUse]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(whole.source for use in uses for whole in use.wholes))


def _files(sources: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(source.rpartition("/")[2] for source in sources))
