"""The blocks of a PandA that make pulses, of positions and of other pulses, and the one that counts them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any

from beamwright_twin.panda.block_base import EnabledBlock, PandaBlock
from beamwright_twin.panda.bus import Bus, Counts
from beamwright_twin.panda.engine import TICK, BlockRun, Steps
from beamwright_twin.pva.pvi_signal import TreeSignal


class PositionCompare(EnabledBlock):
    """Position compare, as PandABlocks-FPGA's block PCOMP: a pulse at each step of a position, in counts."""

    starts: Mapping[str, Any] = {"inp": "INENC1.VAL", "width": 1}

    def steps(self) -> Steps:
        """Send the pulses."""
        start, step, width = (int(self.get(name)) for name in ("start", "step", "width"))
        upward = self._upward(start)
        way = 1 if upward else -1
        pulses = int(self.get("pulses"))
        # From where it is at the start or beyond already, the position has to come back first.
        yield lambda: self._reach(start - way * (int(self.get("pre_start")) + 1), not upward)
        for pulse in range(pulses) if pulses else count():
            self.set("produced", pulse)
            edge = start + way * pulse * step
            yield partial(self._reach, edge, upward)
            self.out("OUT", True)
            yield partial(self._reach, edge + way * max(1, width), upward)
            self.out("OUT", False)
            if step <= width:
                break  # the box reports an error of its settings then, and ends

    def stopped(self) -> None:
        """Leave the output low."""
        self.out("OUT", False)
        super().stopped()

    def _reach(self, counts: int, upward: bool) -> float:
        return self.bus.reach(self._inp, counts, upward)

    @property
    def _inp(self) -> str:
        return str(self.get("inp", "INENC1.VAL"))

    def _upward(self, start: int) -> bool:
        direction = self.get("dir", "Positive")
        return bool(direction == "Positive" or (direction == "Either" and self.bus.counts(self._inp) <= start))


class Pulse(PandaBlock):
    """Pulses of a set width, a while after each rise of the trigger, as PandABlocks-FPGA's block PULSE."""

    starts: Mapping[str, Any] = {"pulses": 1, "width": 0.001, "step": 0.01}

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        super().__init__(bus, name, signals)
        self._train: BlockRun | None = None
        self._trig = self.input("trig", self._triggered)
        self._enable = self.input("enable", self._switch)

    def _switch(self, level: bool) -> None:
        self.set("active", level)
        if level:
            self._triggered(self._trig.level)
        elif self._train is not None:
            self._train.stop()
            self._ended()

    def _triggered(self, level: bool) -> None:
        if not level or not self._enable.level:
            return
        if self._train is not None:
            self.set("dropped", int(self.get("dropped")) + 1)
            return
        self._train = self.bus.engine.start(self._steps(), self._ended)

    def _steps(self) -> Steps:
        start = self.bus.engine.now + self.seconds("delay")
        width = max(TICK, self.seconds("width"))
        step = max(width + TICK, self.seconds("step"))
        for pulse in range(max(1, int(self.get("pulses", 1)))):
            yield start + pulse * step
            self.out("OUT", True)
            yield start + pulse * step + width
            self.out("OUT", False)

    def _ended(self) -> None:
        self._train = None
        self.out("OUT", False)


class Counter(PandaBlock):
    """Counts the rises of a trigger while it is enabled, as PandABlocks-FPGA's block COUNTER."""

    starts: Mapping[str, Any] = {"step": 1}

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        super().__init__(bus, name, signals)
        self._counts = Counts()
        bus.positions[f"{name}.OUT"] = self._counts
        self._enable = self.input("enable", self._switch)
        self._dir = self.input("dir")
        self._trig = self.input("trig", self._triggered)

    def _switch(self, level: bool) -> None:
        if level:
            self._show(int(self.get("start")))

    def _triggered(self, level: bool) -> None:
        if level and self._enable.level:
            step = int(self.get("step", 1)) or 1
            self._show(self._counts.value + (-step if self._dir.level else step))

    def _show(self, value: int) -> None:
        self._counts.value = value
        self.set("out", value)
        self.bus.engine.changed()
