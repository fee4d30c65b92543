"""The terms that interfaces are told in: types by full names, members, classes, enums, device factories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import ascii_letters, digits

from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.python.type_terms import TypeTerm


@dataclass(frozen=True, slots=True)
class Member:
    """One signal, command, child device, vector or column of a class.

    :param read: the suffixes that are read, or start the PVs of a child; those of a vector in its order.
    :param write: the suffixes that are written, where they are others.
    :param shown: how it takes part in the documents of a run, such as ``HINTED_SIGNAL``.
    :param options: further options, such as ``DriverStates()``.
    :param entries: the numbers of a vector.
    :param line: counted from 1; 0 where it is not known.
    """

    name: str
    type: TypeTerm
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    shown: str = ""
    options: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()
    doc: str = ""
    line: int = field(default=0, compare=False)

    @property
    def pvs(self) -> tuple[str, ...]:
        """All its suffixes, those that are read first."""
        return tuple(dict.fromkeys((*self.read, *self.write)))

    @property
    def written(self) -> tuple[str, ...]:
        """The suffixes that are written."""
        return self.write or self.read


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """One class with what it declares itself.

    :param table: it is a table, and its members are columns.
    :param source: the descriptions that it was made from, as its module says.
    :param required: arguments that its constructor needs besides a prefix and a name.
    :param methods: public ones, and properties.
    """

    name: str
    bases: tuple[TypeTerm, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    table: bool = False
    source: str = ""
    doc: str = ""
    required: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class EnumClass:
    """One enum.

    :param kind: the class it derives from, such as ``StrictEnum``.
    :param states: the text of each member, in the order of the states.
    """

    name: str
    kind: str
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Factory:
    """One placed device.

    :param name: the full name of its function.
    :param prefixes: of it and of all that is made with it.
    :param parameters: of its function.
    :param options: what its decorator says, as texts: ``policy``, ``optional``, ``timeout``, ``ioc``.
    """

    name: str
    type: TypeTerm
    prefixes: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    doc: str = ""

    @property
    def prefix(self) -> str:
        """The prefix of it, or what all that is made with it has in common."""
        return common_start(self.prefixes) or next(iter(self.prefixes), "")

    @property
    def short(self) -> str:
        """The device's name."""
        return self.name.rpartition(".")[2]

    @property
    def module(self) -> str:
        """The beamline module."""
        return self.name.rpartition(".")[0]


def common_start(pvs: Iterable[str]) -> str:
    """Return what all PVs begin with, up to a separator; a single one as it is."""
    unique = list(set(pvs))
    common = text_prefix(unique)
    return common if len(unique) == 1 else common.rstrip(ascii_letters + digits)
