"""Fly along trajectories of a PMAC over PVA, disturb that as the arguments say, and print what came out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from bluesky import RunEngine
from ophyd_async.core import DetectorTrigger, init_devices
from ophyd_async.epics.motor import Motor
from ophyd_async.epics.pmac import PmacIO, _pmac_trajectory
from scanspec.specs import Ellipse, Fly, Linspace, Spec, Spiral

from beamwright_runtime.fly import FlyScanner, Points, SoftwareTriggers, Surplus, Timing, TrajectoryMotion
from beamwright_runtime.fly.scan_plans import fly_scan
from tests.helpers.fly.beamline import Disturbed
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.fired import FiredTriggers
from tests.helpers.fly.pmac import Pmac
from tests.helpers.fly.recorded import check, taken
from tests.helpers.fly.rig import Camera, Exposure, paths_in

SPECS = {
    "ellipse": lambda x, y: Fly(0.02 @ Ellipse(x, 0, 4, 0.6, y, 0, 4, 0.6, snake=True)),
    "spiral": lambda x, y: Fly(0.06 @ Spiral(x, 0, 8, 1, y, 0, 8)),
    "grid": lambda x, y: Fly(0.02 @ (Linspace(y, 0, 2, 4) * ~Linspace(x, 0, 2, 10))),
    "one way": lambda x, y: Fly(0.02 @ (Linspace(y, 0, 2, 4) * Linspace(x, 0, 2, 10))),
    "too far": lambda x, y: Fly(0.05 @ Linspace(x, 95, 99.7, 10)),
    "too fast": lambda x, y: Fly(0.001 @ Linspace(x, 0, 2, 10)),
    "too long": lambda x, y: Fly(9.0 @ Linspace(x, 0, 2, 10)),
}


class WiredTriggers(FiredTriggers[Motor]):
    """A frame starts when the controller reaches the point of its trajectory where the frame begins."""

    trigger = DetectorTrigger.EXTERNAL_EDGE

    def __init__(self, pmac: Pmac, cameras: Sequence[Camera]) -> None:
        super().__init__()
        self.pmac = pmac
        self.cameras = cameras
        self.numbers = 0

    @property
    def started(self) -> float:
        return self.pmac.executions

    async def _fire(self, flight: Points[Motor]) -> None:
        node = 0
        for frame in range(len(flight)):
            lower, middle = (
                {motor.name: values[frame] for motor, values in positions.items()}
                for positions in (flight.lower, flight.midpoints)
            )
            # Where axes turn on the spot they are there twice.
            while not (self._is_at(node, lower) and self._is_at(node + 1, middle)):
                node += 1
                while node + 1 == len(self.pmac.nodes):
                    await asyncio.sleep(0.001)
                    if self._closed:
                        return
            start = self.pmac.nodes[node][0]
            end = start + float(flight.duration[frame])
            await asyncio.sleep(start - time.monotonic())
            if self._closed:
                return
            self._sent += 1
            self.numbers += 1
            await asyncio.sleep(end - time.monotonic())
            where = {name: path.at((start + end) / 2)[0] for name, path in self.pmac.paths.items()}
            for camera in self.cameras:
                camera.expose(Exposure(self.numbers, where))

    def _is_at(self, node: int, lower: dict[str, float]) -> bool:
        when, user = self.pmac.nodes[node]
        return user == 1 and all(abs(self.pmac.paths[name].at(when)[0] - at) < 1e-9 for name, at in lower.items())


class Watched:
    """Where the axes are, for cameras that time their own exposures."""

    def __init__(self, pmac: Pmac) -> None:
        self.axes = list(pmac.paths)
        self._pmac = pmac

    def position(self, name: str, moment: float) -> float:
        return self._pmac.paths[name].at(moment)[0]


def main(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    pmac = Pmac("PM:", ["x", "y"])
    pmac.faults = set(options["faults"])
    if sliced := options["sliced"]:
        _pmac_trajectory.SLICE_SIZE = sliced
    shape, source = options["shape"], options["source"]
    with pmac.serve() as server:
        os.environ.update(server.environment)
        engine = RunEngine({})
        with init_devices():
            x, y = Motor("pva://PM:x"), Motor("pva://PM:y")
        with init_devices():
            controller = PmacIO("pva://PM:", [x, y], [1], name="pmac")
        cameras = [Camera(paths_in(folder), f"det{number}", 0.005) for number in (1, 2)]
        for camera in cameras:
            camera.watch(cast("ExactMotion", Watched(pmac)))
        scanner = FlyScanner(
            cameras,
            TrajectoryMotion(controller, [x, y]),
            SoftwareTriggers() if source == "software" else WiredTriggers(pmac, cameras),
            surplus=Surplus(options["surplus"]),
            timing=Timing(stall=10.0, settle=0.3, step=10.0),
        )
        disturbed = Disturbed(engine, at_rest=lambda: at_rest(pmac))
        then = RunEngine.abort if options["abort"] else RunEngine.resume
        spec = cast("Spec[Motor]", SPECS[shape](x, y))
        try:
            plan = fly_scan(scanner, spec, flush_period=0.1)
            if frames := options["frames"]:
                run = disturbed.fly(plan, *[0.1] * len(frames), how=after(scanner, list(frames)))
            else:
                run = disturbed.fly(plan, *options["pauses"], then=then)
        except Exception as error:
            moved = any(len(path.times) > 1 for path in pmac.paths.values())
            return {"error": str(error.__cause__ or error), "moved": moved, "moving": pmac.moving()}
        there = taken(run) if options["abort"] else None
        rows = check(run, SPECS[shape]("x", "y"), there, tolerance=1.0 if source == "software" else 1e-6)
        return {
            "exit_status": run.stop["exit_status"],
            "rows": rows.tolist(),
            "segments": run.segments(),
            "executions": pmac.executions,
            "moving": pmac.moving(),
        }


def after(scanner: FlyScanner[Motor], frames: list[int]) -> Callable[[RunEngine], object]:
    """Pause each time that a number of frames is on disk."""

    def pause(engine: RunEngine) -> None:
        wanted = frames.pop(0)
        while scanner.frames_done < wanted and engine.state == "running":
            time.sleep(0.001)
        engine.request_pause()

    return pause


def at_rest(pmac: Pmac) -> None:
    """See that nothing moves while the RunEngine is paused."""
    assert not pmac.moving()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
