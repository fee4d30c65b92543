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
    :param row: row of the first frame, counted over the run: its `seq_num` less one.
    :param rows: rows that were written and stay; those beyond `stop - start` are surplus, taken again later.
    :param reason: what ended it: done, pause, beam, stop or failure.
    :param resource: which StreamResource of each data key holds the rows, counted from 0 in the order of documents.
    :param resource_row: row of the first frame in that resource.
    """

    segment: int
    start: int
    stop: int
    row: int
    rows: int
    reason: str
    resource: int
    resource_row: int


INTEGERS = ("segment", "start", "stop", "row", "rows", "resource", "resource_row")
KEYS: Mapping[str, DataKey] = {
    **{key: DataKey(source="scanner", dtype="integer", shape=[]) for key in INTEGERS},
    "reason": DataKey(source="scanner", dtype="string", shape=[]),
}


@dataclass(frozen=True)
class Places:
    """Where the frames of a scan are, one element for each scan index, -1 for frames that were not taken.

    :param row: counted over the run, as `seq_num` less one; and over all resources of a data key, one after the other.
    :param resource: which StreamResource of each data key, counted from 0 in the order of documents.
    :param resource_row: row in that resource.
    """

    row: NDArray[np.int64]
    resource: NDArray[np.int64]
    resource_row: NDArray[np.int64]


def places_of(segments: Iterable[Segment | Mapping[str, Any]], frames: int) -> Places:
    """Map each scan index to the resource and the row that hold its frame, whatever became of surplus rows.

    :param segments: as recorded, or the `data` of events of the stream `fly_segments`, keys without the prefix.
    :param frames: how many the scan has.
    """
    row, resource, resource_row = np.full((3, frames), -1, np.int64)
    for given in segments:
        one = given if isinstance(given, Segment) else Segment(**given)
        within = np.arange(one.stop - one.start)
        row[one.start : one.stop] = one.row + within
        resource[one.start : one.stop] = one.resource
        resource_row[one.start : one.stop] = one.resource_row + within
    return Places(row, resource, resource_row)


def rows_of(segments: Iterable[Segment | Mapping[str, Any]], frames: int) -> NDArray[np.int64]:
    """Map each scan index to the row that holds its frame, counted over the run and over all resources in order.

    :param segments: as recorded, or the `data` of events of the stream `fly_segments`, keys without the prefix.
    :param frames: how many the scan has.
    :returns: an array of `frames` rows, -1 for frames that were not taken.
    """
    return places_of(segments, frames).row


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

    def add(self, start: int, stop: int, row: int, rows: int, reason: str, resource: int, resource_row: int) -> None:
        """Record a segment that has ended; one of which no row is left is none."""
        if rows:
            number = len(self.segments)
            self.segments.append(Segment(number, start, stop, row, rows, reason, resource, resource_row))

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
