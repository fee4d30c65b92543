"""Devices like generated ones, for the connection benchmark, and the databases that serve them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from ophyd_async.core import Array1D, Device, DeviceVector, SignalR, SignalRW, StrictEnum, TriggerableCommand
from ophyd_async.epics.core import EpicsDevice, PvSuffix

SIGNALS = 100
"""Signals of each device; with the readbacks of pairs they are 146 PVs."""


class Mode(StrictEnum):
    """States of the enum records."""

    ONE = "One"
    TWO = "Two"
    THREE = "Three"


KINDS: list[tuple[str, int, Any, bool, str]] = [
    # attribute, how many, annotation, with a readback of its own, record type and fields
    ("setting", 36, SignalRW[float], True, 'ao|ai|field(PREC, "3") field(EGU, "mm") field(HOPR, "10")'),
    ("reading", 24, SignalR[float], False, 'ai||field(PREC, "3") field(EGU, "mm")'),
    ("mode", 10, SignalRW[Mode], True, 'mbbo|mbbi|field(ZRST, "One") field(ONST, "Two") field(TWST, "Three")'),
    ("flag", 6, SignalRW[bool], False, 'bo||field(ZNAM, "No") field(ONAM, "Yes")'),
    ("number", 8, SignalRW[int], False, "longout||"),
    ("counter", 3, SignalR[int], False, 'calc||field(PREC, "0")'),
    ("text", 4, SignalRW[str], False, "stringout||"),
    ("trace", 3, SignalR[Array1D[np.float64]], False, 'waveform||field(FTVL, "DOUBLE") field(NELM, "64")'),
    ("path", 2, SignalRW[str], False, 'waveform||field(FTVL, "CHAR") field(NELM, "256")'),
    ("start", 4, TriggerableCommand, False, 'bo||field(ZNAM, "No") field(ONAM, "Yes")'),
]


def device_class(base: type[Device]) -> type[Any]:
    """Make the device class on top of `RecordDevice` or ophyd-async's own `EpicsDevice`."""
    annotations: dict[str, Any] = {}
    for attribute, many, annotation, paired, _ in KINDS:
        for number in range(many):
            name = f"{attribute.capitalize()}{number}"
            suffix = PvSuffix.rbv(name) if paired else PvSuffix(name)
            annotations[f"{attribute}_{number}"] = Annotated[annotation, suffix]
    return type("Synthetic", (base,), {"__annotations__": annotations, "__module__": __name__})


def make_tree(base: type[Device], prefixes: list[str]) -> Device:
    """Make a device for each prefix, in one vector."""
    made = device_class(base)
    return DeviceVector({number: made(prefix) for number, prefix in enumerate(prefixes)}, name="tree")


def own_base() -> type[Device]:
    """Return the base class of generated devices."""
    from beamwright_runtime import RecordDevice

    return RecordDevice


def their_base() -> type[Device]:
    """Return the base class of ophyd-async's declarative devices."""
    return EpicsDevice


def records(prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the PVs of one device, each with the control get that checking its type takes: e, d or nothing."""
    for attribute, many, _, paired, _ in KINDS:
        get = {"mode": "e", "flag": "e", "counter": "d"}.get(attribute, "-")
        for number in range(many):
            name = f"{prefix}{attribute.capitalize()}{number}"
            yield name, get
            if paired:
                yield f"{name}_RBV", get


def database() -> str:
    """Return the records of one device, under the macro P."""
    text: list[str] = []
    for attribute, many, _, _, description in KINDS:
        written, read, fields = description.split("|")
        for number in range(many):
            name = f"$(P){attribute.capitalize()}{number}"
            text.append(f'record({written}, "{name}") {{ {fields} }}')
            if read:
                text.append(f'record({read}, "{name}_RBV") {{ {fields} }}')
    return "\n".join(text) + "\n"
