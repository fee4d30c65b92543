"""How many rows were on disk when."""

from __future__ import annotations

import time
from collections import deque

REMEMBERED = 100_000
"""Changes that are kept: minutes of frames at kHz rates, longer than any beam monitor takes to tell."""


class RowProgress:
    """The number of rows that all detectors have written, over time of `time.monotonic`."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def restart(self, rows: int) -> None:
        """Begin with rows that were there before."""
        self._history.clear()
        self._history.append((time.monotonic(), rows))

    def record(self, rows: int) -> None:
        """Note how many rows there are now."""
        if rows != self.rows:
            self._history.append((time.monotonic(), rows))

    @property
    def rows(self) -> int:
        """Rows by now."""
        return self._history[-1][1] if self._history else 0

    def before(self, moment: float) -> int:
        """Return how many rows there were at a moment; before the first that is kept, those at the start."""
        for when, rows in reversed(self._history):
            if when <= moment:
                return rows
        return self._history[0][1] if self._history else 0
