"""The one device that a RunEngine flies: it owns detectors, triggers and motion.

ADR 0021 rules here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, Generic

from bluesky.protocols import (
    Collectable,
    Flyable,
    HasHints,
    Hints,
    Pausable,
    Preparable,
    Reading,
    Stageable,
    Stoppable,
    StreamAsset,
    WritesStreamAssets,
)
from bluesky.utils import NoReplayAllowed
from event_model import DataKey
from ophyd_async.core import (
    AsyncConfigurable,
    AsyncStatus,
    Device,
    StandardDetector,
    WatchableAsyncStatus,
    WatcherUpdate,
)

from beamwright_runtime.documents import SEGMENTS, Role
from beamwright_runtime.errors import FlyScanError
from beamwright_runtime.fly.beam_watch import BeamWatch
from beamwright_runtime.fly.detectors.collector import Collector
from beamwright_runtime.fly.detectors.emission import EAGER, Emission, Surplus
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector
from beamwright_runtime.fly.detectors.scan_files import ScanFiles
from beamwright_runtime.fly.diagnosis import why
from beamwright_runtime.fly.flight_run import PAUSE, FlightRun, log
from beamwright_runtime.fly.flight_settings import Flight, Timing
from beamwright_runtime.fly.fly_state import IN_FLIGHT, REPLAYED, FlyState
from beamwright_runtime.fly.motion.motor_motion import MotionLogic
from beamwright_runtime.fly.scan import AxisT, axis_name
from beamwright_runtime.fly.segment_log import SegmentLog
from beamwright_runtime.fly.triggers.trigger_logic import SoftwareTriggers, TriggerLogic


class FlyScanner(
    Device,
    Stageable,
    Preparable,
    Flyable,
    Collectable,
    WritesStreamAssets,
    Pausable,
    Stoppable,
    AsyncConfigurable,
    HasHints,
    Generic[AxisT],
):
    """Flies scans that pause, resume and rewind, and loses, repeats and misplaces no frame.

    Give plans this device alone: neither its detectors nor its axes may be staged, set or flown beside it.

    :param detectors: that write streams; one with another rate than the others as a `FlownDetector`.
    :param motion: moves the axes.
    :param triggers: start the frames; by default detectors time their own.
    :param beam: tells which frames had beam; without it, all had.
    :param emission: how far documents stay behind the files.
    :param surplus: what becomes of rows whose frames are taken again.
    :param timing: how long to wait for what.
    :param name: what the device is called in documents.
    :raises ValueError: if there is no detector, or rows are to be overwritten that documents already describe.
    """

    def __init__(
        self,
        detectors: Sequence[StandardDetector | FlownDetector],
        motion: MotionLogic[AxisT],
        triggers: TriggerLogic[AxisT] | None = None,
        *,
        beam: BeamWatch | None = None,
        emission: Emission = EAGER,
        surplus: Surplus = Surplus.APPEND,
        timing: Timing | None = None,
        name: str = "scanner",
    ) -> None:
        if not detectors:
            raise ValueError("a scanner needs a detector")
        if surplus is Surplus.OVERWRITE and emission == EAGER:
            raise ValueError("only rows without documents can be overwritten: give an Emission that stays behind")
        self.emission = emission
        self.surplus = surplus
        self.segments = SegmentLog()
        self._timing = timing or Timing()
        flown = [one if isinstance(one, FlownDetector) else FlownDetector(one) for one in detectors]
        self._collector = Collector(flown, self._emitted_until, self._growing, self._timing.step)
        files = ScanFiles(flown, surplus, self._collector, self._timing.step)
        self._run = FlightRun(flown, motion, triggers or SoftwareTriggers(), beam, self._timing, self.segments, files)
        self._asked = 0
        self.interruptions = 0
        """How often a RunEngine has paused it, in whatever state."""
        self._described: frozenset[str] = frozenset()
        super().__init__(name=name)

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        """Name the device; the stream of segments has a name of its own.

        :param name: of the device.
        :param child_name_separator: between the names of the device and of a child.
        """
        super().set_name(name, child_name_separator=child_name_separator)
        self.segments.set_name(SEGMENTS)

    @property
    def axes(self) -> Sequence[AxisT]:
        """The axes that it moves."""
        return self._run.motion.axes

    @property
    def state(self) -> FlyState:
        """What it does."""
        return self._run.state

    @property
    def owes_documents(self) -> bool:
        """Whether there is something to collect."""
        return self._collector.behind or self.segments.has_pending

    @property
    def frames_done(self) -> int:
        """The scan index behind the last frame that is on disk."""
        return self._run.frames

    def detector_facts(self) -> dict[str, Any]:
        """Return, for the start document, the detectors and how many collections each frame has, as plain data."""
        return {one.name: {"collections_per_event": one.collections_per_event} for one in self._run.detectors}

    @property
    def roles(self) -> dict[str, Role]:
        """What each detector and each axis is, by name."""
        roles: dict[str, Role] = {one.name: one.role for one in self._run.detectors}
        for axis in self.axes:
            roles[axis_name(axis)] = "axis"
        return roles

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Stop everything and begin with no files.

        :raises ScanRefusedError: if a detector cannot do what is to become of surplus rows.
        """
        self._run.files.check()
        await self._run.end()
        await asyncio.gather(self._run.triggers.gate(), self._run.motion.stop())
        await asyncio.gather(*(one.detector.stage() for one in self._run.detectors))
        for one in self._run.detectors:
            one.frame_count.forget()
        self._collector.clear()
        self._run.files.clear()
        self.segments.clear()
        self._run.progress.restart(0)
        self._run.machine.to(FlyState.STAGED)

    @AsyncStatus.wrap
    async def prepare(self, value: Flight[AxisT]) -> None:
        """Check a flight and arm the detectors for it; nothing moves yet. May be repeated.

        :param value: the flight.
        :raises ScanRefusedError: if it cannot be flown, with the reason.
        """
        await self._run.prepare(value)

    @AsyncStatus.wrap
    async def kickoff(self) -> None:
        """Start the flight: move to its start and go. May be repeated."""
        self._run.kickoff()

    def complete(self) -> WatchableAsyncStatus[int]:
        """Wait until every frame of the flight is on disk and flushed, over any pauses; may be asked repeatedly.

        Reports the frames on disk. If the flight fails, the status asked for last does.

        :returns: a status that counts the frames on disk.
        """
        finished = self._run.finished
        if finished is None:
            raise FlyScanError(f"{self.name} is {self.state.value}: nothing was kicked off")
        self._asked += 1
        return WatchableAsyncStatus(self._complete(finished, self._asked), name=self.name)

    async def _complete(self, finished: asyncio.Future[None], asked: int) -> AsyncIterator[WatcherUpdate[int]]:
        flight = self._run.flight
        assert flight is not None
        began = time.monotonic()
        told = -1
        while not finished.done():
            await asyncio.wait({finished}, timeout=0.1)
            if (frames := self._run.frames) != told:
                told = frames
                yield WatcherUpdate(
                    name=self.name,
                    current=frames,
                    initial=flight.start,
                    target=flight.stop,
                    unit="frames",
                    precision=0,
                    time_elapsed=time.monotonic() - began,
                )
        if finished.exception() is not None and asked == self._asked:
            finished.result()

    async def pause(self) -> None:
        """Stop the flight in the right order, ready to go on; nothing moves and nothing triggers afterwards.

        :raises NoReplayAllowed: once a flight is prepared: it is not repeated, it goes on.
        """
        self.interruptions += 1
        if self.state in REPLAYED:
            return
        # A second request to stop, which cancels this one, must not leave half of it undone.
        await asyncio.shield(asyncio.create_task(self._run.interrupt(PAUSE)))
        raise NoReplayAllowed

    async def resume(self) -> None:
        """Resume a paused flight at the frame where it was stopped; `complete` raises what goes wrong.

        :raises ScanRefusedError: if what is left cannot be flown any more; it stays paused, and may be asked again.
        """
        await self._run.check()
        self._run.resume()

    async def stop(self, success: bool = True) -> None:
        """End the flight before its last frame; `complete` then ends, with an error unless this is a success.

        :param success: whether the plan ends well.
        """
        if success and self._run.finished is not None and not self._run.finished.done():
            # Whoever stops has a reason of its own, which what goes wrong on the way must not replace.
            self._asked += 1
        error = None if success else FlyScanError(f"{self.name} was stopped")
        # As in `pause`: nothing that cancels this one may leave half of it undone.
        await asyncio.shield(asyncio.create_task(self._run.stop(error)))

    @AsyncStatus.wrap
    async def unstage(self) -> None:
        """Stop everything, close the files and put back what was changed for the scan.

        What goes wrong after a flight has failed is logged: the reason to tell is that of the failure.
        """
        await self._run.end()
        failed = self.state is FlyState.FAILED
        ended = await self._together(
            {
                "the triggers": self._run.triggers.gate(),
                "the axes": self._run.motion.stop(),
                **{one.name: one.detector.unstage() for one in self._run.detectors},
            }
        )
        ended += await self._together(
            {"the axes": self._run.motion.release(), "the triggers": self._run.triggers.release()}
        )
        self._run.machine.to(FlyState.IDLE)
        if ended and not failed:
            raise FlyScanError("; ".join(ended))
        for text in ended:
            log.error("%s had failed: %s", self.name, text)

    async def _together(self, ending: Mapping[str, Awaitable[object]]) -> list[str]:
        """End what is named, each within the time of a step; tell what went wrong."""
        within = (asyncio.wait_for(one, self._timing.step) for one in ending.values())
        done = await asyncio.gather(*within, return_exceptions=True)
        pairs = zip(ending, done, strict=True)
        return [f"{name} did not end well ({why(error)})" for name, error in pairs if isinstance(error, BaseException)]

    def _growing(self) -> bool:
        return self.state in IN_FLIGHT

    def _emitted_until(self) -> int:
        run, emission = self._run, self.emission
        rows = run.files.rows
        if emission == EAGER or not (self._growing() or self.state is FlyState.STOPPING):
            return rows
        if self.state is FlyState.STOPPING:
            # Which of the last rows are valid is not decided yet.
            return min(rows, self._collector.promised)
        behind = min(rows - emission.frames, run.progress.before(time.monotonic() - emission.seconds))
        lost = run.beam.good_until if run.beam is not None else None
        return behind if lost is None else min(behind, run.progress.before(lost))

    async def get_index(self) -> int:
        """Return how many rows may be published in documents."""
        return self._emitted_until()

    async def collect_asset_docs(self, index: int | None = None) -> AsyncIterator[StreamAsset]:
        """Make the documents of new rows, of all detectors or of none.

        :param index: the row up to which to make them; all that may be published by default.
        :raises FlyScanError: if a detector cannot flush or describe them, naming it.
        """
        for document in await self._collector.collect():
            yield document

    async def describe_collect(self) -> dict[str, DataKey]:
        """Describe what all detectors write.

        :returns: the data keys of all detectors, by name.
        """
        described = await _merged([one.detector.describe_collect() for one in self._run.detectors])
        self._described = frozenset(described)
        return described

    async def describe_configuration(self) -> dict[str, DataKey]:
        """Describe the configuration of the detectors and the axes."""
        return await _merged([one.describe_configuration() for one in self._configured()])

    async def read_configuration(self) -> dict[str, Reading[Any]]:
        """Read the configuration of the detectors and the axes."""
        return await _merged([one.read_configuration() for one in self._configured()])

    def _configured(self) -> list[AsyncConfigurable]:
        parts: list[object] = [*(one.detector for one in self._run.detectors), *self.axes]
        return [one for one in parts if isinstance(one, AsyncConfigurable)]

    @property
    def hints(self) -> Hints:
        """What of the detectors to show first; not what they read once for each exposure, which flights have not."""
        fields = [field for one in self._run.detectors for field in one.detector.hints.get("fields", [])]
        return Hints(fields=[field for field in fields if field in self._described])


async def _merged(parts: Sequence[Any]) -> dict[str, Any]:
    return {key: value for part in await asyncio.gather(*parts) for key, value in part.items()}
