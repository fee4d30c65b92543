"""Fly scans on the simulated stage from a process of its own, and print what they took as JSON.

python -m benchmarks.fly_overhead.client FOLDER TIMES
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted
from ophyd_async.epics.motor import Motor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import FlyScanner, FlyState, Scan, rows_of
from beamwright_runtime.fly.scan_plans import fly_scan
from tests.helpers.fly.cameras_stage import Devices, expected
from tests.helpers.fly.recorded import Recorded
from tests.helpers.fly.rig import paths_in

Figures = dict[str, float]
IN_A_ROW = 10
"""The frame behind which scans are paused."""
LASTS = 5.0
"""Seconds that a row of fast frames takes."""


def grid(devices: Devices, duration: float) -> Spec[Motor]:
    """Two rows, there and back, of frames a tenth of a millimetre wide."""
    return Fly(duration @ (Linspace(devices.y, 0, 0.2, 2) * ~Linspace(devices.x, 0, 1.9, 20)))


def fly(devices: Devices, scanner: FlyScanner[Motor], spec: Spec[Motor], pause: bool) -> tuple[Recorded, Figures]:
    """Fly a scan, paused once if that is wanted, and take its times in seconds."""
    engine, run, taken = devices.engine, Recorded(), Figures()

    def after(frame: int, then: str) -> None:
        while scanner.frames_done <= frame or scanner.state is not FlyState.RUNNING:
            time.sleep(0.001)
        taken[then] = time.monotonic()
        if then == "requested":
            engine.request_pause()

    def look(frame: int, then: str) -> threading.Thread:
        thread = threading.Thread(target=after, args=(frame, then))
        thread.start()
        return thread

    looking = look(IN_A_ROW, "requested") if pause else None
    began = time.monotonic()
    try:
        engine(fly_scan(scanner, spec, flush_period=0.2), run)
    except RunEngineInterrupted:
        at_rest = time.monotonic()
        looking = look(scanner.frames_done, "goes_on")
        engine.resume()
        taken |= {"stop": at_rest - taken["requested"], "restart": taken["goes_on"] - at_rest}
    taken["whole"] = time.monotonic() - began
    if looking is not None:
        looking.join()
    return run, taken


def errors(run: Recorded, spec: Spec[Motor], devices: Devices) -> Figures:
    """Return how far the axes were from where they should be at the triggers, and from their velocity after run-ups."""
    scan = Scan(spec, flown=spec.axes())
    rows, data = rows_of(run.segments(), len(scan)), run.datasets()
    off = [np.abs(data[axis.name.removeprefix("stage_")][rows] - expected(scan, axis)) for axis in scan.axes]
    points = scan.points()
    starts = np.flatnonzero(points.gap | np.isin(np.arange(len(scan)), [one["start"] for one in run.segments()]))
    starts = starts[starts + 1 < len(scan)]
    way = np.abs(data["x"][rows[starts + 1]] - data["x"][rows[starts]])
    wanted = np.abs(points.velocity(devices.x)[starts] * points.duration[starts])
    return {
        "first": float(max(one[starts].max() for one in off)),
        "any": float(max(one.max() for one in off)),
        "velocity": float(np.abs(way / wanted - 1).max()),
        "run_ups": float(len(starts)),
    }


def interrupted(devices: Devices, times: int) -> dict[str, object]:
    """Fly scans with and without a pause."""
    took: dict[str, list[Figures]] = {"whole": [], "paused": []}
    found = []
    scanner, spec = devices.at_sequencer(devices.x, devices.y), grid(devices, 0.05)
    for kind in [*took] * times:
        run, taken = fly(devices, scanner, spec, kind == "paused")
        took[kind].append(taken)
        found.append(errors(run, spec, devices))
    worst = {name: max(one[name] for one in found) for name in ("first", "any", "velocity")}
    return {**took, "errors": {**worst, "run_ups": sum(one["run_ups"] for one in found)}}


def fast(devices: Devices, rate: float) -> Figures:
    """Fly a row at a rate of frames with the PandA, and count documents and this process's share of a processor."""
    scanner = devices.at_sequencer(devices.x, camera=False)
    spec: Spec[Motor] = Fly((1 / rate) @ Linspace(devices.x, 0, 5, round(rate * LASTS)))
    used, began = time.process_time(), time.monotonic()
    run, _ = fly(devices, scanner, spec, False)
    took = time.monotonic() - began
    return {
        "rows": float(run.told()),
        "wanted": rate * LASTS,
        "documents": len(run.documents) / took,
        "share": (time.process_time() - used) / took,
        **errors(run, spec, devices),
    }


def main(arguments: Sequence[str]) -> None:
    """Fly and print."""
    folder, times = arguments
    logging.getLogger("bluesky").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop)
    with contextlib.redirect_stdout(io.StringIO()):
        devices = Devices(engine, paths_in(Path(folder)))
        found = {**interrupted(devices, int(times)), "fast": fast(devices, 1000.0)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
