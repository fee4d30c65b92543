"""The content of one device type: what a template's records amount to, before classes share anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from beamwright_generator.files import Files
from beamwright_generator.model import Child, ClassRef, EnumType, Format, Member, Signal, Vector
from beamwright_generator.parse.beamline import TemplateOverride
from beamwright_generator.parse.macros import Scope, expand
from beamwright_generator.parse.macros import names as macro_names
from beamwright_generator.parse.template import TemplateTree, read_template
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.datatypes import is_deciding, value_type
from beamwright_generator.resolve.descriptions import PviFacts
from beamwright_generator.resolve.names import Names, pascal, snake
from beamwright_generator.resolve.prefixes import (
    common_prefix,
    first_macro,
    leading_name,
    literal_prefix,
    macros_of,
    numbered,
)
from beamwright_generator.resolve.records import TemplateRecord
from beamwright_generator.resolve.served import Served, Transport, Undecided
from beamwright_generator.resolve.signals import MOTOR, Signals, judge
from beamwright_generator.resolve.templates import FlatRecord, FlatTemplate, Outer, Use, flatten
from beamwright_generator.source import Position
from beamwright_generator.tables.shipped import classes_for_templates, device_members


class Identity:
    """What makes two contents one class; compared often, so it is hashed once."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, *parts: object) -> None:
        self._parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Identity) and self._hash == other._hash and self._parts == other._parts
        )


@dataclass(frozen=True)
class Base:
    """A file that a template includes, as its class sees it.

    :param suffix: what follows the device prefix in its records; empty when it is the same device.
    """

    content: Content
    suffix: str


@dataclass(frozen=True, eq=False)
class Content:
    """What the records of one template, or of one group of its records, amount to.

    :param stem: what the class is named after.
    :param prefix: the device prefix with its macros; `defaults` are those they have in record names.
    :param parameters: macros that stand in record names after the prefix.
    :param signals: everything the device has, included files and all.
    :param bases: included files that share the device prefix, in order.
    :param parts: vectors and children made of included files.
    :param desc: words for one device, macros still in.
    """

    stem: str
    source: str
    at: Position
    prefix: str
    defaults: Mapping[str, str]
    parameters: tuple[str, ...]
    signals: Signals
    bases: tuple[Base, ...]
    parts: tuple[tuple[Member, Content], ...]
    templates: frozenset[str]
    desc: str = ""
    deciding: Mapping[str, str] = field(default_factory=dict)
    override: TemplateOverride = field(default_factory=TemplateOverride)
    facts: PviFacts = field(default_factory=PviFacts)

    @cached_property
    def members(self) -> dict[str, Member]:
        """Signals and parts by attribute."""
        return {m.attribute: m for m in (*self.signals.members, *(part for part, _ in self.parts))}

    @cached_property
    def shapes(self) -> dict[str, object]:
        """What each attribute is, enum states in place of enum names: equal for attributes that can be inherited."""
        return {name: self._shape(member) for name, member in self.members.items()}

    @cached_property
    def kinds(self) -> dict[str, object]:
        """What each attribute is to a type checker: a subclass may declare one of the same kind anew."""
        return {name: self._kind(member) for name, member in self.members.items()}

    def _kind(self, member: Member) -> object:
        if isinstance(member, Signal) and member.attribute not in self.signals.enums:
            return member.access, member.datatype
        return self._shape(member)

    def _shape(self, member: Member) -> object:
        if isinstance(member, Signal):
            enum = self.signals.enums.get(member.attribute)
            states = (enum.kind, enum.states) if enum else None
            return replace(
                member, doc="", group="", format=Format.NONE, datatype=None if enum else member.datatype
            ), states
        if isinstance(member, Child) and member.type == MOTOR:
            return replace(member, doc="")
        return replace(member, doc="", type=ClassRef("", "")), self._part(member.attribute).identity

    def _part(self, attribute: str) -> Content:
        return next(content for part, content in self.parts if part.attribute == attribute)

    @cached_property
    def identity(self) -> Identity:
        """Equal for contents that one class can stand for."""
        return Identity(
            self.stem, self.source, self.prefix, self.parameters, tuple(self.shapes.items()), self.signals.motor
        )

    @property
    def is_area_detector(self) -> bool:
        """Whether ophyd-async mirrors one of its templates: detectors choose what they record of it."""
        return bool(classes_for_templates(self.templates))

    @property
    def is_motor(self) -> bool:
        """Whether it is one motor record and nothing else."""
        return self.signals.motor and not self.members


