"""From contents to classes: variants named, shared bases found, each class written once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from beamwright_generator.model import Child, ClassRef, DeviceType, Format, Member, Signal, Vector
from beamwright_generator.parse.beamline import TemplateOverride
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.content import Content, Identity, enums_of
from beamwright_generator.resolve.names import IMPORTED, Names, pascal, snake
from beamwright_generator.resolve.signals import MOTOR
from beamwright_generator.tables.shipped import shipped_class
from beamwright_generator.vocabulary import Transport

DEVICES: Final = "beamwright_generated.devices"
RECORDS: Final = ClassRef("beamwright_runtime", "RecordDevice")


@dataclass
class Classes:
    """Turns the contents of one run into device types.

    Contents are added first, because a class that others extend may hold only what all of them leave unchanged;
    `types` then gives every class once.
    """

    overrides: Mapping[str, TemplateOverride]
    problems: Problems
    _placed: dict[Identity, Content] = field(default_factory=dict)
    _all: dict[Identity, Content] = field(default_factory=dict)

    def add(self, content: Content) -> None:
        """Take up the content of a placed device, with everything that it extends or holds."""
        self._placed.setdefault(content.identity, content)
        self._take(content)

    def _take(self, content: Content) -> None:
        if content.identity in self._all or content.is_motor:
            return
        for base in content.bases:
            self._take(base.content)
        for _, part in content.parts:
            self._take(part)
        self._all[content.identity] = content

    def resolved(self) -> Resolved:
        """Name the classes and decide what each inherits."""
        contents = list(self._all.values())
        refs = _name(contents, self.overrides, self.problems)
        removed = _removed(contents)
        for content in contents:
            if removed[content.identity]:
                self.problems.note(
                    "base-split",
                    content.at,
                    f"{refs[content.identity].name} keeps what all templates that include it leave unchanged in "
                    f"{refs[content.identity].name}Shared",
                    detail=[f"changed by some: {', '.join(sorted(removed[content.identity]))}"],
                )
        return Resolved(contents, refs, removed, set(self._placed), _detectors(contents))


def _detectors(contents: Sequence[Content]) -> set[Identity]:
    found = {content.identity for content in contents if content.is_area_detector}
    for content in reversed(contents):  # users before what they include
        if content.identity in found:
            found |= {base.content.identity for base in content.bases}
    return found


def _removed(contents: Sequence[Content]) -> dict[Identity, set[str]]:
    """Find, for each content, the attributes that some content which includes it changes or lacks."""
    removed: dict[Identity, set[str]] = {content.identity: set() for content in contents}
    for content in reversed(contents):  # users before what they include
        missing = removed[content.identity]
        for base in content.bases:
            if base.content.is_motor:
                continue
            theirs = base.content.kinds
            changed = {name for name, kind in theirs.items() if content.kinds.get(name) != kind}
            removed[base.content.identity] |= changed | (missing & theirs.keys())
    return removed


def _name(
    contents: Sequence[Content], overrides: Mapping[str, TemplateOverride], problems: Problems
) -> dict[Identity, ClassRef]:
    """Give each content its class: named after the template, and by what differs where one has several shapes."""
    by_stem: dict[str, list[Content]] = {}
    for content in contents:
        by_stem.setdefault(content.stem, []).append(content)
    modules, names = Names(), Names(joint="")
    refs: dict[Identity, ClassRef] = {}
    for stem, variants in by_stem.items():
        module = f"{DEVICES}.{modules.take(snake(stem) or 'records')}"
        override = overrides.get(f"{variants[0].source.rpartition('/')[2]}")
        plain = (override.name if override else None) or pascal(stem) or "Records"
        for content, difference in zip(variants, _differences(variants), strict=True):
            wanted = plain + difference
            name = names.take(f"{wanted}Device" if wanted in IMPORTED else wanted)
            if name != wanted:
                problems.note("name-collision", content.at, f"the class is called {name} because {wanted} exists")
            refs[content.identity] = ClassRef(module, name)
    return refs


def _differences(variants: Sequence[Content]) -> list[str]:
    """Say in a word how each shape of a template differs: by a macro, the transport, the folder, or a number."""
    if len(variants) == 1:
        return [""]
    macros = dict.fromkeys(name for content in variants for name in content.deciding)
    for macro in macros:
        values = [pascal(content.deciding.get(macro, "")) for content in variants]
        if len(set(values)) == len(values):
            return values
    transports = ["" if content.transport is Transport.CA else pascal(content.transport) for content in variants]
    if len(set(transports)) == len(transports):
        return transports
    folders = [pascal(content.source.rpartition("/")[0].rpartition("/")[2]) for content in variants]
    if len(set(folders)) == len(folders):
        return ["", *folders[1:]]
    return ["", *(str(number) for number in range(2, len(variants) + 1))]


@dataclass(frozen=True)
class Resolved:
    """Every class of a run.

    :param removed: attributes that some content which includes it changes, for each content.
    :param placed: what is a device of the beamline by itself.
    :param detectors: parts of areaDetectors, and what they extend: a detector chooses what it records of them.
    """

    contents: Sequence[Content]
    refs: Mapping[Identity, ClassRef]
    removed: Mapping[Identity, Collection[str]]
    placed: Collection[Identity]
    detectors: Collection[Identity]

    def ref(self, content: Content) -> ClassRef:
        """Give the class of a placed device."""
        return MOTOR if content.is_motor else self.refs[content.identity]

    def modules(self) -> dict[str, tuple[DeviceType, ...]]:
        """Give the device modules, classes after those they extend."""
        modules: dict[str, list[DeviceType]] = {}
        for content in self.contents:
            modules.setdefault(self.refs[content.identity].module, []).extend(self._types(content))
        return {module: tuple(types) for module, types in sorted(modules.items()) if types}

    def _types(self, content: Content) -> Iterator[DeviceType]:
        removed = self.removed[content.identity]
        if not removed:
            yield self._full(content, [])
            return
        shared = [name for name in content.members if name not in removed]
        ref = self._shared_ref(content)
        bases = [self._base_for(base.content, content, shared) for base in content.bases]
        yield self._type(content, ref, bases, [], shared, f"{self._doc(content)}, as far as all that include it agree")
        if self._is_needed(content):
            yield self._full(content, [(ref, set(shared))])

    def _is_needed(self, content: Content) -> bool:
        """Tell whether the whole class is placed, held as a part, or extended unchanged."""
        if content.identity in self.placed:
            return True
        for user in self.contents:
            if any(part.identity == content.identity for _, part in user.parts):
                return True
            if any(b.content.identity == content.identity and not self._changed(b.content, user) for b in user.bases):
                return True
        return False

    def _full(self, content: Content, shared: Sequence[tuple[ClassRef, set[str]]]) -> DeviceType:
        """Give the whole class: on top of its shared part where there is one, else of what it includes."""
        bases = shared or [self._base_for(base.content, content, list(content.members)) for base in content.bases]
        return self._type(
            content,
            self.refs[content.identity],
            bases,
            [ref for ref in content.signals.extended if shared or not self._extended_by(content, ref)],
            list(content.members),
            self._doc(content),
        )

    def _doc(self, content: Content) -> str:
        files = [base.content.source.rpartition("/")[2] for base in content.bases]
        on_top = f", on top of {' and '.join(dict.fromkeys(files))}" if files else ""
        return f"Records of {content.source.rpartition('/')[2]}{on_top}"

    def _changed(self, base: Content, user: Content) -> bool:
        return any(user.kinds.get(name) != kind for name, kind in base.kinds.items())

    def _shared_ref(self, content: Content) -> ClassRef:
        ref = self.refs[content.identity]
        return replace(ref, name=f"{ref.name}Shared")

    def _base_for(self, base: Content, user: Content, attributes: Sequence[str]) -> tuple[ClassRef, set[str]]:
        """Choose the whole class of an included file, or the part that all agree on, with what is inherited."""
        wanted = set(attributes)
        same = {name for name, shape in base.shapes.items() if user.shapes.get(name) == shape}
        if base.is_motor:
            return MOTOR, set()
        if all(name in wanted and user.kinds.get(name) == kind for name, kind in base.kinds.items()):
            return self.refs[base.identity], same
        return self._shared_ref(base), same - set(self.removed[base.identity])

    def _extended_by(self, content: Content, ref: ClassRef) -> bool:
        """Tell whether a base that is inherited whole extends a shipped class already."""
        for base in content.bases:
            if self._changed(base.content, content):
                continue
            for theirs in base.content.signals.extended:
                shipped = shipped_class(f"{theirs.module}.{theirs.name}")
                if theirs == ref or (shipped and f"{ref.module}.{ref.name}" in shipped.lineage):
                    return True
            if self._extended_by(base.content, ref):
                return True
        return False

    def _type(
        self,
        content: Content,
        ref: ClassRef,
        bases: Sequence[tuple[ClassRef, set[str]]],
        shipped: Sequence[ClassRef],
        attributes: Sequence[str],
        doc: str,
    ) -> DeviceType:
        inherited = {name for _, names in bases for name in names}
        redeclared = {name for base in content.bases for name in base.content.members} - inherited
        for base in shipped:
            known = shipped_class(f"{base.module}.{base.name}")
            inherited |= set(known.signals) - redeclared if known else set()
        own = [name for name in attributes if name not in inherited]
        renaming = _enum_names(content, self.refs[content.identity])
        members = tuple(self._member(content, content.members[name], renaming) for name in own)
        return DeviceType(
            ref,
            doc,
            self._bases(content, [base for base, _ in bases], shipped),
            members,
            tuple(replace(enum, name=renaming[enum.name]) for enum in enums_of(content, own)),
            content.keywords,
            (content.source,),
        )

    def _bases(self, content: Content, own: Sequence[ClassRef], shipped: Sequence[ClassRef]) -> tuple[ClassRef, ...]:
        if content.signals.motor and not own:
            return (MOTOR,)
        if own or not shipped:
            return _without_ancestors([*own, *shipped])
        return (RECORDS, *shipped)

    def _member(self, content: Content, member: Member, renaming: Mapping[str, str]) -> Member:
        if isinstance(member, Signal):
            if isinstance(member.datatype, ClassRef) and not member.datatype.module:
                named = renaming.get(member.datatype.name, member.datatype.name)
                member = replace(member, datatype=ClassRef(self.refs[content.identity].module, named))
            suggested = content.signals.suggested.get(member.attribute)
            if suggested and member.format is Format.NONE and content.identity not in self.detectors:
                member = replace(member, format=suggested)
            return member
        if isinstance(member, Child | Vector) and not member.type.module:
            part = next(made for known, made in content.parts if known.attribute == member.attribute)
            return replace(member, type=self.ref(part))
        return member


def _enum_names(content: Content, ref: ClassRef) -> dict[str, str]:
    """Map the names that enums got from the template to those of the class, which may be a variant of it."""
    names = Names(taken=IMPORTED, joint="")
    return {
        enum.name: names.take(f"{ref.name}{pascal(attribute)}") for attribute, enum in content.signals.enums.items()
    }


def _without_ancestors(bases: Sequence[ClassRef]) -> tuple[ClassRef, ...]:
    """Leave out what another base among ophyd-async's classes already extends."""
    lineages = {
        name for base in bases if (known := shipped_class(f"{base.module}.{base.name}")) for name in known.lineage
    }
    return tuple(base for base in dict.fromkeys(bases) if f"{base.module}.{base.name}" not in lineages)


