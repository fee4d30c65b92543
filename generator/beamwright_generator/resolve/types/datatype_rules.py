"""Judge what type a record or a field has, per transport.

The rules are what ophyd-async's CA and PVA backends connect and read with; every one is proved against a soft IOC in
`tests/resolve/test_datatypes_live.py`. A type is given only when it both connects and reads; otherwise the answer is
`NoDatatype` with the reason, or `Undecided` with the macros that stand in the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from beamwright_generator.resolve.types.array_fields import array_field, is_array_field
from beamwright_generator.resolve.types.kinds import (
    LINKS,
    NUMBERS,
    Answer,
    Kind,
    NoDatatype,
    Served,
    Transport,
    Undecided,
    macros_in,
    native_scalar,
)
from beamwright_generator.tables.record_types import FieldDef, RecordType, menu, record_type

__all__ = ["Answer", "Kind", "NoDatatype", "Served", "Transport", "Undecided", "field_type", "macros_in", "value_type"]

_ORDINALS: Final = ["ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"]

STATE_FIELDS: Final = tuple(f"{ordinal}ST" for ordinal in _ORDINALS)
"""The state texts of mbbi and mbbo, in order."""

STATE_VALUES: Final = tuple(f"{ordinal}VL" for ordinal in _ORDINALS)
"""The raw values of those states."""

LONGEST_STATE: Final = 25
"""Bytes in a state text; base refuses a longer one while loading (`Error (512,21)`)."""

MOST_SHOWN: Final = 60
"""Characters of a text that a problem shows."""

LONGEST_STRING: Final = 41
"""Bytes of a string field that CA's own string type can hold but for a last character (DESC)."""

CA_MOST_STATES: Final = 16
"""Choices that CA shows of an enum (`MAX_ENUM_STATES` in db_access.h); PVA has no such limit."""

SOFT_DEVICES: Final = frozenset({"", "Soft Channel", "Async Soft Channel"})
"""Device support of mbbi that sets the value and leaves the raw value alone."""

SITE_MENUS: Final = frozenset({"menuScan", "menuConvert"})
"""Menus that base invites sites to change (base.dbd: "Modifiable menus")."""

TRUTH_WORDS: Final = frozenset(
    {
        ("no", "yes"),
        ("off", "on"),
        ("false", "true"),
        ("disable", "enable"),
        ("disabled", "enabled"),
        ("inactive", "active"),
        ("0", "1"),
        ("stop", "start"),
        ("stopped", "started"),
    }
)
"""Pairs of labels that only say false and true, in lower case."""

FALSE_WORDS: Final = frozenset({"done", "idle"})
"""Labels of 0 that make a bool of any pair: the other one names what goes on, such as Acquire."""


DECIDING: Final = frozenset(
    {"DTYP", "FTVL", "MALM", "NELM", "NSAM", "ONAM", "PREC", "SIZE", "SIZV", "ZNAM", *STATE_FIELDS, *STATE_VALUES}
)
"""The fields that types hang on, besides the types and lengths of an aSub record's arrays."""


def is_deciding(field: str) -> bool:
    """Return whether the value of a field takes part in deciding a type."""
    return field in DECIDING or field.startswith(("FT", "NO"))


def value_type(
    record: str, fields: Mapping[str, str], transport: Transport, infos: Mapping[str, str] | None = None
) -> Answer:
    """Judge the type of a record's value.

    :param record: the record type, such as `ai`.
    :param fields: what the database sets, escapes translated; anything else has the initial value.
    :param infos: the record's info items; `Q:form` counts.
    """
    definition = record_type(record)
    if definition is None:
        return _unknown(record)
    return _judge(definition, "VAL", fields, transport, infos or {})


def field_type(record: str, field: str, fields: Mapping[str, str], transport: Transport) -> Answer:
    """Judge the type of one field of a record, such as `RBV` of a motor."""
    definition = record_type(record)
    if definition is None:
        return _unknown(record)
    answer = _judge(definition, field, fields, transport, {})
    if isinstance(answer, Undecided) and isinstance(answer.usual, Served):
        return replace(answer, usual=_at(answer.usual, field))
    return _at(answer, field) if isinstance(answer, Served) else answer


