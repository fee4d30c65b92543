"""Two motor records and the PandA of the example beamline, on one clock, over PVA until told to end.

The encoders of the PandA are the motors: INENC1 follows the first, INENC2 the second, in thousandths of a unit.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "x01" / "panda"))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "pvi_servers"))

from child import announce, until_told
from fastcs.control_system import FastCS
from fastcs.transports.epics.pva import EpicsPVATransport
from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.asyncio import SharedPV

import server
from sequencer import Seq
from server import Box, Ready
from tests.runtime.fly.rig import Axis
from wires import Wires

COUNT = 0.001
"""Units of a count of an encoder."""
TICK = 0.004
"""Seconds between two looks at the axes."""
TURNS = 40
"""Turns of the event loop that what follows from a tick takes, with room: from a compare to a row on disk."""
NUMBERS = {
    "MRES": 0.001, "UREV": 1.0, "ERES": 0.001, "VELO": 5.0, "OFF": 0.0, "RBV": 0.0, "VAL": 0.0, "VMAX": 20.0,
    "ACCL": 0.1, "RDBD": 0.002, "LLM": -50.0, "HLM": 50.0, "DLLM": -50.0, "DHLM": 50.0,
}  # fmt: skip
WHOLE = {"SREV": 200, "PREC": 3, "DMOV": 1, "HLS": 0, "LLS": 0, "STOP": 0}
TEXT = {"EGU": "mm", "OUT": ""}
CHOICES = {"FOFF": ["Variable", "Frozen"], "SET": ["Use", "Set"]}


class Clock:
    """Where the simulation has come to: a process that was held up takes no tick less."""

    now = time.monotonic()


class ExactSeq(Seq):
    """A sequencer that is timed by the ticks of the simulation."""

    _due = 0.0

    async def _phase(self, row: Any, phase: str, tick: float) -> None:
        started = self._due if 0 <= Clock.now - self._due < 2 * TICK else Clock.now
        for output, wire in self._outputs.items():
            await self.wires.set_bit(wire, bool(row[f"out{output}{phase}"]))
        self._due = started + int(row[f"time{phase}"]) * tick
        await self.wires.until(lambda: Clock.now >= self._due)


server.Seq = ExactSeq


class Record:
    """A motor record: the fields that ophyd-async's motor connects to."""

    def __init__(self, name: str, provider: StaticProvider) -> None:
        self.axis = Axis(NUMBERS["VMAX"], NUMBERS["ACCL"])
        self.fields: dict[str, SharedPV] = {}
        for field, value in {**NUMBERS, **WHOLE, **TEXT}.items():
            code = {float: "d", int: "i", str: "s"}[type(value)]
            self._serve(provider, name, field, SharedPV(nt=NTScalar(code, display=True), initial=value))
        for field, choices in CHOICES.items():
            self._serve(provider, name, field, SharedPV(nt=NTEnum(), initial={"index": 0, "choices": choices}))

    def _serve(self, provider: StaticProvider, name: str, field: str, pv: SharedPV) -> None:
        self.fields[field] = pv
        act = {"VAL": self._go, "STOP": self._stop}.get(field)

        @pv.put
        async def put(pv: SharedPV, op: Any) -> None:
            pv.post(op.value())
            if act is not None:
                await act(float(op.value()))
            op.done()

        provider.add(f"{name}.{field}", pv)

    def get(self, field: str) -> float:
        return float(self.fields[field].current())

    async def _go(self, target: float) -> None:
        self.axis.ramp = self.get("ACCL")
        self.axis.go(time.monotonic(), target, self.get("VELO"))
        self.fields["DMOV"].post(0)
        while (left := self.axis.still_at - time.monotonic()) > 0:
            await asyncio.sleep(left)
        self.tell()
        self.fields["DMOV"].post(1)

    async def _stop(self, _: float) -> None:
        self.axis.fastest = self.get("VELO")
        self.axis.stop(time.monotonic())

    def tell(self) -> None:
        self.fields["RBV"].post(self.axis.at(time.monotonic())[0])


async def follow(records: list[Record], box: Box) -> None:
    """Turn the encoders tick by tick, and give everything that waits for them its turn at each."""
    told = [0, 0]
    ticks = 0
    while True:
        while Clock.now + TICK <= time.monotonic():
            Clock.now += TICK
            ticks += 1
            for number, record in enumerate(records):
                counts = round(record.axis.at(Clock.now)[0] / COUNT)
                if counts != told[number]:
                    told[number] = counts
                    await box.inenc[number + 1].move(counts)
                    if ticks % 10 == 0:
                        record.tell()
            await box.wires.changed()
            for _ in range(TURNS):
                await asyncio.sleep(0)
        await asyncio.sleep(TICK)


async def main(prefix: str, ready: Callable[[], None]) -> None:
    box = Box(Wires())
    box.set_path([f"{prefix}-PANDA"])
    for encoder in (1, 2):
        await box.inenc[encoder].val_scale.update(COUNT)
    provider = StaticProvider("motors")
    records = [Record(f"{prefix}-{name}", provider) for name in "XY"]
    serving = FastCS(box, [EpicsPVATransport(), Ready(box, ready)], loop=asyncio.get_running_loop())
    tasks = [asyncio.create_task(serving.serve(interactive=False)), asyncio.create_task(follow(records, box))]
    with Server(providers=[provider]):
        await until_told()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


if __name__ == "__main__":
    asyncio.run(main("FLY", announce))
