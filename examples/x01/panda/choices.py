"""The states and table columns of the box. FastCS serves the names of an enum's members as its choices."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

SEQUENCERS = COMPARATORS = PULSES = ENCODERS = (1, 2)
"""The numbers of the blocks of each kind."""

OUTPUTS = "abcdef"
"""The outputs of a sequencer."""


def states(name: str, *choices: str) -> Any:
    """Make an enum of choices that need be no Python names."""
    return Enum(name, {choice: choice for choice in choices})


BitMux = states(
    "BitMux",
    "ZERO",
    "ONE",
    "TTLIN1.VAL",
    "TTLIN2.VAL",
    *(f"SEQ{n}.OUT{output.upper()}" for n in SEQUENCERS for output in OUTPUTS),
    *(f"PCOMP{n}.OUT" for n in COMPARATORS),
    *(f"PULSE{n}.OUT" for n in PULSES),
)
PosMux = states("PosMux", "ZERO", *(f"INENC{n}.VAL" for n in ENCODERS))
TimeUnits = states("TimeUnits", "min", "s", "ms", "us")
Direction = states("Direction", "Positive", "Negative", "Either")
CaptureMode = states("CaptureMode", "FIRST_N", "LAST_N", "FOREVER")
Captured = states("Captured", "No", "Value")

SECONDS = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
"""How long each of the time units is."""

SEQUENCE: list[tuple[str, DTypeLike]] = [
    ("repeats", np.uint16),
    ("trigger", np.dtype("U16")),
    ("position", np.int32),
    ("time1", np.uint32),
    *((f"out{output}1", np.bool_) for output in OUTPUTS),
    ("time2", np.uint32),
    *((f"out{output}2", np.bool_) for output in OUTPUTS),
]
"""The columns of a sequencer's table."""

DATASETS: list[tuple[str, DTypeLike]] = [("name", np.dtype("U64")), ("dtype", np.dtype("U16"))]
"""The columns of the table of what is written."""

IDLE_SEQUENCE = np.array([(1, "Immediate", 0, 0, *[False] * 6, 0, *[False] * 6)], dtype=SEQUENCE)
"""One row that does nothing: the columns of an empty table would be served without a value."""
