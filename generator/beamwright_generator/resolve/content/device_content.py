"""The content of one device type: what a template's records amount to, before classes share anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from beamwright_generator.basics.choices import Transport
from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Child, ClassRef, EnumType, Format, Member, Signal, Vector
from beamwright_generator.parse.yaml.beamline_file import TemplateOverride
from beamwright_generator.resolve.naming.identifiers import Names, snake
from beamwright_generator.resolve.signals.pvi_facts import PviFacts
from beamwright_generator.resolve.signals.record_signals import MOTOR, Signals
from beamwright_generator.resolve.types.template_record import TemplateRecord
from beamwright_generator.tables.ophyd_async_classes import classes_for_templates

_CONSTRUCTOR = frozenset({"self", "prefix", "name", "connector"})
"""What every constructor has besides keywords of its own."""


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
    :param transport: what its records are reached over; types differ between the two.
    :param desc: words for one device, macros still in.
    :param records: what it is about, besides the records of its parts, typed or not.
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
    transport: Transport = Transport.CA
    desc: str = ""
    deciding: Mapping[str, str] = field(default_factory=dict)
    override: TemplateOverride = field(default_factory=TemplateOverride)
    facts: PviFacts = field(default_factory=PviFacts)
    records: tuple[TemplateRecord, ...] = ()

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
            return shape_of(member, self.signals.enums.get(member.attribute))
        if isinstance(member, Child) and member.type == MOTOR:
            return replace(member, doc="")
        assert isinstance(member, Child | Vector)
        return replace(member, doc="", type=ClassRef("", "")), self._part(member.attribute).identity

    def _part(self, attribute: str) -> Content:
        return next(content for part, content in self.parts if part.attribute == attribute)

    @cached_property
    def identity(self) -> Identity:
        """Equal for contents that one class can stand for."""
        return Identity(
            self.stem, self.source, self.prefix, self.parameters, tuple(self.shapes.items()), self.signals.motor
        )

    @cached_property
    def keywords(self) -> tuple[tuple[str, str], ...]:
        """Name the constructor's keywords, each with the macro it stands for."""
        names = Names(reserved=_CONSTRUCTOR)
        return tuple((names.take(snake(macro) or "macro"), macro) for macro in self.parameters)

    @property
    def is_area_detector(self) -> bool:
        """Whether ophyd-async mirrors one of its templates: detectors choose what they record of it."""
        return bool(classes_for_templates(self.templates))

    @property
    def is_motor(self) -> bool:
        """Whether it is one motor record and nothing else."""
        return self.signals.motor and not self.members


def shape_of(signal: Signal, enum: EnumType | None = None) -> object:
    """Return what a signal is, whatever is said about it; the name of an enum of its own is replaced by its states."""
    states = (enum.kind, enum.states) if enum else None
    datatype = None if enum else signal.datatype
    return replace(signal, doc="", group="", format=Format.NONE, datatype=datatype), states


def enums_of(content: Content, attributes: Iterable[str]) -> tuple[EnumType, ...]:
    """Return the enums of some attributes, in order."""
    return tuple(content.signals.enums[name] for name in attributes if name in content.signals.enums)
