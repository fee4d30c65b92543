"""One scanspec specification as a global index of frames, split into axes that step and axes that fly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scanspec.core import Dimension, Path, SnakedDimension
from scanspec.specs import Spec

from beamwright_runtime.errors import ScanRefusedError

AxisT = TypeVar("AxisT")
Positions = Mapping[AxisT, NDArray[np.float64]]

SAME = 1e-9
"""Positions and velocities closer than this part of their scale are equal: the rest is rounding."""


def axis_name(axis: object) -> str:
    """Name an axis as documents do."""
    name = getattr(axis, "name", None)
    return name if isinstance(name, str) and name else str(axis)


@dataclass(frozen=True)
class Points(Generic[AxisT]):
    """A stretch of frames, one row of each array per frame.

    :param start: the scan index of the first frame.
    :param midpoints: where each axis is in the middle of each frame.
    :param lower: where each axis is when each frame starts.
    :param upper: where each axis is when each frame ends.
    :param duration: seconds from the start of each frame to its end.
    :param gap: whether the axes cannot go straight on from the frame before; always so for the first.
    """

    start: int
    midpoints: Positions[AxisT]
    lower: Positions[AxisT]
    upper: Positions[AxisT]
    duration: NDArray[np.float64]
    gap: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.gap)

    @property
    def stop(self) -> int:
        """The scan index behind the last frame."""
        return self.start + len(self)

    def velocity(self, axis: AxisT) -> NDArray[np.float64]:
        """Return the signed mean velocity of an axis in each frame, in its units per second.

        :param axis: one of the points' axes.
        :returns: one velocity for each frame.
        """
        return (self.upper[axis] - self.lower[axis]) / self.duration

    def part(self, start: int, stop: int) -> Points[AxisT]:
        """Return the frames from one scan index to another; the first of them starts with a gap.

        :param start: scan index of the first frame.
        :param stop: scan index behind the last frame.
        """
        cut = slice(start - self.start, stop - self.start)
        gap = self.gap[cut].copy()
        gap[:1] = True
        midpoints, lower, upper = (
            {axis: values[cut] for axis, values in positions.items()}
            for positions in (self.midpoints, self.lower, self.upper)
        )
        return Points(start, midpoints, lower, upper, self.duration[cut], gap)

    def rows(self) -> list[Points[AxisT]]:
        """Split at the gaps.

        :returns: the stretches between gaps, in order.
        """
        starts = [*(int(i) + self.start for i in np.flatnonzero(self.gap)), self.stop]
        return [self.part(start, stop) for start, stop in pairwise(starts)]

    def split(self, at: NDArray[np.bool_]) -> Points[AxisT]:
        """Add gaps.

        :param at: true for each frame that shall start with a gap.
        :returns: the same frames, with more gaps.
        """
        return replace(self, gap=self.gap | at)


class Scan(Generic[AxisT]):
    """A scan: every frame has an index, from 0, whichever axes step and whichever fly.

    :param spec: what to scan; the axes within `Fly(...)` fly.
    :param flown: the axes that one device moves; by default the cut is made at the first dimension that flies.
    :raises ScanRefusedError: if nothing flies, a frame has no duration, or an axis must step and fly at once.
    """

    def __init__(self, spec: Spec[AxisT], flown: Collection[AxisT] | None = None) -> None:
        self.spec = spec
        with np.errstate(invalid="ignore"):
            self.dimensions: list[Dimension[AxisT]] = spec.calculate()
        self.lengths: tuple[int, ...] = tuple(map(len, self.dimensions))
        if not all(self.lengths):
            raise ScanRefusedError("the scan has no frames: a region leaves none of its points")
        self._cut = self._first_flown(flown)
        self._check(flown)

    def _first_flown(self, flown: Collection[AxisT] | None) -> int:
        for number, dimension in enumerate(self.dimensions):
            if any(axis in flown for axis in dimension.axes()) if flown is not None else _has_bounds(dimension):
                return number
        if flown is None:
            raise ScanRefusedError("nothing flies: put what should move while frames are taken into Fly(...)")
        raise ScanRefusedError(f"the scan moves none of {_names(flown)}, only {_names(self.spec.axes())}")

    def _check(self, flown: Collection[AxisT] | None) -> None:
        inner = self.axes
        if flown is not None and (others := [axis for axis in inner if axis not in flown]):
            raise ScanRefusedError(
                f"{_names(others)} would have to step inside a flight of {_names(flown)}: "
                "put axes that step outside, or let all axes of the dimension fly"
            )
        if not any(map(_has_bounds, self.dimensions[self._cut :])):
            raise ScanRefusedError(f"{_names(inner)} only steps: put it into Fly(...)")
        timed = [dimension for dimension in self.dimensions if dimension.duration is not None]
        if not timed:
            raise ScanRefusedError("frames have no duration: say how long each takes, as in Fly(0.1 @ spec)")
        for dimension in self.dimensions:
            for positions in (dimension.midpoints, dimension.lower, dimension.upper):
                for axis, values in positions.items():
                    if not np.all(np.isfinite(values)):
                        raise ScanRefusedError(f"{axis_name(axis)} has a position that is not a number")
            if dimension.duration is not None and not np.all(dimension.duration > 0):
                raise ScanRefusedError("a frame has no positive duration")

    @property
    def axes(self) -> list[AxisT]:
        """The axes that fly or stand still in a flight, slowest first."""
        return [axis for dimension in self.dimensions[self._cut :] for axis in dimension.axes()]

    @property
    def outer_axes(self) -> list[AxisT]:
        """The axes that step between flights, slowest first."""
        return [axis for dimension in self.dimensions[: self._cut] for axis in dimension.axes()]

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of all dimensions, slowest first: of a virtual dataset whose last index runs fastest."""
        return self.lengths

    @property
    def steps(self) -> int:
        """How many flights there are: one at each position of the outer axes."""
        return prod(self.lengths[: self._cut])

    @property
    def flight_frames(self) -> int:
        """How many frames a flight has."""
        return prod(self.lengths[self._cut :])

    def __len__(self) -> int:
        return prod(self.lengths)

    def step(self, index: int) -> int:
        """Return which flight takes a frame.

        :param index: scan index of the frame.
        """
        return index // self.flight_frames

    def outer_positions(self, step: int) -> dict[AxisT, float]:
        """Return where the outer axes are during a flight.

        :param step: which flight, from 0.
        """
        piece = Path(self.dimensions, start=step * self.flight_frames, num=1).consume()
        return {axis: float(piece.midpoints[axis][0]) for axis in self.outer_axes}

    def points(self, start: int = 0, stop: int | None = None) -> Points[AxisT]:
        """Return the frames of flown axes from one scan index to another, in the order in which they are taken.

        :param start: scan index of the first frame.
        :param stop: scan index behind the last frame.
        :raises IndexError: if there are no such frames.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"the scan has frames 0 to {len(self)}, not {start} to {stop}")
        # From the frame before, so that a gap to it is seen.
        before = max(0, start - 1)
        piece = Path(self.dimensions, start=before, num=stop - before).consume()
        axes = self.axes
        midpoints, lower, upper = (
            {axis: np.asarray(positions[axis], np.float64) for axis in axes}
            for positions in (piece.midpoints, piece.lower, piece.upper)
        )
        indices = np.arange(before, stop)
        gap = piece.gap | _jumps(lower, upper) | (indices % self.flight_frames == 0)
        whole = Points(before, midpoints, lower, upper, self._durations(indices), gap)
        return whole.part(start, stop)

    def _durations(self, indices: NDArray[np.int_]) -> NDArray[np.float64]:
        # scanspec 1.0 gives durations of a reversed row one frame late, so they are looked up here.
        for number, dimension in enumerate(self.dimensions):
            if dimension.duration is not None:
                inner = indices // prod(self.lengths[number + 1 :])
                length = self.lengths[number]
                within = inner % length
                if isinstance(dimension, SnakedDimension):
                    within = np.where(inner // length % 2, length - 1 - within, within)
                return np.asarray(dimension.duration, np.float64)[within]
        raise AssertionError("a scan without durations is refused")

    @cached_property
    def constant_duration(self) -> float | None:
        """How long every frame takes, in seconds, or None if they differ."""
        values = next(d.duration for d in self.dimensions if d.duration is not None)
        return float(values[0]) if np.all(values == values[0]) else None

    def facts(self) -> dict[str, Any]:
        """Return, for the start document, what rows mean: shapes, axes and durations as plain data."""
        return {
            "spec": dict(self.spec.serialize()),
            "shape": list(self.shape),
            "num_points": len(self),
            "dimensions": [[axis_name(axis) for axis in dimension.axes()] for dimension in self.dimensions],
            "snaked": [isinstance(dimension, SnakedDimension) for dimension in self.dimensions],
            "outer_axes": [axis_name(axis) for axis in self.outer_axes],
            "flown_axes": [axis_name(axis) for axis in self.axes],
            "duration": self.constant_duration,
        }


def _has_bounds(dimension: Dimension[AxisT]) -> bool:
    return bool(dimension.axes()) and dimension.lower is not dimension.midpoints


def _names(axes: Collection[AxisT]) -> str:
    return ", ".join(map(axis_name, axes)) or "nothing"


def _jumps(lower: Positions[AxisT], upper: Positions[AxisT]) -> NDArray[np.bool_]:
    """Return which frames an axis cannot enter straight from the one before: it is elsewhere, or turns round."""
    jumps = np.zeros(len(next(iter(lower.values()))), np.bool_)
    for axis, starts in lower.items():
        ends = upper[axis]
        way = ends - starts
        scale = max(float(np.max(np.abs(way), initial=0.0)), SAME)
        jumps[1:] |= np.abs(starts[1:] - ends[:-1]) > SAME * scale
        jumps[1:] |= way[1:] * way[:-1] < 0
    return jumps


def run_up(points: Points[AxisT], axis: AxisT, ramp: float, frame: int = 0) -> float:
    """Return where an axis must start from rest to be at velocity when a frame starts.

    :param ramp: seconds that the axis takes to reach its velocity.
    :param frame: counted from the first of `points`, also in the middle of a row.
    """
    return float(points.lower[axis][frame] - points.velocity(axis)[frame] * ramp / 2)


def run_down(points: Points[AxisT], axis: AxisT, ramp: float) -> float:
    """Return where an axis comes to rest that slows down when the last frame ends."""
    return float(points.upper[axis][-1] + points.velocity(axis)[-1] * ramp / 2)


def constant_velocity(points: Points[AxisT]) -> Sequence[Points[AxisT]]:
    """Split into rows in which every axis keeps one velocity.

    :raises ScanRefusedError: if an axis has to follow a curve within a frame.
    """
    changes = np.zeros(len(points), np.bool_)
    for axis, midpoints in points.midpoints.items():
        lower, upper, velocity = points.lower[axis], points.upper[axis], points.velocity(axis)
        way = np.abs(upper - lower)
        bend = np.abs(midpoints - (lower + upper) / 2)
        if np.any(bent := bend > 1e-6 * np.maximum(way, SAME)):
            frame = points.start + int(np.argmax(bent))
            raise ScanRefusedError(
                f"{axis_name(axis)} follows a curve in frame {frame}: motors at constant velocity cannot, "
                "a motion controller with trajectories can"
            )
        scale = max(float(np.max(np.abs(velocity), initial=0.0)), SAME)
        changes[1:] |= np.abs(np.diff(velocity)) > 1e-6 * scale
    return points.split(changes).rows()
