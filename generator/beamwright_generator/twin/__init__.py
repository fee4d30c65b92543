"""Runs a beamline's descriptions as a live, simulated beamline on loopback."""

from __future__ import annotations

from beamwright_generator.twin.beamline import Twin
from beamwright_generator.twin.process import TwinError

__all__ = ["Twin", "TwinError"]
