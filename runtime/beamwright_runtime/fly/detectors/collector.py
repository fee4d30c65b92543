"""Documents of several detectors, in step whatever interrupts making them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from bluesky.protocols import StreamAsset

from beamwright_runtime.errors import FlyScanError
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector


class Collector:
    """Makes documents up to a row for all detectors, or keeps those it has until the others' are there too.

    :param limit: tells up to which row documents may be made, once everything is flushed.
    :param growing: tells whether files still grow; only then are detectors asked, which may not answer any more.
    :param timeout: seconds that a detector may take to flush.
    """

    def __init__(
        self, detectors: Sequence[FlownDetector], limit: Callable[[], int], growing: Callable[[], bool], timeout: float
    ) -> None:
        self._detectors = detectors
        self._limit = limit
        self._growing = growing
        self._timeout = timeout
        self.clear()

    def clear(self) -> None:
        """Begin with nothing made known."""
        self.rows = 0
        self.promised = 0
        """Rows of which documents are made or being made."""
        self._made: dict[str, list[StreamAsset]] = {}
        self._ready: deque[list[StreamAsset]] = deque()
        self._making: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def behind(self) -> bool:
        """Whether documents are made but not given, or still to be made."""
        return self.rows < self._limit() or bool(self._made or self._ready)

    async def collect(self) -> list[StreamAsset]:
        """Yield the documents of new rows, of one file of each detector; a cancelled call loses none."""
        if not self._ready:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make(self._limit))
            await asyncio.shield(self._making)
        return self._ready.popleft() if self._ready else []

    async def seal(self, rows: int) -> None:
        """Make the documents of all rows of files that are about to be closed, for later collects to give."""
        while self.rows < rows:
            making = asyncio.create_task(self._make(lambda: rows))
            making.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(making)

    async def _flush(self, detector: FlownDetector) -> None:
        """Flush; a detector that does not answer for a while is left to be stalled, or to be flushed the next time."""
        try:
            await detector.frame_count.flush(self._timeout)
        except FlyScanError:
            if (
                detector.frame_count.fault is not None
                or time.monotonic() - detector.frame_count.flushed_at > self._timeout
            ):
                raise

    async def _make(self, limit: Callable[[], int]) -> None:
        async with self._turn:
            if self._growing():
                await asyncio.gather(*(self._flush(detector) for detector in self._detectors))
            if not self._made:
                self.promised = max(self.rows, limit())
            if self.promised == self.rows:
                return
            try:
                for detector in self._detectors:
                    if detector.name not in self._made:
                        async with asyncio.timeout(self._timeout):
                            self._made[detector.name] = await detector.documents(self.promised)
            except TimeoutError:
                raise FlyScanError("detectors did not describe in time what they wrote") from None
            self._ready.append([document for documents in self._made.values() for document in documents])
            self._made = {}
            self.rows = self.promised
