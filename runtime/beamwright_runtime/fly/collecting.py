"""Documents of several detectors, in step whatever interrupts making them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from bluesky.protocols import StreamAsset

from beamwright_runtime.fly.detectors import FlownDetector
from beamwright_runtime.fly.errors import FlyScanError


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
        self._target = 0
        self._made: dict[str, list[StreamAsset]] = {}
        self._making: asyncio.Task[None] | None = None

    @property
    def behind(self) -> bool:
        """Whether documents are made but not given, or still to be made."""
        return self.rows < self._limit() or bool(self._made)

    async def collect(self) -> list[StreamAsset]:
        """Give the documents of new rows; one that is cancelled loses none."""
        if self._making is None:
            self._making = asyncio.create_task(self._make())
        making = self._making
        await asyncio.shield(making)
        return self._given()

    def _given(self) -> list[StreamAsset]:
        self._making = None
        given = [document for documents in self._made.values() for document in documents]
        self._made = {}
        self.rows = self._target
        return given

    async def _flush(self, detector: FlownDetector) -> None:
        """Flush; a detector that does not answer for a while is left to be stalled, or to be flushed the next time."""
        try:
            await detector.flush(self._timeout)
        except FlyScanError:
            if detector.fault is not None or time.monotonic() - detector.flushed_at > self._timeout:
                raise

    async def _make(self) -> None:
        try:
            if self._growing():
                await asyncio.gather(*(self._flush(detector) for detector in self._detectors))
            if not self._made:
                self._target = max(self.rows, self._limit())
            for detector in self._detectors:
                if detector.name not in self._made and self._target > self.rows:
                    async with asyncio.timeout(self._timeout):
                        self._made[detector.name] = await detector.documents(self._target)
        except TimeoutError:
            raise FlyScanError("detectors did not describe in time what they wrote") from None
        finally:
            # A failure is told to whoever waits, and the next one tries again.
            self._making = None
