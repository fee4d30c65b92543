"""Triggers that a task fires, frame after frame, and counts."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from beamwright_runtime.fly import Points, TriggerLogic
from beamwright_runtime.fly.scan import AxisT


class FiredTriggers(TriggerLogic[AxisT]):
    """A source of triggers that lets the frame that has started end."""

    def __init__(self) -> None:
        self._sent = 0
        self._closed = False
        self._firing: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def started(self) -> float:
        """What is another number each time that the axes start."""

    @abstractmethod
    async def _fire(self, flight: Points[AxisT]) -> None:
        """Trigger each frame of a flight whose axes have started, until it is closed; count each as it starts."""

    @property
    def closed(self) -> bool:
        """Whether nothing is triggered any more."""
        return self._closed or self._firing is None or self._firing.done()

    async def arm(self, flight: Points[AxisT], deadtime: float) -> None:
        self._sent = 0
        self._closed = False
        self._firing = asyncio.create_task(self._wait_and_fire(flight, self.started))

    async def _wait_and_fire(self, flight: Points[AxisT], last: float) -> None:
        while self.started == last:
            await asyncio.sleep(0.001)
            if self._closed:
                return
        await self._fire(flight)

    async def finish(self) -> None:
        if self._firing is not None:
            await asyncio.shield(self._firing)

    async def gate(self) -> bool:
        self._closed = True
        await self.finish()
        return True

    async def sent(self) -> int | None:
        return self._sent
