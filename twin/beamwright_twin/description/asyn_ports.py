"""The asyn ports of an IOC: which records are which parameter of which driver, and which drivers a twin plays."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Final, TypedDict

from beamwright_generator.parse.database.loader import LoadedRecord

_ADDRESS = re.compile(r"@asyn(?:Mask)?\(\s*([^,)\s]+)\s*,?\s*(\w*)[^)]*\)\s*(\S+)")

DRIVERS: Final = {
    "camera": frozenset({"ACQUIRE", "NIMAGES", "IMAGE_MODE"}),
    "hdf5": frozenset({"CAPTURE", "HDF5_SWMRMode"}),
    "stats": frozenset({"COMPUTE_STATISTICS", "NDARRAY_PORT"}),
    "roi": frozenset({"DIM0_MIN", "DIM1_MIN", "NDARRAY_PORT"}),
}
"""The drivers and plugins that a twin plays, by the parameters that identify them.

areaDetector gives its parameters these names whatever the camera, and whatever its records are called.
"""

WRITING: Final = ("Out", "Write", "WriteBinary")
"""What the device support of a waveform ends in when the record writes."""


class Parameter(TypedDict):
    """The records of one parameter: those that write it, those that read it, and those that do both."""

    writers: list[str]
    readers: list[str]
    readbacks: list[str]


class Port(TypedDict):
    """One asyn port that the twin plays."""

    kind: str
    parameters: dict[str, Parameter]


def address(record: LoadedRecord) -> tuple[str, str, str] | None:
    """Return port, address and parameter of a record; None if it has no asyn link."""
    for link in ("OUT", "INP"):
        found = _ADDRESS.match(record.fields[link].value) if link in record.fields else None
        if found:
            return found[1], found[2] or "0", found[3]
    return None


def writes(record: LoadedRecord) -> bool:
    """Return whether a record with an asyn link writes its parameter."""
    if "OUT" in record.fields:
        return True
    device = record.fields["DTYP"].value if "DTYP" in record.fields else ""
    return device.endswith(WRITING)


def played_ports(records: Iterable[LoadedRecord]) -> dict[str, Port]:
    """Find the ports that the twin has a behaviour for, with their records."""
    ports: dict[str, dict[str, Parameter]] = {}
    for record in records:
        found = address(record)
        if found is None or found[1] != "0":
            continue
        empty = Parameter(writers=[], readers=[], readbacks=[])
        parameter = ports.setdefault(found[0], {}).setdefault(found[2], empty)
        parameter["writers" if writes(record) else "readers"].append(record.name)
        if writes(record) and (record.type == "busy" or "asyn:READBACK" in record.infos):
            parameter["readbacks"].append(record.name)
    return {
        name: Port(kind=kind, parameters=parameters)
        for name, parameters in ports.items()
        for kind, needed in DRIVERS.items()
        if needed <= parameters.keys()
    }


def without(ports: Mapping[str, Port], gone: Container[str]) -> dict[str, Port]:
    """Leave records out of ports."""

    def those(records: list[str]) -> list[str]:
        return [one for one in records if one not in gone]

    def kept(known: Parameter) -> Parameter:
        return Parameter(
            writers=those(known["writers"]), readers=those(known["readers"]), readbacks=those(known["readbacks"])
        )

    return {
        name: Port(kind=port["kind"], parameters={one: kept(known) for one, known in port["parameters"].items()})
        for name, port in ports.items()
    }
