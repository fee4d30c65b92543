"""The same simulated beamline flown with ophyd-async's and bluesky's own stubs, to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from ophyd_async.core import DetectorTrigger, FlyableLogic, TriggerInfo
from scanspec.specs import Spec

from beamwright_runtime.fly import Points, Scan
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.rig import Camera, CompareTriggers, paths_in


@dataclass
class RigLogic(FlyableLogic[Points[str], Sequence[Points[str]]]):
    """Motion and triggers of the simulated beamline as one of ophyd-async's flyable logics."""

    motion: ExactMotion
    triggers: CompareTriggers

    async def on_prepare(self, value: Points[str]) -> Sequence[Points[str]]:
        """Move to the start of the first row."""
        parts = await self.motion.flights(value)
        await self.motion.approach(parts[0])
        await self.triggers.arm(parts[0], 0.001)
        return parts

    async def on_kickoff(self, ctx: Sequence[Points[str]]) -> Sequence[Points[str]]:
        """Start the first row."""
        await self.motion.start(ctx[0])
        return ctx

    async def on_complete(self, ctx: Sequence[Points[str]]) -> None:
        """Fly the other rows."""
        await self.motion.finish(ctx[0])
        await self.triggers.finish()
        for part in ctx[1:]:
            await self.motion.approach(part)
            await self.triggers.arm(part, 0.001)
            await self.motion.start(part)
            await self.motion.finish(part)
            await self.triggers.finish()

    async def stop(self) -> None:
        """Stop."""
        await self.triggers.gate()
        await self.motion.stop()


class Shipped:
    """The beamline, and the plan that the documentation of ophyd-async gives for it."""

    def __init__(self, folder: Path) -> None:
        self.motion = ExactMotion("x", "y")
        self.cameras = [Camera(paths_in(folder), f"det{number}", latency=0.005 * number) for number in (1, 2)]
        self.triggers = CompareTriggers(self.motion, *self.cameras)
        self.flyer = RigLogic(self.motion, self.triggers).with_device("flyer")

    def plan(self, spec: Spec[str]) -> MsgGenerator[None]:
        """Fly a scan of one flight."""
        points = Scan(spec, flown={"x", "y"}).points()
        info = TriggerInfo(
            trigger=DetectorTrigger.EXTERNAL_EDGE,
            livetime=float(points.duration[0]) - 0.001,
            number_of_events=len(points),
        )

        def fly() -> MsgGenerator[None]:
            for camera in self.cameras:
                yield from bps.prepare(camera, info, wait=False, group="prepare")
            yield from bps.prepare(self.flyer, points, wait=False, group="prepare")
            yield from bps.wait(group="prepare")
            yield from bps.declare_stream(*self.cameras, name="primary", collect=True)
            yield from bps.kickoff_all(*self.cameras, self.flyer, wait=True)
            yield from bps.collect_while_completing(
                [self.flyer, *self.cameras], self.cameras, flush_period=0.1, stream_name="primary"
            )

        yield from bpp.stage_wrapper(bpp.run_wrapper(fly()), [*self.cameras, self.flyer])