@dataclass
class Contents:
    """Works out contents, each once for the values of the macros that decide on its shape."""

    files: Files
    problems: Problems
    transport: Transport
    overrides: Mapping[str, TemplateOverride]
    pvi: Mapping[str, PviFacts]
    leaves: dict[str, set[str]] = field(default_factory=dict)
    _trees: dict[tuple[object, ...], FlatTemplate | None] = field(default_factory=dict)
    _uses: dict[tuple[object, ...], FlatTemplate] = field(default_factory=dict)
    _structural: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)
    _deciding: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)
    _made: dict[tuple[object, ...], tuple[Content, ...]] = field(default_factory=dict)

    def of(
        self, path: Path, macros: Mapping[str, str], search: Sequence[Path], cwd: Path, at: Position | None
    ) -> tuple[Content, ...]:
        """Give the contents of a template loaded with some macros: one for each group of its records.

        Records are in one group when their names start with the same macro; those that start with literal text are
        grouped by the name before the first colon.
        """
        flat = self._flat(path, macros, search, cwd, at)
        return self._contents(flat, macros) if flat else ()

    def _flat(
        self, path: Path, macros: Mapping[str, str], search: Sequence[Path], cwd: Path, at: Position | None
    ) -> FlatTemplate | None:
        where = (path, tuple(search), cwd)
        if where not in self._structural:
            met = Problems()
            tree = read_template(self.files, path, search, met, cwd=cwd, at=at)
            self._structural[where] = _structural(tree) if tree else ()
            if not self._structural[where]:
                self.problems.extend(met)
                self._trees[where, ()] = flatten(tree, self.problems) if tree else None
        structural = {name: macros[name] for name in self._structural[where] if name in macros}
        key = (where, tuple(structural.items()))
        if key not in self._trees:
            tree = read_template(self.files, path, search, self.problems, macros=Scope(structural), cwd=cwd, at=at)
            self._trees[key] = flatten(tree, self.problems) if tree else None
        return self._trees[key]

    def _contents(self, flat: FlatTemplate, macros: Mapping[str, str]) -> tuple[Content, ...]:
        tree_key = id(flat)
        if (tree_key,) not in self._deciding:
            self._deciding[(tree_key,)] = self._deciding_macros(flat)
        deciding = {name: macros[name] for name in self._deciding[(tree_key,)] if name in macros}
        key = (tree_key, tuple(deciding.items()))
        if key not in self._made:
            self._made[key] = tuple(self._group(flat, names, deciding) for names in _groups(flat))
        return self._made[key]

    def _deciding_macros(self, flat: FlatTemplate) -> tuple[str, ...]:
        found: dict[str, None] = dict.fromkeys(macros_of(record.type for record in flat.records))
        for record in flat.records:
            answer = value_type(record.type, record.fields, self.transport, record.infos)
            if isinstance(answer, Undecided):
                # Once one macro is given the next may stand in the way, so all that types hang on are taken together.
                values = (value for name, value in record.fields.items() if is_deciding(name) and "$" in value)
                found |= dict.fromkeys(name for value in values for name in sorted(macro_names(value)))
        return tuple(found)

    def _group(self, flat: FlatTemplate, names: Sequence[str], deciding: Mapping[str, str]) -> Content:
        source, wanted = flat.tree.source, set(names)
        records = [_decided(record, deciding) for record in flat.records if record.name in wanted]
        prefix = common_prefix(names) or literal_prefix(names)
        stem = _stem(flat, names)
        bases, parts, covered = self._included(flat, prefix, wanted, records, deciding)
        override = self.overrides.get(source.path.name, TemplateOverride())
        override = override.on_top_of(base.content.override for base in bases)
        facts = self.pvi.get(source.path.stem, PviFacts()).on_top_of(base.content.facts for base in bases)
        templates = flat.files - {file for _, content in parts for file in content.templates}
        typed = [
            TemplateRecord(r.name, r.name[len(prefix) :], r.type, r.fields, r.infos, r.at)
            for r in records
            if r.name not in covered
        ]
        self.leaves.setdefault(source.path.name, set()).update(record.leaf for record in typed)
        signals = judge(
            typed,
            override.name or pascal(stem),
            templates,
            self.transport,
            override,
            facts,
            {name for base in bases for name in base.content.signals.refused},
            self.problems,
        )
        for base in bases:
            signals = signals.with_inherited(base.content.signals)
        return Content(
            stem,
            source.name,
            records[0].at,
            prefix,
            flat.defaults,
            macros_of(record.leaf for record in typed),
            signals,
            bases,
            _renamed(parts, signals, templates),
            templates,
            _description(typed),
            deciding,
            override,
            facts,
        )

    def _included(
        self,
        flat: FlatTemplate,
        prefix: str,
        wanted: set[str],
        records: Sequence[FlatRecord],
        deciding: Mapping[str, str],
    ) -> tuple[tuple[Base, ...], list[tuple[Member, Content]], set[str]]:
        """Sort the included files of a group into bases of its class and devices inside it."""
        bases: list[Base] = []
        inside: list[tuple[Use, Base]] = []
        for use in flat.uses:
            base = self._as_base(use, prefix, deciding)
            if base is None or not use.names <= wanted:
                continue
            if not base.suffix:
                bases.append(base)
            elif self._unchanged(use, base, records):
                inside.append((use, base))
        covered = {name for use, _ in inside for name in use.names}
        return tuple(bases), list(_parts([base for _, base in inside])), covered

    def _as_base(self, use: Use, prefix: str, deciding: Mapping[str, str]) -> Base | None:
        flat = self._flat_use(use)
        if not flat.records:
            return None
        outer = Outer(use.definitions)
        contents = self._contents(flat, {**{k: v for k, v in use.definitions.items() if v is not None}, **deciding})
        if len(contents) != 1 or contents[0].parameters:
            return None
        seen = outer.filled(contents[0].prefix)
        suffix = seen[len(prefix) :]
        return Base(contents[0], suffix) if prefix and seen.startswith(prefix) and "$" not in suffix else None

    def _flat_use(self, use: Use) -> FlatTemplate:
        """Flatten an included file by itself, once however many templates include it."""
        key = _fingerprint(use.tree)
        if key not in self._uses:
            self._uses[key] = flatten(use.tree, Problems())
        return self._uses[key]

    def _unchanged(self, use: Use, base: Base, records: Sequence[FlatRecord]) -> bool:
        flat = self._flat_use(use)
        outer = Outer(use.definitions)
        mine = {record.name: record for record in records}
        for record in flat.records:
            here = mine.get(outer.filled(record.name))
            alone = _decided(record, base.content.deciding)
            if here is None or here.type != alone.type or self._type(here) != self._type(alone):
                return False
        return True

    def _type(self, record: FlatRecord) -> object:
        answer = value_type(record.type, record.fields, self.transport, record.infos)
        return answer if isinstance(answer, Served) else type(answer)


