"""A simulated beamline with a scanner, and a RunEngine that is interrupted at set times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bluesky import RunEngine
from bluesky.utils import MsgGenerator, RunEngineInterrupted

from beamwright_runtime.fly import FlyScanner, Timing
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.recorded import Recorded
from tests.helpers.fly.rig import Camera, CompareTriggers, paths_in

TIMING = Timing(stall=30.0, settle=0.3, step=10.0)
IMPATIENT = Timing(stall=0.5, settle=0.05, step=2.0)
"""For detectors that are known to stall."""


class Beamline:
    """Two exact axes, a trigger source and two cameras of one rate, all owned by one scanner."""

    def __init__(
        self,
        folder: Path,
        rates: tuple[int, ...] = (1, 1),
        edge: bool = True,
        overwrites: bool = False,
        **options: Any,
    ) -> None:
        self.motion = ExactMotion("x", "y")
        self.cameras = [
            Camera(paths_in(folder), f"det{number}", 0.005 * number, rate, overwrites)
            for number, rate in enumerate(rates, start=1)
        ]
        for camera in self.cameras:
            camera.watch(self.motion)
        self.triggers = CompareTriggers(self.motion, *self.cameras, edge=edge)
        self.scanner = FlyScanner(
            [camera.flown for camera in self.cameras],
            self.motion,
            **{"triggers": self.triggers, "timing": TIMING, "name": "scanner", **options},
        )


@dataclass
class Disturbed:
    """Runs plans, and interrupts them at set times after the run has started."""

    engine: RunEngine
    at_rest: Callable[[], object] = lambda: None
    run: Recorded = field(default_factory=Recorded)

    def fly(
        self,
        plan: MsgGenerator[object],
        *offsets: float,
        how: Callable[[RunEngine], object] = RunEngine.request_pause,
        paused_for: float = 0.0,
        then: Callable[[RunEngine], object] = RunEngine.resume,
    ) -> Recorded:
        """Run a plan; each offset counts from the start of the run, or from when it went on."""
        waiting = list(offsets)

        def arm() -> None:
            if waiting:
                timer = threading.Timer(waiting.pop(0), self._act, (how,))
                timer.daemon = True
                timer.start()

        def started(name: str, _: object) -> None:
            arm()

        token = self.engine.subscribe(started, "start")
        try:
            self._go(lambda: self.engine(plan, self.run))
            while self.engine.state == "paused":
                self.at_rest()
                time.sleep(paused_for)
                self.at_rest()
                arm()
                self._go(lambda: then(self.engine))
        finally:
            self.engine.unsubscribe(token)
        return self.run

    def _act(self, how: Callable[[RunEngine], object]) -> None:
        # The scan may be over by then.
        if self.engine.state == "running":
            how(self.engine)

    def _go(self, going: Callable[[], object]) -> None:
        try:
            going()
        except RunEngineInterrupted:
            return
