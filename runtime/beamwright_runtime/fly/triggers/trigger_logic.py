"""What starts the frames of a flight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic

from ophyd_async.core import DetectorTrigger

from beamwright_runtime.fly.scan import AxisT, Points


class TriggerLogic(ABC, Generic[AxisT]):
    """What triggers the detectors; a scanner holds one and calls it in this order for each flight."""

    trigger: DetectorTrigger
    """How it triggers them."""

    async def check(self, flight: Points[AxisT], deadtime: float) -> None:
        """Check that a flight can be triggered, before anything moves.

        :param deadtime: seconds that must be left between frames.
        :param flight: the frames of one flight, without a stop between them.
        :raises ScanRefusedError: if it cannot, with the reason.
        """
        return

    @abstractmethod
    async def arm(self, flight: Points[AxisT], deadtime: float) -> None:
        """Set up for a flight whose axes are at its start; triggers of hardware may come from now on.

        :param deadtime: seconds that must be left between frames.
        :param flight: the frames of one flight, without a stop between them.
        """

    @abstractmethod
    async def finish(self) -> None:
        """Return when all triggers of the flight are out."""

    @abstractmethod
    async def gate(self) -> bool:
        """Let no further frame start; return when the one that has started is over. May be called at any time.

        :returns: whether the last frame was left its full length; if not it is taken again.
        """

    async def diagnose(self) -> list[str]:
        """Return what keeps triggers from coming that should come, as far as is known."""
        return []

    async def release(self) -> None:
        """Put back what was changed for the scan."""
        return

    async def sent(self) -> int | None:
        """Return how many frames were triggered since the flight was armed, or None where nobody counts."""
        return None


class SoftwareTriggers(TriggerLogic[AxisT]):
    """No triggers: each detector times its own frames from when the axes are at velocity.

    Frames then start some milliseconds late, differently for each detector; good for slow scans.
    """

    trigger = DetectorTrigger.INTERNAL

    async def arm(self, flight: Points[AxisT], deadtime: float) -> None:
        """Leave it to the detectors."""

    async def finish(self) -> None:
        """Leave it to the detectors."""

    async def gate(self) -> bool:
        """Leave it to the detectors, which are stopped next and write whole frames only."""
        return True
