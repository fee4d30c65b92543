"""Moving the axes of a flight: motor records at constant velocity, row by row."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic

from ophyd_async.core import AsyncStatus, SignalR, wait_for_value
from ophyd_async.epics.motor import Motor, MotorLimitsError

from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.diagnosis import PATIENCE, why, with_findings
from beamwright_runtime.fly.scan import AxisT, Points, constant_velocity, run_down, run_up

LATE = 0.5
"""Seconds that a motor may take longer than its velocity and ramps say before it is seen whether it moves at all."""


class MotionLogic(ABC, Generic[AxisT]):
    """What moves the axes; a scanner holds one and calls it in this order for each flight it gives."""

    @property
    @abstractmethod
    def axes(self) -> Sequence[AxisT]:
        """The axes that it moves."""

    @abstractmethod
    async def flights(self, points: Points[AxisT]) -> Sequence[Points[AxisT]]:
        """Split frames into stretches that are flown without a stop, and check that all can be.

        :param points: frames in the order in which they are taken.
        :returns: the stretches, in order.
        :raises ScanRefusedError: if they cannot, with the reason.
        """

    @abstractmethod
    async def approach(self, flight: Points[AxisT]) -> None:
        """Move to where a flight starts from rest; return when there.

        :param flight: the frames of one flight, without a stop between them.
        """

    @abstractmethod
    async def start(self, flight: Points[AxisT]) -> None:
        """Start the flight; return when the first frame starts.

        :param flight: the frames of one flight, without a stop between them.
        """

    @abstractmethod
    async def finish(self, flight: Points[AxisT]) -> None:
        """Return when the axes are at rest behind the last frame.

        :param flight: the frames of one flight, without a stop between them.
        :raises FlyScanError: if an axis did not get there, naming it.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Stop, and return when nothing moves; may be called at any time."""

    async def diagnose(self) -> list[str]:
        """Return what keeps axes from the motion they were sent on, a sentence for each that is known."""
        return []

    async def release(self) -> None:
        """Put back what was changed for the scan."""
        return


@dataclass
class Speeds:
    """What a motor's speed and ramp are outside flights."""

    velocity: float
    fastest: float
    ramp: float


@dataclass
class Move:
    """A motor on its way.

    :param done: ends with the move, also with one that was stopped.
    :param due: when it should be there, in time of `time.monotonic`.
    """

    done: AsyncStatus[None]
    target: float
    due: float