def _fingerprint(tree: TemplateTree) -> tuple[object, ...]:
    included = (_fingerprint(i.tree) if i.tree else None for i in tree.includes)
    return (tree.source.path, hash(tree.source.text), *included)


def _structural(tree: TemplateTree) -> tuple[str, ...]:
    """Name the macros that decide which files are included, or what the text of one says at all."""
    found: dict[str, None] = {}
    for name in sorted(tree.database.syntactic_macros):
        found[name] = None
    for included in tree.includes:
        found |= dict.fromkeys(macros_of([included.statement.file]))
        if included.tree is not None:
            found |= dict.fromkeys(_structural(included.tree))
    return tuple(found)


def _decided(record: FlatRecord, deciding: Mapping[str, str]) -> FlatRecord:
    """Fill in the macros that decide on types; all others stay."""
    if not any("$" in value for value in (record.type, *record.fields.values())):
        return record
    scope = Scope(deciding)
    fields = {
        name: expand(value, scope) if name not in _PER_INSTANCE and "$" in value else value
        for name, value in record.fields.items()
    }
    return FlatRecord(record.name, expand(record.type, scope), record.at, fields, record.infos)


_PER_INSTANCE = frozenset({"DESC", "INP", "OUT", "FLNK"})


def _groups(flat: FlatTemplate) -> Iterator[list[str]]:
    groups: dict[str, list[str]] = {}
    for record in flat.records:
        macro = first_macro(record.name)
        key = f"$({macro})" if macro is not None else "literal"
        groups.setdefault(key, []).append(record.name)
    literal = groups.pop("literal", [])
    if literal and (len(literal) == 1 or not literal_prefix(literal)):
        by_device: dict[str, list[str]] = {}
        for name in literal:
            by_device.setdefault(leading_name(name), []).append(name)
        yield from groups.values()
        yield from by_device.values()
        return
    yield from groups.values()
    if literal:
        yield literal


