"""Which axis drives which encoder of a simulated box, and which output triggers which cameras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from beamwright_generator.parse.database.loader import LoadedRecord
from beamwright_generator.parse.yaml.beamline_file import WireEntry
from beamwright_generator.parse.yaml.snapshot_file import RecordedBlock
from beamwright_generator.problems import Problems
from beamwright_twin.description.beamline_description import BeamlineDescription
from beamwright_twin.description.pvi_names import named, signals


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire to or from a box.

    :param prefix: that of the box.
    :param signal: as the box's muxes name it, such as `INENC1.VAL` or `SEQ1.OUTA`.
    :param motor: the record of the axis that drives an encoder; its position is the dial's.
    :param resolution: units of the dial for each count; negative where the encoder counts down.
    :param scale: units of the user for each count, with the sign of the motor's direction.
    :param offset: the user's position at 0 counts.
    :param units: of the user's position.
    :param dataset: the name that the position is captured by.
    :param cameras: prefixes of the cameras that an output triggers.
    """

    prefix: str
    signal: str
    motor: str = ""
    resolution: float = 1.0
    scale: float = 1.0
    offset: float = 0.0
    units: str = ""
    dataset: str = ""
    cameras: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the arguments of `Wire(...)`, as JSON can hold them."""
        return asdict(self)


def wires_of(described: BeamlineDescription, problems: Problems) -> list[Wire]:
    """Return the wires that a beamline file describes; those that lead nowhere are reported."""
    return list(_wires(described, problems))


def _wires(described: BeamlineDescription, problems: Problems) -> Iterator[Wire]:
    for signal, entry in described.file.twin.wires.items():
        try:
            yield wire_of(described, signal, entry)
        except ValueError as error:
            at = described.positions.of("twin", "wires", signal)
            problems.error("wire-impossible", at, str(error), hint="docs/twin.md says what can be wired to what")


def wire_of(described: BeamlineDescription, signal: str, entry: WireEntry) -> Wire:
    """Make a wire.

    :param signal: with the prefix of its box.
    :raises ValueError: when what it should connect is not there.
    """
    prefix = next((one for one in described.boxes if signal.startswith(one)), None)
    name = signal.removeprefix(prefix or "")
    if prefix is None:
        raise ValueError(f"{signal} begins with the prefix of no snapshot")
    if name not in signals_of(described.boxes[prefix]):
        raise ValueError(f"{prefix} has no signal {name}")
    if bool(entry.motor) == bool(entry.cameras):
        raise ValueError(f"{signal} is wired to a motor or to cameras, to one of the two")
    if entry.motor is None:
        for camera in entry.cameras:
            if not any(record.startswith(camera) for record in described.records):
                raise ValueError(f"no record begins with {camera}")
        return Wire(prefix, name, cameras=tuple(entry.cameras))
    motor = described.records.get(entry.motor)
    if motor is None or motor.type != "motor":
        raise ValueError(f"{entry.motor} is not a motor record")
    if not name.startswith("INENC"):
        raise ValueError(f"{signal} is not an encoder")
    made = Wire(prefix, name, entry.motor, dataset=entry.dataset or entry.motor.rpartition(":")[2].lower())
    return _scaled(made, entry, motor)


def _scaled(made: Wire, entry: WireEntry, motor: LoadedRecord) -> Wire:
    def number(field: str) -> float:
        try:
            return float(motor.fields[field].value)
        except (KeyError, ValueError):
            return 0.0

    resolution = entry.resolution or number("ERES") or number("MRES") or 1.0
    way = -1.0 if "DIR" in motor.fields and motor.fields["DIR"].value in ("Neg", "1") else 1.0
    units = motor.fields["EGU"].value if "EGU" in motor.fields else ""
    return replace(made, resolution=resolution, scale=way * resolution, offset=number("OFF"), units=units)


def signals_of(root: RecordedBlock) -> set[str]:
    """Return the bits and positions that a box has, as its muxes name them."""
    return set(_outputs(root, ""))


def _outputs(block: RecordedBlock, above: str) -> Iterator[str]:
    for name, entry in named(block):
        if isinstance(entry, RecordedBlock):
            yield from _outputs(entry, f"{above}{name}")
        else:
            yield from _names(above, name, (choice for signal in signals(entry) for choice in signal.choices))


def _names(block: str, name: str, choices: Iterable[str]) -> Iterator[str]:
    # What muxes can choose runs through the box, and what a block shows may as well be looked at from outside.
    yield from choices
    yield f"{block}.{name}".upper()
