"""Uninterrupted stretches of a fly scan, and which row of the files holds which frame of the scan."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bluesky.protocols import EventCollectable
from event_model import DataKey
from event_model.documents.event import PartialEvent
from numpy.typing import NDArray
from ophyd_async.core import Device

STREAM = "fly_segments"


@dataclass(frozen=True)
class Segment:
    """One stretch: row `row + i` holds frame `start + i`, for as long as that is before `stop`.

    :param segment: its number in the run, from 0.
    :param start: scan index of its first frame.
    :param stop: scan index behind its last valid frame.
    :param row: row of the first frame, counted over the run.
    :param rows: rows that were written; those beyond `stop - start` are surplus, taken again later.
    :param reason: what ended it: done, pause, beam, stop or failure.
    """

    segment: int
    start: int
    stop: int
    row: int
    rows: int
    reason: str


KEYS: Mapping[str, DataKey] = {
    "segment": DataKey(source="scanner", dtype="integer", shape=[]),
    "start": DataKey(source="scanner", dtype="integer", shape=[]),
    "stop": DataKey(source="scanner", dtype="integer", shape=[]),
    "row": DataKey(source="scanner", dtype="integer", shape=[]),
    "rows": DataKey(source="scanner", dtype="integer", shape=[]),
    "reason": DataKey(source="scanner", dtype="string", shape=[]),
}


def rows_of(segments: Iterable[Segment | Mapping[str, Any]], frames: int) -> NDArray[np.int64]:
    """Map each scan index to the row that holds its frame.

    :param segments: as recorded, or the `data` of events of the stream `fly_segments`, keys without the prefix.
    :param frames: how many the scan has.
    :returns: an array of `frames` rows, -1 for frames that were not taken.
    """
    rows = np.full(frames, -1, np.int64)
    for given in segments:
        one = given if isinstance(given, Segment) else Segment(**given)
        rows[one.start : one.stop] = one.row + np.arange(one.stop - one.start)
    return rows


class SegmentLog(Device, EventCollectable):
    """The segments of a run, each told once by an event of the stream `fly_segments`."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.segments: list[Segment] = []
        self._told = 0

    def clear(self) -> None:
        """Forget the last run."""
        self.segments = []
        self._told = 0

    def add(self, start: int, stop: int, row: int, rows: int, reason: str) -> None:
        """Record a segment that has ended; one in which nothing was written is none."""
        if rows:
            self.segments.append(Segment(len(self.segments), start, stop, row, rows, reason))

    @property
    def untold(self) -> bool:
        """Whether an event is still to be collected."""
        return self._told < len(self.segments)

    async def describe_collect(self) -> dict[str, DataKey]:
        """Describe the events."""
        return {f"{self.name}-{key}": described.copy() for key, described in KEYS.items()}

    def collect(self) -> Iterator[PartialEvent]:
        """Give an event for each segment not told yet."""
        now = time.time()
        while self.untold:
            data = {f"{self.name}-{key}": value for key, value in asdict(self.segments[self._told]).items()}
            self._told += 1
            yield PartialEvent(data=data, timestamps=dict.fromkeys(data, now), time=now)
