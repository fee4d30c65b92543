"""The few choices that descriptions, model and generated code share."""

from __future__ import annotations

from enum import StrEnum


class Transport(StrEnum):
    """How the signals of a device reach their records."""

    CA = "ca"
    PVA = "pva"


class Policy(StrEnum):
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
