"""Identifiers: from the names of records, templates and prefixes to the names of attributes, classes and devices."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

_NOT_WORD = re.compile(r"[^0-9A-Za-z]+")
_WORDS = re.compile(
    r"""
    ^ND(?=[A-Z]{2})            # areaDetector's own prefix before an acronym: ND|ROIStat
    | [A-Z]{2,}s(?![a-z])      # plural acronym: ROIs
    | [A-Z]+(?=[A-Z][a-z])     # acronym before a capitalised word: AD|Core
    | [A-Z]?[a-z]+             # word: Core, core
    | [A-Z]+                   # acronym at the end: SDK
    | [0-9]+
    """,
    re.VERBOSE,
)


def words(text: str) -> list[str]:
    """Split a name of the field into lower-case words; digits stay with the word before them.

    ``ADCoreVersion`` gives ad, core, version; ``ROI1MinX`` gives roi1, min, x; ``BL01X`` stays one word.
    """
    found: list[str] = []
    for part in _NOT_WORD.split(_ascii(text)):
        joins = False
        if part.isupper() and not part.isalpha():
            # Capitals and digits only, as in BL01X or CH1A: one word, whose digits are no word ends.
            found.append(part.lower())
            continue
        for word in _WORDS.findall(part):
            if word.isdigit() and joins:
                found[-1] += word
            else:
                found.append(word.lower())
            joins = True
    return found


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).replace("\u03bc", "u").encode("ascii", "ignore").decode()


def snake(text: str) -> str:
    """Return the snake_case name of a record, macro or PVI name; empty when it holds no letter or digit."""
    name = "_".join(words(text))
    if name[:1].isdigit():
        name = f"n{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def pascal(text: str) -> str:
    """Return the CapWords name of a record, attribute, macro or PVI name: ``color_mode`` gives ColorMode."""
    return _class_name(_cap_words(text))


def _cap_words(text: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in words(text))


def class_name(stem: str) -> str:
    """Return the class name of a template, which keeps its capitals: ``NDFileHDF5``; ``ion-gauge`` gives IonGauge.

    :param stem: the template's file name without its ending; after a blank, what a group of its records is named by.
        That is a prefix or a macro and gets the form of any other name: ``machine FE01-VA`` gives MachineFe01Va.
    :returns: empty when it holds no letter or digit.
    """
    file, _, group = stem.partition(" ")
    parts = (part for part in _NOT_WORD.split(_ascii(file)) if part)
    return _class_name("".join(part[0].upper() + part[1:] for part in parts) + _cap_words(group))


def _class_name(name: str) -> str:
    if name[:1].isdigit():
        name = f"N{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def enum_member(state: str) -> str:
    """Return the enum member name of a state; symbols that decide the meaning are spelled out."""
    spelled = _NEGATIVE.sub("minus ", state)
    for symbol, word in _SYMBOLS.items():
        spelled = spelled.replace(symbol, f" {word} ")
    name = "_".join(words(spelled)).upper()
    if not name:
        return "BLANK" if not state.strip() else "_".join(f"U{ord(c):04X}" for c in state)
    if name[0].isdigit():
        name = f"N{name}"
    # `mro` is the one name that enum.Enum refuses as a member.
    return f"{name}_" if keyword.iskeyword(name) or name == "MRO" else name


_NEGATIVE = re.compile(r"(?<![0-9A-Za-z])-(?=[.0-9])")
_SYMBOLS = {"+": "plus", "%": "percent", "<": "less", ">": "greater", "=": "equal", "*": "star"}


IMPORTED: Final = frozenset(
    {
        *("A", "AreaDetector", "Array1D", "Beamline", "DeviceConnector", "DeviceVector", "DriverEnum", "EnableDisable"),
        *("DriverStates", "EpicsOptions", "OnOff"),
        *("Format", "Motor", "PathProvider", "Policy", "PvSuffix", "RecordDevice", "Sequence", "SignalR", "SignalRW"),
        *("SignalW", "StandardReadable", "StrictEnum", "SubsetEnum", "SupersetEnum", "TriggerableCommand"),
    }
)
"""What generated modules import under these names; a class of such a name would hide it."""


def is_attribute(name: str) -> bool:
    """Return whether a name can be that of a public attribute as it stands."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


IMPORTED_FOR_SNAPSHOTS: Final = IMPORTED | {"Panda", "PvSuffixes", "TYPE_CHECKING", "Table"}
"""The same for modules that are made from recorded PVI trees."""


class Names:
    """Hands out each identifier once: the first asker keeps the plain name, later ones get a number.

    :param reserved: names that have another meaning where these stand, such as those of members of Device.
    :param joint: what stands before the number.
    :param what: what is named; it is added to a name that is reserved: ``direction_record``. Where it is not said, such
        a name gets a trailing underscore, as ophyd-async does it.
    """

    def __init__(
        self, reserved: Collection[str] = (), taken: Iterable[str] = (), joint: str = "_", what: str = ""
    ) -> None:
        self._reserved = reserved
        self._taken = set(taken)
        self._joint = joint
        self._what = what

    def __contains__(self, name: str) -> bool:
        return self.allowed(name) in self._taken

    def allowed(self, name: str) -> str:
        """Return a name as it is, or what stands for it where it is reserved, whatever else has been taken."""
        return f"{name}_{self._what}" if name in self._reserved else name

    def keep(self, name: str) -> str:
        """Take a name that is settled elsewhere, as it is."""
        self._taken.add(name)
        return name

    def take(self, name: str) -> str:
        """Take a name, made different from all that were taken before."""
        wanted = candidate = self.allowed(name)
        number = 2
        while candidate in self._taken or candidate in self._reserved:
            candidate = f"{wanted.rstrip('_')}{self._joint}{number}"
            number += 1
        self._taken.add(candidate)
        return candidate
