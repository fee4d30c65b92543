"""Whether there was beam while frames were taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ophyd_async.core import SignalR


class BeamWatch:
    """Watches a signal during flights; frames taken without beam are taken again.

    A frame counts as taken with beam if it was on disk `margin` seconds before the signal told of the loss. The margin
    makes up for how late the signal tells, less how late detectors count.

    :param signal: of the beam, such as a ring current or a shutter.
    :param good: says whether a value of the signal means beam.
    :param margin: in seconds.
    """

    def __init__(self, signal: SignalR[Any], good: Callable[[Any], bool], margin: float) -> None:
        if margin < 0:
            raise ValueError("the margin of a beam watch is 0 s or more")
        self.signal = signal
        self.margin = margin
        self._good = good
        self._there = asyncio.Event()
        self._lost_at: float | None = None
        self._watching = False

    def start(self) -> None:
        """Watch."""
        if not self._watching:
            self._watching = True
            self.signal.subscribe_reading(self._on_reading)

    def end(self) -> None:
        """Watch no longer."""
        if self._watching:
            self._watching = False
            self.signal.clear_sub(self._on_reading)

    def _on_reading(self, reading: dict[str, Any]) -> None:
        for one in reading.values():
            if self._good(one["value"]):
                self._there.set()
            else:
                self._there.clear()
                if self._lost_at is None:
                    self._lost_at = time.monotonic()

    def restart(self) -> None:
        """Forget a loss that is over."""
        self._lost_at = None if self._there.is_set() else time.monotonic()

    @property
    def good_until(self) -> float | None:
        """Until when frames had beam since the last restart, in time of `time.monotonic`; None if all had."""
        return None if self._lost_at is None else self._lost_at - self.margin

    async def wait_for_beam(self) -> None:
        """Wait until there is beam."""
        await self._there.wait()
