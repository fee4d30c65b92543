"""The part of EPICS base that the twin calls from Python: its structures, and its database access.

Only the process that is an IOC imports this module: loading it loads the libraries of EPICS base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    addressof,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_long,
    c_short,
    c_uint,
    c_uint32,
    c_ushort,
    c_void_p,
    cast,
    pointer,
)
from typing import Any, TypeVar

from epicscorelibs.ioc import dbCore, pdbbase

DBE_VALUE, DBE_LOG = 1, 2
UNITS_SIZE, STRING_SIZE, MOST_STATES = 16, 40, 16

_FIELD_TYPES = (
    *("STRING", "CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64", "FLOAT", "DOUBLE"),
    *("ENUM", "MENU", "DEVICE", "INLINK", "OUTLINK", "FWDLINK", "NOACCESS"),
)
DBF = {name: number for number, name in enumerate(_FIELD_TYPES)}
"""Database field types by their number in dbFldTypes.h."""


class FieldDescription(Structure):
    """`dbFldDes`: one field of a record type."""

    _fields_ = (
        ("prompt", c_char_p),
        ("name", c_char_p),
        ("extra", c_char_p),
        ("record_type", c_void_p),
        ("index", c_short),
        ("special", c_short),
        ("field_type", c_int),
        ("flags", c_uint),
        ("base", c_int),
        ("promptgroup", c_short),
        ("interest", c_short),
        ("as_level", c_int),
        ("initial", c_char_p),
        ("private", c_void_p),
        ("size", c_short),
        ("offset", c_ushort),
    )


class RecordTypeDescription(Structure):
    """`dbRecordType`: one record type."""

    _fields_ = (
        ("node", c_void_p * 2),
        ("lists", (c_void_p * 3) * 4),
        ("name", c_char_p),
        ("fields", c_short),
        ("prompts", c_short),
        ("links", c_short),
        ("aliases", c_short),
        ("link_indexes", c_void_p),
        ("sorted_names", c_void_p),
        ("sorted_indexes", c_void_p),
        ("value_field", c_void_p),
        ("value_index", c_short),
        ("field_descriptions", POINTER(POINTER(FieldDescription))),
        ("support", c_void_p),
        ("record_size", c_int),
    )


class Address(Structure):
    """`dbAddr`: a field of a record, as database access names it."""

    _fields_ = (
        ("record", c_void_p),
        ("field", c_void_p),
        ("description", POINTER(FieldDescription)),
        ("elements", c_long),
        ("field_type", c_short),
        ("field_size", c_short),
        ("special", c_short),
        ("request_type", c_short),
    )

    @property
    def name(self) -> str:
        """The field's name."""
        return str(self.description.contents.name.decode())


class EnumStrings(Structure):
    """`dbr_enumStrs`: the choices of an enum."""

    _fields_ = (("number", c_uint32), ("padding", c_int32), ("strings", (c_char * STRING_SIZE) * MOST_STATES))


Report = CFUNCTYPE(c_long, c_void_p)
Init = CFUNCTYPE(c_long)
InitRecord = CFUNCTYPE(c_long, c_void_p, c_int)
Process = CFUNCTYPE(c_long, c_void_p)
Special = CFUNCTYPE(c_long, POINTER(Address), c_int)
Convert = CFUNCTYPE(c_long, POINTER(Address))
GetArray = CFUNCTYPE(c_long, POINTER(Address), POINTER(c_long), POINTER(c_long))
PutArray = CFUNCTYPE(c_long, POINTER(Address), c_long)
GetUnits = CFUNCTYPE(c_long, POINTER(Address), POINTER(c_char))
GetPrecision = CFUNCTYPE(c_long, POINTER(Address), POINTER(c_long))
GetState = CFUNCTYPE(c_long, POINTER(Address), POINTER(c_char))
GetStates = CFUNCTYPE(c_long, POINTER(Address), POINTER(EnumStrings))
PutState = CFUNCTYPE(c_long, POINTER(Address), c_char_p)
GetLimits = CFUNCTYPE(c_long, POINTER(Address), POINTER(c_double))


class SupportTable(Structure):
    """`rset`: the functions that make a record type."""

    _fields_ = (
        ("number", c_long),
        ("report", Report),
        ("init", Init),
        ("init_record", InitRecord),
        ("process", Process),
        ("special", Special),
        ("get_value", c_void_p),
        ("convert_address", Convert),
        ("get_array", GetArray),
        ("put_array", PutArray),
        ("get_units", GetUnits),
        ("get_precision", GetPrecision),
        ("get_state", GetState),
        ("get_states", GetStates),
        ("put_state", PutState),
        ("get_graphic", GetLimits),
        ("get_control", GetLimits),
        ("get_alarm", GetLimits),
    )


class _Location(Structure):
    """`recordTypeLocation`: what the registry keeps of a record type."""

    _fields_ = (("support", POINTER(SupportTable)), ("size_offset", CFUNCTYPE(c_int, c_void_p)))


