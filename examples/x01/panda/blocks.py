"""The blocks of the box that make and compare signals: encoders, position compare, pulses."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from fastcs.attributes import AttrR, AttrRW
from fastcs.controllers import Controller
from fastcs.datatypes import Bool, Enum, Float, Int, String

from choices import BitMux, Captured, Direction, PosMux
from wires import Wires


class Inenc(Controller):
    """An encoder input. What drives the box sets its position; so does a client that puts to `setp`."""

    val = AttrR(Int(units="counts"), description="Position")
    setp = AttrRW(Int(units="counts"), description="Set the position")
    val_scale = AttrRW(Float(prec=6), initial_value=1.0, description="Units for each count")
    val_offset = AttrRW(Float(prec=6), description="Position at 0 counts")
    val_units = AttrRW(String(), initial_value="mm", description="Units of the scaled position")
    val_capture = AttrRW(Enum(Captured), initial_value=Captured["Value"], description="Whether it is captured")
    val_dataset = AttrRW(String(), description="Name of its dataset")

    def __init__(self, number: int, wires: Wires) -> None:
        super().__init__(description="Encoder input")
        self.wire = f"INENC{number}.VAL"
        self._wires = wires
        self.setp.add_on_update_callback(self.move, always=True)

    async def move(self, counts: int) -> None:
        """Turn the encoder."""
        await self.val.update(counts)
        await self._wires.set_position(self.wire, counts)

    @property
    def position(self) -> float:
        """The scaled position."""
        return self.val.get() * self.val_scale.get() + self.val_offset.get()


class EnabledBlock(Controller):
    """A block that runs while its `enable` is high; `active` tells whether it does."""

    enable = AttrRW(Enum(BitMux), description="Runs while this is high")
    active = AttrR(Bool(), description="Whether it runs")

    def __init__(self, wires: Wires, description: str) -> None:
        super().__init__(description=description)
        self.wires = wires
        self._running: asyncio.Task[None] | None = None
        wires.listen(self._follow)
        self.enable.add_on_update_callback(self._switch, always=True)

    async def run(self) -> None:
        """Do what the block is for; it is cancelled when `enable` falls."""
        raise NotImplementedError

    async def _follow(self, name: str, level: bool) -> None:
        if name == self.enable.get().name:
            await self._switch(self.enable.get())

    async def _switch(self, enable: Any) -> None:
        high = self.wires.bit(enable.name)
        if high and self._running is None:
            await self.active.update(True)
            self._running = asyncio.create_task(self._run())
        elif not high and self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def _run(self) -> None:
        try:
            await self.run()
        finally:
            await self.stopped()

    async def stopped(self) -> None:
        """Tell that the block has ended; it runs again when `enable` has fallen and rises."""
        await self.active.update(False)


class Pcomp(EnabledBlock):
    """Position compare: a pulse at each step of a position, in counts."""

    inp = AttrRW(Enum(PosMux), initial_value=PosMux["INENC1.VAL"], description="Position to compare")
    dir = AttrRW(Enum(Direction), description="Direction of movement")
    start = AttrRW(Int(units="counts"), description="First rising edge")
    step = AttrRW(Int(units="counts"), description="Between rising edges")
    width = AttrRW(Int(units="counts"), initial_value=1, description="From rising to falling edge")
    pulses = AttrRW(Int(), description="Number of pulses, 0 for endless")

    def __init__(self, number: int, wires: Wires) -> None:
        super().__init__(wires, "Position compare")
        self.wire = f"PCOMP{number}.OUT"

    async def run(self) -> None:
        """Send the pulses."""
        backwards = self._backwards()
        for pulse in range(self.pulses.get()) if self.pulses.get() else count():
            edge = self.start.get() + (-pulse if backwards else pulse) * self.step.get()
            await self._passed(edge, backwards)
            await self.wires.set_bit(self.wire, True)
            await self._passed(edge + (-1 if backwards else 1) * self.width.get(), backwards)
            await self.wires.set_bit(self.wire, False)

    async def stopped(self) -> None:
        """Leave the output low."""
        await self.wires.set_bit(self.wire, False)
        await super().stopped()

    def _position(self) -> int:
        return self.wires.position(self.inp.get().name)

    def _backwards(self) -> bool:
        direction = self.dir.get().name
        return direction == "Negative" or (direction == "Either" and self._position() > self.start.get())

    def _passed(self, edge: int, backwards: bool) -> Coroutine[Any, Any, None]:
        return self.wires.until(lambda: self._position() <= edge if backwards else self._position() >= edge)


class Pulse(EnabledBlock):
    """Pulses of a set width, a while after each trigger."""

    trig = AttrRW(Enum(BitMux), description="Trigger of a train of pulses")
    delay = AttrRW(Float(units="s", prec=6), description="From trigger to the first pulse")
    width = AttrRW(Float(units="s", prec=6), initial_value=0.001, description="Length of a pulse")
    step = AttrRW(Float(units="s", prec=6), initial_value=0.01, description="Between rising edges")
    pulses = AttrRW(Int(), initial_value=1, description="Pulses for each trigger")

    def __init__(self, number: int, wires: Wires) -> None:
        super().__init__(wires, "Pulse generator")
        self.wire = f"PULSE{number}.OUT"

    async def run(self) -> None:
        """Send a train after each rise of the trigger."""
        while True:
            await self.wires.until(lambda: self.wires.bit(self.trig.get().name))
            await asyncio.sleep(self.delay.get())
            for _ in range(self.pulses.get()):
                await self.wires.set_bit(self.wire, True)
                await asyncio.sleep(self.width.get())
                await self.wires.set_bit(self.wire, False)
                await asyncio.sleep(max(0.0, self.step.get() - self.width.get()))
            await self.wires.until(lambda: not self.wires.bit(self.trig.get().name))

    async def stopped(self) -> None:
        """Leave the output low."""
        await self.wires.set_bit(self.wire, False)
        await super().stopped()
