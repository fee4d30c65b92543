"""Several triggers in each frame, for detectors that collect more often than others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ophyd_async.core import DetectorTrigger, SignalRW
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import PandaBitMux, PulseBlock

from beamwright_runtime.errors import ScanRefusedError
from beamwright_runtime.fly.scan import SAME, Points
from beamwright_runtime.fly.triggers.trigger_logic import TriggerLogic


@dataclass
class PulseTrains(TriggerLogic[Motor]):
    """Triggers of a PandA, each of which also starts a train of pulses in a PULSE block of the same box.

    A detector that is triggered by the block that makes four pulses is flown with `collections_per_event=4`. A train
    ends with its frame, so that a stop leaves none unfinished. A block without a `trig` signal is wired by its user.

    :param triggers: start the frames.
    :param output: that they come from, such as `SEQ1.OUTA`.
    :param trains: the block, whose times are in seconds, for each number of pulses in a frame.
    """

    triggers: TriggerLogic[Motor]
    output: str
    trains: Mapping[int, PulseBlock]

    @property
    def trigger(self) -> DetectorTrigger:  # type: ignore[override]
        """As the triggers that start the frames."""
        return self.triggers.trigger

    async def check(self, flight: Points[Motor], deadtime: float) -> None:
        """Check that pulses fit, and that all frames are as long as the first: a block has one step for them.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        :raises ScanRefusedError: if not.
        """
        await self.triggers.check(flight, deadtime)
        if float(np.ptp(flight.duration)) > SAME:
            raise ScanRefusedError("frames of different lengths cannot have trains of pulses, which are all alike")
        if (step := float(flight.duration[0]) / max(self.trains, default=1)) <= deadtime:
            raise ScanRefusedError(f"pulses {step:g} s apart leave no {deadtime:g} s between exposures")

    async def arm(self, flight: Points[Motor], deadtime: float) -> None:
        """Set the blocks up, then the triggers.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        """
        frame = float(flight.duration[0])
        await asyncio.gather(*(self._arm(block, n, frame / n, deadtime) for n, block in self.trains.items()))
        await self.triggers.arm(flight, deadtime)

    async def _arm(self, block: PulseBlock, pulses: int, step: float, deadtime: float) -> None:
        await block.enable.set(PandaBitMux.ZERO)
        source: SignalRW[str] | None = getattr(block, "trig", None)
        if source is not None:
            await source.set(self.output)
        await asyncio.gather(
            block.delay.set(0.0),
            block.pulses.set(pulses),
            block.step.set(step),
            # A pulse that falls when the next one rises would be none.
            block.width.set(step - max(deadtime, step / 1000)),
        )
        await block.enable.set(PandaBitMux.ONE)

    async def finish(self) -> None:
        """Wait for the last trigger."""
        await self.triggers.finish()

    async def gate(self) -> bool:
        """Let no further frame start; the train of the one that has started ends with it.

        :returns: whether the last frame had its full length.
        """
        return await self.triggers.gate()

    async def sent(self) -> int | None:
        """Return how many frames were triggered."""
        return await self.triggers.sent()

    async def release(self) -> None:
        """Switch the blocks off: triggers of other scans would start trains too."""
        await asyncio.gather(*(block.enable.set(PandaBitMux.ZERO) for block in self.trains.values()))
        await self.triggers.release()
