"""Runs a beamline's descriptions as a live, simulated beamline on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beamwright_generator.twin.beamline import Twin
    from beamwright_generator.twin.frame import frame_number
    from beamwright_generator.twin.process import TwinError

__all__ = ["Twin", "TwinError", "frame_number"]


def __getattr__(name: str) -> object:
    """Import what reads descriptions only where it is used: every IOC of a twin imports this package."""
    if name == "Twin":
        from beamwright_generator.twin.beamline import Twin

        return Twin
    if name == "TwinError":
        from beamwright_generator.twin.process import TwinError

        return TwinError
    if name == "frame_number":
        from beamwright_generator.twin.frame import frame_number

        return frame_number
    raise AttributeError(name)
