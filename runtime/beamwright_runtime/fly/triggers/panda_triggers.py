"""A PandA as the source of triggers: a sequencer that plays a table, or position compare.

ADR 0017 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, TypeVar, cast

import numpy as np
from ophyd_async.core import DetectorTrigger, SignalRW, wait_for_value
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import (
    PandaBitMux,
    PandaPcompDirection,
    PandaPosMux,
    PandaTimeUnits,
    PcompBlock,
    PosOutScaleOffset,
    SeqBlock,
    SeqTable,
    SeqTrigger,
)

from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.diagnosis import PATIENCE
from beamwright_runtime.fly.scan import SAME, Points, axis_name
from beamwright_runtime.fly.triggers.trigger_logic import TriggerLogic

# A mapping's keys are invariant: type checkers accept motors of a subclass only where a type variable stands for them.
MotorT = TypeVar("MotorT", bound=Motor)

LONGEST = 4096
"""Rows that the table of a sequencer has."""
REPEATS = 65535
"""How often a row of it can be repeated."""


class SequencerTriggers(TriggerLogic[Motor]):
    """A sequencer starts each row when an encoder passes its start, and its frames in time; output A is high for each.

    The BITA input is the gate, set by software: every frame waits for it, so that closing it lets the frame that has
    started end. A sequencer without a `bita` signal is switched off at once instead; its last frame is taken again.

    :param seq: the sequencer.
    :param positions: the encoder that counts each motor; rows of motors without one start in time alone.
    :param timeout: seconds that it may take to start and to stop.
    """

    trigger = DetectorTrigger.EXTERNAL_LEVEL

    def __init__(
        self, seq: SeqBlock, positions: Mapping[MotorT, PosOutScaleOffset] | None = None, timeout: float = 2.0
    ) -> None:
        self.seq = seq
        self.positions: Mapping[Motor, PosOutScaleOffset] = dict((positions or {}).items())
        self.timeout = timeout
        self._longest = 0.0

    async def check(self, flight: Points[Motor], deadtime: float) -> None:
        """Check that the table is not too long.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        :raises ScanRefusedError: if it is.
        """
        # As long in whatever units, so that a scan of many rows does not ask the box for them at each.
        _lines(flight, self._compared(flight), 1.0, 0.0, deadtime, gated=self._gate is not None)

    async def arm(self, flight: Points[Motor], deadtime: float) -> None:
        """Write the table and start it, which then waits for the axes.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        """
        await self._switch_off()
        compared = self._compared(flight)
        scale, offset = await _counts(self.positions[compared]) if compared is not None else (1.0, 0.0)
        table = table_of(flight, compared, scale, offset, deadtime, gated=self._gate is not None)
        self._longest = float(flight.duration.max())
        # The units first: a PandA scales what it has when they change.
        await self.seq.prescale_units.set(PandaTimeUnits.US)
        name = self.positions[compared].name if compared is not None else PandaPosMux.ZERO
        await asyncio.gather(
            self.seq.posa.set(cast("PandaPosMux", name)),
            self.seq.prescale.set(1.0),
            self.seq.repeats.set(1),
            self.seq.table.set(table),
        )
        await self._open(True)
        await self.seq.enable.set(PandaBitMux.ONE)
        await wait_for_value(self.seq.active, True, self.timeout)

    def _compared(self, flight: Points[Motor]) -> Motor | None:
        """Choose the motor that is fastest where rows start, of those with an encoder that move at each start.

        :raises ScanRefusedError: if some move, but none at each start.
        """
        rows, peak, starts = flight.rows(), 0.0, dict[Motor, float]()
        for motor in (motor for motor in flight.lower if motor in self.positions):
            fastest = float(np.abs(flight.velocity(motor)).max())
            start = min(abs(float(row.velocity(motor)[0])) for row in rows)
            peak = max(peak, fastest)
            if start > SAME * fastest:
                starts[motor] = start
        if peak and not starts:
            raise ScanRefusedError(
                "no axis with an encoder moves at the start of each row: nothing says when it is there"
            )
        return max(starts, key=starts.__getitem__) if starts else None

    @property
    def _gate(self) -> SignalRW[str] | None:
        # ophyd-async's block names only the inputs that its own logics set.
        return getattr(self.seq, "bita", None)

    async def _open(self, is_open: bool) -> None:
        if self._gate is not None:
            await self._gate.set("ONE" if is_open else "ZERO")

    async def finish(self) -> None:
        """Wait for the end of the table."""
        await wait_for_value(self.seq.active, False, None)

    async def gate(self) -> bool:
        """Close the gate, and switch off once the frame that has started is over.

        :returns: whether the last frame had its full length.
        """
        whole = True
        if await self.seq.active.get_value(cached=False):
            await self._open(False)
            if self._gate is not None:
                await asyncio.sleep(self._longest)
            whole = self._gate is not None
        await self._switch_off()
        return whole

    async def diagnose(self) -> list[str]:
        """Return whether the sequencer was switched off."""
        return await switched_off(self.seq)

    async def _switch_off(self) -> None:
        await self.seq.enable.set(PandaBitMux.ZERO)
        await wait_for_value(self.seq.active, False, self.timeout)


async def _counts(position: PosOutScaleOffset) -> tuple[float, float]:
    scale, offset = await asyncio.gather(position.scale.get_value(), position.offset.get_value())
    return scale, offset


def table_of(
    flight: Points[Motor], compared: Motor | None, scale: float, offset: float, deadtime: float, gated: bool
) -> SeqTable:
    """Make the table of a flight, in units of 1 us.

    Each row of the flight waits until the encoder is before its start, then until it passes it; after that each frame
    is high but for the deadtime.

    :raises ScanRefusedError: if it is longer than a table can be.
    """
    return _table(_lines(flight, compared, scale, offset, deadtime, gated))


def _lines(
    flight: Points[Motor], compared: Motor | None, scale: float, offset: float, deadtime: float, gated: bool
) -> list[Line]:
    rows: list[Line] = []
    for row in flight.rows():
        if compared is not None and (velocity := row.velocity(compared)[0] / scale):
            start = round((row.lower[compared][0] - offset) / scale)
            before, passed = SeqTrigger.POSA_LT, SeqTrigger.POSA_GT
            if velocity < 0:
                before, passed = passed, before
            rows += [Line(before, position=start - (1 if velocity > 0 else -1)), Line(passed, position=start)]
        trigger = SeqTrigger.BITA_1 if gated else SeqTrigger.IMMEDIATE
        for repeats, duration in _alike(row):
            # What rounding adds to the deadtime is taken from the frame: those of a long row would drift.
            dead = max(1, ceil(round(deadtime * 1e6, 3)))
            rows.append(Line(trigger, repeats=repeats, high=round(duration * 1e6) - dead, low=dead))
    if len(rows) > LONGEST:
        raise ScanRefusedError(f"the frames need {len(rows)} of the {LONGEST} rows of a sequencer's table")
    return rows


class Line(NamedTuple):
    """A row of a sequencer's table: what it waits for, and how long output A is high and then low, in units of 1 us."""

    trigger: SeqTrigger
    position: int = 0
    repeats: int = 1
    high: int = 0
    low: int = 0