@dataclass
class MotorMotion(MotionLogic[Motor]):
    """Motor records, which fly straight lines at constant velocity with a run-up before and a run-down behind.

    Each motor starts so that all are at velocity when the first frame starts. Between flights they move at their
    highest velocity; the velocity that they had before the scan is put back at its end.

    :param motors: the axes.
    :param tolerance: how far from its target a motor may end, in its units; by default its deadband, or a step.
    :param timeout: seconds that a move may take longer than its length and velocity say.
    """

    motors: Sequence[Motor]
    tolerance: float | None = None
    timeout: float = 10.0
    _speeds: dict[Motor, Speeds] = field(default_factory=dict)
    _moves: dict[Motor, Move] = field(default_factory=dict)

    @property
    def axes(self) -> Sequence[Motor]:
        """The motors."""
        return self.motors

    async def flights(self, points: Points[Motor]) -> Sequence[Points[Motor]]:
        """Split into rows of one velocity, and check velocities and limits of all of them.

        :param points: frames in the order in which they are taken.
        :returns: one stretch for each row.
        :raises ScanRefusedError: if a motor would have to be too fast, or to move beyond a limit.
        """
        for motor in points.midpoints:
            if motor not in self._speeds:
                self._speeds[motor] = await _speeds(motor)
        flights = constant_velocity(points)
        for motor in points.midpoints:
            speeds = self._speeds[motor]
            fastest = max((abs(float(flight.velocity(motor)[0])) for flight in flights), default=0.0)
            if speeds.fastest and fastest > speeds.fastest * (1 + 1e-9):
                raise ScanRefusedError(f"{motor.name} cannot fly at {fastest:g}/s, at most at {speeds.fastest:g}/s")
            ends = [run_up(flight, motor, speeds.ramp) for flight in flights]
            ends += [run_down(flight, motor, speeds.ramp) for flight in flights]
            for end in {min(ends, default=0.0), max(ends, default=0.0)} if ends else ():
                await _check_limits(motor, end)
        return flights

    async def approach(self, flight: Points[Motor]) -> None:
        """Move to the start of the run-up at the highest velocity.

        :param flight: the frames of one flight, without a stop between them.
        """
        await asyncio.gather(*(self._approach(motor, flight) for motor in flight.midpoints))

    async def _approach(self, motor: Motor, flight: Points[Motor]) -> None:
        speeds = self._speeds[motor]
        await motor.velocity.set(speeds.fastest or speeds.velocity)
        await self._move(motor, run_up(flight, motor, speeds.ramp), speeds.fastest or speeds.velocity)
        await self._arrive(motor, run_up(flight, motor, speeds.ramp))
        if velocity := abs(float(flight.velocity(motor)[0])):
            await motor.velocity.set(velocity)

    async def start(self, flight: Points[Motor]) -> None:
        """Start the motors that move, those with long ramps first.

        :param flight: the frames of one flight, without a stop between them.
        """
        moving = [motor for motor in flight.midpoints if flight.velocity(motor)[0]]
        longest = max((self._speeds[motor].ramp for motor in moving), default=0.0)
        await asyncio.gather(*(self._start(motor, flight, longest) for motor in moving))

    async def _start(self, motor: Motor, flight: Points[Motor], longest: float) -> None:
        ramp = self._speeds[motor].ramp
        await asyncio.sleep(longest - ramp)
        await self._move(motor, run_down(flight, motor, ramp), abs(float(flight.velocity(motor)[0])))
        await asyncio.sleep(ramp)

    async def finish(self, flight: Points[Motor]) -> None:
        """Wait for the motors, and see that they came where they were sent: one that is stopped reports success.

        :param flight: the frames of one flight, without a stop between them.
        """
        moving = [motor for motor in flight.midpoints if flight.velocity(motor)[0]]
        await asyncio.gather(
            *(self._arrive(motor, run_down(flight, motor, self._speeds[motor].ramp)) for motor in moving)
        )

    async def stop(self) -> None:
        """Stop the motors and wait until each has come to rest."""
        await asyncio.gather(*(self._stop(motor) for motor in self.motors))

    async def _stop(self, motor: Motor) -> None:
        await stop_motor(motor, self.timeout)
        if (move := self._moves.pop(motor, None)) is not None:
            # A stopped move ends as it likes: its outcome is of no interest.
            await asyncio.wait({move.done.task}, timeout=self.timeout)

    async def diagnose(self) -> list[str]:
        """Return which motors are at a limit switch, in alarm, stopped on the way, or late."""
        told = await asyncio.gather(*(self._diagnose_axis(motor, move) for motor, move in self._moves.items()))
        return [complaint for complaint in told if complaint]

    async def _diagnose_axis(self, motor: Motor, move: Move) -> str | None:
        # Looked at first: a move that ends while its motor is asked was on its way where the motor says it is.
        ended, late = move.done.done, time.monotonic() > move.due + LATE
        try:
            async with asyncio.timeout(PATIENCE):
                read, allowed, switch = await asyncio.gather(
                    motor.user_readback.read(cached=False), self._allowed(motor), _switch(motor)
                )
        except Exception:
            return f"{motor.user_readback.source} does not answer"
        reading = read[motor.user_readback.name]
        at, alarmed = reading["value"], (reading.get("alarm_severity") or 0) > 1
        if abs(at - move.target) <= allowed:
            return None
        if not (ended or alarmed or switch or (late and await _stands(motor, at, allowed))):
            return None
        how = f" at its {switch} limit switch" if switch else ", in alarm" if alarmed else ""
        return f"{motor.name} is at {at:g} on its way to {move.target:g}{how}"

    async def release(self) -> None:
        """Put the velocities back."""
        speeds, self._speeds = self._speeds, {}
        await asyncio.gather(*(motor.velocity.set(before.velocity) for motor, before in speeds.items()))

    async def _move(self, motor: Motor, target: float, velocity: float) -> None:
        distance = abs(target - await motor.user_readback.get_value())
        takes = distance / velocity + 2 * self._speeds[motor].ramp
        status = AsyncStatus(_put(motor, target, takes + self.timeout), name=motor.name)
        self._moves[motor] = Move(status, target, time.monotonic() + takes)

    async def _arrive(self, motor: Motor, target: float) -> None:
        if (move := self._moves.get(motor)) is not None:
            try:
                await asyncio.shield(move.done.task)
            except Exception as error:
                told = "in time" if isinstance(error, TimeoutError) else f"({why(error)})"
                raise FlyScanError(
                    with_findings(f"{motor.name} did not reach {target:g} {told}", await self.diagnose())
                ) from error
        # Somebody may watch the readback: what was told last is then older than the end of the move.
        at, allowed = await asyncio.gather(motor.user_readback.get_value(cached=False), self._allowed(motor))
        if abs(at - target) > allowed:
            switch = await _switch(motor)
            where = f" at its {switch} limit switch" if switch else ""
            raise FlyScanError(f"{motor.name} stopped at {at:g} on its way to {target:g}{where}")
        self._moves.pop(motor, None)

    async def _allowed(self, motor: Motor) -> float:
        if self.tolerance is not None:
            return self.tolerance
        deadband, step = await asyncio.gather(motor.deadband.get_value(), motor.motor_resolution.get_value())
        return max(float(deadband), 2 * abs(float(step)), 1e-6)


async def stop_motor(motor: Motor, timeout: float) -> None:
    """Stop a motor if it moves, and return when it is at rest."""
    # Somebody may watch it: what was told last is then older than a move that has just begun.
    if not await motor.motor_done_move.get_value(cached=False):
        await motor.motor_stop.set(1)
        await wait_for_value(motor.motor_done_move, 1, timeout=timeout)


async def _check_limits(motor: Motor, target: float) -> None:
    try:
        await motor.movable_logic.check_move(target)
    except MotorLimitsError as error:
        raise ScanRefusedError(str(error)) from error


async def _put(motor: Motor, target: float, limit: float) -> None:
    await motor.user_setpoint.set(target, timeout=limit)


async def _stands(motor: Motor, at: float, allowed: float) -> bool:
    """Return whether a motor stays within its tolerance of where it is, for a while."""
    try:
        await wait_for_value(motor.user_readback, lambda now: abs(now - at) > allowed, PATIENCE)
    except TimeoutError:
        return True
    return False


async def _switch(motor: Motor) -> str | None:
    """Return which limit switch a motor has reached; generated motors have signals for them, ophyd-async's has not."""
    for which in ("high", "low"):
        signal: SignalR[int] | None = getattr(motor, f"{which}_limit_switch", None)
        if signal is not None and await signal.get_value():
            return which
    return None


async def _speeds(motor: Motor) -> Speeds:
    velocity, fastest, ramp = await asyncio.gather(
        motor.velocity.get_value(), motor.max_velocity.get_value(), motor.acceleration_time.get_value()
    )
    return Speeds(velocity, abs(fastest), ramp)
