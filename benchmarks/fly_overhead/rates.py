"""What fast detectors cost the RunEngine: documents tell of ranges, however many frames they hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bluesky import RunEngine
from ophyd_async.core import (
    DetectorAcquireLogic,
    DetectorDataLogic,
    DetectorTrigger,
    DetectorTriggerLogic,
    SignalDict,
    StandardDetector,
    StreamableDataProvider,
    StreamResourceDataProvider,
    StreamResourceInfo,
    soft_signal_r_and_setter,
)
from scanspec.specs import Fly, Spec, Static

from beamwright_runtime.fly import FlyScanner, Points, Timing, TriggerLogic
from beamwright_runtime.fly.scan_plans import fly_scan
from benchmarks.shared.report import Figure, progress
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.recorded import Recorded

TOLD = 0.1
"""Seconds from one count to the next that a PandA's IOC tells."""
LASTS = 3.0


class Counting(StandardDetector):
    """A capture of points that only counts them."""

    def __init__(self) -> None:
        self.written, self.set_written = soft_signal_r_and_setter(int)
        self.add_detector_logics(_Level(), _Armed(), _Counts(self))
        super().__init__("points")


class Blocks(TriggerLogic[str]):
    """Has points counted at a rate, as often as an IOC tells."""

    trigger = DetectorTrigger.EXTERNAL_LEVEL

    def __init__(self, points: Counting) -> None:
        self.points = points
        self._counting: asyncio.Task[None] | None = None

    async def arm(self, flight: Points[str], deadtime: float) -> None:
        """Start to count."""
        self._counting = asyncio.create_task(self._count(len(flight), float(flight.duration[0])))

    async def _count(self, frames: int, duration: float) -> None:
        began = time.monotonic()
        while (written := min(frames, int((time.monotonic() - began) / duration))) < frames:
            self.points.set_written(written)
            await asyncio.sleep(TOLD)
        self.points.set_written(frames)

    async def finish(self) -> None:
        """Wait until all are counted."""
        if self._counting is not None:
            await asyncio.shield(self._counting)

    async def gate(self) -> bool:
        """Nothing stops it."""
        return True


class _Level(DetectorTriggerLogic):
    def get_deadtime(self, config_values: SignalDict) -> float:
        return 8e-9

    async def prepare_level(self, num: int) -> None:
        return


class _Armed(DetectorAcquireLogic):
    async def start_acquiring(self) -> None:
        return

    async def wait_for_idle(self) -> None:
        return

    async def ensure_stopped(self) -> None:
        return


class _Counts(DetectorDataLogic):
    def __init__(self, points: Counting) -> None:
        self.points = points

    async def prepare_unbounded(self, datakey_name: str) -> StreamableDataProvider:
        resources = [
            StreamResourceInfo(
                data_key=f"{datakey_name}-{name}",
                shape=(),
                chunk_shape=(1024,),
                dtype_numpy="<f8",
                parameters={"dataset": f"/{name}"},
            )
            for name in ("x", "y", "i0")
        ]
        return StreamResourceDataProvider(
            "file://localhost/points.h5", resources, "application/x-hdf5", self.points.written
        )


def rates() -> Sequence[Figure]:
    """Fly for some seconds at several rates, and count documents and processor time."""
    figures = []
    for name, rate in (("1_khz", 1e3), ("100_khz", 1e5), ("1_mhz", 1e6)):
        progress(f"{rate:,.0f} points a second")
        points = Counting()
        scanner = FlyScanner([points], ExactMotion("x", "y"), Blocks(points), timing=Timing(settle=0.1))
        spec: Spec[str] = Fly((1 / rate) @ Static("x", 0.0, int(rate * LASTS)))
        loop = asyncio.new_event_loop()
        engine, run = RunEngine({}, loop=loop), Recorded()
        used, began = time.process_time(), time.monotonic()
        engine(fly_scan(scanner, spec, flush_period=0.5), run)
        took = time.monotonic() - began
        share = (time.process_time() - used) / took
        loop.call_soon_threadsafe(loop.stop)
        engine._th.join()
        loop.close()
        assert run.told() == int(rate * LASTS)
        figures += [
            Figure(f"documents_per_second_{name}", len(run.documents) / took, "documents a second"),
            Figure(f"processor_share_{name}", share, "of one processor, describing the scan included"),
        ]
    return figures
