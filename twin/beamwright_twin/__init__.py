"""Runs a beamline's descriptions as a live, simulated beamline on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beamwright_twin.processes.beamline_twin import Twin
    from beamwright_twin.processes.ioc_process import TwinError
    from beamwright_twin.sim.frame import frame_number

__all__ = ["Twin", "TwinError", "frame_number"]


def __getattr__(name: str) -> object:
    """Import what reads descriptions only where it is used: every IOC of a twin imports this package."""
    if name == "Twin":
        from beamwright_twin.processes.beamline_twin import Twin

        return Twin
    if name == "TwinError":
        from beamwright_twin.processes.ioc_process import TwinError

        return TwinError
    if name == "frame_number":
        from beamwright_twin.sim.frame import frame_number

        return frame_number
    raise AttributeError(name)
