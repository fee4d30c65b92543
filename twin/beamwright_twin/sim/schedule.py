"""Runs what is to happen at a moment of the twin's clock, in one thread and in order."""

from __future__ import annotations

import heapq
import itertools
import threading
import traceback
from collections.abc import Callable

from beamwright_twin.sim.clock import Clock


class Schedule:
    """A thread that calls functions at their time; what one raises is printed and stops nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller is called by the schedule."""
        return threading.get_ident() == self._thread.ident

    def at(self, time: float, call: Callable[[], None]) -> None:
        """Call a function at a simulated time, or at once if that is past."""
        with self._news:
            heapq.heappush(self._queue, (time, next(self._number), call))
            self._news.notify()

    def wait(self) -> None:
        """Wait until everything that was to be called soon has been."""
        done = threading.Event()
        self.soon(done.set)
        done.wait()

    def soon(self, call: Callable[[], None]) -> None:
        """Call a function as soon as the thread is free."""
        self.at(0.0, call)

    def _run(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:
                traceback.print_exc()

    def _next(self) -> Callable[[], None]:
        with self._news:
            while True:
                if not self._queue:
                    self._news.wait()
                    continue
                left = self._queue[0][0] - self._clock.now()
                if left <= 0:
                    return heapq.heappop(self._queue)[2]
                self._news.wait(self._clock.wall(left))
