"""Recorded entries whose PVs serve different things, as signals that each serve one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from beamwright_generator.parse.yaml.snapshot_file import RecordedBlock, RecordedEntry, RecordedSides, RecordedSignal
from beamwright_generator.problems import Problems
from beamwright_generator.resolve.signals.readback_pairs import states_differ


def name_beside(name: str, role: str) -> str:
    """Name a side that is a signal of its own beside the one that keeps the name, in the manner of that name.

    :param role: what the side is, in lower case: with `rbv`, `mode` gives `mode_rbv`, `ImageMode` gives
        `ImageModeRbv` and `MODE` gives `MODE_RBV`.
    """
    if name.isupper():
        return f"{name}_{role.upper()}"
    mixed = name != name.lower() and "_" not in name
    return f"{name}{role.capitalize()}" if mixed else f"{name}_{role}"


@dataclass(frozen=True)
class Apart:
    """A setpoint and its readback that cannot be one signal."""

    setpoint: RecordedSignal
    readback: RecordedSignal

    def report(self, name: str, problems: Problems) -> None:
        """Say so, as it is said of records."""
        setpoint, readback = self.setpoint, self.readback
        other = name_beside(name, "rbv")
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
            detail=[f"{side:{len(other)}}  {text or 'no states'}" for side, text in said.items()],
            hint="they are generated as two signals; one readable and settable signal needs one type",
        )


Pieces = list[tuple[str, RecordedSignal | RecordedBlock]]
"""What is made of one entry, by the names that its pieces have."""


def pieces_of(name: str, entry: RecordedEntry) -> tuple[Pieces, list[Apart]]:
    """Return the signals, or the one block, of an entry, and what could not be one signal although it is one entry."""
    if isinstance(entry, RecordedSides):
        return _of_sides(name, entry)
    if isinstance(entry, RecordedBlock) and any(isinstance(below, RecordedSides) for below in entry.numbered.values()):
        return _of_vector(name, entry)
    return [(name, entry)], []


def _of_vector(name: str, block: RecordedBlock) -> tuple[Pieces, list[Apart]]:
    """Return a vector of setpoints and one of readbacks."""
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
    if setpoint.type == "unknown":
        return [(name, _alone(readback)), (name_beside(name, "setpoint"), _alone(setpoint))], []
    two_signals: Pieces = [(name, _alone(setpoint)), (name_beside(name, "rbv"), _alone(readback, settable=False))]
    if readback.type == "unknown":
        return two_signals, []
    if readback.type == setpoint.type == "enum" and len(readback.choices) == len(setpoint.choices) == 2:
        # Two states that differ in their labels only still make a bool, as they do for records.
        return [(name, replace(setpoint, access=_both(readback, setpoint), type="bool", choices=()))], []
    return two_signals, [Apart(setpoint, readback)]


def _alone(side: RecordedSignal, *, settable: bool = True) -> RecordedSignal:
    """Return a side as a signal by itself; a setpoint that was read to record it can be read by plans as well.

    :param settable: it is not the readback of a setpoint beside it.
    """
    ((access, pv),) = side.access.items()
    alone = "rw" if access == "w" else "r" if access == "rw" and not settable else access
    return replace(side, access={alone: pv})


def _both(readback: RecordedSignal, setpoint: RecordedSignal) -> dict[str, str]:
    (read,), (write,) = readback.access.values(), setpoint.access.values()
    return {"r": read, "w": write}


def _serves(side: RecordedSignal) -> tuple[object, ...]:
    return side.type, side.nt, side.choices, tuple(side.columns.items())


def _shown(side: RecordedSignal) -> str:
    ((_, pv),) = side.access.items()
    columns = ", ".join(f"{name} {column.type}" for name, column in side.columns.items())
    return f"{pv}: {side.type}{f' of {columns}' if columns else ''}"
