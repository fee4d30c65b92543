"""The one clock of a twin: every process of it reads the same simulated seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Simulated seconds since the twin started.

    :param epoch: the system's monotonic time, which all processes share, at second 0.
    :param speed: simulated seconds in one real second.
    """

    epoch: float
    speed: float = 1.0

    @classmethod
    def started(cls, speed: float = 1.0) -> Clock:
        """Make a clock that starts now."""
        return cls(time.monotonic(), speed)

    def now(self) -> float:
        """Return the simulated time, in seconds since the twin started."""
        return (time.monotonic() - self.epoch) * self.speed

    def wall(self, seconds: float) -> float:
        """Return how many real seconds simulated seconds take."""
        return seconds / self.speed
