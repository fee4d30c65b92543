"""Detectors in a flight: ophyd-async's, driven through their own methods and logics, with files left open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import prod

from bluesky.protocols import StreamAsset
from ophyd_async.core import (
    DetectorDataLogic,
    DetectorTrigger,
    StandardDetector,
    StreamableDataProvider,
    TriggerInfo,
)

from beamwright_runtime.documents import Role
from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.detectors.emission import Overwrites
from beamwright_runtime.fly.detectors.frame_count import FrameCount
from beamwright_runtime.fly.scan import AxisT, Points
from beamwright_runtime.ophyd_seam import count_from_zero, forget_files, logics_of, open_streams, triggers_of

NO_TIMEOUT = 1e9
"""Seconds: the scanner has timers of its own, which stand still while it is paused."""


class FlownDetector:
    """A detector of a scanner, and how often it collects.

    :param detector: any of ophyd-async's detectors that write streams.
    :param collections_per_event: collections in each frame of the scan; of a fast detector more than one.
    :param exposures_per_collection: exposures that the detector adds up to one collection.
    :param trigger: how it takes the triggers, if not as the source of triggers is made for: a PandA that captures at
        the pulses of a position compare takes them as levels, a camera at a sequencer may take them as edges.
    :param deadtime: seconds that it needs from one exposure to the next, if it does not say.
    :param role: "monitor" for one that measures the beam and not the sample.
    """

    def __init__(
        self,
        detector: StandardDetector,
        collections_per_event: int = 1,
        exposures_per_collection: int = 1,
        trigger: DetectorTrigger | None = None,
        deadtime: float | None = None,
        role: Role = "detector",
    ) -> None:
        self.detector = detector
        self.collections_per_event = collections_per_event
        self.exposures_per_collection = exposures_per_collection
        self.trigger = trigger
        self._needs = deadtime
        self.role: Role = role
        self.frame_count = FrameCount(detector, self._streams, collections_per_event)
        self._livetime = self._deadtime = 0.0

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detector.name

    def _streams(self) -> Sequence[StreamableDataProvider]:
        return open_streams(self.detector)

    @property
    def _writing(self) -> list[DetectorDataLogic]:
        logics = logics_of(self.detector).data
        return [one for one in logics if type(one).prepare_unbounded is not DetectorDataLogic.prepare_unbounded]

    @property
    def cannot_overwrite(self) -> str:
        """Which kind of its data logics cannot set its file back, if any."""
        return next((type(one).__name__ for one in self._writing if not isinstance(one, Overwrites)), "")

    def writes_over_itself(self) -> bool:
        """Return whether a second file would have the name of the first; the path provider is asked for two."""
        for logic in self._writing:
            if (paths := getattr(logic, "path_provider", None)) is not None:
                first, second = (paths(self.name + logic.datakey_suffix) for _ in range(2))
                if (first.directory_path, first.filename) == (second.directory_path, second.filename):
                    return True
        return False

    async def deadtime(self, trigger: DetectorTrigger) -> float:
        """Return the dead time between exposures, in seconds.

        :param trigger: what starts the exposures.
        :raises ScanRefusedError: if edges start them, and nobody knows.
        """
        needs = (await self.detector.get_trigger_deadtime())[1] if self._needs is None else self._needs
        if needs is None and (self.trigger or trigger) is DetectorTrigger.EXTERNAL_EDGE:
            raise ScanRefusedError(f"{self.name} does not say its dead time between exposures: give it a deadtime")
        return needs or 0.0

    async def arm(self, trigger: DetectorTrigger, frames: Points[AxisT], deadtime: float) -> None:
        """Prepare for the frames; a detector that is triggered waits for triggers then, in the file that is open.

        :param trigger: what starts the exposures.
        :param frames: of the flight.
        :param deadtime: seconds that must be left between exposures.
        :raises ScanRefusedError: if the detector cannot be exposed as the frames need it.
        """
        trigger = self.trigger or trigger
        timed = trigger is not DetectorTrigger.EXTERNAL_LEVEL
        livetime = 0.0
        if timed:
            if float(frames.duration.max() - frames.duration.min()) > 1e-9:
                raise ScanRefusedError(f"{self.name} times its own exposures, which cannot differ within a flight")
            exposures = prod((self.collections_per_event, self.exposures_per_collection))
            livetime = float(frames.duration[0]) / exposures - deadtime
            if livetime <= 0:
                left = frames.duration[0] / exposures
                raise ScanRefusedError(f"{self.name} needs {deadtime:g} s between exposures, which last {left:g} s")
        info = TriggerInfo(
            trigger=trigger,
            livetime=livetime,
            deadtime=deadtime if trigger is DetectorTrigger.INTERNAL else 0.0,
            exposures_per_collection=self.exposures_per_collection,
            collections_per_event=self.collections_per_event,
            number_of_events=len(frames),
            exposure_timeout=NO_TIMEOUT,
        )
        self._livetime, self._deadtime = livetime, info.deadtime
        await self.detector.prepare(info)
        if not self.frame_count.is_open:
            count_from_zero(self.detector)
        await self.frame_count.open()

    async def start(self) -> None:
        """Start a detector that times its own frames."""
        await self.detector.kickoff()

    async def disarm(self) -> None:
        """Stop acquiring; the file stays open."""
        if (acquire := logics_of(self.detector).acquire) is not None:
            await acquire.ensure_stopped()

    @property
    def tops_up(self) -> bool:
        """Whether it can take frames without triggers from outside."""
        return DetectorTrigger.INTERNAL in triggers_of(self.detector) and logics_of(self.detector).trigger is not None

    async def set_back(self, rows: int) -> None:
        """Set the file back, so that the rows beyond a number of rows are written over.

        :param rows: that stay, counted over the run.
        :raises FlyScanError: if it then counts otherwise.
        """
        # Counts that are asked for meanwhile must not be taken for those of a restart.
        self.frame_count.recount()
        for logic in self._writing:
            assert isinstance(logic, Overwrites), "a scanner is refused whose detectors cannot overwrite"
            await logic.set_back((rows - self.frame_count.rows_before) * self.collections_per_event)
        await self.frame_count.check_set_back(rows)

    async def close_file(self) -> None:
        """Close the file, so that a new one is opened when it is armed next; may be repeated."""
        await self.frame_count.close()
        await asyncio.gather(*(logic.stop() for logic in self._writing))
        forget_files(self.detector)

    async def top_up(self, collections: int) -> None:
        """Take surplus collections, so that the file has as many rows as those of the other detectors.

        :param collections: how many to take.
        """
        logic, acquire, _ = logics_of(self.detector)
        if collections and logic is not None and acquire is not None:
            await logic.prepare_internal(collections * self.exposures_per_collection, self._livetime, self._deadtime)
            await acquire.start_acquiring()
            await acquire.wait_for_idle()
            await self.frame_count.count()

    async def documents(self, rows: int) -> list[StreamAsset]:
        """Make the documents of rows not made known yet, up to a number of rows.

        :param rows: counted over the run.
        :returns: resources and data, in the order they are emitted.
        :raises FlyScanError: if they cannot be made, naming the detector.
        """
        try:
            return [
                document async for document in self.detector.collect_asset_docs(rows - self.frame_count.rows_before)
            ]
        except Exception as error:
            raise FlyScanError(f"{self.name} cannot describe what it wrote: {error}") from error
