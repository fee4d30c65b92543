"""The files of a scanner's detectors, and what becomes in them of rows whose frames are taken again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.detectors.collector import Collector
from beamwright_runtime.fly.detectors.emission import Surplus
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector


class ScanFiles:
    """One file of each detector at a time, which all have the same rows.

    :param surplus: what becomes of rows whose frames are taken again.
    :param collector: knows which rows documents describe.
    :param timeout: seconds that detectors may take to set their files back, or to close them.
    """

    def __init__(
        self, detectors: Sequence[FlownDetector], surplus: Surplus, collector: Collector, timeout: float
    ) -> None:
        self.surplus = surplus
        self._detectors = detectors
        self._collector = collector
        self._timeout = timeout
        self.clear()

    def clear(self) -> None:
        """Begin with no files."""
        self.resource = 0
        """Which of the files of each detector is open, from 0."""
        self.first_row = 0
        """Row of the run that the open files begin with."""
        self._set_back_to: int | None = None
        self._full = False

    def check(self) -> None:
        """Check that all detectors can treat surplus rows as asked.

        :raises ScanRefusedError: if one cannot, naming it.
        """
        for detector in self._detectors:
            if self.surplus is Surplus.OVERWRITE and (cannot := detector.cannot_overwrite):
                raise ScanRefusedError(
                    f"{detector.name} cannot overwrite rows: its {cannot} has no set_back; "
                    f"use Surplus.{Surplus.APPEND.name} or Surplus.{Surplus.NEW_FILE.name}"
                )
            if self.surplus is Surplus.NEW_FILE and detector.writes_over_itself():
                raise ScanRefusedError(
                    f"{detector.name} would write a new file over the last: "
                    "its path provider has to give each file a name of its own"
                )

    @property
    def rows(self) -> int:
        """Rows that all detectors have on disk and flushed, over all of their files."""
        rows = min(detector.frame_count.safe for detector in self._detectors)
        return rows if self._set_back_to is None else min(rows, self._set_back_to)

    def close(self, valid: int, cut: bool) -> int:
        """Decide what becomes of the rows that are on disk when a segment ends.

        :param valid: the row behind the last that holds a valid frame.
        :param cut: whether rows may go; after a failure all stay as they are.
        :returns: how many rows stay.
        """
        written = self.rows
        if written <= valid:
            return written
        self._full = self.surplus is Surplus.NEW_FILE
        if self.surplus is Surplus.OVERWRITE and cut:
            self._set_back_to = min(written, max(valid, self._collector.promised))
        return self.rows

    async def set_back(self) -> None:
        """Set the detectors' files back, so that the rows that do not stay are written over.

        :raises FlyScanError: if one does not, naming it.
        """
        if self._set_back_to is None:
            return
        for detector in self._detectors:
            try:
                async with asyncio.timeout(self._timeout):
                    await detector.set_back(self._set_back_to)
            except FlyScanError:
                raise
            except Exception as error:
                raise FlyScanError(f"{detector.name} could not set its file back: {error!r}") from error
        self._set_back_to = None

    async def renew(self) -> None:
        """Close files that have surplus rows at their end, whose documents are made first; may be repeated."""
        if not self._full:
            return
        await self._collector.seal(self.rows)
        for detector in self._detectors:
            try:
                async with asyncio.timeout(self._timeout):
                    await detector.close_file()
            except Exception as error:
                raise FlyScanError(f"{detector.name} did not close its file: {error!r}") from error

    def note_open(self) -> None:
        """Note that all detectors have files open."""
        if self._full:
            self._full = False
            self.resource += 1
            self.first_row = self.rows
