"""What a scanner is prepared for, and how long it waits for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from beamwright_runtime.fly.scan import AxisT, Scan


@dataclass(frozen=True)
class Flight(Generic[AxisT]):
    """What a scanner is prepared for: the flight at one position of the outer axes.

    :param scan: the whole scan.
    :param step: which flight of it, from 0.
    """

    scan: Scan[AxisT]
    step: int = 0

    @property
    def start(self) -> int:
        """The scan index of its first frame."""
        return self.step * self.scan.flight_frames

    @property
    def stop(self) -> int:
        """The scan index behind its last frame."""
        return self.start + self.scan.flight_frames


@dataclass
class Timing:
    """How long a scanner waits.

    :param stall: seconds without a new frame, more than a frame takes, after which a detector has failed.
    :param settle: seconds without a new frame, more than a frame takes, after which none is on its way.
    :param step: seconds that each step of stopping may take.
    """

    stall: float = 10.0
    settle: float = 0.1
    step: float = 10.0
