"""Which declared types a Channel Access channel can serve, and how its values become them.

ADR 0002 rules here.
"""

from __future__ import annotations

import ctypes
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_origin

import numpy as np
from epicscorelibs.ca import dbr
from ophyd_async.core import (
    Array1D,
    StrictEnum,
    SubsetEnum,
    SupersetEnum,
    get_dtype,
    get_enum_cls,
)

from beamwright_runtime.channels.ca.channel import ARRAY
from beamwright_runtime.channels.ca.libca import REALS
from beamwright_runtime.errors import Fault, Reason
from beamwright_runtime.signals.driver_enum import DriverEnum, DriverStates

Decode = Callable[[int, int, int], Any]

_SCALARS: dict[int, tuple[Any, str]] = {
    dbr.DBR_STRING: (str, "str"),
    dbr.DBR_SHORT: (int, "int"),
    dbr.DBR_FLOAT: (float, "float"),
    dbr.DBR_ENUM: (str, "enum"),
    dbr.DBR_CHAR: (int, "int"),
    dbr.DBR_LONG: (int, "int"),
    dbr.DBR_DOUBLE: (float, "float"),
}
_ARRAYS: dict[int, Any] = {
    dbr.DBR_STRING: Sequence[str],
    dbr.DBR_SHORT: Array1D[np.int16],
    dbr.DBR_FLOAT: Array1D[np.float32],
    dbr.DBR_ENUM: Sequence[str],
    dbr.DBR_CHAR: Array1D[np.uint8],
    dbr.DBR_LONG: Array1D[np.int32],
    dbr.DBR_DOUBLE: Array1D[np.float64],
}
TRIGGERS = (dbr.DBR_SHORT, dbr.DBR_CHAR, dbr.DBR_LONG, dbr.DBR_ENUM)
"""Native types that a command's record may have."""


def type_name(datatype: Any) -> str:
    """Name a type as it is declared."""
    if get_origin(datatype) is np.ndarray:
        return f"Array1D[{get_dtype(datatype).name}]"
    if get_origin(datatype) is Sequence:
        return f"Sequence[{datatype.__args__[0].__name__}]"
    return datatype.__name__ if isinstance(datatype, type) else str(datatype)


def served_name(dbf: int, count: int, control: Any = None) -> str:
    """Name what a server has."""
    if dbf not in _SCALARS:
        return "no access"
    if count > 1:
        return type_name(_ARRAYS[dbf])
    name = _SCALARS[dbf][1]
    if dbf in REALS and isinstance(control, int):
        return f"{name} with precision {control}"
    if dbf == dbr.DBR_ENUM and isinstance(control, tuple):
        return f"enum of {len(control)}"
    return name


class CaConversion:
    """How the values of a channel become those of a declared type; shared by all signals that convert alike.

    :ivar datatype: what values become.
    :ivar read: the type to ask for, as `epicscorelibs.ca.dbr.type_to_dbr` takes it.
    :ivar write: the type to send, None for what suits the value.
    """

    def __init__(self, datatype: Any, read: int, write: int | None = None) -> None:
        self.datatype = datatype
        self.read = read
        self.write = write

    def value(self, value: Any) -> Any:
        """Turn what was read into the declared type."""
        return +value

    def sent(self, value: Any) -> Any:
        """Turn a value into what is sent."""
        return value


class CaToInt(CaConversion):
    """Whole numbers that are served as real ones."""

    def value(self, value: Any) -> int:
        """Drop what is behind the point."""
        return int(value)


class CaToBool(CaConversion):
    """Truth that is served as a state or a small number."""

    def value(self, value: Any) -> bool:
        """Return true for any number but 0."""
        return bool(value)


class ToArray(CaConversion):
    """Arrays of numbers."""

    def value(self, value: Any) -> Any:
        """Drop the attributes of the reading."""
        return np.asarray(value)


class ToTexts(CaConversion):
    """Arrays of text."""

    def value(self, value: Any) -> list[str]:
        """Make plain text of each."""
        return [str(text) for text in value]


class CaToLongText(CaConversion):
    """Text that is served as an array of characters."""

    def sent(self, value: str) -> str:
        """End it as C does: what stood there before may be longer."""
        return value + "\0"


class CaToState(CaConversion):
    """States that become members of an enum, or stay text where there is no such member."""

    def __init__(self, states: Mapping[str, Any]) -> None:
        super().__init__(str, dbr.DBR_STRING)
        self._states = states

    def value(self, value: Any) -> Any:
        """Return the member of that text."""
        text = str(value)
        return self._states.get(text, text)


Verdict = CaConversion | Fault


def needs_control(declared: Any, dbf: int, count: int) -> bool:
    """Return whether a declared type can only be checked with states or precision."""
    if count > 1:
        return False
    if dbf == dbr.DBR_ENUM:
        return declared is bool or (declared is not None and declared is not str and _checks_states(declared))
    return declared is int and dbf in REALS


@lru_cache(maxsize=4096)
def _checks_states(declared: Any) -> bool:
    states = enum_of(declared)
    return states is not None and not issubclass(states, DriverEnum)


def enum_of(declared: Any) -> Any:
    """Return the enum that is declared for one value; None for anything else."""
    return None if get_origin(declared) is Sequence else get_enum_cls(declared)


