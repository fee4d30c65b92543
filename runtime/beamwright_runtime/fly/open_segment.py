"""The stretch that is being flown: its frames so far, the rows they are in, and which of them are valid in the end."""

from __future__ import annotations

from beamwright_runtime.fly.beam_watch import BeamWatch
from beamwright_runtime.fly.detectors.row_progress import RowProgress
from beamwright_runtime.fly.detectors.scan_files import ScanFiles
from beamwright_runtime.fly.scan import AxisT, Points
from beamwright_runtime.fly.segment_log import SegmentLog


class OpenSegment:
    """Counts frames and rows from where the flight started or went on.

    :param files: the detectors' files.
    :param log: records the segment when it is closed.
    :param progress: rows that were seen so far.
    :param beam: tells until when frames had beam.
    """

    def __init__(self, files: ScanFiles, log: SegmentLog, progress: RowProgress, beam: BeamWatch | None) -> None:
        self._files = files
        self._log = log
        self._progress = progress
        self._beam = beam
        self.next = 0
        """Scan index of the frame that is taken next, once this segment is closed."""
        self.start = 0
        """Scan index of its first frame."""
        self.stop = 0
        """Scan index behind the last frame of the flight."""
        self.row = 0
        """Row of its first frame."""
        self.part_start = 0
        """Scan index of the first frame of the part that is flown, or behind the last that was flown to its end."""
        self.armed_row: int | None = None
        """Row of the frame that the first trigger of the part is for, once triggers may come."""

    def prepare(self, start: int, stop: int) -> None:
        """Prepare for the frames of another flight."""
        self.next, self.stop = start, stop

    def begin(self) -> None:
        """Go on with the next frame, in the next row."""
        self.start = self.part_start = self.next
        self.row = self._files.rows
        self.armed_row = None
        self._progress.restart(self.row)

    @property
    def ahead(self) -> int:
        """How much higher the row of a frame is than its scan index."""
        return self.row - self.start

    @property
    def frames(self) -> int:
        """Scan index behind the last frame that was seen on disk."""
        return min(self._progress.rows - self.ahead, self.stop)

    def arm(self, part: Points[AxisT]) -> None:
        """Note that triggers of a part may come from now on."""
        self.armed_row = part.start + self.ahead

    async def close(
        self, reason: str, whole: bool, rows: int | None = None, cut: bool = True, sure: bool = True
    ) -> None:
        """Record the segment, set which frame comes next, and begin another.

        :param reason: what ended it.
        :param whole: whether the last frame had its full length.
        :param rows: that were taken together; all that are safe by default.
        :param cut: whether rows may go whose frames are taken again.
        :param sure: whether each row is the frame that it should be; else those of rows of the scan that were over are.
        :raises FlyScanError: if a file cannot be set back.
        """
        taken = max(0, (self._files.rows if rows is None else rows) - self.row)
        good = taken if whole else max(0, taken - 1)
        if not sure:
            good = min(good, self.part_start - self.start)
        if self._beam is not None and (until := self._beam.good_until) is not None:
            good = max(0, min(good, self._progress.before(until) - self.row))
            reason = "beam"
        self.next = min(self.start + good, self.stop)
        kept = self._files.close(self.next + self.ahead, cut) - self.row
        file_row = self.row - self._files.first_row
        self._log.add(self.start, self.next, self.row, kept, reason, self._files.resource, file_row)
        self.begin()
        await self._files.set_back()
