"""Which declared types a PV Access channel can serve, and how its values become them."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from ophyd_async.core import Array1D, Table

from beamwright_runtime.errors import Fault, Reason
from beamwright_runtime.signals.ca_conversion import check_states, enum_of, type_name
from beamwright_runtime.signals.driver_enum import DriverEnum, DriverStates

REALS = ("f", "d")
WHOLE = ("b", "B", "h", "H", "i", "I", "l", "L")
TRUTHS = ("?", "b", "B", "i", "I")
SCALAR, ARRAY, ENUM = "epics:nt/NTScalar:1.0", "epics:nt/NTScalarArray:1.0", "epics:nt/NTEnum:1.0"
TABLE, IMAGE = "epics:nt/NTTable:1.0", "epics:nt/NTNDArray:1.0"

_SERVED: dict[tuple[str, str], Any] = {
    (SCALAR, "?"): bool,
    **{(SCALAR, specifier): int for specifier in WHOLE},
    **{(SCALAR, specifier): float for specifier in REALS},
    (SCALAR, "s"): str,
    (ENUM, "S"): str,
    (ARRAY, "a?"): Array1D[np.bool_],
    (ARRAY, "ab"): Array1D[np.int8],
    (ARRAY, "aB"): Array1D[np.uint8],
    (ARRAY, "ah"): Array1D[np.int16],
    (ARRAY, "aH"): Array1D[np.uint16],
    (ARRAY, "ai"): Array1D[np.int32],
    (ARRAY, "aI"): Array1D[np.uint32],
    (ARRAY, "al"): Array1D[np.int64],
    (ARRAY, "aL"): Array1D[np.uint64],
    (ARRAY, "af"): Array1D[np.float32],
    (ARRAY, "ad"): Array1D[np.float64],
    (ARRAY, "as"): Sequence[str],
    (TABLE, "S"): Table,
    (IMAGE, "v"): np.ndarray,
    (IMAGE, "U"): np.ndarray,
}


def served_name(type_id: str, specifier: str, control: Any) -> str:
    """Name what a server has."""
    served = _SERVED.get((type_id, specifier))
    if served is None:
        return f"{type_id or 'a structure'} of {specifier!r}" if specifier else type_id or "a structure"
    if type_id == ENUM:
        return f"enum of {len(control)}"
    if specifier in REALS and isinstance(control, int):
        return f"float with precision {control}"
    return type_name(served)


class PvaConversion:
    """How the values of a channel become those of a declared type; shared by all signals that convert alike.

    :ivar datatype: what values become.
    :ivar fields: the fields that a value takes.
    """

    fields = "value"

    def __init__(self, datatype: Any) -> None:
        self.datatype = datatype

    def value(self, value: Any) -> Any:
        """Turn what was read into the declared type."""
        return value["value"]

    def sent(self, value: Any) -> Any:
        """Turn a value into what is sent."""
        return value


class PvaToInt(PvaConversion):
    """Whole numbers that are served as real ones."""

    def value(self, value: Any) -> int:
        """Drop what is behind the point."""
        return int(value["value"])


class PvaToBool(PvaConversion):
    """Truth that is served as a small number."""

    def value(self, value: Any) -> bool:
        """Return true for any number but 0."""
        return bool(value["value"])


class StateToBool(PvaConversion):
    """Truth that is served as one of two states."""

    def value(self, value: Any) -> bool:
        """Return true for the second state."""
        return bool(value["value"]["index"])


class PvaToState(PvaConversion):
    """States that become members of an enum, or stay text where there is no such member."""

    def __init__(self, states: Mapping[str, Any]) -> None:
        super().__init__(str)
        self._states = states

    def value(self, value: Any) -> Any:
        """Return the member of the state's text; an index without a state reads as empty text."""
        state = value["value"]
        if hasattr(state, "choices"):
            choices, index = state["choices"], state["index"]
            text = str(choices[index]) if 0 <= index < len(choices) else ""
        else:
            text = str(state)
        return self._states.get(text, text)


class PvaToLongText(PvaConversion):
    """Text that is served as an array of characters."""

    def value(self, value: Any) -> str:
        """Drop the end mark."""
        return str(value["value"].tobytes().partition(b"\0")[0].decode())

    def sent(self, value: str) -> Any:
        """End it as C does: what stood there before may be longer."""
        return np.frombuffer(value.encode() + b"\0", dtype=np.int8)


class ToImage(PvaConversion):
    """Images, which are served as a row of pixels and their dimensions, fastest first."""

    fields = "value,dimension"

    def value(self, value: Any) -> Any:
        """Return rows of pixels; before the first image there are none.

        :raises ValueError: if the pixels do not fill the dimensions, as those of a compressed image.
        """
        pixels, sizes = value["value"], [dimension.size for dimension in value["dimension"]]
        if pixels is None or not sizes:
            return np.zeros(0, np.uint8) if pixels is None else pixels
        if pixels.size != prod(sizes):
            raise ValueError(f"{pixels.size} elements do not make an image of {sizes}, is it compressed?")
        return pixels.reshape(sizes[::-1])

    def sent(self, value: Any) -> Any:
        """Refuse: an image is not written by a client."""
        raise TypeError("Writing to NDArray not supported")


class ToTable(PvaConversion):
    """Tables by their columns."""

    def value(self, value: Any) -> Any:
        """Return the rows; a column that was never set has none."""
        columns = {name: column for name, column in value["value"].todict().items() if column is not None}
        return self.datatype(**columns)

    def sent(self, value: Any) -> Any:
        """Return the columns."""
        return dict(value)


@lru_cache(maxsize=4096)
def convert(declared: Any, type_id: str, specifier: str, control: Any) -> PvaConversion | Fault:
    """Return the conversion between a channel and a declared type, or what is wrong.

    :param declared: the type, None for whatever is served.
    :param control: the channel's states or precision.
    """
    if declared == typing.Sequence[str]:
        declared = Sequence[str]
    served = _SERVED.get((type_id, specifier))
    wrong = Fault(Reason.WRONG_TYPE, declared=type_name(declared), served=served_name(type_id, specifier, control))
    if served is None:
        return wrong
    if type_id == ENUM:
        return _convert_states(declared, control, wrong)
    if declared is bool and type_id == SCALAR and specifier in TRUTHS:
        return PvaToBool(bool)
    if declared is int and specifier in REALS:
        return PvaToInt(int) if control == 0 else wrong
    if declared is DriverStates:
        return PvaToState({}) if type_id == SCALAR and specifier in ("s", *WHOLE) else wrong
    if served is str and (states := enum_of(declared)) is not None:
        return PvaToState({member.value: member for member in states} if issubclass(states, DriverEnum) else {})
    if served is Table and (declared is None or (isinstance(declared, type) and issubclass(declared, Table))):
        return ToTable(declared or Table)
    if declared is str and specifier == "ab":
        return PvaToLongText(str)
    if declared is None or declared == served:
        return ToImage(served) if type_id == IMAGE else PvaConversion(served)
    return wrong


def _convert_states(declared: Any, served: Any, wrong: Fault) -> PvaConversion | Fault:
    if declared is bool:
        return StateToBool(bool) if len(served) == 2 else wrong
    states = enum_of(declared)
    if states is None:
        return PvaToState({}) if declared in (None, str, DriverStates) else wrong
    if issubclass(states, DriverEnum):
        return PvaToState({member.value: member for member in states})
    return check_states(states, served) or PvaToState({text: states(text) for text in served})
