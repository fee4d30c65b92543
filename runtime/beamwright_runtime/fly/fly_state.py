"""Where a scanner is in a scan, and what may follow."""

from __future__ import annotations

from enum import Enum

from beamwright_runtime.errors import FlyScanError


class FlyState(Enum):
    """What a scanner does."""

    IDLE = "idle"
    STAGED = "staged"
    ARMED = "armed"
    RUNNING = "running"
    """Frames are taken, or the axes are on their way to them."""
    DRAINING = "draining"
    """All triggers are out; frames are still being written."""
    STOPPING = "stopping"
    PAUSED = "paused"
    RESTARTING = "restarting"
    DONE = "done"
    """All frames of the flight are on disk."""
    STOPPED = "stopped"
    """Ended before the last frame, as asked."""
    FAILED = "failed"


S = FlyState
FOLLOWING: dict[FlyState, frozenset[FlyState]] = {
    S.IDLE: frozenset({S.STAGED}),
    S.STAGED: frozenset({S.ARMED}),
    S.ARMED: frozenset({S.ARMED, S.RUNNING}),
    S.RUNNING: frozenset({S.DRAINING, S.STOPPING}),
    S.DRAINING: frozenset({S.DONE, S.STOPPING, S.RESTARTING}),
    S.STOPPING: frozenset({S.PAUSED}),
    S.PAUSED: frozenset({S.RESTARTING}),
    S.RESTARTING: frozenset({S.RUNNING, S.DRAINING, S.STOPPING}),
    S.DONE: frozenset({S.ARMED}),
    S.STOPPED: frozenset(),
    S.FAILED: frozenset(),
}
ANY_TIME = frozenset({S.IDLE, S.STAGED, S.STOPPED, S.FAILED})
"""States that staging, unstaging, stopping and failing lead to from everywhere."""

IN_FLIGHT = frozenset({S.RUNNING, S.DRAINING, S.RESTARTING})
REPLAYED = frozenset({S.IDLE, S.STAGED})
"""States in which the RunEngine may repeat messages after a pause: nothing has been armed yet."""


class StateMachine:
    """The state of one scanner."""

    def __init__(self) -> None:
        self.state = FlyState.IDLE

    def to(self, state: FlyState) -> None:
        """Go to a state.

        :raises FlyScanError: if it cannot follow the present one.
        """
        if state not in ANY_TIME and state not in FOLLOWING[self.state]:
            raise FlyScanError(f"a scanner that is {self.state.value} cannot become {state.value}")
        self.state = state
