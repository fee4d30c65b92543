"""Detectors in a flight: ophyd-async's, driven through their own methods and logics, with files left open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from math import prod

from bluesky.protocols import StreamAsset
from ophyd_async.core import (
    DetectorDataLogic,
    DetectorTrigger,
    SignalR,
    SignalW,
    StandardDetector,
    StreamableDataProvider,
    StreamResourceDataProvider,
    TriggerInfo,
    observe_signals_value,
    wait_for_value,
)

from beamwright_runtime.fly.complaints import complaints_of, why, with_complaints
from beamwright_runtime.fly.emission import Overwrites
from beamwright_runtime.fly.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.scan import AxisT, Points
from beamwright_runtime.nexus.vocabulary import Role

NO_TIMEOUT = 1e9
"""Seconds: the scanner has timers of its own, which stand still while it is paused."""
FRESH = 5.0
"""Seconds until a detector that has opened a file counts from 0."""


class FlownDetector:
    """A detector of a scanner, and how often it collects.

    :param detector: any of ophyd-async's detectors that write streams.
    :param collections_per_event: collections in each frame of the scan; of a fast detector more than one.
    :param exposures_per_collection: exposures that the detector adds up to one collection.
    :param trigger: how it takes the triggers, if not as the source of triggers is made for: a PandA that captures at
        the pulses of a position compare takes them as levels, a camera at a sequencer may take them as edges.
    :param deadtime: seconds that it needs from one exposure to the next, if it does not tell.
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
        self.changed_at = 0.0
        self.safe = 0
        """Whole frames that were flushed, as last done."""
        self.flushed_at = 0.0
        self.fault: FlyScanError | None = None
        """What its counters have shown to be wrong."""
        self._livetime = self._deadtime = 0.0
        self._counted: dict[SignalR[int], int] = {}
        self._rows_before = 0
        self._unopened = True
        self._begun = 0
        self._flushes: list[SignalW[bool]] = []
        self._flushing: asyncio.Future[list[None]] | None = None
        self._flush_turn = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detector.name

    @property
    def _providers(self) -> tuple[StreamableDataProvider, ...]:
        # ophyd-async tells whole events only, and waits for frames with a timer that a pause would run out.
        context = self.detector._prepare_ctx
        return tuple(context.streamable_data_providers) if context is not None and not self._unopened else ()

    @property
    def _writing(self) -> list[DetectorDataLogic]:
        logics = self.detector._data_logics
        return [one for one in logics if type(one).prepare_unbounded is not DetectorDataLogic.prepare_unbounded]

    @property
    def cannot_overwrite(self) -> str:
        """Which kind of its data logics cannot set its file back, if any."""
        return next((type(one).__name__ for one in self._writing if not isinstance(one, Overwrites)), "")

    def writes_over_itself(self) -> bool:
        """Tell whether a second file would have the name of the first; asks for two names."""
        for logic in self._writing:
            if (paths := getattr(logic, "path_provider", None)) is not None:
                first, second = (paths(self.name + logic.datakey_suffix) for _ in range(2))
                if (first.directory_path, first.filename) == (second.directory_path, second.filename):
                    return True
        return False

    @property
    def collections(self) -> int:
        """Collections on disk, in all files, as last told."""
        return self._rows_before * self.collections_per_event + min(self._counted.values(), default=0)

    @property
    def rows(self) -> int:
        """Whole frames on disk, as last told."""
        return self.collections // self.collections_per_event

    @property
    def partial(self) -> int:
        """Collections of a frame that is not whole."""
        return self.collections % self.collections_per_event

    async def deadtime(self, trigger: DetectorTrigger) -> float:
        """Tell how many seconds must be left between exposures.

        :raises ScanRefusedError: if edges start them, and nobody knows.
        """
        needs = (await self.detector.get_trigger_deadtime())[1] if self._needs is None else self._needs
        if needs is None and (self.trigger or trigger) is DetectorTrigger.EXTERNAL_EDGE:
            raise ScanRefusedError(f"{self.name} does not tell what it needs between exposures: give it a deadtime")
        return needs or 0.0

    async def arm(self, trigger: DetectorTrigger, frames: Points[AxisT], deadtime: float) -> None:
        """Prepare for the frames; a detector that is triggered waits for triggers then, in the file that is open.

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
        self._take_flushes()
        await self._count_from_0()
        await self.count()
        self.flushed_at = time.monotonic()
        if not self._providers:
            raise ScanRefusedError(f"{self.name} writes no stream, so it cannot fly")

    def _take_flushes(self) -> None:
        """Flush ourselves: documents of rows that are safe can then be made when the writer no longer answers."""
        context = self.detector._prepare_ctx
        for provider in context.streamable_data_providers if context is not None else ():
            if isinstance(provider, StreamResourceDataProvider) and (flush := provider.flush_signal) is not None:
                provider.flush_signal = None
                self._flushes = [*(one for one in self._flushes if one is not flush), flush]

    async def start(self) -> None:
        """Have a detector that times its own frames start."""
        await self.detector.kickoff()

    async def disarm(self) -> None:
        """Stop acquiring; the file stays open."""
        if (acquire := self.detector._acquire_logic) is not None:
            await acquire.ensure_stopped()

    @property
    def tops_up(self) -> bool:
        """Whether it can take frames without triggers from outside."""
        supported = self.detector._supported_triggers
        return DetectorTrigger.INTERNAL in supported and self.detector._trigger_logic is not None

    async def set_back(self, rows: int) -> None:
        """Have the rows behind a number of rows written over.

        :raises FlyScanError: if it then counts otherwise.
        """
        # Counts that are asked for meanwhile must not be taken for those of a restart.
        self._begin(self._rows_before, unopened=False)
        for logic in self._writing:
            assert isinstance(logic, Overwrites), "a scanner is refused whose detectors cannot overwrite"
            await logic.set_back((rows - self._rows_before) * self.collections_per_event)
        self._begin(self._rows_before, unopened=False)
        await self.count()
        if self.collections != rows * self.collections_per_event:
            raise FlyScanError(f"{self.name} was set back to {rows} rows, but tells of {self.rows}")
        self.safe = rows

    async def close_file(self) -> None:
        """Close the file, so that a new one is opened when it is armed next; may be repeated."""
        await self.unwatch()
        self._begin(self.rows, unopened=True)
        self.safe = self.rows
        await asyncio.gather(*(logic.stop() for logic in self._writing))
        # ophyd-async opens a file where there is no context.
        self.detector._prepare_ctx = None

    async def _count_from_0(self) -> None:
        context = self.detector._prepare_ctx
        if not self._unopened or context is None:
            return
        for provider in context.streamable_data_providers:
            # A count is another channel than the switch that opens the file, and may come later.
            try:
                await wait_for_value(provider.collections_written_signal, 0, FRESH)
            except TimeoutError:
                raise FlyScanError(f"{self.name} does not count from 0 in a new file") from None
        context.collections_written = 0
        self._unopened = False

    async def top_up(self, collections: int) -> None:
        """Take collections that nobody wants, so that the file has as many rows as those of other detectors."""
        logic, acquire = self.detector._trigger_logic, self.detector._acquire_logic
        if collections and logic is not None and acquire is not None:
            await logic.prepare_internal(collections * self.exposures_per_collection, self._livetime, self._deadtime)
            await acquire.start_acquiring()
            await acquire.wait_for_idle()
            await self.count()

    async def count(self) -> None:
        """Read how much is on disk.

        :raises FlyScanError: if it is less than before.
        """
        begun, before = self._begun, self._counted
        signals = [provider.collections_written_signal for provider in self._providers]
        # Not what a subscription was told last, which stays when an IOC is gone.
        values = await asyncio.gather(*(signal.get_value(cached=False) for signal in signals))
        if begun != self._begun:
            return
        for signal, value in zip(signals, values, strict=True):
            if value < before.get(signal, 0) and self.fault is None:
                # What was safe stays so: the file that was written has those rows.
                self.fault = FlyScanError(
                    f"{self.name} counts {value} after {before[signal]} ({signal.source}): "
                    "its IOC or its writer was restarted"
                )
        self._note(dict(zip(signals, values, strict=True)))
        if self.fault is not None:
            raise self.fault

    def _note(self, counted: dict[SignalR[int], int]) -> None:
        """Take what is told into account; what was asked for may come later than what was told since."""
        before = self._counted
        self._counted = before | {signal: max(value, before.get(signal, 0)) for signal, value in counted.items()}
        if self._counted != before:
            self.changed_at = time.monotonic()

    def _begin(self, rows_before: int, unopened: bool) -> None:
        """Count anew; counts that were asked for until now are of no interest."""
        self._counted, self._rows_before, self._unopened = {}, rows_before, unopened
        self._begun += 1

    async def watch(self, changed: Callable[[], None]) -> None:
        """Follow what is on disk from now on, and call back at each change."""
        await self.unwatch()
        self._watch = asyncio.create_task(self._follow(changed))

    async def _follow(self, changed: Callable[[], None]) -> None:
        signals = [provider.collections_written_signal for provider in self._providers]
        async for signal, value in observe_signals_value(*signals):
            if value < self._counted.get(signal, 0):
                # Told late, after it was read, or the writer begins anew.
                with suppress(Exception):
                    await self.count()
            self._note({signal: value})
            changed()

    async def unwatch(self) -> None:
        """Follow no longer."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})

    async def flush(self, timeout: float) -> None:
        """Count, and have everything that is counted readable in the file.

        :param timeout: seconds that it may take.
        :raises FlyScanError: if that cannot be, naming the detector.
        """
        try:
            async with asyncio.timeout(timeout), self._flush_turn:
                await self._earlier_flush()
                await self.count()
                rows = self.rows
                self._flushing = asyncio.gather(*(flush.set(True, timeout=None) for flush in self._flushes))
                await asyncio.shield(self._flushing)
                self.safe, self.flushed_at = rows, time.monotonic()
        except FlyScanError:
            raise
        except Exception as error:
            told = f"in {timeout:g} s" if isinstance(error, TimeoutError) else f"({why(error)})"
            raise await self.broken(f"{self.name} did not flush what it wrote {told}", armed=False) from error

    async def _earlier_flush(self) -> None:
        # A server of CA that is asked again before it has answered makes the whole connection wait for a minute.
        if self._flushing is not None and not self._flushing.done():
            await asyncio.wait({self._flushing})

    async def broken(self, text: str, armed: bool) -> FlyScanError:
        """Make an error of what was seen and what the detector itself says.

        :param armed: whether it should be armed.
        """
        counters = [provider.collections_written_signal for provider in self._providers]
        return FlyScanError(with_complaints(text, await complaints_of(self.detector, counters, armed)))

    async def documents(self, rows: int) -> list[StreamAsset]:
        """Make the documents of rows not made known yet, up to a number of rows.

        :raises FlyScanError: if they cannot be made, naming the detector.
        """
        try:
            return [document async for document in self.detector.collect_asset_docs(rows - self._rows_before)]
        except Exception as error:
            raise FlyScanError(f"{self.name} cannot describe what it wrote: {error}") from error

    def forget(self) -> None:
        """Begin with nothing on disk."""
        self._begin(0, unopened=True)
        self._flushes = []
        self.safe = 0
        self.fault = None
