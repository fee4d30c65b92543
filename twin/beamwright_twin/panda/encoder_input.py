"""The encoder inputs of a PandA: positions of axes that move along known trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beamwright_twin.description.wiring import Wire
from beamwright_twin.panda.block_base import PandaBlock
from beamwright_twin.panda.bus import Bus, Encoder
from beamwright_twin.pva.pvi_signal import TreeSignal
from beamwright_twin.sim.axis_motion import Trajectory


class EncoderInput(PandaBlock):
    """An encoder input, as PandABlocks-FPGA's block INENC; without a wire its axis rests, and `setp` turns it."""

    starts: Mapping[str, Any] = {"val_scale": 1.0}

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        super().__init__(bus, name, signals)
        self.encoder = Encoder()
        self.motor = ""
        bus.positions[f"{name}.VAL"] = self.encoder
        if "setp" in signals:
            signals["setp"].on_put(self._set_position)

    def connect(self, wire: Wire) -> None:
        """Read the axis of a motor, and show its position as the motor's user sees it."""
        self.motor = wire.motor
        self.encoder.resolution = wire.resolution
        self.encoder.zero = 0
        values = {"scale": wire.scale, "offset": wire.offset, "units": wire.units, "dataset": wire.dataset}
        for name, value in values.items():
            self.begin(f"val_{name}", value)
        self.begin("val_capture", "Value")
        self.bus.engine.changed()

    def move(self, trajectory: Trajectory) -> None:
        """Follow an axis along a trajectory, which begins now."""
        self.encoder.trajectory = trajectory
        self.bus.engine.changed()

    def show(self, now: float) -> None:
        """Update the readback."""
        self.set("val", self.encoder.counts(now))

    def _set_position(self, counts: Any) -> None:
        self.encoder.call(int(counts), self.bus.engine.now)
        self.show(self.bus.engine.now)
        self.bus.engine.changed()