@lru_cache(maxsize=4096)
def convert(declared: Any, dbf: int, array: bool, control: Any) -> Verdict:
    """Return the conversion between a channel and a declared type, or what is wrong.

    :param declared: the type, None for whatever is served.
    :param dbf: the channel's native type as a DBR code.
    :param array: whether it has more than one element.
    :param control: its states or precision where `needs_control`, else None.
    """
    if declared == typing.Sequence[str]:
        declared = Sequence[str]
    if dbf not in _SCALARS:
        return Fault(Reason.REFUSED, "the server gives no access to its type")
    if array:
        natural = _ARRAYS[dbf]
        if dbf == dbr.DBR_CHAR and declared is str:
            return CaToLongText(str, dbr.DBR_CHAR_STR, dbr.DBR_CHAR_STR)
        if declared is None or declared == natural:
            texts = dbf in (dbr.DBR_STRING, dbr.DBR_ENUM)
            return ToTexts(natural, dbr.DBR_STRING if texts else dbf) if texts else ToArray(natural, dbf)
        return _wrong(declared, dbf, 2, control)
    if dbf == dbr.DBR_ENUM:
        return _convert_states(declared, control)
    if declared is DriverStates:
        return CaToState({}) if dbf not in REALS else _wrong(declared, dbf, 1, control)
    natural = _SCALARS[dbf][0]
    if declared is bool and dbf in (dbr.DBR_CHAR, dbr.DBR_SHORT):
        return CaToBool(bool, dbr.DBR_SHORT)
    if declared is int and dbf in REALS:
        return CaToInt(int, dbf) if control == 0 else _wrong(declared, dbf, 1, control)
    if declared is None or declared is natural:
        return CaConversion(natural, dbf)
    if dbf == dbr.DBR_STRING and isinstance(declared, type) and issubclass(declared, DriverEnum):
        return CaToState({member.value: member for member in declared})
    return _wrong(declared, dbf, 1, control)


ASKS = CaConversion(None, -1)
"""Stands for the conversion as long as states or precision are unknown that it takes."""


@lru_cache(maxsize=4096)
def convert_served(declared: Any, served: int, control: Any) -> CaConversion | None:
    """Return how a channel serves a declared type; `ASKS` if that is not known yet, None if it is wrong.

    :param served: as `Channel.served` has it.
    :param control: states or precision, as far as they are known.
    """
    array = served >= ARRAY
    dbf = served - ARRAY if array else served
    if not needs_control(declared, dbf, 2 if array else 1):
        control = None
    elif control is None:
        return ASKS
    verdict = convert(declared, dbf, array, control)
    return verdict if isinstance(verdict, CaConversion) else None


def _convert_states(declared: Any, control: Any) -> Verdict:
    if declared is bool:
        return CaToBool(bool, dbr.DBR_SHORT) if len(control) == 2 else _wrong(declared, dbr.DBR_ENUM, 1, control)
    states = enum_of(declared)
    if states is None:
        return CaToState({}) if declared in (None, str, DriverStates) else _wrong(declared, dbr.DBR_ENUM, 1, control)
    if issubclass(states, DriverEnum):
        return CaToState({member.value: member for member in states})
    return check_states(states, control) or CaToState({text: states(text) for text in control})


def check_states(states: Any, served: Sequence[str]) -> Fault | None:
    """Compare declared states with those of the server."""
    declared = [member.value for member in states]
    missing = tuple(text for text in declared if text not in served)
    extra = tuple(dict.fromkeys(text for text in served if text not in declared))
    wrong = (
        (issubclass(states, StrictEnum) and (missing or extra))
        or (issubclass(states, SubsetEnum) and missing)
        or (issubclass(states, SupersetEnum) and extra)
    )
    if not wrong:
        return None
    if issubclass(states, SubsetEnum):
        extra = ()
    if issubclass(states, SupersetEnum):
        missing = ()
    return Fault(Reason.CHOICES, missing=missing, extra=extra)


def _wrong(declared: Any, dbf: int, count: int, control: Any) -> Fault:
    return Fault(Reason.WRONG_TYPE, declared=type_name(declared), served=served_name(dbf, count, control))


def decoder(channel: Any, datatype: int, style: int) -> tuple[int, Decode]:
    """Return the DBR code to ask for and what decodes the answer, as aioca does, but for arrays without elements.

    :param style: `FORMAT_RAW`, `FORMAT_TIME` or `FORMAT_CTRL`.
    """
    made: Any = dbr.type_to_dbr(channel, datatype, style)
    code, decode = made
    if channel.count != 1:
        return code, decode
    layout: Any = dbr.DbrCodeToType[code]
    size = ctypes.sizeof(layout)

    def decode_scalar(address: int, kind: int, count: int) -> Any:
        if count == 0:
            # Nothing follows the header: an empty long string, or an array of one that was never set. The value's
            # place is read as zeros, which is an empty string and the number 0.
            copy = layout.from_buffer_copy(ctypes.string_at(address, layout.raw_value.offset).ljust(size, b"\0"))
            return decode(ctypes.addressof(copy), kind, 1)
        return decode(address, kind, count)

    return code, decode_scalar