def _at(served: Served, field: str) -> Served:
    return served if served.suffix or field == "VAL" else replace(served, suffix=f".{field}")


def _unknown(record: str) -> NoDatatype:
    return NoDatatype(
        f"the record type {record} is not known",
        "observe the running IOC, or add its dbd file with scripts/refresh_record_types.py",
        open=True,
    )


def _judge(
    definition: RecordType, name: str, fields: Mapping[str, str], transport: Transport, infos: Mapping[str, str]
) -> Answer:
    field = definition.fields.get(name)
    if field is None:
        return NoDatatype(f"the record type {definition.name} has no field {name}")
    settings = {**_initial_values(definition.name), **fields}
    if name == "VAL" and definition.name in ("bi", "bo", "busy"):
        return _two_states(definition.name, settings, transport)
    if name == "VAL" and definition.name in ("mbbi", "mbbo"):
        return _many_states(definition.name, settings, transport)
    if is_array_field(definition, name):
        return array_field(definition, name, settings, transport, infos)
    if field.dbf == "NOACCESS":
        return NoDatatype(f"clients cannot reach the field {name} of {definition.name}")
    return _plain_field(definition, field, settings, transport)


@cache
def _initial_values(record: str) -> Mapping[str, str]:
    definition = record_type(record)
    fields = definition.fields.values() if definition else ()
    return {field.name: field.initial for field in fields if field.initial}


def _plain_field(definition: RecordType, field: FieldDef, settings: Mapping[str, str], transport: Transport) -> Answer:
    if field.dbf in ("FLOAT", "DOUBLE"):
        return Served(Kind.FLOAT, native_scalar(field.dbf, transport))
    if field.dbf in NUMBERS:
        return _integer(definition, field, settings, transport)
    if field.dbf == "STRING" or field.dbf in LINKS:
        return _text(field, transport)
    if field.dbf == "MENU":
        return _menu_field(field, settings.get(field.name, ""), transport)
    if field.dbf == "DEVICE":
        return _device_field(definition, transport)
    return NoDatatype(f"the field {field.name} of {definition.name} is of a kind ({field.dbf}) that no rule covers")


def _integer(definition: RecordType, field: FieldDef, settings: Mapping[str, str], transport: Transport) -> Answer:
    """Judge a whole number: CA has none above 32 bits, signed, and sends those as DOUBLE with a precision.

    ophyd-async takes such a PV as int when that precision is 0, which is the record support's choice: base and motor
    say 0 (recGblGetPrec), scaler says its PREC; others are not known well enough for more than a float.
    """
    native = native_scalar(field.dbf, transport)
    if native != "DOUBLE" or definition.module in ("base", "motor"):
        return Served(Kind.INT, native)
    if definition.name == "scaler":
        if macros := macros_in(settings.get("PREC", "")):
            return Undecided(macros, Served(Kind.INT, native))
        if settings.get("PREC", "0") in ("", "0"):
            return Served(Kind.INT, native)
    return Served(Kind.FLOAT, native)


def _text(field: FieldDef, transport: Transport) -> Answer:
    """Judge a string: CA cuts a long one, or a link, to 39 bytes unless `$` asks for its characters."""
    if transport is Transport.CA and (field.size > LONGEST_STRING or field.dbf in LINKS):
        return Served(Kind.LONG_STR, "CHAR[]", suffix=f".{field.name}$")
    return Served(Kind.STR, native_scalar("STRING", transport))


def _device_field(definition: RecordType, transport: Transport) -> Answer:
    if not definition.devices:
        return NoDatatype(f"no device support is known for {definition.name}, so its DTYP may have no choices to read")
    return Served(Kind.STR, native_scalar("ENUM", transport), driver_states=True)


def _menu_field(field: FieldDef, setting: str, transport: Transport) -> Answer:
    choices = menu(field.menu)
    if not choices:
        return NoDatatype(f"the menu {field.menu} of the field {field.name} is not known")
    if setting.isdigit() and int(setting) >= len(choices):
        return NoDatatype(f"the field {field.name} starts as {setting}, which is no choice of its menu")
    fits = len(choices) <= CA_MOST_STATES and all(len(choice) <= LONGEST_STATE for choice in choices)
    return Served(
        Kind.ENUM if fits else Kind.STR,
        native_scalar("ENUM", transport),
        states=choices,
        driver_states=field.menu in SITE_MENUS,
    )


