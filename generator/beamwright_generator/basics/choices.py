"""The few choices that descriptions, model and generated code share."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Transport(StrEnum):
    """How the signals of a device reach their records."""

    CA = "ca"
    PVA = "pva"


class ConnectionPolicy(StrEnum):
    """When a device is connected: at start-up, when a plan needs it, or only when asked."""

    EAGER = "eager"
    LAZY = "lazy"
    EXPLICIT = "explicit"


class Format(StrEnum):
    """Where the value of a signal appears in the documents of a run."""

    NONE = "none"
    READ = "read"
    HINTED = "hinted"
    CONFIG = "config"


PVA_CODES: Final = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "l",
    "uint64": "L",
    "float32": "f",
    "float64": "d",
    "str": "s",
}
"""p4p's code of each scalar type, as observations and snapshots name it."""
