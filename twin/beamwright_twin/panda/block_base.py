"""What the blocks of a PandA have in common: signals that may be missing, and an `enable` that lets them run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from beamwright_twin.panda.bus import BitInput, Bus
from beamwright_twin.panda.engine import BlockRun, Steps
from beamwright_twin.pva.pvi_signal import TreeSignal

SECONDS: Mapping[str, float] = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""How long each unit of time is."""

HELD: Final = 0.25
"""Real seconds for which clients see that a block is active, even if it has ended already."""


class PandaBlock:
    """A block of the box.

    :param name: as the box's bits and positions begin, such as `SEQ1`.
    :param signals: those that the snapshot has, by name.
    """

    starts: Mapping[str, Any] = {}
    """What signals have as their first value."""

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        self.bus = bus
        self.name = name
        self.signals = signals
        for key, value in self.starts.items():
            self.begin(key, value)

    def begin(self, name: str, value: Any) -> None:
        """Set the first value of a signal, if the box has it and it accepts the value."""
        signal = self.signals.get(name)
        if signal is not None and (signal.nt.kind != "enum" or value in signal.recorded.choices):
            signal.set(value)

    def get(self, name: str, otherwise: Any = 0) -> Any:
        """Return the value of a signal."""
        signal = self.signals.get(name)
        return otherwise if signal is None else signal.value

    def set(self, name: str, value: Any) -> None:
        """Change a signal, where there is one."""
        signal = self.signals.get(name)
        if signal is not None and signal.value != value:
            signal.set(value)

    def out(self, output: str, level: bool) -> None:
        """Set an output, and the signal that shows it."""
        self.bus.set(f"{self.name}.{output}", level)
        self.set(output.lower(), level)

    def seconds(self, name: str, otherwise: float = 0.0) -> float:
        """Return a time in seconds, converted by its signal of units if there is one."""
        return float(self.get(name, otherwise)) * SECONDS.get(str(self.get(f"{name}_units", "s")), 1.0)

    def input(self, name: str, seen: Any = lambda level: None, otherwise: str = "ZERO") -> BitInput:
        """Make an input of this block, which a signal of that name chooses the bit for."""
        return self.bus.input(self.signals.get(name), seen, otherwise)


class EnabledBlock(PandaBlock):
    """A block that runs while its `enable` is high; `active` tells whether it does."""

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        super().__init__(bus, name, signals)
        self._run: BlockRun | None = None
        if "active" in signals:
            # Whoever starts a block looks only then whether it has become active, which it may not be any more.
            signals["active"].hold = HELD
        self._enable = self.input("enable", self._switch)

    def steps(self) -> Steps:
        """Yield what the block waits for, step by step."""
        raise NotImplementedError

    def stopped(self) -> None:
        """Leave the outputs low; it runs again when `enable` has fallen and rises."""
        self._run = None
        self.set("active", False)

    def _switch(self, level: bool) -> None:
        if level and self._run is None:
            self.set("active", True)
            self._run = self.bus.engine.start(self.steps(), self.stopped)
        elif not level and self._run is not None:
            self._run.stop()
            self.stopped()
