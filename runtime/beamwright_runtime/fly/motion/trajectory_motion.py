"""Moving axes along trajectories that a PMAC executes, through ophyd-async's own logic: curves, and rows at one go.

ADR 0023 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from ophyd_async.core import wait_for_value
from ophyd_async.epics.motor import Motor
from ophyd_async.epics.pmac import PmacIO, PmacScanInfo, PmacTrajectoryFlyableLogic
from scanspec.core import Dimension, Path

from beamwright_runtime.errors import FlyScanError, PutFailedError, ScanRefusedError
from beamwright_runtime.fly.motion.motor_motion import MotionLogic, stop_motor
from beamwright_runtime.fly.scan import SAME, Points
from beamwright_runtime.ophyd_seam import TrajectoryPlanner, pmac_motor_info

if TYPE_CHECKING:
    from scanspec.specs import Spec

    from beamwright_runtime.ophyd_seam import PmacFlyCtx, PmacMotorInfo

EXECUTING, DONE = "Executing", "Done"
"""States of a controller's trajectory."""

LONGEST = 4.0
"""Seconds that a PMAC may take from one point of a trajectory to the next, of which a frame has two."""

SOON = 1.0
"""Seconds within which a PMAC tells that it executes what it was told to."""


@dataclass
class TrajectorySpec:
    """A flight as ophyd-async's logic takes it: a specification of which only the dimensions are asked for."""

    points: Points[Motor]

    def calculate(self) -> list[Dimension[Motor]]:
        """Return the frames, which start with a gap."""
        points = self.points
        return [Dimension(dict(points.midpoints), dict(points.lower), dict(points.upper), points.gap, points.duration)]


@dataclass
class TrajectoryMotion(MotionLogic[Motor]):
    """Motors in one coordinate system of a PMAC, which follow any path; turnarounds are part of the trajectory.

    Where frames follow each other the axes go straight on, along curves too. They stop and turn where the next frame
    starts elsewhere, and where a motor would have to change its velocity faster than VMAX and ACCL of its record say.

    :param pmac: the controller.
    :param motors: the axes: motor records of axes that are assigned to one coordinate system, or its own motors.
    :param ramp_time: seconds of the run-up, if more than the accelerations need.
    :param turnaround_time: seconds that a turnaround takes at least.
    :param timeout: seconds that the controller may take to build a trajectory, to start, and to come to rest.
    """

    pmac: PmacIO
    motors: Sequence[Motor]
    ramp_time: float | None = None
    turnaround_time: float | None = None
    timeout: float = 10.0
    _logic: PmacTrajectoryFlyableLogic = field(init=False)
    _preparing: asyncio.Task[PmacFlyCtx] | None = None
    _context: PmacFlyCtx | None = None
    _coordinates: int | None = None

    def __post_init__(self) -> None:
        self._logic = PmacTrajectoryFlyableLogic(self.pmac)

    @property
    def axes(self) -> Sequence[Motor]:
        """The motors."""
        return self.motors

    async def flights(self, points: Points[Motor]) -> Sequence[Points[Motor]]:
        """Split the frames into as few flights as possible, and check the whole path against limits and velocities.

        :param points: frames in the order in which they are taken.
        :returns: the stretches, in order.
        """
        if not len(points):
            return ()
        if float(points.duration.max()) / 2 > LONGEST:
            raise ScanRefusedError(
                f"a frame lasts {points.duration.max():g} s: a PMAC needs a point at least every {LONGEST:g} s, "
                f"so a frame may last {2 * LONGEST:g} s"
            )
        info = await self._motor_info(points)
        whole = replace(points, gap=_gaps(points, info))
        # Where each row is flown by itself the axes run up before each.
        for flight in (whole, *(whole.rows() if np.count_nonzero(whole.gap) > 1 else ())):
            await self._check(flight, info)
        return (whole,)

    async def _motor_info(self, points: Points[Motor]) -> PmacMotorInfo:
        for motor in points.midpoints:
            fastest, ramp = await asyncio.gather(motor.max_velocity.get_value(), motor.acceleration_time.get_value())
            if fastest <= 0 or ramp <= 0:
                raise ScanRefusedError(f"{motor.name} has VMAX {fastest:g} and ACCL {ramp:g}: a trajectory needs both")
        try:
            info = await pmac_motor_info(self.pmac, list(points.midpoints))
        except (ValueError, RuntimeError, KeyError) as error:
            raise ScanRefusedError(f"the PMAC cannot move these axes together: {error}") from error
        if info.cs_number not in self.pmac.coord:
            raise ScanRefusedError(
                f"the axes are in coordinate system {info.cs_number}, which {self.pmac.name} does not have"
            )
        self._coordinates = info.cs_number
        return info

    async def _check(self, flight: Points[Motor], info: PmacMotorInfo) -> None:
        """Plan the flight without the controller, and see where it goes."""
        planner = TrajectoryPlanner(self.pmac, info, self.ramp_time, self.turnaround_time)
        path = Path(TrajectorySpec(flight).calculate())
        before: dict[Motor, tuple[float, float]] = {}
        while len(path):
            try:
                trajectory = await planner.plan(path)
            except (ValueError, RuntimeError) as error:
                raise ScanRefusedError(f"the PMAC cannot fly this: {error}") from error
            before = before or {motor: (start, 0.0) for motor, start in planner.starts.items()}
            for motor, (position, velocity) in before.items():
                positions = np.concatenate([[position], trajectory.positions[motor]])
                velocities = np.concatenate([[velocity], trajectory.velocities[motor]])
                _check_limits(motor, info, _bounds(positions, velocities, trajectory.durations))
                before[motor] = float(positions[-1]), float(velocities[-1])

    async def approach(self, flight: Points[Motor]) -> None:
        """Load the trajectory, and move to where its run-up starts.

        :param flight: the frames of one flight, without a stop between them.
        """
        # Left to itself when it is cancelled: half of it would leave moves deferred.
        spec = cast("Spec[Motor]", TrajectorySpec(flight))
        info = PmacScanInfo(spec, self.ramp_time, self.turnaround_time)
        self._preparing = asyncio.create_task(self._logic.on_prepare(info))
        self._preparing.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            self._context = await asyncio.shield(self._preparing)
        except (ValueError, TimeoutError, PutFailedError) as error:
            raise FlyScanError(f"{self.pmac.name} did not accept the trajectory: {error}") from error

    async def start(self, flight: Points[Motor]) -> None:
        """Execute the trajectory; return when the run-up is over.

        :param flight: the frames of one flight, without a stop between them.
        """
        assert self._context is not None
        points = self.pmac.trajectory.total_points
        before = await points.get_value()
        try:
            self._context = await self._logic.on_kickoff(self._context)
            if before:
                # Those of the last trajectory are counted until this one has started.
                ramp = self._context.prepare.ramp_up_time
                await wait_for_value(points, lambda count: count >= 1 and count != before, ramp + self.timeout)
        except TimeoutError as error:
            raise FlyScanError(f"{self.pmac.name} did not start the trajectory") from error

    async def finish(self, flight: Points[Motor]) -> None:
        """Wait for the end of the trajectory, which is filled up meanwhile.

        :param flight: the frames of one flight, without a stop between them.
        """
        if self._context is None or (status := self._context.trajectory_status) is None:
            return
        try:
            await asyncio.shield(status.task)
        except (ValueError, TimeoutError, PutFailedError) as error:
            raise FlyScanError(f"{self.pmac.name} did not fly the trajectory to its end: {error}") from error
        self._context = None

    async def stop(self) -> None:
        """Abort the trajectory, stop moves to its start, and wait until nothing moves."""
        await self._abort()
        preparing, self._preparing = self._preparing, None
        if preparing is not None and self._coordinates is not None:
            # Moves that were deferred start when they are no longer; only then can they be stopped.
            await wait_for_value(self.pmac.coord[self._coordinates].defer_moves, False, self.timeout)
        await asyncio.gather(*(stop_motor(motor, self.timeout) for motor in self.motors))
        if preparing is not None:
            await asyncio.wait({preparing}, timeout=self.timeout)

    async def _abort(self) -> None:
        context, self._context = self._context, None
        state = self.pmac.trajectory.execute_state
        if context is not None and (status := context.trajectory_status) is not None and not status.done:
            # What was started just now would begin after it was aborted.
            with suppress(TimeoutError):
                await wait_for_value(state, lambda now: now == EXECUTING, SOON)
            # No points are appended to what is aborted.
            status.task.cancel()
            await asyncio.wait({status.task}, timeout=self.timeout)
        await self._logic.stop()
        await wait_for_value(state, lambda now: now == DONE, self.timeout)


