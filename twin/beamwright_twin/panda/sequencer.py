"""The sequencer of a PandA: it plays a table of triggers and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from beamwright_twin.panda.block_base import EnabledBlock
from beamwright_twin.panda.bus import Bus
from beamwright_twin.panda.engine import TICK, Steps
from beamwright_twin.pva.normative_types import rows
from beamwright_twin.pva.pvi_signal import TreeSignal

OUTPUTS = "ABCDEF"


class Sequencer(EnabledBlock):
    """A sequencer, as PandABlocks-FPGA's block SEQ; its times are exact to a tick of 8 ns."""

    starts: Mapping[str, Any] = {"repeats": 1, "prescale": 1.0, "prescale_units": "us"}

    def __init__(self, bus: Bus, name: str, signals: Mapping[str, TreeSignal]) -> None:
        super().__init__(bus, name, signals)
        self._bits = {f"BIT{one}": self.input(f"bit{one.lower()}") for one in "ABC"}

    def steps(self) -> Steps:
        """Play the table."""
        table = rows(self.get("table", {}))
        tick = max(TICK, self.seconds("prescale"))
        for round_ in times(int(self.get("repeats", 1))) if table else ():
            self.set("table_repeat", round_ + 1)
            for line, row in enumerate(table, start=1):
                self.set("table_line", line)
                for turn in times(int(row["repeats"])):
                    self.set("line_repeat", turn + 1)
                    yield from self._triggered(str(row["trigger"]), int(row["position"]))
                    if row["time1"]:
                        self._outputs(row, 1)
                        yield self.bus.engine.now + int(row["time1"]) * tick
                    self._outputs(row, 2)
                    # The second phase is never left out: it takes one tick at least.
                    yield self.bus.engine.now + max(TICK, int(row["time2"]) * tick)

    def _triggered(self, trigger: str, position: int) -> Steps:
        if trigger.startswith("BIT"):
            name, _, wanted = trigger.partition("=")
            bit = self._bits[name]
            yield lambda: self.bus.engine.now if bit.level == (wanted == "1") else float("inf")
        elif trigger.startswith("POS"):
            mux, upward = trigger[:4].lower(), ">=" in trigger
            yield lambda: self.bus.reach(str(self.get(mux, "ZERO")), position, upward)

    def _outputs(self, row: Mapping[str, Any], phase: int) -> None:
        for output in OUTPUTS:
            self.out(f"OUT{output}", bool(row.get(f"out{output.lower()}{phase}", False)))

    def stopped(self) -> None:
        """Leave the outputs low."""
        for output in OUTPUTS:
            self.out(f"OUT{output}", False)
        for name in ("table_repeat", "table_line", "line_repeat"):
            self.set(name, 0)
        super().stopped()


def times(number: int) -> Iterator[int]:
    """Count as often as a repeat count says, where 0 is endless."""
    return iter(range(number)) if number else count()
