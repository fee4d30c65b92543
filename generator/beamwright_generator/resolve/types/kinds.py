"""The words for what a server offers under a name: kinds of datatype, transports, what `datatype_rules` answers."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from beamwright_generator.basics.choices import Transport as Transport


class Kind(StrEnum):
    """The datatype of a signal, as Python sees it."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    LONG_STR = "long str"
    """A `str` that is served as an array of characters; `Served.suffix` says where."""
    ENUM = "enum"
    DRIVER_STATES = "states of the driver"
    """A `str` whose record serves whatever states its driver brings, or a number if that brings none."""
    ARRAY = "array"
    STR_ARRAY = "str array"


@dataclass(frozen=True, slots=True)
class Served:
    """A datatype that connects and reads.

    :param kind: the datatype.
    :param native: what the server announces. CA: the DBR name without `DBR_`, with `[]` for an array (`DOUBLE`,
        `CHAR[]`). PVA: the p4p code of the value (`d`, `aB`) or `NTEnum`. Two PVs can share one signal only when
        these are equal.
    :param suffix: what to append to the record name, such as `.VAL$`; empty for the record itself.
    :param states: the choices the server shows, in order and letter for letter, blank ones included.
    :param driver_states: device support may put other states in place of these while the IOC starts or runs.
    :param dtype: the numpy type of an `ARRAY`, such as `float64`.
    :param observed: the states were recorded from the running IOC, where a driver brings them.
    """

    kind: Kind
    native: str
    suffix: str = ""
    states: tuple[str, ...] = ()
    driver_states: bool = False
    dtype: str = ""
    observed: bool = False

    @property
    def members(self) -> tuple[str, ...]:
        """The states that an enum class can have: each once, in order, without blank ones."""
        return tuple(dict.fromkeys(state for state in self.states if state.strip()))

    @property
    def strict(self) -> bool:
        """Whether exactly `members` is the set of states that will ever be served."""
        return self.kind is Kind.ENUM and not self.driver_states and all(state.strip() for state in self.states)

    @property
    def takes_bool(self) -> bool:
        """Whether a `bool` signal would connect as well; which types do differs between CA and PVA."""
        if self.native in ("ENUM", "NTEnum"):
            return len(self.states) == 2
        return self.native in ("CHAR", "SHORT", "b", "B", "i", "I")

    @property
    def takes_command(self) -> bool:
        """Whether a command would connect: writing 1 has to mean something, so fractions and texts are refused."""
        return self.native in ("ENUM", "NTEnum", "CHAR", "SHORT", "LONG", *"?bBhHiIlL")


@dataclass(frozen=True, slots=True)
class NoDatatype:
    """Nothing safe exists; the record is left out and reported.

    :param reason: why, as a sentence without a full stop.
    :param hint: what the user can do about it.
    :param open: what the running IOC serves would decide the type.
    """

    reason: str
    hint: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Undecided:
    """The type hangs on macros that have no value yet.

    :param macros: their names, in order of appearance.
    :param usual: the answer for the usual value of the macros (an array length above 1); None when there is none.
    """

    macros: tuple[str, ...]
    usual: Served | NoDatatype | None = None


Answer = Served | NoDatatype | Undecided


def macros_in(text: str) -> tuple[str, ...]:
    """Name the macros a text still holds, each once."""
    return tuple(dict.fromkeys(re.findall(r"\$[({]([^$(){}=,]+)", text)))


def states_against(compared: str, declared: Collection[str], served: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the states that an enum asks for and are not served, and those served that it does not allow.

    :param compared: `strict`, `subset` or `superset`, as ophyd-async's enum classes compare.
    """
    missing, extra = set(declared) - set(served), set(served) - set(declared)
    match compared:
        case "strict":
            return missing, extra
        case "subset":
            return missing, set()
        case _:
            return set(), extra


NUMBERS: Final = ("CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64", "FLOAT", "DOUBLE")
"""The numeric database field types."""

LINKS: Final = ("INLINK", "OUTLINK", "FWDLINK")
"""The link field types; clients see their text."""

_CA_NAMES: Final = {
    "CHAR": "CHAR",
    "UCHAR": "CHAR",
    "SHORT": "SHORT",
    "USHORT": "LONG",
    "LONG": "LONG",
    "ULONG": "DOUBLE",
    "INT64": "DOUBLE",
    "UINT64": "DOUBLE",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "STRING": "STRING",
    "ENUM": "ENUM",
}
"""Database field type to CA type (dbDBRoldToDBFnew and dbDBRnewToDBRold in EPICS base)."""

_CA_DTYPES: Final = {
    "CHAR": "uint8",
    "SHORT": "int16",
    "LONG": "int32",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
"""CA type to the only numpy type ophyd-async takes for its arrays (`ophyd_async.epics.core._aioca`)."""

_PVA_CODES: Final = {
    "CHAR": "b",
    "UCHAR": "B",
    "SHORT": "h",
    "USHORT": "H",
    "LONG": "i",
    "ULONG": "I",
    "INT64": "l",
    "UINT64": "L",
    "FLOAT": "f",
    "DOUBLE": "d",
    "STRING": "s",
    "ENUM": "NTEnum",
}
"""Database field type to the p4p type code that QSRV serves."""

_PVA_DTYPES: Final = {
    "CHAR": "int8",
    "UCHAR": "uint8",
    "SHORT": "int16",
    "USHORT": "uint16",
    "LONG": "int32",
    "ULONG": "uint32",
    "INT64": "int64",
    "UINT64": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}


def native_scalar(dbf: str, transport: Transport) -> str:
    """Say what the server announces for a scalar of a database field type."""
    return _CA_NAMES[dbf] if transport is Transport.CA else _PVA_CODES[dbf]


def native_array(dbf: str, transport: Transport) -> str:
    """Say what the server announces for an array of a database field type."""
    return f"{_CA_NAMES[dbf]}[]" if transport is Transport.CA else f"a{_PVA_CODES[dbf]}"


def element_dtype(native: str, transport: Transport) -> str:
    """Return the numpy type of an array by its native element type (`DOUBLE`, `d`); empty where there is none."""
    if transport is Transport.CA:
        return _CA_DTYPES.get(native, "")
    return next((_PVA_DTYPES[dbf] for dbf, code in _PVA_CODES.items() if code == native and dbf in _PVA_DTYPES), "")


def array_dtype(dbf: str, transport: Transport) -> str:
    """Return the numpy type of an array of numbers; CA knows fewer types than the database."""
    return _CA_DTYPES[_CA_NAMES[dbf]] if transport is Transport.CA else _PVA_DTYPES[dbf]
