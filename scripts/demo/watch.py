"""What signals said over time, whatever a RunEngine does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ophyd_async.core import SignalR


class Watch:
    """Keeps every value of some signals with the time at which it came, also while a RunEngine is paused.

    :param signals: by the name under which the values are kept.
    """

    def __init__(self, signals: Mapping[str, SignalR[Any]]) -> None:
        self.times: dict[str, list[float]] = {name: [] for name in signals}
        self.values: dict[str, list[float]] = {name: [] for name in signals}
        self._told: dict[str, Callable[[dict[str, Any]], None]] = {name: partial(self._keep, name) for name in signals}
        self._signals = signals
        self._changed = threading.Condition()

    async def start(self) -> None:
        """Keep values from now on."""
        for name, signal in self._signals.items():
            signal.subscribe_reading(self._told[name])

    async def end(self) -> None:
        """Keep values no longer."""
        for name, signal in self._signals.items():
            signal.clear_sub(self._told[name])

    def _keep(self, name: str, reading: dict[str, Any]) -> None:
        with self._changed:
            for one in reading.values():
                self.times[name].append(time.time())
                self.values[name].append(float(one["value"]))
            self._changed.notify_all()

    def reached(self, name: str, value: float, since: float, timeout: float) -> bool:
        """Wait until a value is reached from below; return whether it was.

        :param since: the time before which it does not count.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self.risen(name, value, since) is not None, timeout)

    def risen(self, name: str, value: float, since: float = 0.0) -> float | None:
        """Return when a value was first reached from below.

        :param since: the time before which it does not count.
        """
        values = self.values[name]
        for number in range(1, len(values)):
            if values[number - 1] < value <= values[number] and self.times[name][number] >= since:
                return self.times[name][number]
        return None


@dataclass
class Pause:
    """When the flight was interrupted, in time of `time.time`.

    :param requested: when the pause was asked for.
    :param paused: when everything stood still.
    :param resumed: when it was told to go on.
    :param frames: that were written by then.
    """

    requested: float = 0.0
    paused: float = 0.0
    resumed: float = 0.0
    frames: int = 0
