"""Waiting for the frames of a flight: how many are on disk, and what keeps others from coming."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic

from beamwright_runtime.errors import FlyScanError
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector
from beamwright_runtime.fly.detectors.row_progress import RowProgress
from beamwright_runtime.fly.diagnosis import with_findings
from beamwright_runtime.fly.motion.motor_motion import MotionLogic
from beamwright_runtime.fly.scan import AxisT, Points
from beamwright_runtime.fly.triggers.trigger_logic import TriggerLogic


@dataclass
class FrameWatch(Generic[AxisT]):
    """Follows what detectors write.

    :param progress: records how many rows all of them have.
    :param stall: seconds without a new frame, more than a frame takes, after which a detector has failed.
    """

    detectors: Sequence[FlownDetector]
    motion: MotionLogic[AxisT]
    triggers: TriggerLogic[AxisT]
    progress: RowProgress
    stall: float
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        """Follow from now on."""
        await asyncio.gather(*(detector.frame_count.watch(self._on_count) for detector in self.detectors))

    async def unwatch(self) -> None:
        """Follow no longer."""
        await asyncio.gather(*(detector.frame_count.unwatch() for detector in self.detectors))

    def _on_count(self) -> None:
        self.progress.record(min(detector.frame_count.rows for detector in self.detectors))
        self._change.set()

    async def wait_for_change(self, timeout: float, *tasks: asyncio.Task[None]) -> bool:
        """Wait until a detector has written something, or a task is done; tell whether one has."""
        self._change.clear()
        waiting = asyncio.create_task(self._change.wait())
        try:
            await asyncio.wait({waiting, *tasks}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return waiting.done()
        finally:
            waiting.cancel()

    async def wait_for(self, part: Points[AxisT], ahead: int, exposure: float) -> None:
        """Wait until the axes, the triggers and the detectors are done with a part.

        :param ahead: how much higher the row of a frame is than its scan index.
        :param exposure: seconds of the longest frame.
        :raises FlyScanError: if one of them cannot be, naming it.
        """
        target = part.stop + ahead
        began = time.monotonic()
        others = {asyncio.create_task(self.motion.finish(part)), asyncio.create_task(self.triggers.finish())}
        try:
            while True:
                late = [detector for detector in self.detectors if detector.frame_count.rows < target]
                self._raise_failed(others)
                if not late and all(task.done() for task in others):
                    break
                for detector in late:
                    silent = time.monotonic() - max(began, detector.frame_count.changed_at)
                    if silent > self.stall + exposure:
                        raise await self._stalled(detector, silent, detector.frame_count.rows - ahead)
                await self.wait_for_change(0.2, *(task for task in others if not task.done()))
            for detector in self.detectors:
                if detector.frame_count.rows > target:
                    raise FlyScanError(f"{detector.name} wrote {detector.frame_count.rows - target} frames too many")
        finally:
            for task in others:
                task.cancel()

    def _raise_failed(self, tasks: set[asyncio.Task[None]]) -> None:
        for task in tasks:
            if task.done():
                task.result()
        for detector in self.detectors:
            if detector.frame_count.fault is not None:
                raise detector.frame_count.fault

    async def _stalled(self, detector: FlownDetector, silent: float, frame: int) -> FlyScanError:
        text = f"{detector.name} wrote no frame for {silent:.1f} s: {frame} is missing"
        seen = await detector.frame_count.error(text, armed=True)
        others = await asyncio.gather(self.triggers.diagnose(), self.motion.diagnose())
        return FlyScanError(with_findings(str(seen), [*chain(*others)]))
