"""Recorded entries whose PVs serve different things, as signals that each serve one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from beamwright_generator.parse.snapshot import RecordedBlock, RecordedEntry, RecordedSides, RecordedSignal
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.pairs import states_differ

READBACK: Final = "_rbv"
"""What the readback of a setpoint is called besides, where both are signals of their own."""

_SETPOINT: Final = "_setpoint"


@dataclass(frozen=True)
class Apart:
    """A setpoint and its readback that cannot be one signal."""

    setpoint: RecordedSignal
    readback: RecordedSignal

    def report(self, name: str, problems: Problems) -> None:
        """Say so, as it is said of records."""
        setpoint, readback = self.setpoint, self.readback
        other = f"{name}{READBACK}"
        if setpoint.type == readback.type == "enum":
            message = states_differ(name, setpoint.choices, other, readback.choices)
            said = {name: ", ".join(setpoint.choices), other: ", ".join(readback.choices)}
        else:
            message = f"{other} is served as {readback.type}, {name} as {setpoint.type}"
            if setpoint.type == readback.type:
                message = f"{other} and {name} have different columns"
            said = {name: _shown(setpoint), other: _shown(readback)}
        problems.warning(
            "unpairable-readback",
            readback.at,
            message,
            detail=[f"{side:{len(other)}}  {text or 'no choices'}" for side, text in said.items()],
            hint="they are generated as two signals; one readable and settable signal needs one type",
        )


Pieces = list[tuple[str, RecordedSignal | RecordedBlock]]
"""What is made of one entry, by the names that its pieces have."""


def pieces_of(name: str, entry: RecordedEntry) -> tuple[Pieces, list[Apart]]:
    """Give the signals, or the one block, of an entry, and what could not be one signal although it is one entry."""
    if isinstance(entry, RecordedSides):
        return _of_sides(name, entry)
    if isinstance(entry, RecordedBlock) and any(isinstance(below, RecordedSides) for below in entry.numbered.values()):
        return _of_vector(name, entry)
    return [(name, entry)], []


def _of_vector(name: str, block: RecordedBlock) -> tuple[Pieces, list[Apart]]:
    """Give a vector of setpoints and one of readbacks."""
    found: dict[str, dict[int, RecordedEntry]] = {}
    apart: list[Apart] = []
    for number, entry in block.numbered.items():
        pieces, differ = pieces_of(name, entry)
        apart += differ
        for piece, below in pieces:
            found.setdefault(piece, {})[number] = below
    made = [replace(block, numbered=numbered, entries={}) for numbered in found.values()]
    return list(zip(found, [replace(made[0], entries=block.entries), *made[1:]], strict=True)), apart


def _of_sides(name: str, entry: RecordedSides) -> tuple[Pieces, list[Apart]]:
    """Choose what is read and what is written, as for an entry of one type, and compare what they serve."""
    sides = entry.sides
    reads, writes = (next((key for key in keys if key in sides), "") for keys in (("r", "rw"), ("w", "rw", "x")))
    if not reads or not writes:
        return [(name, sides[reads or writes])], []
    readback, setpoint = sides[reads], sides[writes]
    if _serves(readback) == _serves(setpoint):
        return [(name, replace(readback, access=_both(readback, setpoint)))], []
    if readback.type == "unknown" or setpoint.type == "unknown":
        named = {name: setpoint, f"{name}{READBACK}": readback}
        if setpoint.type == "unknown":
            named = {name: readback, f"{name}{_SETPOINT}": setpoint}
        return list(_alone(named)), []
    if readback.type == setpoint.type == "enum" and len(readback.choices) == len(setpoint.choices) == 2:
        # Two states that differ in their labels only still make a bool, as they do for records.
        return [(name, replace(setpoint, access=_both(readback, setpoint), type="bool", choices=()))], []
    return list(_alone({name: setpoint, f"{name}{READBACK}": readback})), [Apart(setpoint, readback)]


def _alone(named: Mapping[str, RecordedSignal]) -> Iterator[tuple[str, RecordedSignal]]:
    """Give each side as a signal by itself; a setpoint that was read to record it can be read by plans as well."""
    for name, side in named.items():
        ((access, pv),) = side.access.items()
        alone = "rw" if access == "w" else "r" if access == "rw" and name.endswith(READBACK) else access
        yield name, replace(side, access={alone: pv})


def _both(readback: RecordedSignal, setpoint: RecordedSignal) -> dict[str, str]:
    (read,), (write,) = readback.access.values(), setpoint.access.values()
    return {"r": read, "w": write}


def _serves(side: RecordedSignal) -> tuple[object, ...]:
    return side.type, side.nt, side.choices, tuple(side.columns.items())


def _shown(side: RecordedSignal) -> str:
    ((_, pv),) = side.access.items()
    columns = ", ".join(f"{name} {column.type}" for name, column in side.columns.items())
    return f"{pv}: {side.type}{f' of {columns}' if columns else ''}"
