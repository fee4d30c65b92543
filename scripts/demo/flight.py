"""The last step of the demo: a grid is flown, paused in the middle and resumed; what became of each frame is shown."""

from __future__ import annotations

import threading
import time

from beamwright_generated.beamlines import x01
from examples.plans.fly_stage import fly_map
from scripts.demo.flight_plot import plot_flight
from scripts.demo.frames import Frames, captured_in, frames_of, require
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
    watch = Watch({"x": x.user_readback, "y": y.user_readback, "frames": panda.data.num_captured})
    session.wait(watch.start())
    pause = Pause()
    half = COLUMNS * ROWS // 2 - COLUMNS // 4

    def request() -> None:
        if watch.reached("frames", half, timeout=60.0):
            pause.requested = time.time()
            session.progress.end()
            session.engine.request_pause()

    def paused() -> None:
        pause.paused = time.time()
        print(f"RE.request_pause() when {half} frames were written; it took {pause.paused - pause.requested:.2f} s")
        pause.frames = stand_still(session)
        command("RE.resume()")
        pause.resumed = time.time()

    command(f"RE(fly_map(stage_x, stage_y, panda, columns={COLUMNS}, rows={ROWS}, duration={DURATION}))")
    threading.Thread(target=request, daemon=True).start()
    plan = fly_map(x, y, panda, STEP * (COLUMNS - 1), 0.2 * (ROWS - 1), COLUMNS, ROWS, DURATION)
    documents = session.run(plan, "fly_map", "paused and resumed", paused)
    session.wait(watch.end())
    if not pause.paused:
        raise StepError("the flight was over before it could be paused")
    file = session.folder / "fly_map_panda.h5"
    frames = frames_of(documents, captured_in(file, {x.name: "x", y.name: "y"}))
    show(frames, pause, watch)
    require(frames)
    print(f"  {shown(file)} holds every frame exactly once, where the specification has it")
    image = session.folder / "fly_map.png"
    plot_flight(frames, watch, pause, image)
    print(f"  {shown(image)}: its plot")


def stand_still(session: Session) -> int:
    """Look twice whether anything moves or is written, and give the rows that are written.

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
        "frames": str(len(frames.rows)),
        "rows": str(len(next(iter(frames.captured.values())))),
        "lost": str(frames.lost),
        "repeated": str(frames.repeated),
        "misplaced": str(frames.misplaced),
        "farthest off": f"{1000 * frames.error:.2f} um",
        "pausing took": f"{pause.paused - pause.requested:.2f} s",
        "next frame after": f"{again - pause.resumed:.2f} s",
    }
    print("\n".join(f"  {line}" for line in table(list(figures), [list(figures.values())], right=list(figures))))
