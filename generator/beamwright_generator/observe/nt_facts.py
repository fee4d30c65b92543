"""What a PV serves, by its normative type: the facts of a signal without any of its values.

Ids and fields are those of the EPICS V4 Normative Types specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

UNKNOWN = "unknown"
TABLE = "table"

SCALARS = {
    "?": "bool",
    "b": "int8",
    "B": "uint8",
    "h": "int16",
    "H": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int64",
    "L": "uint64",
    "f": "float32",
    "d": "float64",
    "s": "str",
}
"""Names of the scalar types by their code in p4p; an `a` before the code makes an array of them."""

_FLOATS = ("float32", "float64")
_NORMATIVE = "epics:nt/"


class PvaValue(Protocol):
    """What of `p4p.Value` is looked at."""

    def getID(self) -> str:  # noqa: N802 - p4p's own name
        """Return the id of the structure, such as `epics:nt/NTScalar:1.0`."""
        ...

    def type(self) -> Any:
        """Return the type of the structure."""
        ...

    def get(self, name: str, default: object = None) -> Any:
        """Return a field, which may be nested, as in `display.units`."""
        ...


@dataclass(frozen=True)
class PvFacts:
    """What is known of a signal.

    :param type: a name of `SCALARS`, the same with `[]`, `enum`, `table`, `image` or `unknown`.
    :param nt: the id of a structure that is none of the types above.
    :param choices: of an enum, in their order; None for everything else.
    :param precision: decimal places, of floats alone.
    :param columns: of a table, in their order: the name of the array type of each.
    """

    type: str
    nt: str = ""
    choices: tuple[str, ...] | None = None
    description: str = ""
    units: str = ""
    precision: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def serves(self) -> tuple[object, ...]:
        """What a value is made of: PVs that have the same can be one signal."""
        return self.type, self.nt, self.choices, tuple(self.columns.items())


def facts_of(served: PvaValue) -> PvFacts:
    """Read what a signal is from what its PV serves; an id that is not known gives `unknown`, never a guess."""
    identity = served.getID()
    kind = identity.removeprefix(_NORMATIVE).partition(":")[0] if identity.startswith(_NORMATIVE) else ""
    served_type = served.type()
    code = served_type["value"] if served_type.has("value") else None
    match kind:
        case "NTScalar" | "NTScalarArray" if (name := _value_type(code)) is not None:
            floats = name.removesuffix("[]") in _FLOATS
            facts = PvFacts(name, precision=_number(served.get("display.precision")) if floats else None)
        case "NTEnum":
            facts = PvFacts("enum", choices=_strings(served.get("value.choices")))
        case "NTTable":
            facts = PvFacts(TABLE, columns=dict(_columns(code)))
        case "NTNDArray":
            facts = PvFacts("image")
        case _:
            facts = PvFacts(UNKNOWN, nt=identity)
    description = text_of(served.get("display.description")) or text_of(served.get("descriptor"))
    return replace(facts, description=description, units=text_of(served.get("display.units")))


def _value_type(code: object) -> str | None:
    if not isinstance(code, str):
        return None
    name = SCALARS.get(code.removeprefix("a"))
    return f"{name}[]" if name and code.startswith("a") else name


def _columns(value: Any) -> Iterator[tuple[str, str]]:
    for name, code in value.items() if hasattr(value, "items") else ():
        column = _value_type(code) or UNKNOWN
        yield name, column if column.endswith("[]") else UNKNOWN


def _strings(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, list) else ()


def text_of(found: object) -> str:
    """Return a field that should hold text, stripped; empty if it holds none."""
    return found.strip() if isinstance(found, str) else ""


def _number(found: object) -> int | None:
    return found if isinstance(found, int) else None
