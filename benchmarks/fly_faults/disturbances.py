"""How fly scans that are paused, suspended and aborted at random come out, here and with the shipped stubs.

python -m benchmarks.fly_faults [-n SCANS] [--seed SEED] [--json FILE]
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import Scan, rows_of
from beamwright_runtime.fly.scan_plans import fly_scan
from benchmarks.fly_faults.shipped_stubs import Shipped
from benchmarks.shared.report import Figure, parser, progress, report
from tests.helpers.fly.beamline import Beamline, Disturbed
from tests.helpers.fly.recorded import Recorded

SPEC: Spec[str] = Fly(0.02 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 12)))
LASTS = 1.0
"""Seconds that an undisturbed scan takes, at most."""
NEAR = 1e-3
"""Units by which a frame may be off; frames are 0.18 apart."""


def suspend(engine: RunEngine) -> None:
    """Suspend the scan for a while."""
    engine.request_suspend(lambda: asyncio.sleep(0.1))


def defer(engine: RunEngine) -> None:
    """Pause the scan at its next checkpoint."""
    engine.request_pause(defer=True)


KINDS: dict[str, Callable[[RunEngine], object]] = {
    "pause": RunEngine.request_pause,
    "suspend": suspend,
    "defer": defer,
}


@dataclass
class Disturbance:
    """What happens to a scan: one kind of interruption at some offsets, and perhaps an abort when it is paused last."""

    kind: str
    offsets: list[float]
    abort: bool

    @classmethod
    def drawn(cls, draw: random.Random) -> Disturbance:
        """Draw one."""
        kind = draw.choice(list(KINDS))
        offsets = [draw.uniform(0.0, LASTS) for _ in range(draw.randint(1, 4))]
        return cls(kind, offsets, kind == "pause" and draw.random() < 0.2)


@dataclass
class Outcome:
    """What became of the frames of some scans."""

    scans: int = 0
    frames_lost: int = 0
    frames_repeated: int = 0
    frames_misplaced: int = 0
    moved_while_paused: int = 0
    failed: int = 0

    def add(self, rows: NDArray[np.int64], run: Recorded, aborted: bool) -> None:
        """Count how the positions in all files fit the rows that hold the frames.

        :param rows: the row of each scan index, -1 where the documents have none.
        """
        points = Scan(SPEC, flown={"x", "y"}).points()
        data = run.datasets()
        self.scans += 1
        expected = len(points) if not aborted else int(np.sum(rows >= 0))
        self.frames_lost += max(0, expected - int(np.sum(rows[:expected] >= 0)))
        for detector in ("det1", "det2"):
            places = np.stack([data.get(f"{detector}-{axis}", np.zeros(0)) for axis in ("x", "y")], axis=-1)
            wanted = np.stack([points.midpoints[axis] for axis in ("x", "y")], axis=-1)
            for index, row in enumerate(rows):
                if 0 <= row < len(places) and np.any(np.abs(places[row] - wanted[index]) > NEAR):
                    self.frames_misplaced += 1
            found = [int(np.sum(np.all(np.abs(places - where) < NEAR, axis=1))) for where in wanted]
            self.frames_repeated += sum(max(0, times - 1) for times in found)


def moves(beamline: Beamline | Shipped) -> bool:
    """See whether anything moves or triggers, for some frames' time."""
    before = len(beamline.triggers.times)
    moving = beamline.motion.moving(time.monotonic())
    time.sleep(0.08)
    return moving or len(beamline.triggers.times) != before


def fly(
    plan: MsgGenerator[object], beamline: Beamline | Shipped, disturbance: Disturbance, outcome: Outcome
) -> Recorded:
    """Run a scan and disturb it."""
    loop = asyncio.new_event_loop()
    engine = RunEngine({}, loop=loop)
    moved = []
    disturbed = Disturbed(engine, at_rest=lambda: moved.append(moves(beamline)))
    pauses = iter(disturbance.offsets)

    def go_on(engine: RunEngine) -> object:
        next(pauses, None)
        last = disturbance.abort and len(moved) >= 2 * len(disturbance.offsets)
        return engine.abort() if last else engine.resume()

    with contextlib.redirect_stdout(io.StringIO()):
        try:
            disturbed.fly(plan, *disturbance.offsets, how=KINDS[disturbance.kind], then=go_on)
        except Exception:
            outcome.failed += 1
    outcome.moved_while_paused += any(moved)
    end(engine, loop)
    return disturbed.run


def end(engine: RunEngine, loop: asyncio.AbstractEventLoop) -> None:
    """End a RunEngine and its loop, whatever a plan has left running in it."""

    async def cancel() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1.0)

    if engine.state != "idle":
        engine.halt()
    asyncio.run_coroutine_threadsafe(cancel(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    engine._th.join()
    loop.close()


def ours(disturbance: Disturbance, outcome: Outcome, folder: Path) -> None:
    """Fly a scan with a scanner."""
    beamline = Beamline(folder)
    run = fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), beamline, disturbance, outcome)
    outcome.add(rows_of(run.segments(), 24), run, run.stop["exit_status"] == "abort")


def shipped(disturbance: Disturbance, outcome: Outcome, folder: Path) -> None:
    """Fly a scan with the shipped stubs, whose row of a frame is its index."""
    beamline = Shipped(folder)
    run = fly(beamline.plan(SPEC), beamline, disturbance, outcome)
    ends = [doc["indices"]["stop"] for doc in run.all("stream_datum")]
    rows = np.arange(24)
    rows[max(ends, default=0) :] = -1
    outcome.add(rows, run, run.stop["exit_status"] == "abort")


def main(arguments: Sequence[str] | None = None) -> None:
    """Disturb scans and report."""
    options = parser("Disturb fly scans at random and count what becomes of their frames.")
    options.add_argument("-n", type=int, default=100, metavar="SCANS", help="%(default)s unless given")
    options.add_argument("--seed", type=int, default=1, help="of the random numbers, %(default)s unless given")
    given = options.parse_args(arguments)
    logging.getLogger("bluesky").setLevel(logging.CRITICAL)
    draw = random.Random(given.seed)
    here, there = Outcome(), Outcome()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.n):
            disturbance = Disturbance.drawn(draw)
            if number % 10 == 0:
                progress(f"scan {number} of {given.n}")
            ours(disturbance, here, Path(folder))
            shipped(disturbance, there, Path(folder))
    figures = []
    for prefix, outcome, target in (("", here, "0"), ("reference_", there, "")):
        figures.append(Figure(f"{prefix}scans", outcome.scans, "that were disturbed"))
        for name, meaning in (
            ("frames_lost", "frames that no row holds"),
            ("frames_repeated", "rows that hold a frame again"),
            ("frames_misplaced", "frames that are not in the row that the documents tell"),
            ("moved_while_paused", "scans in which an axis or a trigger went on"),
            ("failed", "scans that ended with an error"),
        ):
            figures.append(Figure(f"{prefix}{name}", getattr(outcome, name), meaning, target))
    report("Fly scans disturbed at random", figures, given.json)
