"""Judge fields whose type and length the record sets itself: waveforms, buffers, long strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from beamwright_generator.resolve.types.kinds import (
    Answer,
    Kind,
    NoDatatype,
    Served,
    Transport,
    Undecided,
    array_dtype,
    macros_in,
    native_array,
    native_scalar,
)
from beamwright_generator.tables.record_types import RecordType, menu


class Extent(NamedTuple):
    """Where an array takes its element type and its length from.

    :param dbf: a database field type; empty when `type_field` names the field that holds it.
    :param length: a field name, or a number.
    :param text: the characters are always text.
    """

    dbf: str
    length: str
    type_field: str = ""
    text: bool = False


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTU"

EXTENTS: Final[Mapping[tuple[str, str], Extent]] = {
    ("waveform", "VAL"): Extent("", "NELM", "FTVL"),
    ("aai", "VAL"): Extent("", "NELM", "FTVL"),
    ("aao", "VAL"): Extent("", "NELM", "FTVL"),
    ("subArray", "VAL"): Extent("", "MALM", "FTVL"),
    ("compress", "VAL"): Extent("DOUBLE", "NSAM"),
    ("histogram", "VAL"): Extent("ULONG", "NELM"),
    **{("aSub", letter): Extent("", f"NO{letter}", f"FT{letter}") for letter in _LETTERS},
    **{("aSub", f"VAL{letter}"): Extent("", f"NOV{letter}", f"FTV{letter}") for letter in _LETTERS},
    **{("acalcout", 2 * letter): Extent("DOUBLE", "NELM") for letter in "ABCDEFGHIJKL"},
    ("acalcout", "AVAL"): Extent("DOUBLE", "NELM"),
    ("acalcout", "OAV"): Extent("DOUBLE", "NELM"),
    ("asyn", "BOUT"): Extent("CHAR", "OMAX"),
    ("asyn", "BINP"): Extent("CHAR", "IMAX"),
    ("asyn", "ERRS"): Extent("CHAR", "100", text=True),
    ("mca", "VAL"): Extent("", "NMAX", "FTVL"),
    ("mca", "BG"): Extent("", "NMAX", "FTVL"),
    **{("sscan", f"P{number}{array}"): Extent("DOUBLE", "MPTS") for number in range(1, 5) for array in ("PA", "RA")},
    **{("sscan", f"D{number:02}DA"): Extent("FLOAT", "MPTS") for number in range(1, 71)},
}
"""Fields that `cvt_dbaddr` of their record turns into arrays, and what it reads to do so.

Sources: EPICS base (`waveformRecord.c` and its like), asyn (`asynRecord.c`), mca, sscan, calc (`aCalcoutRecord.c`).
"""

LONG_STRINGS: Final = frozenset({("lsi", "VAL"), ("lsi", "OVAL"), ("lso", "VAL"), ("lso", "OVAL"), ("printf", "VAL")})
"""Fields served as strings of any length; an empty one has no elements over CA, so `$` is needed there."""

OCTET_DEVICES: Final = frozenset({"asynOctetRead", "asynOctetWrite", "asynOctetCmdResponse", "asynOctetWriteRead"})
"""Device support that puts text into arrays of characters."""


def is_array_field(definition: RecordType, name: str) -> bool:
    """Return whether this module judges the field."""
    return (definition.name, name) in EXTENTS or (definition.name, name) in LONG_STRINGS


def array_field(
    definition: RecordType, name: str, settings: Mapping[str, str], transport: Transport, infos: Mapping[str, str]
) -> Answer:
    """Judge one such field; `settings` holds initial values under what the database sets."""
    if (definition.name, name) in LONG_STRINGS:
        if transport is Transport.CA:
            return Served(Kind.LONG_STR, "CHAR[]", suffix=f".{name}$")
        return Served(Kind.STR, "s")
    if definition.name == "acalcout" and settings.get("SIZE", "") in ("NUSE", "1"):
        return NoDatatype("acalcout with SIZE=NUSE changes its lengths while it runs", "set SIZE to NELM")
    extent = EXTENTS[definition.name, name]
    dbf = extent.dbf or _element_type(settings.get(extent.type_field, ""))
    if isinstance(dbf, Undecided):
        return dbf
    if not dbf:
        return NoDatatype(f"{extent.type_field} is {settings[extent.type_field]!r}, which is no element type")
    device = settings.get("DTYP", "")
    if dbf in ("CHAR", "UCHAR") and (macros := macros_in(device)):
        return Undecided(macros)
    text = extent.text or device in OCTET_DEVICES
    formed = infos.get("Q:form") == "String"
    count = _count(settings.get(extent.length, "") or extent.length)
    if isinstance(count, Undecided):
        return Undecided(count.macros, _array(definition.name, dbf, text, formed, transport))
    if count > 1:
        return _array(definition.name, dbf, text, formed, transport)
    return _single(definition.name, dbf, transport)


def _element_type(text: str) -> str | Undecided:
    choices = menu("menuFtype")
    if macros := macros_in(text):
        return Undecided(macros)
    if text.isdigit() and int(text) < len(choices):
        return choices[int(text)]
    return (text if text in choices else "") if text else choices[0]


def _count(text: str) -> int | Undecided:
    if macros := macros_in(text):
        return Undecided(macros)
    try:
        return int(text, 0)
    except ValueError:
        return 1


def _array(record: str, dbf: str, text: bool, formed: bool, transport: Transport) -> Served | NoDatatype:
    """Judge more than one element; `formed` is `info(Q:form, "String")`, which QSRV obeys for CHAR only."""
    if dbf == "ENUM" and (transport is Transport.PVA or record == "aSub"):
        return NoDatatype("an array of enums is not served over PVA, nor by aSub", "use another element type")
    if formed and dbf == "CHAR" and transport is Transport.PVA:
        return Served(Kind.STR, "s")
    native = native_array(dbf, transport)
    if dbf in ("STRING", "ENUM"):
        return Served(Kind.STR_ARRAY, native)
    if (text or formed) and (dbf == "CHAR" or (dbf == "UCHAR" and transport is Transport.CA)):
        return Served(Kind.STR, native)
    return Served(Kind.ARRAY, native, dtype=array_dtype(dbf, transport))


def _single(record: str, dbf: str, transport: Transport) -> Served | NoDatatype:
    """Judge an array of one element, which clients see as a scalar."""
    if dbf == "ENUM":
        return NoDatatype("a single enum without choices cannot be read", "use another element type")
    if dbf == "STRING" and transport is Transport.CA and record != "aSub":
        return NoDatatype("an array of one string cannot be read over CA while it is empty", "set NELM, or use PVA")
    if dbf == "STRING":
        return Served(Kind.STR, native_scalar(dbf, transport))
    return Served(Kind.FLOAT if dbf in ("FLOAT", "DOUBLE") else Kind.INT, native_scalar(dbf, transport))
