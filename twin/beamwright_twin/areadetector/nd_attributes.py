"""NDAttributes: the values that a driver or a plugin adds to each frame, as its attributes XML asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

TYPES: Final[Mapping[str, str]] = {
    "INT": "i4",
    "INT64": "i8",
    "DOUBLE": "f8",
    "STRING": "S40",
    "DBR_CHAR": "i1",
    "DBR_SHORT": "i2",
    "DBR_ENUM": "i2",
    "DBR_INT": "i4",
    "DBR_LONG": "i4",
    "DBR_FLOAT": "f4",
    "DBR_DOUBLE": "f8",
    "DBR_STRING": "S40",
    "DBR_NATIVE": "f8",
}
"""The numpy type of an attribute by the type that its XML names."""

_MACRO = re.compile(r"\$[({](\w+)(?:=([^)}]*))?[)}]")


class AttributesStatus(IntEnum):
    """What became of an attributes XML, as areaDetector counts."""

    OK = 0
    NOT_FOUND = 1
    SYNTAX = 2
    MACRO = 3


class AttributesError(ValueError):
    """An attributes XML that cannot be used."""

    def __init__(self, status: AttributesStatus) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, slots=True)
class NDAttribute:
    """One attribute.

    :param kind: PARAM for a parameter of the port, EPICS_PV for a PV, CONST for what `source` says itself.
    :param dtype: numpy's name of its type.
    """

    name: str
    kind: str
    source: str
    dtype: str
    description: str = ""

    @property
    def text(self) -> bool:
        """Return whether the value is a text."""
        return self.dtype.startswith("S")

    def constant(self) -> float | str:
        """Return the value of a constant."""
        return self.source if self.text else float(self.source or 0)


def read_attributes(given: str, macros: str = "") -> tuple[NDAttribute, ...]:
    """Read attributes from XML, or from the file of that name.

    :param macros: definitions such as `A=1,B=2`.
    :raises AttributesError: when there is no such file, or it cannot be read as attributes.
    """
    if not given:
        return ()
    text = given if "<Attributes" in given else _file(given)
    try:
        return tuple(_attributes(ElementTree.fromstring(_expanded(text, macros))))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise error if isinstance(error, AttributesError) else AttributesError(AttributesStatus.SYNTAX) from error


def _file(name: str) -> str:
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise AttributesError(AttributesStatus.NOT_FOUND) from error


def _expanded(text: str, macros: str) -> str:
    pairs = (pair.partition("=") for pair in macros.split(",") if "=" in pair)
    known = {name.strip(): value.strip() for name, _, value in pairs}

    def value(found: re.Match[str]) -> str:
        if found[1] not in known and found[2] is None:
            raise AttributesError(AttributesStatus.MACRO)
        return known.get(found[1], found[2] or "")

    return _MACRO.sub(value, text)


def _attributes(root: ElementTree.Element) -> Iterator[NDAttribute]:
    for child in root.iter("Attribute"):
        kind = child.get("type", "EPICS_PV")
        named = child.get("dbrtype", "DBR_NATIVE") if kind == "EPICS_PV" else child.get("datatype", "INT")
        dtype = TYPES[named.upper()]
        yield NDAttribute(child.attrib["name"], kind, child.get("source", ""), dtype, child.get("description", ""))
