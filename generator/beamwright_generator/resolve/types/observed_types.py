"""What running IOCs were observed to serve, put where the descriptions leave a type open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from beamwright_generator.basics.choices import PVA_CODES, Transport
from beamwright_generator.parse.yaml.observation_file import ENUM, Fact
from beamwright_generator.resolve.types.array_fields import OCTET_DEVICES
from beamwright_generator.resolve.types.datatype_rules import says_truth
from beamwright_generator.resolve.types.kinds import Answer, Kind, NoDatatype, Served, element_dtype
from beamwright_generator.resolve.types.template_record import PROCESSED, TemplateRecord
from beamwright_generator.tables.record_types import record_type

ContentKey = tuple[str, str, tuple[tuple[str, str], ...]]
"""Which content a record belongs to, known before its types are: source, device prefix, deciding macros."""

Facts = Mapping[str, tuple[Fact | None, ...]]
"""By the suffix of a record: a fact for each device that has it, None for a device that was never observed."""

_TWO_STATES: Final = frozenset({"bi", "bo", "busy"})
_ENUMS: Final = ("ENUM", "NTEnum")
_TEXTS: Final = ("STRING", "s")
_FLOATS: Final = ("FLOAT", "DOUBLE", "f", "d")
_INTEGERS: Final = ("CHAR", "SHORT", "LONG", *"bBhHiIlL")

FactsByContent = Mapping[tuple[Transport, ContentKey], Facts]
"""What was observed of everything that a content describes, gathered from all of its devices."""


def content_key(source: str, prefix: str, deciding: Mapping[str, str]) -> ContentKey:
    """Say which content some records are."""
    return source, prefix, tuple(deciding.items())


def native(fact: Fact, transport: Transport) -> str:
    """Name the type of a fact as `Served.native` does; empty for what no rule knows."""
    if transport is Transport.CA:
        name = "ENUM" if fact.type == ENUM else fact.type
        return name if fact.size is None else f"{name}[]"
    if fact.type == ENUM:
        return "NTEnum"
    code = PVA_CODES.get(fact.type, "")
    return f"a{code}" if code and fact.size is not None else code


def without_trailing_blanks(states: Sequence[str]) -> tuple[str, ...]:
    """Return states without the empty ones at their end, which a server may or may not show."""
    kept = list(states)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def contradicts(described: Answer, record: TemplateRecord, fact: Fact, transport: Transport) -> bool:
    """Return whether a fact is other than what files alone decide."""
    if not isinstance(described, Served) or described.suffix or record.type in PROCESSED or fact.missing:
        return False
    if described.kind is Kind.DRIVER_STATES:
        return native(fact, transport) not in (*_ENUMS, *_TEXTS, *_INTEGERS)
    if native(fact, transport) != described.native:
        return True
    fixed = described.native in _ENUMS and not described.driver_states
    return fixed and without_trailing_blanks(described.states) != without_trailing_blanks(fact.choices)


def sharpened(record: TemplateRecord, described: Answer, facts: Iterable[Fact | None], transport: Transport) -> Answer:
    """Put what was observed in place of what the description leaves open; what files decide stays as it is.

    :param facts: one for each device. Where states differ, or a device was never observed, states stay open too.
    """
    every = list(facts)
    found = [fact for fact in every if fact is not None and not fact.missing]
    natives = {native(fact, transport) for fact in found}
    if len(natives) != 1 or record.type in PROCESSED:
        return described
    served, complete = natives.pop(), len(found) == len(every)
    if isinstance(described, Served) and served in _ENUMS and described.driver_states:
        return _states(record, described, served, found, complete)
    if isinstance(described, Served) and described.kind is not Kind.DRIVER_STATES:
        return described
    if not complete or (isinstance(described, NoDatatype) and not described.open):
        return described
    if served in _ENUMS:
        known = record_type(record.type) is not None  # nobody knows whether other record types change their states
        return _states(record, described, served, found, known)
    return _typed(record, described, served, transport)


def _states(record: TemplateRecord, described: Answer, served: str, found: Sequence[Fact], complete: bool) -> Answer:
    """Judge a record whose states are its driver's, or hang on macros that nothing gives a value."""
    settled = complete and len({fact.choices for fact in found}) == 1
    states = found[0].choices if settled else tuple(dict.fromkeys(state for fact in found for state in fact.choices))
    two = record.type in _TWO_STATES
    if not any(state.strip() for state in states) or (two and len(states) < 2):
        return described
    if settled:
        kind = Kind.BOOL if two and len(states) == 2 and says_truth(*states) else Kind.ENUM
        return Served(kind, served, states=states, observed=True)
    before: tuple[str, ...] = ()
    if isinstance(described, Served):
        if described.kind is not Kind.ENUM and not (complete and described.kind is Kind.DRIVER_STATES):
            return described
        before = described.states
    return Served(Kind.ENUM, served, states=tuple(dict.fromkeys((*before, *states))), driver_states=True, observed=True)


def _typed(record: TemplateRecord, described: Answer, served: str, transport: Transport) -> Answer:
    """Type what the description could not, by the native type that all devices have."""
    element = served.removesuffix("[]") if transport is Transport.CA else served.removeprefix("a")
    if element == served:
        return _scalar(described, served)
    if element in _TEXTS:
        return Served(Kind.STR_ARRAY, served)
    text = record.fields.get("DTYP", "") in OCTET_DEVICES or record.infos.get("Q:form") == "String"
    if text and element in ("CHAR", "b"):
        return Served(Kind.STR, served)
    dtype = element_dtype(element, transport)
    return Served(Kind.ARRAY, served, dtype=dtype) if dtype else described


def _scalar(described: Answer, served: str) -> Answer:
    if served in _FLOATS:
        return Served(Kind.FLOAT, served)
    if served in _INTEGERS:
        return Served(Kind.INT, served)
    if served in _TEXTS and isinstance(described, NoDatatype):  # an array of one text cannot be read while it is empty
        return Served(Kind.STR, served)
    return described
