"""Ending a flight in the one order that loses nothing: gate, drain, stop, disarm, flush; every step bounded in time.

ADR 0022 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from ophyd_async.core import DetectorTrigger

from beamwright_runtime.errors import FlyScanError
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector
from beamwright_runtime.fly.diagnosis import PATIENCE, why
from beamwright_runtime.fly.motion.motor_motion import MotionLogic
from beamwright_runtime.fly.scan import AxisT
from beamwright_runtime.fly.triggers.trigger_logic import TriggerLogic


@dataclass
class StopResult:
    """How a stop went.

    :param whole: whether the last frame had its full length.
    :param unclear: why it cannot be known which frames there are, if it cannot.
    :param faults: what went wrong; every later step was done all the same.
    """

    whole: bool = True
    unclear: list[FlyScanError] = field(default_factory=list)
    faults: list[FlyScanError] = field(default_factory=list)


@dataclass
class StopSequence(Generic[AxisT]):
    """What stops, and how long each step may take.

    :param changed: waits for a change of what is on disk, for some seconds at most; tells whether there was one.
    :param expected: tells how many rows there will be once all frames that were triggered are written, if it is known.
    :param settle: seconds without a new frame after which none is on its way, where nobody counts triggers.
    :param timeout: seconds that each step may take.
    """

    triggers: TriggerLogic[AxisT]
    motion: MotionLogic[AxisT]
    detectors: Sequence[FlownDetector]
    wait_for_change: Callable[[float], Awaitable[bool]]
    expected: Callable[[], Awaitable[int | None]]
    settle: float
    timeout: float

    async def run(self, row: int, exposure: float, failed: bool) -> StopResult:
        """Stop; motion last of what makes frames, so that those that have started are good.

        :param row: at which the segment started.
        :param exposure: seconds of the longest frame.
        :param failed: whether this is for a failure: then frames are waited for only as long as some come.
        """
        result = StopResult()
        whole = await self._step(result, "the triggers did not stop", self.triggers.gate())
        result.whole = bool(whole)
        if self.triggers.trigger is DetectorTrigger.INTERNAL:
            await self._disarm(result)
        await self._wait_for_frames(result, row, exposure, failed)
        await self._step(result, "the axes could not be looked at", self._look_at_axes(result))
        await self._step(result, "the axes did not stop", self.motion.stop())
        await self._disarm(result)
        await self._flush(result)
        if self._out_of_step and not (failed or result.unclear or result.faults):
            # A frame that took longer than it was waited for; what one detector has, the others were triggered for.
            await self._wait_for_frames(result, row, exposure, failed)
            await self._flush(result)
        if self._out_of_step and not result.unclear:
            text = ", ".join(f"{detector.name} {detector.frame_count.safe - row}" for detector in self.detectors)
            result.unclear.append(FlyScanError(f"detectors wrote different numbers of frames: {text}"))
        return result

    @property
    def _out_of_step(self) -> bool:
        counted = self.triggers.trigger is not DetectorTrigger.INTERNAL
        return counted and len({detector.frame_count.safe for detector in self.detectors}) > 1

    async def _wait_for_frames(self, result: StopResult, row: int, exposure: float, failed: bool) -> None:
        draining = self._drain(result, row, exposure, failed)
        await self._step(result, "frames are missing", draining, self.timeout + exposure)

    async def _flush(self, result: StopResult) -> None:
        longest = self.timeout + 3 * PATIENCE
        await asyncio.gather(
            *(
                self._step(result, f"{d.name} did not flush", d.frame_count.flush(self.timeout), longest)
                for d in self.detectors
            )
        )

    async def _look_at_axes(self, result: StopResult) -> None:
        if findings := await self.motion.diagnose():
            result.unclear.append(FlyScanError("; ".join(findings)))

    async def _disarm(self, result: StopResult) -> None:
        await asyncio.gather(*(self._step(result, f"{d.name} did not stop", d.disarm()) for d in self.detectors))

    async def _drain(self, result: StopResult, row: int, exposure: float, failed: bool) -> None:
        expected = await self.expected()
        try:
            async with asyncio.timeout(self.timeout):
                while not self._all_there(expected) or expected is None:
                    quiet = not await self.wait_for_change(self.settle + exposure)
                    if quiet and (failed or self._all_there(expected)):
                        return
        except TimeoutError:
            wanted = max(d.frame_count.collections / d.collections_per_event for d in self.detectors)
            wanted = wanted if expected is None else expected
            behind = [d for d in self.detectors if d.frame_count.collections / d.collections_per_event < wanted]
            text = ", ".join(
                f"{d.name} has {d.frame_count.rows - row} of {wanted - row:g}" for d in behind or self.detectors
            )
            result.unclear.append(FlyScanError(f"{text} frames since the segment started"))

    def _all_there(self, expected: int | None) -> bool:
        if self.triggers.trigger is DetectorTrigger.INTERNAL:
            return True
        rows = {detector.frame_count.rows for detector in self.detectors}
        whole = len(rows) == 1 and not any(detector.frame_count.partial for detector in self.detectors)
        return whole and (expected is None or rows == {expected})

    async def _step(
        self, result: StopResult, fault: str, doing: Coroutine[Any, Any, bool | None], timeout: float | None = None
    ) -> bool | None:
        try:
            # Somewhat longer than the step's own timer, which says more.
            async with asyncio.timeout((timeout or self.timeout) + 1.0):
                return await doing
        except FlyScanError as error:
            result.faults.append(error)
        except asyncio.CancelledError as error:
            # A logic waits for something of its own that has been cancelled: no reason to leave out what comes next.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            result.faults.append(FlyScanError(f"{fault} ({error!r})"))
        except Exception as error:
            text = "in time" if isinstance(error, TimeoutError) else f"({why(error)})"
            result.faults.append(FlyScanError(f"{fault} {text}"))
        return None
