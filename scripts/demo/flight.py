"""The last step of the demo: a grid is flown, paused in the middle and resumed; what became of each frame is shown."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import h5py

from beamwright_generated.beamlines import x01
from beamwright_runtime.nexus import NexusWriter
from beamwright_twin.sim.frame import frame_number
from examples.plans.fly_stage import fly_map
from scripts.demo.flight_plot import plot_flight
from scripts.demo.frames import Documents, Frames, captured_in, frames_of, require
from scripts.demo.plot import FRAMES
from scripts.demo.session import Session
from scripts.demo.terminal import StepError, command, heading, shown, table
from scripts.demo.watch import Pause, Watch

COLUMNS, ROWS = 25, 4
STEP, DURATION = 0.05, 0.04
STILL = 1.0
"""Seconds that the demo looks at the stage while it is paused."""


def fly_and_pause(session: Session) -> None:
    """Fly a grid, pause it in the middle, look whether it stands still, resume it, and check what was written."""
    heading("11. A grid is flown, paused in the middle, and resumed")
    x, y, panda = x01.stage_x(), x01.stage_y(), x01.panda()
    watch = Watch({"x": x.user_readback, "frames": panda.data.num_captured})
    session.wait(watch.start())
    pause = Pause()
    middle = COLUMNS * ROWS // 2 - COLUMNS // 2

    def request() -> None:
        if watch.reached("frames", middle, since=0.0, timeout=60.0):
            pause.requested = time.time()
            session.progress.end()
            session.engine.request_pause()

    def paused() -> None:
        pause.paused = time.time()
        pause.frames = stand_still(session)
        command("RE.resume()")
        pause.resumed = time.time()

    command(f"RE(fly_map(stage_x, stage_y, panda, camera, columns={COLUMNS}, rows={ROWS}, duration={DURATION}))")
    nexus = NexusWriter(session.folder, name=lambda start: str(start["plan_name"]))
    subscribed = session.engine.subscribe(nexus)
    threading.Thread(target=request, daemon=True).start()
    plan = fly_map(x, y, panda, x01.camera(), STEP * (COLUMNS - 1), 0.2 * (ROWS - 1), COLUMNS, ROWS, DURATION)
    documents = session.run(plan, "fly_map", "paused and resumed", paused)
    session.engine.unsubscribe(subscribed)
    session.wait(watch.end())
    if not pause.paused:
        raise StepError("the flight was over before it could be paused")
    examine(session.folder, documents, pause, watch)
    show_nexus(nexus)


def examine(folder: Path, documents: Documents, pause: Pause, watch: Watch) -> None:
    """Compare each frame in the files with the specification, and plot them.

    :raises StepError: if one is lost, repeated or misplaced.
    """
    numbers, totals = pictures_in(folder / "fly_map_camera.h5")
    datasets = {x01.stage_x().name: "x", x01.stage_y().name: "y"}
    frames = frames_of(documents, captured_in(folder / "fly_map_panda.h5", datasets), numbers)
    show(frames, pause, watch)
    require(frames)
    print("  every frame is there exactly once, where the specification has it")
    image = folder / "fly_map.png"
    plot_flight(frames, totals, watch, pause, image)
    print(f"  {shown(image)}: its plot")


def pictures_in(file: Path) -> tuple[list[int], list[int]]:
    """Read the numbers that the pictures of a simulated camera show, and what their pixels add up to."""
    with h5py.File(file) as opened:
        pictures: Any = opened[FRAMES]
        print(f"  {shown(file)}: {pictures.shape[0]} frames of {pictures.shape[2]} x {pictures.shape[1]} pixels")
        return [frame_number(one) for one in pictures], [int(one.sum()) for one in pictures]


def show_nexus(nexus: NexusWriter) -> None:
    """Print what the file that links to all others shows first.

    :raises StepError: if something does not fit.
    """
    written = nexus.written[-1]
    if written.path is None or written.problems:
        raise StepError("; ".join(written.problems))
    with h5py.File(written.path) as opened:
        entry: Any = opened[opened.attrs["default"]]
        data = entry[entry.attrs["default"]]
        signal = data.attrs["signal"]
        axes = " and ".join(axis for axis in data.attrs["axes"] if axis != ".")
        print(f"  {shown(written.path)}: the {signal}'s {data[signal].shape} over {axes}, linked to the files above")


def stand_still(session: Session) -> int:
    """Look twice whether anything moves or is written, and return the rows that are written.

    :raises StepError: if something does.
    """

    async def look() -> tuple[float, float, int]:
        x, y = await x01.stage_x().user_readback.get_value(), await x01.stage_y().user_readback.get_value()
        return x, y, await x01.panda().data.num_captured.get_value()

    first = session.wait(look())
    time.sleep(STILL)
    second = session.wait(look())
    titles = ["", "stage_x (mm)", "stage_y (mm)", "frames written"]
    rows = [
        [when, f"{x:.4f}", f"{y:.4f}", str(written)]
        for when, (x, y, written) in (("paused", first), (f"{STILL:g} s later", second))
    ]
    print("\n".join(f"  {line}" for line in table(titles, rows, right=titles[1:])))
    if first != second:
        raise StepError("something goes on while the scan is paused")
    return first[2]


def show(frames: Frames, pause: Pause, watch: Watch) -> None:
    """Print what became of the frames, and what the pause has cost."""
    again = watch.risen("frames", pause.frames + 1, since=pause.resumed)
    if again is None:
        raise StepError("no frame was written after the pause")
    figures = {
        "frames": len(frames.rows),
        "rows": len(next(iter(frames.captured.values()))),
        "lost": frames.lost,
        "repeated": frames.repeated,
        "misplaced": frames.misplaced,
        "out of step": frames.out_of_step,
        "farthest off": f"{1000 * frames.error:.2f} um",
    }
    lines = table(list(figures), [list(map(str, figures.values()))], right=list(figures))
    print("\n".join(f"  {line}" for line in lines))
    stopping, going_on = pause.paused - pause.requested, again - pause.resumed
    print(
        f"  the pause cost {stopping:.2f} s until all stood still, and {going_on:.2f} s from going on to the next frame"
    )
