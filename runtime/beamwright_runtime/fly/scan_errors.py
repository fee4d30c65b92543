"""How describing and flying a scan fail."""

from __future__ import annotations


class ScanRefusedError(ValueError):
    """A scan cannot be flown as it is described; the text says why, before anything moves."""


class FlyScanError(RuntimeError):
    """A flight failed; the text names the device."""
