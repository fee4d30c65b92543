"""The sequencer: it plays a table of triggers and outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from fastcs.attributes import AttrR, AttrRW
from fastcs.datatypes import Enum, Float, Int, Table

from blocks import EnabledBlock
from choices import IDLE_SEQUENCE, OUTPUTS, SECONDS, SEQUENCE, BitMux, PosMux, TimeUnits
from wires import Wires


class Seq(EnabledBlock):
    """A sequencer. Its times are those of a Python process: milliseconds, not nanoseconds."""

    table = AttrRW(Table(SEQUENCE), initial_value=IDLE_SEQUENCE, description="What it plays")
    repeats = AttrRW(Int(), initial_value=1, description="Times the table is played, 0 for endless")
    prescale = AttrRW(Float(prec=3), initial_value=1.0, description="Unit of the table's times")
    prescale_units = AttrRW(Enum(TimeUnits), initial_value=TimeUnits["us"], description="Units of the prescale")
    bita = AttrRW(Enum(BitMux), description="What BITA triggers look at")
    bitb = AttrRW(Enum(BitMux), description="What BITB triggers look at")
    bitc = AttrRW(Enum(BitMux), description="What BITC triggers look at")
    posa = AttrRW(Enum(PosMux), description="What POSA triggers look at")
    posb = AttrRW(Enum(PosMux), description="What POSB triggers look at")
    posc = AttrRW(Enum(PosMux), description="What POSC triggers look at")
    table_line = AttrR(Int(), description="Row that is played, from 1")

    def __init__(self, number: int, wires: Wires) -> None:
        super().__init__(wires, "Sequencer")
        self._outputs = {output: f"SEQ{number}.OUT{output.upper()}" for output in OUTPUTS}
        self._inputs: dict[str, AttrRW[Any, Any]] = {
            "BITA": self.bita,
            "BITB": self.bitb,
            "BITC": self.bitc,
            "POSA": self.posa,
            "POSB": self.posb,
            "POSC": self.posc,
        }
        for mux in self._inputs.values():
            mux.add_on_update_callback(self._rewired)

    async def run(self) -> None:
        """Play the table."""
        table = self.table.get()
        tick = self.prescale.get() * SECONDS[self.prescale_units.get().name]
        for _ in times(self.repeats.get()):
            for line, row in enumerate(table, start=1):
                await self.table_line.update(line)
                for _ in times(int(row["repeats"])):
                    await self.wires.until(partial(self._triggered, str(row["trigger"]), int(row["position"])))
                    if row["time1"]:
                        await self._phase(row, "1", tick)
                    await self._phase(row, "2", tick)

    async def stopped(self) -> None:
        """Leave the outputs low."""
        for wire in self._outputs.values():
            await self.wires.set_bit(wire, False)
        await self.table_line.update(0)
        await super().stopped()

    async def _phase(self, row: Any, phase: str, tick: float) -> None:
        for output, wire in self._outputs.items():
            await self.wires.set_bit(wire, bool(row[f"out{output}{phase}"]))
        await asyncio.sleep(int(row[f"time{phase}"]) * tick)

    def _triggered(self, trigger: str, position: int) -> bool:
        if trigger == "Immediate":
            return True
        wire = self._inputs[trigger[:4]].get().name
        if trigger.startswith("BIT"):
            return self.wires.bit(wire) == trigger.endswith("1")
        counts = self.wires.position(wire)
        return counts >= position if ">=" in trigger else counts <= position

    async def _rewired(self, mux: Any) -> None:
        await self.wires.changed()


def times(number: int) -> Iterator[int]:
    """Count as often as a repeat count says, where 0 is endless."""
    return iter(range(number)) if number else count()