def in_one_module(modules: Mapping[str, Sequence[DeviceType]]) -> tuple[str, list[DeviceType]]:
    """Bring device types of several modules into one, each after those it extends."""
    types = {device.ref: device for devices in modules.values() for device in devices}
    placed: dict[ClassRef, DeviceType] = {}

    def place(device: DeviceType) -> None:
        held = [member.type for member in device.members if isinstance(member, Child | Vector)]
        for ref in (*device.bases, *held):
            if ref in types and ref not in placed:
                place(types[ref])
        placed.setdefault(device.ref, _moved(device, frozenset(modules)))

    for device in types.values():
        place(device)
    return "", list(placed.values())


def _moved(device: DeviceType, modules: Collection[str]) -> DeviceType:
    def here(ref: ClassRef) -> ClassRef:
        return ClassRef("", ref.name) if ref.module in modules else ref

    def moved(member: Member) -> Member:
        if isinstance(member, Signal):
            datatype = member.datatype
            return replace(member, datatype=here(datatype)) if isinstance(datatype, ClassRef) else member
        assert isinstance(member, Child | Vector)
        return replace(member, type=here(member.type))

    return replace(
        device,
        ref=here(device.ref),
        bases=tuple(here(base) for base in device.bases),
        members=tuple(moved(member) for member in device.members),
    )