def _stem(flat: FlatTemplate, names: Sequence[str]) -> str:
    """Name a group after its file; a smaller group adds what its names start with."""
    stem = flat.tree.source.path.stem
    groups = list(_groups(flat))
    largest = max(groups, key=len)
    if list(names) == largest:
        return stem
    macro = first_macro(names[0])
    return f"{stem} {macro if macro is not None else literal_prefix(names) or 'global'}"


def _parts(inside: Sequence[Base]) -> Iterator[tuple[Member, Content]]:
    """Make a vector of equal devices whose suffixes are numbered, and a child of every other one."""
    alike: dict[int, list[Base]] = {}
    for base in inside:
        alike.setdefault(id(base.content), []).append(base)
    for bases in alike.values():
        content = bases[0].content
        found = numbered([base.suffix for base in bases]) if len(bases) > 1 else None
        if found:
            stem, numbers = found
            entries = tuple(sorted(zip(numbers, (base.suffix for base in bases), strict=True)))
            yield Vector(snake(stem) or snake(content.stem), ClassRef("", ""), entries), content
        else:
            for base in bases:
                yield Child(snake(base.suffix) or snake(content.stem), ClassRef("", ""), base.suffix), content


def _description(records: Sequence[TemplateRecord]) -> str:
    """Give the words for one device of a template: of the record called like it, or the first that are a macro."""
    named = [record.fields.get("DESC", "") for record in records if not record.leaf]
    given = [desc for record in records if "$" in (desc := record.fields.get("DESC", ""))]
    return next(iter((*named, *given)), "")


def _renamed(
    parts: Iterable[tuple[Member, Content]], signals: Signals, templates: frozenset[str]
) -> tuple[tuple[Member, Content], ...]:
    """Name vectors as ophyd-async does where it has the same ones, and make all names different."""
    names = Names(reserved=device_members(), taken=(member.attribute for member in signals.members))
    shipped = {
        vector.entry: vector.attribute
        for known in classes_for_templates(templates)
        for vector in known.vectors.values()
    }
    named = []
    for part, content in parts:
        theirs = [shipped[path] for ref in content.signals.extended if (path := f"{ref.module}.{ref.name}") in shipped]
        attribute = theirs[0] if theirs and isinstance(part, Vector) else part.attribute
        named.append((replace(part, attribute=names.take(attribute)), content))
    return tuple(named)


def enums_of(content: Content, attributes: Iterable[str]) -> tuple[EnumType, ...]:
    """Give the enums of some attributes, in order."""
    return tuple(content.signals.enums[name] for name in attributes if name in content.signals.enums)
