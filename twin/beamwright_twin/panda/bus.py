"""What runs through a PandA: bits and positions, by the names that its blocks choose them with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from beamwright_twin.panda.engine import TICK, Engine
from beamwright_twin.pva.pvi_signal import TreeSignal
from beamwright_twin.sim.axis_motion import Trajectory


class PositionSource(Protocol):
    """A position in counts."""

    def counts(self, time: float) -> int:
        """Return the position at a time that is not past."""
        ...

    def reach(self, counts: int, upward: bool, now: float) -> float:
        """Return when the position reaches another, from now on; infinity if no such moment is known."""
        ...


class Counts:
    """A position that changes in jumps."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def counts(self, time: float) -> int:
        """Return the position."""
        return self.value

    def reach(self, counts: int, upward: bool, now: float) -> float:
        """Return the present time if the position has reached another, else infinity."""
        return now if (self.value >= counts if upward else self.value <= counts) else math.inf


class Encoder:
    """The position of an axis as an encoder counts it: the number of the count that is nearest.

    :param resolution: units of the axis for each count; negative where it counts down.
    """

    def __init__(self, resolution: float = 1.0) -> None:
        self.resolution = resolution
        self.trajectory = Trajectory.rest(0.0)
        self.zero = 0
        """What was added to the counts to call a position by another number."""

    def _raw(self, time: float) -> int:
        return math.floor(self.trajectory.position(time) / self.resolution + 0.5)

    def counts(self, time: float) -> int:
        """Return the count at a time."""
        return self._raw(time) + self.zero

    def call(self, counts: int, time: float) -> None:
        """Call the position at a time by another number."""
        self.zero = counts - self._raw(time)

    def reach(self, counts: int, upward: bool, now: float) -> float:
        """Return the first tick of the box at which the count reaches another."""
        if self._beyond(counts, upward, now):
            return now
        edge = (counts - self.zero + (-0.5 if upward else 0.5)) * self.resolution
        # A crossing at the very end of a segment may belong to neither side of it, for want of a digit.
        moments = {*self.trajectory.crossings(edge), *(segment.start for segment in self.trajectory.segments)}
        for moment in sorted(moment for moment in moments if moment >= now - TICK):
            first = math.ceil(moment / TICK)
            for tick in range(first, first + 3):
                if self._beyond(counts, upward, tick * TICK):
                    return max(now, tick * TICK)
        return math.inf

    def _beyond(self, counts: int, upward: bool, time: float) -> bool:
        found = self.counts(time)
        return found >= counts if upward else found <= counts


class Bus:
    """The bits and positions of one box. `ZERO` and `ONE` are constant."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.positions: dict[str, PositionSource] = {"ZERO": Counts()}
        self._bits = {"ZERO": False, "ONE": True}
        self._inputs: list[BitInput] = []
        self._rises: dict[str, list[Callable[[], None]]] = {}

    def bit(self, name: str) -> bool:
        """Return the level of a bit, low until it is set."""
        return self._bits.get(name, False)

    def set(self, name: str, level: bool) -> None:
        """Set a bit; everything that looks at it has seen the change when this returns."""
        if self.bit(name) == level:
            return
        self._bits[name] = level
        for one in tuple(self._inputs):
            one.update()
        for call in self._rises.get(name, ()) if level else ():
            call()
        self.engine.changed()

    def on_rise(self, name: str, call: Callable[[], None]) -> None:
        """Call a function at each rise of a bit."""
        self._rises.setdefault(name, []).append(call)

    def input(self, mux: TreeSignal | None, seen: Callable[[bool], None], otherwise: str = "ZERO") -> BitInput:
        """Make an input of a block.

        :param mux: the signal that chooses the bit; without one it is `otherwise`.
        :param seen: called with the level when it has changed.
        """
        made = BitInput(self, mux, seen, otherwise)
        self._inputs.append(made)
        return made

    def reach(self, name: str, counts: int, upward: bool) -> float:
        """Return when a position reaches another, from now on."""
        found = self.positions.get(name)
        return math.inf if found is None else found.reach(counts, upward, self.engine.now)

    def counts(self, name: str) -> int:
        """Return a position at this moment; 0 if there is none."""
        found = self.positions.get(name)
        return 0 if found is None else found.counts(self.engine.now)


class BitInput:
    """An input of a block: the bit that its mux chooses."""

    def __init__(self, bus: Bus, mux: TreeSignal | None, seen: Callable[[bool], None], otherwise: str) -> None:
        self._bus = bus
        self._mux = mux
        self._seen = seen
        self._otherwise = otherwise
        self.level = self._now()
        if mux is not None:
            mux.follow(self._rewired)

    def _now(self) -> bool:
        return self._bus.bit(self._otherwise if self._mux is None else str(self._mux.value))

    def update(self) -> None:
        """Notice a change of level."""
        level = self._now()
        if level != self.level:
            self.level = level
            self._seen(level)

    def _rewired(self) -> None:
        self.update()
        self._bus.engine.changed()
