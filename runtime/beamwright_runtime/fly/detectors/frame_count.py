"""What a detector has written: how many collections are on disk, and how many of them can be read.

ADR 0022 rules here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ophyd_async.core import (
    SignalR,
    SignalW,
    StandardDetector,
    StreamableDataProvider,
    StreamResourceDataProvider,
    observe_signals_value,
    wait_for_value,
)

from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.diagnosis import diagnose_detector, why, with_findings

FRESH = 5.0
"""Seconds until a detector that has opened a file counts from 0."""


class FrameCount:
    """Counts what a detector writes, over all of its files, and flushes it.

    :param detector: that writes.
    :param streams: tells what it writes to, as prepared last.
    :param collections_per_event: collections in each frame.
    """

    def __init__(
        self,
        detector: StandardDetector,
        streams: Callable[[], Sequence[StreamableDataProvider]],
        collections_per_event: int,
    ) -> None:
        self._detector = detector
        self._streams = streams
        self._each = collections_per_event
        self.rows_before = 0
        """Rows in files that were closed."""
        self.changed_at = 0.0
        self.safe = 0
        """Whole frames that were flushed, as last done."""
        self.flushed_at = 0.0
        self.fault: FlyScanError | None = None
        """What the counters have shown to be wrong."""
        self.is_open = False
        """Whether there is a file that counts from 0, or has."""
        self._counted: dict[SignalR[int], int] = {}
        self._begun = 0
        self._flushes: list[SignalW[bool]] = []
        self._flushing: asyncio.Future[list[None]] | None = None
        self._flush_turn = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def collections(self) -> int:
        """Collections on disk, in all files, as last told."""
        return self.rows_before * self._each + min(self._counted.values(), default=0)

    @property
    def rows(self) -> int:
        """Whole frames on disk, as last told."""
        return self.collections // self._each

    @property
    def partial(self) -> int:
        """Collections of a frame that is not whole."""
        return self.collections % self._each

    @property
    def _counters(self) -> list[SignalR[int]]:
        # ophyd-async tells whole events only, and waits for frames with a timer that a pause would run out.
        return [one.collections_written_signal for one in self._streams()] if self.is_open else []

    async def open(self) -> None:
        """Count what is written from now on, to a new file or to the one that is open.

        :raises FlyScanError: if a new file does not count from 0.
        :raises ScanRefusedError: if nothing is written.
        """
        self._own_flushes()
        for provider in () if self.is_open else self._streams():
            # A count is another channel than the switch that opens the file, and may come later.
            try:
                await wait_for_value(provider.collections_written_signal, 0, FRESH)
            except TimeoutError:
                raise FlyScanError(f"{self._detector.name} does not count from 0 in a new file") from None
        self.is_open = True
        await self.count()
        self.flushed_at = time.monotonic()
        if not self._counters:
            raise ScanRefusedError(f"{self._detector.name} writes no stream, so it cannot fly")

    def _own_flushes(self) -> None:
        """Flush ourselves: documents of rows that are safe can then be made when the writer no longer answers."""
        for provider in self._streams():
            if isinstance(provider, StreamResourceDataProvider) and (flush := provider.flush_signal) is not None:
                provider.flush_signal = None
                self._flushes = [*(one for one in self._flushes if one is not flush), flush]

    def _begin(self, rows_before: int, is_open: bool) -> None:
        """Count anew; counts that were asked for until now are of no interest."""
        self._counted, self.rows_before, self.is_open = {}, rows_before, is_open
        self._begun += 1

    def recount(self) -> None:
        """Count the open file anew: it may tell of less than before, as one does that is set back."""
        self._begin(self.rows_before, is_open=True)

    async def check_set_back(self, rows: int) -> None:
        """Check that a file was set back to the right row.

        :raises FlyScanError: if it counts otherwise.
        """
        self.recount()
        await self.count()
        if self.collections != rows * self._each:
            raise FlyScanError(f"{self._detector.name} was set back to {rows} rows, but reports {self.rows}")
        self.safe = rows

    async def close(self) -> None:
        """Count what comes next in a new file; may be repeated."""
        await self.unwatch()
        self._begin(self.rows, is_open=False)
        self.safe = self.rows
        self._flushes = []

    def forget(self) -> None:
        """Begin with nothing on disk."""
        self._begin(0, is_open=False)
        self._flushes = []
        self.safe = 0
        self.fault = None

    async def count(self) -> None:
        """Read how much is on disk.

        :raises FlyScanError: if it is less than before.
        """
        begun, before, signals = self._begun, self._counted, self._counters
        # Not what a subscription was told last, which stays when an IOC is gone.
        values = await asyncio.gather(*(signal.get_value(cached=False) for signal in signals))
        if begun != self._begun:
            return
        for signal, value in zip(signals, values, strict=True):
            if value < before.get(signal, 0) and self.fault is None:
                # What was safe stays so: the file that was written has those rows.
                self.fault = FlyScanError(
                    f"{self._detector.name} counts {value} after {before[signal]} ({signal.source}): "
                    "its IOC or its writer was restarted"
                )
        self._merge(dict(zip(signals, values, strict=True)))
        if self.fault is not None:
            raise self.fault

    def _merge(self, counted: dict[SignalR[int], int]) -> None:
        """Merge new counts; a value that was read may arrive later than a newer update."""
        before = self._counted
        self._counted = before | {signal: max(value, before.get(signal, 0)) for signal, value in counted.items()}
        if self._counted != before:
            self.changed_at = time.monotonic()

    async def watch(self, changed: Callable[[], None]) -> None:
        """Follow what is on disk from now on, and call back at each change."""
        await self.unwatch()
        self._watch = asyncio.create_task(self._follow(changed))

    async def _follow(self, changed: Callable[[], None]) -> None:
        async for signal, value in observe_signals_value(*self._counters):
            if value < self._counted.get(signal, 0):
                # Told late, after it was read, or the writer begins anew.
                with suppress(Exception):
                    await self.count()
            self._merge({signal: value})
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
                begun = self._begun
                await self.count()
                rows = self.rows
                self._flushing = asyncio.gather(*(flush.set(True, timeout=None) for flush in self._flushes))
                await asyncio.shield(self._flushing)
                self.flushed_at = time.monotonic()
                # A file that was set back or closed meanwhile has other rows than were counted.
                if begun == self._begun:
                    self.safe = rows
        except FlyScanError:
            raise
        except Exception as error:
            reason = f"in {timeout:g} s" if isinstance(error, TimeoutError) else f"({why(error)})"
            text = f"{self._detector.name} did not flush what it wrote {reason}"
            raise await self.error(text, armed=False) from error

    async def _earlier_flush(self) -> None:
        # A server of CA that is asked again before it has answered makes the whole connection wait for a minute.
        if self._flushing is not None and not self._flushing.done():
            await asyncio.wait({self._flushing})

    async def error(self, text: str, armed: bool) -> FlyScanError:
        """Return an error of what was seen and what the detector itself says.

        :param armed: whether it should be armed.
        """
        return FlyScanError(with_findings(text, await diagnose_detector(self._detector, self._counters, armed)))
