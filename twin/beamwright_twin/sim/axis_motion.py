"""Motion as an exact function of time, so that an encoder, a position compare and a readback never disagree."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class MotionSegment(NamedTuple):
    """A stretch of constant acceleration, from its start to that of the next segment."""

    start: float
    position: float
    velocity: float
    acceleration: float

    def at(self, time: float) -> tuple[float, float]:
        """Return position and velocity at a time."""
        passed = time - self.start
        velocity = self.velocity + self.acceleration * passed
        return self.position + (self.velocity + velocity) / 2 * passed, velocity


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A motion in time; before its first segment and after its last, nothing moves.

    Times are simulated seconds, positions whatever unit the motion was planned in.
    """

    segments: tuple[MotionSegment, ...]

    @classmethod
    def rest(cls, position: float, time: float = 0.0) -> Trajectory:
        """Stay at a position."""
        return cls((MotionSegment(time, position, 0.0, 0.0),))

    @classmethod
    def of(cls, segments: Sequence[Sequence[float]]) -> Trajectory:
        """Make a trajectory of what `segments` was in another process."""
        return cls(tuple(MotionSegment(*segment) for segment in segments))

    @property
    def start(self) -> float:
        """When the motion starts."""
        return self.segments[0].start

    @property
    def end(self) -> float:
        """When the motion is over."""
        return self.segments[-1].start

    @property
    def target(self) -> float:
        """Where the motion ends."""
        return self.segments[-1].position

    def at(self, time: float) -> tuple[float, float]:
        """Return position and velocity at a time."""
        index = bisect_right(self.segments, time, key=lambda segment: segment.start) - 1
        if index < 0:
            return self.segments[0].position, 0.0
        return self.segments[index].at(time)

    def position(self, time: float) -> float:
        """Return the position at a time."""
        return self.at(time)[0]

    def crossings(self, position: float) -> Iterator[float]:
        """Return the times at which the motion passes a position, in order."""
        for segment, after in zip(self.segments, self.segments[1:], strict=False):
            for passed in _roots(segment.acceleration / 2, segment.velocity, segment.position - position):
                if 0 <= passed < after.start - segment.start:
                    yield segment.start + passed


def _roots(a: float, b: float, c: float) -> Sequence[float]:
    """Solve a x^2 + b x + c = 0 in the form that loses no digits, in order."""
    if a == 0:
        return () if b == 0 else (-c / b,)
    square = b * b - 4 * a * c
    if square < 0:
        return ()
    q = -(b + math.copysign(math.sqrt(square), b)) / 2
    return sorted({q / a, c / q if q else 0.0})


@dataclass(frozen=True, slots=True)
class Profile:
    """How a motor moves: its speed, the speed it starts from and stops from, and the change of speed per second."""

    velocity: float
    base: float
    acceleration: float

    @classmethod
    def of(cls, velocity: float, base: float, ramp: float) -> Profile:
        """Make the profile of a motor that takes `ramp` seconds from its base velocity to its velocity."""
        base = min(abs(base), abs(velocity))
        if math.isclose(base, abs(velocity)):  # a ramp between them would have next to no acceleration, and no end
            base = abs(velocity)
        # A motor that starts at its velocity needs no time for it.
        return cls(
            abs(velocity), base, (abs(velocity) - base) / ramp if ramp > 0 and base < abs(velocity) else math.inf
        )

    def move(self, time: float, position: float, target: float, velocity: float = 0.0) -> Trajectory:
        """Plan a motion to a target, from rest or on the move."""
        building = _TrajectoryBuilder(time, position, self)
        way = math.copysign(1.0, target - position)
        if velocity and (velocity * way < 0 or building.braking(abs(velocity)) > abs(target - position)):
            building.ramp(math.copysign(1.0, velocity), abs(velocity), self.base)
            velocity = 0.0
            way = math.copysign(1.0, target - building.position)
        building.go(way, abs(target - building.position), max(abs(velocity), self.base))
        return building.finished(target)

    def stop(self, time: float, position: float, velocity: float) -> Trajectory:
        """Plan a stop."""
        building = _TrajectoryBuilder(time, position, self)
        building.ramp(math.copysign(1.0, velocity), abs(velocity), self.base)
        return building.finished(building.position)


class _TrajectoryBuilder:
    """Segments put one behind another; speeds are without sign, `way` is +1 or -1."""

    def __init__(self, time: float, position: float, profile: Profile) -> None:
        self.time = time
        self.position = position
        self.profile = profile
        self.segments: list[MotionSegment] = []

    def braking(self, speed: float) -> float:
        """Return the distance that stopping takes."""
        return abs(speed**2 - self.profile.base**2) / 2 / self.profile.acceleration

    def ramp(self, way: float, speed: float, to: float) -> None:
        """Change speed."""
        acceleration = self.profile.acceleration
        if speed != to and math.isfinite(acceleration):
            self._add(way, speed, math.copysign(acceleration, to - speed), abs(to - speed) / acceleration)

    def go(self, way: float, distance: float, speed: float) -> None:
        """Travel a distance: up to the velocity where there is room, and down to the base velocity at the end."""
        base, velocity, acceleration = self.profile.base, self.profile.velocity, self.profile.acceleration
        if distance <= 0 or velocity <= 0:
            return
        peak = velocity
        ramps = abs(peak**2 - speed**2) / 2 / acceleration + self.braking(peak)
        if ramps > distance:
            peak = max(speed, math.sqrt(max(0.0, (2 * acceleration * distance + speed**2 + base**2) / 2)))
            ramps = distance
        self.ramp(way, speed, peak)
        if distance > ramps:
            self._add(way, peak, 0.0, (distance - ramps) / peak)
        self.ramp(way, peak, base)

    def _add(self, way: float, speed: float, acceleration: float, duration: float) -> None:
        segment = MotionSegment(self.time, self.position, way * speed, way * acceleration)
        self.segments.append(segment)
        self.time += duration
        self.position = segment.at(self.time)[0]

    def finished(self, target: float) -> Trajectory:
        """Come to rest, at the target to the last digit."""
        return Trajectory((*self.segments, MotionSegment(self.time, target, 0.0, 0.0)))
