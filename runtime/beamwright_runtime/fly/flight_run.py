"""The flight itself: segment after segment until every frame is on disk.

ADR 0021 rules here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Generic

from ophyd_async.core import DetectorTrigger

from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.beam_watch import BeamWatch
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector
from beamwright_runtime.fly.detectors.row_progress import RowProgress
from beamwright_runtime.fly.detectors.scan_files import ScanFiles
from beamwright_runtime.fly.diagnosis import why, with_findings
from beamwright_runtime.fly.flight_settings import Flight, Timing
from beamwright_runtime.fly.fly_state import IN_FLIGHT, FlyState, StateMachine
from beamwright_runtime.fly.frame_watch import FrameWatch
from beamwright_runtime.fly.motion.motor_motion import MotionLogic
from beamwright_runtime.fly.open_segment import OpenSegment
from beamwright_runtime.fly.scan import AxisT, Points
from beamwright_runtime.fly.segment_log import SegmentLog
from beamwright_runtime.fly.stop_sequence import StopSequence
from beamwright_runtime.fly.triggers.trigger_logic import TriggerLogic

log = logging.getLogger("beamwright")
PAUSE, STOP, FAILURE = "pause", "stop", "failure"


class FlightRun(Generic[AxisT]):
    """Flies flights with the logics it is given, and stops and restarts them."""

    def __init__(
        self,
        detectors: Sequence[FlownDetector],
        motion: MotionLogic[AxisT],
        triggers: TriggerLogic[AxisT],
        beam: BeamWatch | None,
        timing: Timing,
        log: SegmentLog,
        files: ScanFiles,
    ) -> None:
        self.detectors = detectors
        self.motion = motion
        self.triggers = triggers
        self.beam = beam
        self.timing = timing
        self.files = files
        self.machine = StateMachine()
        self.progress = RowProgress()
        self.segment = OpenSegment(files, log, self.progress, beam)
        self.flight: Flight[AxisT] | None = None
        self.finished: asyncio.Future[None] | None = None
        self._armed = False
        self._exposure = 0.0
        self._deadtime = 0.0
        self._parts: Sequence[Points[AxisT]] = ()
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._frames = FrameWatch(detectors, motion, triggers, self.progress, timing.stall)
        self._stopping = StopSequence(
            triggers, motion, detectors, self._frames.wait_for_change, self._expected, timing.settle, timing.step
        )

    @property
    def state(self) -> FlyState:
        """What goes on."""
        return self.machine.state

    @property
    def internal(self) -> bool:
        """Whether detectors time their own frames."""
        return self.triggers.trigger is DetectorTrigger.INTERNAL

    @property
    def frames(self) -> int:
        """Scan index behind the last frame that is on disk, as far as is known."""
        return self.segment.frames if self.state in IN_FLIGHT else self.segment.next

    async def prepare(self, flight: Flight[AxisT]) -> None:
        """Check that a flight can be flown, and arm the detectors; again for the same flight does nothing."""
        async with self._lock:
            if self._armed and self.state is FlyState.ARMED and self.flight == flight:
                return
            if self.state not in (FlyState.STAGED, FlyState.ARMED, FlyState.DONE):
                raise FlyScanError(f"a scanner that is {self.state.value} cannot be prepared")
            self._armed = False
            self.segment.prepare(flight.start, flight.stop)
            self._deadtime = max(await asyncio.gather(*(d.deadtime(self.triggers.trigger) for d in self.detectors)))
            self.flight = flight
            await self._arm()
            self.finished = None
            self._armed = True
            self.machine.to(FlyState.ARMED)

    @property
    def _left(self) -> Points[AxisT]:
        """The frames of the flight that are still to be taken."""
        assert self.flight is not None
        return self.flight.scan.points(self.segment.next, self.segment.stop)

    async def _arm(self) -> None:
        """Arm for all frames from the next one, and note which row it will be."""
        points = self._left
        self._exposure = float(points.duration.max(initial=0.0))
        self._parts = await self.motion.flights(points) if len(points) else ()
        if self.internal:
            # Detectors that time their own frames do not wait where axes turn.
            self._parts = [row for part in self._parts for row in part.rows()]
        await asyncio.gather(*(self.triggers.check(part, self._deadtime) for part in self._parts))
        if len(points):
            first = next(iter(self._parts)) if self.internal else points
            await self.files.renew()
            await asyncio.gather(*(d.arm(self.triggers.trigger, first, self._deadtime) for d in self.detectors))
            self.files.note_open()
        self.segment.begin()

    def kickoff(self) -> None:
        """Start the flight; again does nothing.

        :raises FlyScanError: if none is prepared.
        """
        if self.finished is not None:
            return
        if self.state is not FlyState.ARMED or not self._armed:
            raise FlyScanError(f"nothing is prepared, the scanner is {self.state.value}")
        self.finished = asyncio.get_running_loop().create_future()
        # Whoever waits sees it; where nobody does, the plan has ended for another reason.
        self.finished.add_done_callback(lambda done: done.exception())
        if self.beam is not None:
            self.beam.start()
            self.beam.restart()
        self.machine.to(FlyState.RUNNING)
        self._task = asyncio.create_task(self._fly())

    async def check(self) -> None:
        """Check that the rest of a paused flight can be flown: limits may have changed.

        :raises ScanRefusedError: if it cannot.
        """
        if self.state is not FlyState.PAUSED or self.segment.next >= self.segment.stop:
            return
        try:
            async with asyncio.timeout(self.timing.step):
                await self.motion.flights(self._left)
        except ScanRefusedError:
            raise
        except Exception as error:
            raise ScanRefusedError(f"the flight cannot be resumed: {why(error)}") from error

    def resume(self) -> None:
        """Go on after an interruption; returns at once, what goes wrong is told by `finished`."""
        if self.state is FlyState.PAUSED:
            self.machine.to(FlyState.RESTARTING)
            self._task = asyncio.create_task(self._fly())

    async def _fly(self) -> None:
        try:
            while True:
                if self.state is FlyState.RESTARTING:
                    if self.beam is not None:
                        self.beam.restart()
                    await self._arm()
                if self.segment.next < self.segment.stop:
                    if self.state is FlyState.RESTARTING:
                        self.machine.to(FlyState.RUNNING)
                    await self._fly_segment()
                self.machine.to(FlyState.DRAINING)
                await self._flush()
                if not self._lost_beam():
                    break
                assert self.beam is not None
                # A pause waits here: it could not count rows while they are taken away.
                async with self._lock:
                    await self._frames.unwatch()
                    await self.segment.close("beam", whole=True)
                self.machine.to(FlyState.RESTARTING)
                await self.beam.wait_for_beam()
            async with self._lock:
                await self._frames.unwatch()
                await self.segment.close("done", whole=True)
                self.machine.to(FlyState.DONE)
            self._finish(None)
        except Exception as error:
            # Whoever stops has it cancelled, which waits may tell as a timeout; what is broken is seen when it goes on.
            if self.state is not FlyState.STOPPING:
                await self._fail(error)

    async def _fly_segment(self) -> None:
        await self._frames.watch()
        for part in self._parts:
            self.segment.part_start = part.start
            await self.motion.approach(part)
            if self.internal:
                await asyncio.gather(*(d.arm(self.triggers.trigger, part, self._deadtime) for d in self.detectors))
            self.segment.arm(part)
            await self.triggers.arm(part, self._deadtime)
            await self.motion.start(part)
            if self.internal:
                await asyncio.gather(*(detector.start() for detector in self.detectors))
            await self._frames.wait_for(part, self.segment.ahead, self._exposure)
            self.segment.part_start = part.stop

    async def _expected(self) -> int | None:
        if (row := self.segment.armed_row) is None:
            return self.segment.row
        sent = await self.triggers.sent()
        return None if sent is None or self.internal else row + sent

    def _lost_beam(self) -> bool:
        return self.beam is not None and self.beam.good_until is not None

    async def _flush(self) -> None:
        await asyncio.gather(*(detector.frame_count.flush(self.timing.step) for detector in self.detectors))

    async def interrupt(self, reason: str) -> None:
        """Stop a flight in the right order and keep it ready to go on; never raises, faults end the flight."""
        async with self._lock:
            if self.state not in IN_FLIGHT:
                return
            self.machine.to(FlyState.STOPPING)
            await self._end_task()
            if faults := await self._halt(reason):
                log.error("%s: %s", reason, "; ".join(map(str, faults)))
                self.machine.to(FlyState.FAILED)
                self._finish(FlyScanError("; ".join(map(str, faults))))
            else:
                self.machine.to(FlyState.PAUSED)

    async def _end_task(self) -> None:
        task = self._task
        while task is not None and task is not asyncio.current_task() and not task.done():
            # Again and again: a wait that is over in the same moment takes a cancellation away, and goes on.
            task.cancel()
            await asyncio.wait({task}, timeout=0.05)

    async def _halt(self, reason: str) -> list[FlyScanError]:
        """Stop everything, and record what there is; give what went wrong."""
        ended = await self._stopping.run(self.segment.row, self._exposure, reason == FAILURE)
        await self._frames.unwatch()
        rows = self.files.rows
        intact = reason != FAILURE and not ended.faults
        try:
            if intact and (self.internal or (ended.unclear and reason == PAUSE)):
                await self._level(ended.unclear)
            await self.segment.close(reason, ended.whole, rows, cut=intact, sure=intact and not ended.unclear)
        except Exception as error:
            ended.faults.append(FlyScanError(f"detectors could not be synchronised: {error}"))
        return ended.faults

    async def _level(self, unclear: Sequence[FlyScanError]) -> None:
        """Let detectors take surplus frames, so that all have as many rows as the one with most.

        :param unclear: why this is needed, if detectors do not time their own frames; told if one cannot.
        """
        most = max(
            -(-detector.frame_count.collections // detector.collections_per_event) for detector in self.detectors
        )
        lacking = {one: most * one.collections_per_event - one.frame_count.collections for one in self.detectors}
        if unclear:
            log.warning("frames are taken again from %d on: %s", self.segment.part_start, "; ".join(map(str, unclear)))
            if any(lack and not one.tops_up for one, lack in lacking.items()):
                raise FlyScanError("; ".join(map(str, unclear)))
        async with asyncio.timeout(self.timing.step + self._exposure):
            await asyncio.gather(*(one.top_up(lack) for one, lack in lacking.items()))
        await self._flush()

    async def _fail(self, error: Exception) -> None:
        self.machine.to(FlyState.FAILED)
        others = [f"besides, {fault}" for fault in await self._halt(FAILURE)]
        text = str(error) if isinstance(error, FlyScanError) else f"the flight failed: {why(error)}"
        told = FlyScanError(with_findings(text, others))
        told.__cause__ = error.__cause__ if isinstance(error, FlyScanError) else error
        self._finish(told)

    def _finish(self, error: Exception | None) -> None:
        if self.finished is not None and not self.finished.done():
            self.finished.set_exception(error) if error is not None else self.finished.set_result(None)

    async def stop(self, error: Exception | None = None) -> None:
        """End the flight before its last frame."""
        if self.state is FlyState.FAILED and self._task is not None:
            await asyncio.wait({self._task})
        await self.interrupt(STOP)
        if self.state in (FlyState.PAUSED, FlyState.ARMED):
            self.machine.to(FlyState.STOPPED)
        self._finish(error)

    async def end(self) -> None:
        """Stop whatever goes on and give everything back, files included."""
        await self.stop()
        await self._frames.unwatch()
        if self.beam is not None:
            self.beam.end()