def _table(rows: Sequence[Line]) -> SeqTable:
    low = np.zeros(len(rows), np.bool_)
    outputs = {f"out{output}{phase}": low for output in "abcdef" for phase in (1, 2)}
    outputs["outa1"] = np.array([bool(row.high) for row in rows], np.bool_)
    return SeqTable(
        repeats=np.array([row.repeats for row in rows], np.uint16),
        trigger=[row.trigger for row in rows],
        position=np.array([row.position for row in rows], np.int32),
        time1=np.array([row.high for row in rows], np.uint32),
        time2=np.array([row.low for row in rows], np.uint32),
        **outputs,
    )


def _alike(row: Points[Motor]) -> list[tuple[int, float]]:
    """Group frames of one duration, no more in one than a row repeats."""
    ends = [*(int(i) + 1 for i in np.flatnonzero(np.abs(np.diff(row.duration)) > SAME)), len(row)]
    groups, start = [], 0
    for end in ends:
        while start < end:
            repeats = min(REPEATS, end - start)
            groups.append((repeats, float(row.duration[start])))
            start += repeats
    return groups


@dataclass
class PositionCompareTriggers(TriggerLogic[Motor]):
    """Position compare sends a pulse at the start of each frame, wherever the axis is fast or slow.

    For detectors that time their own exposures from an edge, rows of equal steps, and flights of one row.

    :param pcomp: the block.
    :param motor: the axis whose position is compared.
    :param position: the encoder that counts it.
    :param width: of a pulse, in counts.
    :param timeout: seconds that it may take to start and to stop.
    """

    pcomp: PcompBlock
    motor: Motor
    position: PosOutScaleOffset
    width: int = 1
    timeout: float = 2.0
    trigger = DetectorTrigger.EXTERNAL_EDGE

    async def check(self, flight: Points[Motor], deadtime: float) -> None:
        """Check that the frames are at equal steps of the axis.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        :raises ScanRefusedError: if they are not.
        """
        await self._steps(flight)

    async def _steps(self, flight: Points[Motor]) -> tuple[int, int]:
        scale, offset = await _counts(self.position)
        starts = (flight.lower[self.motor] - offset) / scale
        steps = np.diff(np.append(starts, (flight.upper[self.motor][-1] - offset) / scale))
        name = axis_name(self.motor)
        if len(flight.rows()) > 1 or np.ptp(steps) > 1e-6 * abs(steps[0]) or abs(steps[0]) < 2 * self.width:
            raise ScanRefusedError(f"position compare needs one row with equal steps of {name}, wider than its pulses")
        if abs(steps[0] - round(steps[0])) * len(flight) > 1:
            raise ScanRefusedError(f"a step of {name} is {steps[0]:g} counts: frames would drift, it must be whole")
        return round(starts[0]), round(steps[0])

    async def arm(self, flight: Points[Motor], deadtime: float) -> None:
        """Set the block up, and start it, which then waits for the axis.

        :param flight: the frames of one flight, without a stop between them.
        :param deadtime: seconds that must be left between exposures.
        """
        await self.gate()
        start, step = await self._steps(flight)
        direction = PandaPcompDirection.POSITIVE if step > 0 else PandaPcompDirection.NEGATIVE
        await asyncio.gather(
            self.pcomp.start.set(start),
            self.pcomp.step.set(abs(step)),
            self.pcomp.width.set(self.width),
            self.pcomp.pulses.set(len(flight)),
            self.pcomp.dir.set(direction),
        )
        await self.pcomp.enable.set(PandaBitMux.ONE)
        try:
            await wait_for_value(self.pcomp.active, True, self.timeout)
        except TimeoutError as error:
            raise FlyScanError(f"{self.pcomp.name} did not start") from error

    async def finish(self) -> None:
        """Wait for the last pulse."""
        await wait_for_value(self.pcomp.active, False, None)

    async def diagnose(self) -> list[str]:
        """Return whether the block was switched off."""
        return await switched_off(self.pcomp)

    async def gate(self) -> bool:
        """Switch off; exposures that have started end by themselves.

        :returns: whether the last frame had its full length.
        """
        await self.pcomp.enable.set(PandaBitMux.ZERO)
        await wait_for_value(self.pcomp.active, False, self.timeout)
        return True


async def switched_off(block: SeqBlock | PcompBlock) -> list[str]:
    """Return whether a block that should run is switched off, or does not answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            enabled = await block.enable.get_value(cached=False)
    except Exception:
        return [f"{block.enable.source} does not answer"]
    return [] if enabled == PandaBitMux.ONE else [f"{block.name} was switched off ({block.enable.source})"]
