"""Axes whose positions are exact functions of time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from beamwright_runtime.fly import FlyScanError, MotionLogic, Points, ScanRefusedError
from beamwright_runtime.fly.scan import constant_velocity, run_down, run_up


class Stretch(NamedTuple):
    """Motion from one velocity to another at constant acceleration."""

    start: float
    position: float
    velocity: float
    acceleration: float


class Axis:
    """An axis whose position is an exact function of time."""

    def __init__(self, fastest: float, ramp: float) -> None:
        self.fastest = fastest
        self.ramp = ramp
        self._stretches = [Stretch(-math.inf, 0.0, 0.0, 0.0)]

    def at(self, moment: float) -> tuple[float, float]:
        """Position and velocity."""
        one = next(one for one in reversed(self._stretches) if one.start <= moment)
        if math.isinf(one.start):
            return one.position, 0.0
        passed = moment - one.start
        return (
            one.position + one.velocity * passed + one.acceleration * passed**2 / 2,
            one.velocity + one.acceleration * passed,
        )

    @property
    def still_at(self) -> float:
        """When it comes to rest."""
        return self._stretches[-1].start

    def go(self, now: float, target: float, speed: float) -> None:
        """Move from rest."""
        start = self.at(now)[0]
        way = math.copysign(1.0, target - start)
        distance, ramp = abs(target - start), self.ramp
        if speed * ramp > distance:
            ramp = math.sqrt(distance * self.ramp / speed)
            speed = distance / ramp if ramp else 0.0
        cruise = (distance - speed * ramp) / speed if speed else 0.0
        ramped = way * speed * ramp / 2
        acceleration = way * speed / ramp if ramp else 0.0
        self._stretches += [
            Stretch(now, start, 0.0, acceleration),
            Stretch(now + ramp, start + ramped, way * speed, 0.0),
            Stretch(now + ramp + cruise, target - ramped, way * speed, -acceleration),
            Stretch(now + 2 * ramp + cruise, target, 0.0, 0.0),
        ]

    def stop(self, now: float) -> None:
        """Slow down."""
        position, velocity = self.at(now)
        if now >= self.still_at:
            return
        ramp = self.ramp * min(1.0, abs(velocity) / self.fastest)
        self._stretches = [one for one in self._stretches if one.start <= now]
        deceleration = -velocity / ramp if ramp else 0.0
        self._stretches += [
            Stretch(now, position, velocity, deceleration),
            Stretch(now + ramp, position + velocity * ramp / 2, 0.0, 0.0),
        ]


class ExactMotion(MotionLogic[str]):
    """Axes that fly rows at constant velocity."""

    def __init__(self, *names: str, fastest: float = 100.0, ramp: float = 0.05) -> None:
        self.moves = {name: Axis(fastest, ramp) for name in names}
        self.began = 0.0
        self.stuck_in: int | None = None
        self.refused = ""

    @property
    def axes(self) -> Sequence[str]:
        return list(self.moves)

    def position(self, name: str, moment: float) -> float:
        return self.moves[name].at(moment)[0]

    def moving(self, moment: float) -> bool:
        return any(moment < axis.still_at for axis in self.moves.values())

    async def flights(self, points: Points[str]) -> Sequence[Points[str]]:
        if self.refused:
            raise ScanRefusedError(self.refused)
        return constant_velocity(points)

    async def approach(self, flight: Points[str]) -> None:
        now = time.monotonic()
        for name in flight.midpoints:
            axis = self.moves[name]
            axis.go(now, run_up(flight, name, axis.ramp), axis.fastest)
        await self._rest()

    async def start(self, flight: Points[str]) -> None:
        now = time.monotonic()
        for name in flight.midpoints:
            if velocity := abs(float(flight.velocity(name)[0])):
                self.moves[name].go(now, run_down(flight, name, self.moves[name].ramp), velocity)
        ramp = max(axis.ramp for axis in self.moves.values())
        self.began = now + ramp
        if self.stuck_in is not None and flight.start <= self.stuck_in < flight.stop:
            self.stuck_in = None
            stuck_at = self.began + float(flight.duration.sum()) / 2
            asyncio.get_running_loop().call_later(stuck_at - now, self._stop_all)
        await asyncio.sleep(ramp)

    async def finish(self, flight: Points[str]) -> None:
        await self._rest()
        for name in flight.midpoints:
            at = self.position(name, time.monotonic())
            if flight.velocity(name)[0] and abs(at - run_down(flight, name, self.moves[name].ramp)) > 1e-6:
                raise FlyScanError(f"{name} stopped at {at:g}")

    async def stop(self) -> None:
        self._stop_all()
        await self._rest()

    def _stop_all(self) -> None:
        for axis in self.moves.values():
            axis.stop(time.monotonic())

    async def _rest(self) -> None:
        while (left := max(axis.still_at for axis in self.moves.values()) - time.monotonic()) > 0:
            await asyncio.sleep(left)