class DeviceTable(Structure):
    """`dset`: device support; the fifth function reads or writes."""

    _fields_ = (("number", c_long), ("functions", c_void_p * 8))


class _DatabaseCursor(Structure):
    """`DBENTRY`: a cursor into the definitions and records, with room for what later versions add."""

    _fields_ = (("database", c_void_p), ("record_type", POINTER(RecordTypeDescription)), ("rest", c_void_p * 14))


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(dbCore, name)
    function.restype, function.argtypes = result, arguments
    return function


_init_entry = _function("dbInitEntry", None, c_void_p, POINTER(_DatabaseCursor))
_finish_entry = _function("dbFinishEntry", None, POINTER(_DatabaseCursor))
_find_record_type = _function("dbFindRecordType", c_long, POINTER(_DatabaseCursor), c_char_p)
_add_record_type = _function("registryRecordTypeAdd", c_int, c_char_p, POINTER(_Location))
_add_device = _function("registryDeviceSupportAdd", c_int, c_char_p, c_void_p)
_find_function = _function("registryFunctionFind", c_void_p, c_char_p)
_add_function = _function("registryFunctionAdd", c_int, c_char_p, c_void_p)
_name_to_address = _function("dbNameToAddr", c_long, c_char_p, POINTER(Address))
_lock = _function("dbScanLock", None, c_void_p)
_unlock = _function("dbScanUnlock", None, c_void_p)

load_database = _function("dbLoadDatabase", c_int, c_char_p, c_char_p, c_char_p)
load_records = _function("dbLoadRecords", c_int, c_char_p, c_char_p)
post_events = _function("db_post_events", c_int, c_void_p, c_void_p, c_uint)
put_field = _function("dbPutField", c_long, POINTER(Address), c_short, c_void_p, c_long)
get_field = _function("dbGetField", c_long, POINTER(Address), c_short, c_void_p, c_void_p, c_void_p, c_void_p)
get_time_stamp = _function("recGblGetTimeStamp", None, c_void_p)
reset_alarms = _function("recGblResetAlarms", c_ushort, c_void_p)
set_severity = _function("recGblSetSevr", c_int, c_void_p, c_ushort, c_ushort)
forward_link = _function("recGblFwdLink", None, c_void_p)
default_precision = _function("recGblGetPrec", None, POINTER(Address), POINTER(c_long))
default_graphic = _function("recGblGetGraphicDouble", None, POINTER(Address), POINTER(c_double))
default_control = _function("recGblGetControlDouble", None, POINTER(Address), POINTER(c_double))
default_alarm = _function("recGblGetAlarmDouble", None, POINTER(Address), POINTER(c_double))

_Made = TypeVar("_Made")

_kept: list[Any] = []
"""What C holds pointers to for the life of the process."""


def keep(made: _Made) -> _Made:
    """Keep an object for ever, because C holds a pointer to it."""
    _kept.append(made)
    return made


def find_record_type(name: str) -> RecordTypeDescription:
    """Find the description of a record type whose definition is loaded.

    :raises LookupError: when none is.
    """
    entry = _DatabaseCursor()
    _init_entry(pdbbase, entry)
    try:
        if _find_record_type(entry, name.encode()):
            raise LookupError(f"no definition of the record type {name} is loaded")
        found: RecordTypeDescription = entry.record_type.contents
        return found
    finally:
        _finish_entry(entry)


def add_record_type(name: str, table: SupportTable) -> None:
    """Make a table of functions the support of a record type."""
    location = keep(_Location(pointer(table), CFUNCTYPE(c_int, c_void_p)(0)))
    if not _add_record_type(keep(name.encode()), location):
        raise RuntimeError(f"EPICS refuses the record type {name}")


def add_device(name: str, write: Callable[[int], int] | None = None) -> None:
    """Register device support.

    :param write: called with the record's address when it is processed; without it nothing is done, which record
        support of the twin never notices.
    """
    table = keep(DeviceTable(6))
    if write is not None:
        table.functions[4] = cast(keep(Process(write)), c_void_p).value
    _add_device(keep(name.encode()), addressof(table))


def add_subroutine(name: str, subroutine: Callable[[int], int]) -> None:
    """Register a subroutine for sub and aSub records, unless EPICS base brings one of that name."""
    if not _find_function(name.encode()):
        _add_function(keep(name.encode()), cast(keep(Process(subroutine)), c_void_p))


def address_of(name: str) -> Address | None:
    """Find a field of a record by its channel name; None where this IOC has none."""
    address = Address()
    return None if _name_to_address(name.encode(), address) else address


def complete(kind: str, record: int) -> None:
    """Process a record once more, whose device support said that it was not done."""
    table = SupportTable.from_address(find_record_type(kind).support)
    with locked(record):
        table.process(record)


@contextmanager
def locked(record: int) -> Iterator[None]:
    """Hold the lock of a record, and with it of all records that it is linked to."""
    _lock(record)
    try:
        yield
    finally:
        _unlock(record)
