"""What each class extends and what it declares itself, so that every attribute is what the database says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from beamwright_generator.model import Child, ClassRef, DeviceType, Format, Member, Signal, Vector
from beamwright_generator.resolve.classes.base_order import RECORDS, Orders
from beamwright_generator.resolve.classes.include_bases import Division
from beamwright_generator.resolve.content.device_content import Content, Identity, enums_of, shape_of
from beamwright_generator.resolve.naming.identifiers import IMPORTED, Names
from beamwright_generator.resolve.signals.class_match import as_signal
from beamwright_generator.resolve.signals.datatype_choice import enum_name
from beamwright_generator.resolve.signals.record_signals import MOTOR
from beamwright_generator.tables.ophyd_async_classes import shipped_class

Extended = tuple[ClassRef, Content]
"""A class among the bases of another, and the included file that it stands for."""


@dataclass(frozen=True)
class ClassNames:
    """The classes that contents become.

    :param shared: the class of what all that include a content leave unchanged, where one is needed.
    """

    refs: Mapping[Identity, ClassRef]
    shared: Mapping[Identity, ClassRef]

    @classmethod
    def of_refs(cls, refs: Mapping[Identity, ClassRef], names: Names) -> ClassNames:
        """Name the shared classes after the whole ones, whose names have been taken."""
        shared = {key: replace(ref, name=names.take(f"{ref.name}Common")) for key, ref in refs.items()}
        return cls(refs, shared)

    def of(self, content: Content) -> ClassRef:
        """Return the class of a content, which may be a mere motor."""
        return MOTOR if content.is_motor else self.refs[content.identity]


@dataclass
class ClassTypes:
    """Makes the classes of a run, each after those that it extends.

    :param placed: what is a device of the beamline by itself.
    :param detectors: parts of areaDetectors, and what they extend: a detector chooses what it records of them.
    :param clashes: contents with bases that have an enum each for one attribute: user, base that may not, attribute.
    :param copied: contents with a class that they cannot extend, because Python allows no order of it and others.
    """

    contents: Sequence[Content]
    names: ClassNames
    division: Division
    placed: Collection[Identity]
    detectors: Collection[Identity]
    clashes: list[tuple[Content, Content, str]] = field(default_factory=list)
    copied: dict[tuple[Identity, ClassRef], Content] = field(default_factory=dict)
    _orders: Orders = field(default_factory=Orders)
    _declared: dict[ClassRef, Mapping[str, object]] = field(default_factory=dict)

    def made(self) -> dict[str, tuple[DeviceType, ...]]:
        """Return the device modules by import path."""
        modules: dict[str, list[DeviceType]] = {}
        for content in self.contents:
            modules.setdefault(self.names.refs[content.identity].module, []).extend(self._types(content))
        return {module: tuple(types) for module, types in sorted(modules.items()) if types}

    def _types(self, content: Content) -> Iterator[DeviceType]:
        """Yield the whole class; before it, or in its place, what all that include the content leave unchanged."""
        removed = self.division.removed[content.identity]
        doc = _doc(content)
        whole = list(content.members)
        if not removed:
            yield self._type(content, self.names.of(content), self._extended(content, whole), whole, doc)
            return
        kept = [name for name in whole if name not in removed]
        shared = self.names.shared[content.identity]
        words = f"{doc}, shared by every template that includes it"
        yield self._type(content, shared, self._extended(content, kept), kept, words, shipped=False)
        if self._is_needed(content):
            yield self._type(content, self.names.of(content), [(shared, content)], whole, doc)

    def _is_needed(self, content: Content) -> bool:
        """Return whether the whole class is placed, held as a part, or extended unchanged."""
        if content.identity in self.placed:
            return True
        for user in self.contents:
            if any(part.identity == content.identity for _, part in user.parts):
                return True
            bases = (base.content for base in user.bases)
            if any(b.identity == content.identity and not self.division.changed(user, b) for b in bases):
                return True
        return False

    def _extended(self, content: Content, attributes: Sequence[str]) -> list[Extended]:
        return [(self._base_for(base.content, content, set(attributes)), base.content) for base in content.bases]

    def _base_for(self, base: Content, user: Content, wanted: Collection[str]) -> ClassRef:
        """Choose the whole class of an included file, or the part that all agree on."""
        if base.is_motor:
            return MOTOR
        whole = not self.division.changed(user, base) and all(name in wanted for name in base.kinds)
        return self.names.of(base) if whole else self.names.shared[base.identity]

    def _type(
        self,
        content: Content,
        ref: ClassRef,
        extended: Sequence[Extended],
        attributes: Sequence[str],
        doc: str,
        *,
        shipped: bool = True,
    ) -> DeviceType:
        bases = self._bases(content, [base for base, _ in extended], content.signals.extended if shipped else ())
        self._look_for_clashes(content, [(base, included) for base, included in extended if base in bases])
        inherited = self._inherited(bases)
        own = [name for name in attributes if inherited.get(name) != content.shapes[name]]
        renaming = self._enum_names(content)
        made = DeviceType(
            ref,
            doc,
            bases,
            tuple(self._member(content, content.members[name], renaming) for name in own),
            tuple(replace(enum, name=renaming[enum.name]) for enum in enums_of(content, own)),
            content.keywords,
            (content.source,),
        )
        self._orders.add(ref, bases, readable=made.readable)
        self._declared[ref] = {name: content.shapes[name] for name in own}
        return made

    def _bases(self, content: Content, own: Sequence[ClassRef], shipped: Sequence[ClassRef]) -> tuple[ClassRef, ...]:
        first = () if own or not (shipped or content.signals.motor) else (MOTOR if content.signals.motor else RECORDS,)
        wanted = [*own, *first, *shipped]
        bases = self._orders.fitting(wanted)
        known = {*bases, *(self._orders.of_bases(bases) or ())}
        self.copied |= {(content.identity, base): content for base in wanted if base not in known}
        return bases

    def _inherited(self, bases: Sequence[ClassRef]) -> Mapping[str, object]:
        """Return what a class with these bases has of each attribute: that of the first class that declares it."""
        found: dict[str, object] = {}
        for owner in self._orders.of_bases(bases) or ():
            for name, shape in self._shapes(owner).items():
                found.setdefault(name, shape)
        return found

    def _shapes(self, owner: ClassRef) -> Mapping[str, object]:
        if owner not in self._declared:
            known = shipped_class(f"{owner.module}.{owner.name}")
            signals = (known.signals[name] for name in known.own) if known else ()
            self._declared[owner] = {signal.attribute: shape_of(as_signal(signal)) for signal in signals}
        return self._declared[owner]

    def _look_for_clashes(self, content: Content, extended: Sequence[Extended]) -> None:
        """Find attributes that several bases have an enum of their own for: equal states, but not one type."""
        owners: dict[str, ClassRef] = {}
        for ref, included in extended:
            for name in content.signals.enums:
                owner = next((one for one in self._orders.of(ref) if name in self._shapes(one)), None)
                if owner is not None and owners.setdefault(name, owner) != owner:
                    self.clashes.append((content, included, name))

    def _enum_names(self, content: Content) -> dict[str, str]:
        """Map the names that enums got from the template to those of the class, which may be a variant of it."""
        ref = self.names.of(content)
        beside = [other for other in self.contents if self.names.of(other).module == ref.module]
        beside += [base.content for base in content.bases] + [part for _, part in content.parts]
        beside = [other for other in beside if not other.is_motor]
        classes = {ref.name for other in beside for ref in (self.names.of(other), self.names.shared[other.identity])}
        names = Names(taken=IMPORTED | classes, joint="")
        return {
            enum.name: names.take(enum_name(ref.name, attribute)) for attribute, enum in content.signals.enums.items()
        }

    def _member(self, content: Content, member: Member, renaming: Mapping[str, str]) -> Member:
        if isinstance(member, Signal):
            if isinstance(member.datatype, ClassRef) and not member.datatype.module:
                named = renaming.get(member.datatype.name, member.datatype.name)
                member = replace(member, datatype=ClassRef(self.names.of(content).module, named))
            suggested = content.signals.suggested.get(member.attribute)
            if suggested and member.format is Format.NONE and content.identity not in self.detectors:
                member = replace(member, format=suggested)
            return member
        if isinstance(member, Child | Vector) and not member.type.module:
            part = next(made for known, made in content.parts if known.attribute == member.attribute)
            return replace(member, type=self.names.of(part))
        return member


def _doc(content: Content) -> str:
    files = [base.content.source.rpartition("/")[2] for base in content.bases]
    on_top = f", on top of {' and '.join(dict.fromkeys(files))}" if files else ""
    return f"Records of {content.source.rpartition('/')[2]}{on_top}"