def _gaps(points: Points[Motor], info: PmacMotorInfo) -> NDArray[np.bool_]:
    """Return at which frames the axes have to stop: where they jump, or would have to turn too sharply."""
    gap = np.zeros(len(points), np.bool_)
    gap[0] = True
    half = points.duration / 2
    for motor, lower in points.lower.items():
        upper, middle = points.upper[motor], points.midpoints[motor]
        scale = max(float(np.max(np.abs(upper - lower))), SAME)
        gap[1:] |= np.abs(lower[1:] - upper[:-1]) > SAME * scale
        change = (middle - lower)[1:] / half[1:] - (upper - middle)[:-1] / half[:-1]
        gap[1:] |= np.abs(change) > info.motor_acceleration_rate[motor] * np.minimum(half[1:], half[:-1])
    return gap


def _bounds(
    positions: NDArray[np.float64], velocities: NDArray[np.float64], durations: NDArray[np.float64]
) -> tuple[float, float]:
    """Bound cubic curves through points with velocities by the corners that they lie within."""
    corners = np.concatenate(
        [positions, positions[:-1] + velocities[:-1] * durations / 3, positions[1:] - velocities[1:] * durations / 3]
    )
    return float(corners.min()), float(corners.max())


def _check_limits(motor: Motor, info: PmacMotorInfo, bounds: tuple[float, float]) -> None:
    low, high = info.motor_lower_limit[motor], info.motor_upper_limit[motor]
    if bounds[0] < low or bounds[1] > high:
        raise ScanRefusedError(
            f"{motor.name} would move from {bounds[0]:g} to {bounds[1]:g} with run-up and turnarounds, "
            f"its limits are {low:g} and {high:g}"
        )
