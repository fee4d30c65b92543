"""Everything that can be looked up about a beamline: its devices, their signals, and what was found out about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import PlacedDevice
from beamwright_generator.problems import Problem


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One signal, as every device of its kind has it.

    :param attribute: from the device on, with points between: ``seq.1.table``.
    :param owner: the class that declares it.
    :param access: `SignalRW` and so on.
    :param datatype: as in annotations; empty for a command.
    :param read: what follows the device prefix in the PV that is read, macros of the constructor still in.
    :param write: the same of the setpoint, where that is another PV.
    :param record: its record type; empty when no database says.
    """

    attribute: str
    owner: str
    access: str
    datatype: str
    read: str
    write: str = ""
    doc: str = ""
    units: str = ""
    choices: tuple[str, ...] = ()
    record: str = ""
    format: str = ""
    at: Position | None = None


@dataclass(frozen=True, eq=False)
class ClassSignals:
    """The signals of one class, as one description gives them.

    :param doc: what the class is.
    :param lineage: the classes it extends, nearest first.
    :param sources: the files that it is made from.
    """

    name: str
    module: str
    doc: str
    lineage: tuple[str, ...]
    sources: tuple[str, ...]
    rows: tuple[SignalRow, ...]


@dataclass(frozen=True)
class Unit:
    """A device with a prefix of its own: one by itself, or what a detector, a group or a vector is made of.

    :param attribute: below the placed device; empty for a device by itself.
    :param prefix: of the PVs, without a protocol.
    :param protocol: ``ca`` or ``pva``.
    :param arguments: values of macros that stand in record names, by macro.
    :param words: doc and units by the number of a row, where macros make them this device's own.
    :param observed: what the running IOC served, by the number of a row.
    :param at: where it is loaded.
    """

    attribute: str
    kind: ClassSignals
    prefix: str
    protocol: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    observed: Mapping[int, str] = field(default_factory=dict)
    doc: str = ""
    at: Position | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One placed device with all its units."""

    placed: PlacedDevice
    type: str
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class CatalogueIoc:
    """One IOC of the beamline.

    :param observed: how many facts were recorded of it; None when it never was.
    :param answered: it answered in the latest recording.
    """

    name: str
    observed: int | None
    answered: bool


@dataclass(frozen=True)
class Catalogue:
    """All that a catalogue shows of one beamline."""

    name: str
    title: str
    source: str
    iocs: Sequence[CatalogueIoc]
    entries: Sequence[CatalogueEntry]
    problems: Sequence[Problem]

    @property
    def signals(self) -> int:
        """The number of signals that all devices have."""
        return sum(len(unit.kind.rows) for entry in self.entries for unit in entry.units)
