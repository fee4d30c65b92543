"""The segments of a run, as events of a stream of their own.

ADR 0022 rules here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from bluesky.protocols import EventCollectable
from event_model import DataKey
from event_model.documents.event import PartialEvent
from ophyd_async.core import Device

from beamwright_runtime.documents import Segment

INTEGERS = ("segment", "start", "stop", "row", "rows", "resource", "resource_row")
KEYS: Mapping[str, DataKey] = {
    **{key: DataKey(source="scanner", dtype="integer", shape=[]) for key in INTEGERS},
    "reason": DataKey(source="scanner", dtype="string", shape=[]),
}


class SegmentLog(Device, EventCollectable):
    """The segments of a run; each has one event of the stream `fly_segments`."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.segments: list[Segment] = []
        self._collected = 0

    def clear(self) -> None:
        """Forget the last run."""
        self.segments = []
        self._collected = 0

    def add(self, start: int, stop: int, row: int, rows: int, reason: str, resource: int, resource_row: int) -> None:
        """Record a segment that has ended, unless no row of it is left."""
        if rows:
            number = len(self.segments)
            self.segments.append(Segment(number, start, stop, row, rows, reason, resource, resource_row))

    @property
    def has_pending(self) -> bool:
        """Whether an event is still to be collected."""
        return self._collected < len(self.segments)

    async def describe_collect(self) -> dict[str, DataKey]:
        """Describe the events."""
        return {f"{self.name}-{key}": described.copy() for key, described in KEYS.items()}

    def collect(self) -> Iterator[PartialEvent]:
        """Yield an event for each segment that was not collected yet."""
        now = time.time()
        while self.has_pending:
            data = {f"{self.name}-{key}": value for key, value in asdict(self.segments[self._collected]).items()}
            self._collected += 1
            yield PartialEvent(data=data, timestamps=dict.fromkeys(data, now), time=now)