def from_driver(settings: Mapping[str, str]) -> bool:
    """Return whether device support may replace states: asyn's does, with enum callbacks."""
    device = settings.get("DTYP", "")
    return device.startswith("asyn") or bool(macros_in(device))


def _open_macros(settings: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(macro for name in names for macro in macros_in(settings.get(name, ""))))


def _too_long(settings: Mapping[str, str], names: Iterable[str]) -> NoDatatype | None:
    for name in names:
        state = settings.get(name, "")
        if len(state.encode()) > LONGEST_STATE:
            shown = state if len(state) <= MOST_SHOWN else f"{state[:MOST_SHOWN]}..."
            return NoDatatype(
                f"the state {shown!r} in {name} is longer than {LONGEST_STATE} bytes; EPICS base refuses it",
                "shorten the state",
            )
    return None


def _two_states(record: str, settings: Mapping[str, str], transport: Transport) -> Answer:
    labels = ("ZNAM", "ONAM")
    if macros := _open_macros(settings, labels):
        return Undecided(macros)
    if refused := _too_long(settings, labels):
        return refused
    zero, one = (settings.get(label, "") for label in labels)
    native = native_scalar("ENUM", transport)
    driver_states = record != "busy" and from_driver(settings)
    if zero and not one and transport is Transport.PVA:
        return NoDatatype(f"the {record} has one state, so 1 cannot be read over PVA", "give it a label for 1 (ONAM)")
    if zero and not one:
        return Served(Kind.STR, native, states=(zero,), driver_states=driver_states)
    kind = Kind.BOOL if says_truth(zero, one) else Kind.ENUM
    return Served(kind, native, states=(zero, one), driver_states=driver_states)


def says_truth(zero: str, one: str) -> bool:
    """Return whether the labels of two states only say false and true."""
    zero, one = zero.strip().lower(), one.strip().lower()
    return not zero or not one or zero == one or zero in FALSE_WORDS or (zero, one) in TRUTH_WORDS


def _many_states(record: str, settings: Mapping[str, str], transport: Transport) -> Answer:
    if macros := _open_macros(settings, STATE_FIELDS):
        return Undecided(macros)
    if refused := _too_long(settings, STATE_FIELDS):
        return refused
    states = [settings.get(name, "") for name in STATE_FIELDS]
    while states and not states[-1]:
        states.pop()
    driver_states = from_driver(settings)
    if not states:
        return _stateless(record, settings, transport, driver_states)
    kind = Kind.ENUM if any(state.strip() for state in states) else Kind.STR
    return Served(kind, native_scalar("ENUM", transport), states=tuple(states), driver_states=driver_states)


def _stateless(record: str, settings: Mapping[str, str], transport: Transport, driver_states: bool) -> Answer:
    """Judge an mbbi or mbbo without state texts.

    Its value then is an enum of no choices: CA reads it as '' always, and over PVA ophyd-async raises IndexError. The
    raw value of an mbbi tells the state. An mbbo without raw values either serves its value as a number (cvt_dbaddr in
    mbboRecord.c), unless its driver brings states; both connect as text that is told so.
    """
    device = settings.get("DTYP", "")
    if macros := macros_in(device):
        return Undecided(macros)
    if record == "mbbi" and device not in SOFT_DEVICES:
        return Served(Kind.INT, native_scalar("ULONG", transport), suffix=".RVAL", driver_states=driver_states)
    if driver_states:
        return Served(Kind.DRIVER_STATES, native_scalar("ENUM", transport), driver_states=True)
    if record == "mbbo" and not any(settings.get(name, "0") not in ("", "0") for name in STATE_VALUES):
        return Served(Kind.INT, native_scalar("USHORT", transport))
    return NoDatatype(
        f"the {record} has no states, so its value cannot be read", "give it state texts (ZRST, ONST, ...)"
    )
