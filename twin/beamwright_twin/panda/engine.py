"""Plays what happens in a PandA in the order of its simulated times, without looking at a clock itself.

What runs is a generator that yields what it waits for: a time, or a function that tells when a condition will hold as
far as is known. It is asked again after every change, so that an axis that is sent elsewhere moves the moment at which
it will pass a position.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Generator
from typing import Final

TICK: Final = 8e-9
"""Seconds of one tick of the box: everything that it does happens at one."""

When = Callable[[], float]
Steps = Generator[float | When, None, None]


class Engine:
    """The queue of what will happen, and the generators that wait for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._runs: list[BlockRun] = []
        self._changed = False

    @property
    def running(self) -> bool:
        """Whether anything runs, or waits for a condition."""
        return bool(self._runs)

    @property
    def next(self) -> float:
        """When the next thing happens that is known."""
        return self._queue[0][0] if self._queue else math.inf

    def at(self, time: float, call: Callable[[], None]) -> None:
        """Call a function at a time, or at once if that is past."""
        heapq.heappush(self._queue, (time, next(self._number), call))

    def changed(self) -> None:
        """Mark all conditions for another check."""
        self._changed = True

    def start(self, steps: Steps, ended: Callable[[], None] = lambda: None) -> BlockRun:
        """Start a generator.

        :param ended: called when it has come to its end by itself.
        """
        run = BlockRun(self, steps, ended)
        self._runs.append(run)
        self.at(self.now, run.proceed)
        return run

    def forget(self, run: BlockRun) -> None:
        """Take a run out that has ended."""
        if run in self._runs:
            self._runs.remove(run)

    def run(self, until: float, most: int = 20_000) -> bool:
        """Play everything up to a time; False when there was too much for one go.

        :param most: so many events at a time.
        """
        self._check_runs()
        for _ in range(most):
            if self.next > until:
                self.now = max(self.now, until)
                return True
            time, _, call = heapq.heappop(self._queue)
            self.now = max(self.now, time)
            call()
            self._check_runs()
        return False

    def _check_runs(self) -> None:
        while self._changed:
            self._changed = False
            for run in tuple(self._runs):
                run.check()


class BlockRun:
    """A generator that runs until it ends or is stopped."""

    def __init__(self, engine: Engine, steps: Steps, ended: Callable[[], None]) -> None:
        self._engine = engine
        self._steps = steps
        self._ended = ended
        self._when: When | None = None
        self._due = math.nan

    def proceed(self) -> None:
        """Resume the generator from where it waits."""
        self._when, self._due = None, math.nan
        try:
            wanted = next(self._steps)
        except StopIteration:
            self._engine.forget(self)
            self._ended()
            return
        if callable(wanted):
            self._when = wanted
            self.check()
        else:
            self._expect(wanted)

    def check(self) -> None:
        """Evaluate when the condition will hold."""
        if self._when is not None and (due := self._when()) != self._due:
            self._expect(due)

    def stop(self) -> None:
        """End before its end; nothing is called."""
        self._engine.forget(self)
        self._when, self._due = None, math.nan
        self._steps.close()

    def _expect(self, due: float) -> None:
        self._due = due
        if due < math.inf:
            self._engine.at(due, lambda: self._proceed_if(due))

    def _proceed_if(self, due: float) -> None:
        if due == self._due:
            self.proceed()
