"""What the behaviours in one IOC of a twin share: the clock, the schedule, and a way to publish what they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from beamwright_twin.sim.axis_motion import Trajectory
from beamwright_twin.sim.clock import Clock
from beamwright_twin.sim.frame_routes import FrameRoutes
from beamwright_twin.sim.pv_values import PvValues
from beamwright_twin.sim.schedule import Schedule


class FaultTarget(Protocol):
    """A behaviour that can be made to fail."""

    def fault(self, kind: str, on: bool) -> None:
        """Start or end a fault, from any thread.

        :raises ValueError: when this behaviour has no such fault.
        """
        ...


@dataclass
class World:
    """The surroundings of every behaviour in this process.

    :param publish: tells the process that runs the twin: a topic, the record it is about, and what JSON can say.
    :param positions: where the controllers' axes are, by motor record; they stay there while an IOC restarts.
    :param faulty: the behaviours that can fail, by record.
    :param trajectories: how the axes of this process move, by motor record.
    :param quiet: records whose value a driver changes at this moment, which is not a write to it.
    :param pending: how many writes of a record wait for its driver.
    :param frame_routes: which areaDetector plugins of this process get the frames of which port.
    :param pvs: values of PVs, for attributes of frames.
    """

    clock: Clock
    schedule: Schedule
    publish: Callable[[str, str, Any], None]
    positions: Mapping[str, float] = field(default_factory=dict)
    faulty: dict[str, FaultTarget] = field(default_factory=dict)
    trajectories: dict[str, Trajectory] = field(default_factory=dict)
    quiet: set[str] = field(default_factory=set)
    pending: Counter[str] = field(default_factory=Counter)
    frame_routes: FrameRoutes = field(default_factory=FrameRoutes)
    pvs: PvValues = field(default_factory=PvValues)

    def is_read_back(self, record: str) -> bool:
        """Return whether a record is processed because its driver changes its value."""
        return record in self.quiet and self.schedule.inside

    def move(self, record: str, trajectory: Trajectory) -> None:
        """Make the motion of an axis known, here and to the process that runs the twin, in positions of its dial."""
        self.trajectories[record] = trajectory
        self.publish("move", record, [list(segment) for segment in trajectory.segments])
