"""What a server announces for exactly the PV that a class names, whatever `resolve` would rather use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from beamwright_generator.parse.yaml.observation_file import Fact
from beamwright_generator.resolve.types.array_fields import LONG_STRINGS
from beamwright_generator.resolve.types.datatype_rules import (
    CA_MOST_STATES,
    LONGEST_STATE,
    field_type,
    from_driver,
    value_type,
)
from beamwright_generator.resolve.types.kinds import (
    LINKS,
    Kind,
    Served,
    Transport,
    Undecided,
    Untyped,
    macros_in,
    native_scalar,
)
from beamwright_generator.resolve.types.observed_types import sharpened
from beamwright_generator.resolve.types.template_record import TemplateRecord
from beamwright_generator.tables.record_types import FieldDef, RecordType, record_type

RECORD_TYPE: Final = "RTYP"
"""What every record has besides its fields: the name of its type."""

FLOATS: Final = frozenset({"FLOAT", "DOUBLE", "f", "d"})


@dataclass(frozen=True)
class Announcement:
    """What connecting to a PV shows.

    :param precision: digits of a float; None where the descriptions do not tell.
    :param driver_only: the descriptions hold no states: the driver brings them, or the record serves a number.
    :param hidden: the value may be one that has no state for clients, or none that CA shows.
    :param empty: nothing can be read while the text is empty.
    :param macros: hangs on these; what is said holds for their usual values.
    """

    served: Served
    precision: int | None = None
    driver_only: bool = False
    hidden: bool = False
    empty: bool = False
    macros: tuple[str, ...] = ()

    @property
    def native(self) -> str:
        """The type that the server announces."""
        return self.served.native


@dataclass(frozen=True)
class MissingChannel:
    """No channel: clients do not connect.

    :param reason: why, as a sentence without a full stop.
    """

    reason: str


@dataclass(frozen=True)
class OpenQuestion:
    """The descriptions do not tell.

    :param reason: why, as a sentence without a full stop.
    """

    reason: str


def announced(
    record: TemplateRecord, field: str, transport: Transport, fact: Fact | None = None
) -> Announcement | MissingChannel | OpenQuestion:
    """Say what the server announces for a field of a record.

    :param field: such as `RBV` or `DESC$`; empty for the record's name alone.
    :param fact: what the running IOC was observed to serve, which settles what descriptions leave open.
    """
    definition = record_type(record.type)
    if definition is None:
        return OpenQuestion(f"the record type {record.type} is not known")
    name = field.removesuffix("$") or "VAL"
    if name == RECORD_TYPE:
        return Announcement(Served(Kind.STR, native_scalar("STRING", transport)))
    known = definition.fields.get(name)
    if known is None:
        return MissingChannel(f"records of type {record.type} have no field {name}")
    if field.endswith("$"):
        return _characters(definition, known, transport)
    if name == "VAL":
        answer = value_type(record.type, record.fields, transport, record.infos)
        answer = sharpened(record, answer, [fact], transport)
    else:
        answer = field_type(record.type, name, record.fields, transport)
    match answer:
        case Served() if answer.suffix in ("", f".{name}"):
            return _as_served(definition, name, answer, record.fields, transport)
        case Undecided(usual=Served() as usual, macros=macros):
            return Announcement(usual, macros=macros)
        case Undecided(macros=macros):
            return OpenQuestion(f"its type hangs on {', '.join(macros)}")
        case _:
            said = answer.reason if isinstance(answer, Untyped) else "its text is longer than a string"
            return _by_name(definition, known, record.fields, transport, said)


def _as_served(
    definition: RecordType, name: str, served: Served, fields: Mapping[str, str], transport: Transport
) -> Announcement:
    if served.kind is Kind.DRIVER_STATES or (served.driver_states and not served.states):
        return Announcement(served, driver_only=True)
    hidden = len(served.states) == 1 and definition.name in ("bi", "bo", "busy") and name == "VAL"
    if transport is Transport.CA:
        hidden |= len(served.states) > CA_MOST_STATES
        served = replace(served, states=tuple(state[:LONGEST_STATE] for state in served.states[:CA_MOST_STATES]))
    return Announcement(served, _precision(definition, name, served, fields), hidden=hidden)


def _characters(definition: RecordType, known: FieldDef, transport: Transport) -> Announcement | MissingChannel:
    link = known.dbf in LINKS
    if link or known.dbf == "STRING" or (definition.name, known.name) in LONG_STRINGS:
        native = "CHAR[]" if transport is Transport.CA else "s" if link else "ab"
        return Announcement(Served(Kind.STR, native))
    return MissingChannel(f"the field {known.name} of {definition.name} is no text, so `$` does not apply")


def _by_name(
    definition: RecordType, known: FieldDef, fields: Mapping[str, str], transport: Transport, said: str
) -> Announcement | MissingChannel | OpenQuestion:
    """Say what a name serves for which no safe type exists."""
    kind, name = definition.name, known.name
    string = Served(Kind.STR, native_scalar("STRING", transport))
    states = native_scalar("ENUM", transport)
    if (kind, name) in LONG_STRINGS:
        return Announcement(string, empty=not fields.get("VAL"))
    if said.startswith("an array of one string"):
        return Announcement(string, empty=kind != "aai" and not fields.get("VAL"))
    if said.startswith("an array of enums") and transport is Transport.PVA:
        return MissingChannel(said)
    if known.dbf == "NOACCESS":
        return MissingChannel(said)
    if known.dbf == "STRING" or known.dbf in LINKS:
        return Announcement(string)
    if name == "VAL" and kind in ("bi", "bo", "busy") and fields.get("ZNAM") and not fields.get("ONAM"):
        one = Served(Kind.STR, states, states=(fields["ZNAM"],), driver_states=from_driver(fields))
        return Announcement(one, hidden=True)
    if name == "VAL" and kind in ("mbbi", "mbbo") and "state " not in said:
        served = Served(Kind.STR, states, driver_states=from_driver(fields))
        return Announcement(served, driver_only=from_driver(fields))
    if known.dbf == "DEVICE":
        return Announcement(Served(Kind.STR, states, driver_states=True), driver_only=True)
    return OpenQuestion(said)


def _precision(definition: RecordType, name: str, served: Served, fields: Mapping[str, str]) -> int | None:
    """Give the digits that a server announces for a float: recGblGetPrec and the record types of base say PREC."""
    if served.native not in FLOATS:
        return None
    if served.kind is Kind.INT:
        return 0
    known = definition.fields.get("PREC")
    if known is None or definition.module != "base" or name in ("DLY", "HIGH", "ODLY"):
        return None
    text = fields.get("PREC", known.initial) or "0"
    if macros_in(text):
        return None
    try:
        return int(text, 0)
    except ValueError:
        return 0
