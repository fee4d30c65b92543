"""What a user of the beamline does: connect every device, step a motor with the camera, fly the stage with the PandA.

    python -m scripts.demo.client FOLDER

The servers are those of this process's environment. Files, the plot and what took how long go into the folder.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import h5py
from bluesky.preprocessors import SupplementalData
from ophyd_async.epics.adcore import PluginSignalDataLogic

from beamwright_generated.beamlines import x01
from beamwright_runtime import ConnectionFailedError, disconnect
from examples.plans.fly_exposures import fly_exposures
from examples.plans.fly_stage import fly_angles
from examples.plans.step_scan import step_scan
from scripts.demo.connections import connect, connection_table
from scripts.demo.flight import fly_and_pause
from scripts.demo.plot import FRAMES, plot
from scripts.demo.session import Session
from scripts.demo.terminal import StepError, command, heading, shown

EXPOSURES = (0.005, 0.01, 0.02, 0.01, 0.005)
POINTS = 15
COLUMNS, ANGLES = 10, 3


def main(folder: Path) -> int:
    """Connect, scan and fly; return the exit code."""
    session = Session(folder.resolve())
    x01.devices.fixtures["path_provider"] = session.paths
    steps: list[Callable[[Session], None]] = [connect_all, scan, play, fly, fly_and_pause]
    try:
        for step in steps:
            step(session)
    except (ConnectionFailedError, StepError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    session.wait(disconnect(*(factory() for factory in x01.devices)))
    (folder / "seconds.json").write_text(json.dumps(session.seconds), encoding="utf-8")
    return 0


def connect_all(session: Session) -> None:
    """Connect every device at the same time, and print what came of each."""
    heading("7. Every device connects")
    began = time.perf_counter()
    connected = session.wait(connect(x01.devices))
    took = time.perf_counter() - began
    print("\n".join(connection_table(connected)))
    print(x01.devices.summary())
    signals = sum(one.signals for one in connected)
    session.seconds[f"{len(connected)} devices with {signals} signals connected"] = took
    for one in connected:
        if one.error is not None:
            raise one.error


def scan(session: Session) -> None:
    """Scan a motor with the camera, compare events with the file, and plot both."""
    heading("8. A step scan, as on the beamline")
    # A camera of its own: what is read of it at each point could not be read in a flight.
    camera, axis = x01.Camera(session.paths, name="camera"), x01.stage_x()
    session.wait(camera.connect())
    camera.add_detector_logics(PluginSignalDataLogic(camera.driver, camera.stat.total))
    # The simulated picture repeats every 100 pixels: what a smaller region adds up to changes from frame to frame.
    session.engine(bps.mv(camera.driver.size_x, 72, camera.driver.size_y, 56))
    command(f"RE(step_scan(stage_x, camera, -1, 1, {POINTS}))")
    way = SupplementalData(monitors=[axis.user_readback])
    session.engine.preprocessors.append(way)
    documents = session.run(step_scan(axis, camera, -1.0, 1.0, POINTS), "step_scan", f"of {POINTS} points, written")
    file = session.folder / "step_scan_camera.h5"
    with h5py.File(file, swmr=True) as opened:
        frames: Any = opened[FRAMES]
        print(f"  {shown(file)}: {frames.shape[0]} frames of {frames.shape[2]} x {frames.shape[1]} pixels")
        written = [int(frame.sum()) for frame in frames]
    session.engine.preprocessors.remove(way)
    session.wait(disconnect(camera))
    totals = [event["data"].get(camera.stat.total.name) for event in documents["event"]]
    if [total for total in totals if total is not None] != written:
        raise StepError(f"the events say {totals}, the file says {written}")
    print("  the total in each event is the sum of its frame's pixels")
    began = time.perf_counter()
    image = session.folder / "step_scan.png"
    plot(documents, file, image)
    session.seconds["its plot"] = time.perf_counter() - began
    print(f"  {shown(image)}: its plot")


def play(session: Session) -> None:
    """Let the PandA capture encoders at the beginning of each exposure that its sequencer plays."""
    heading("9. A box that was recorded once is flown")
    command("RE(fly_exposures(panda, [5 ms, 10 ms, 20 ms, 10 ms, 5 ms]))")
    session.run(fly_exposures(x01.panda(), EXPOSURES), "fly_exposures", "of the PandA")
    show_rows(session.folder / "fly_exposures_panda.h5", len(EXPOSURES))


def fly(session: Session) -> None:
    """Fly a row at each of several angles; all of them are in one file."""
    heading("10. Axes that step around axes that fly, in one run and one file")
    command(f"RE(fly_angles(stage_theta, stage_x, stage_y, panda, camera, turn=2, angles={ANGLES}, columns={COLUMNS}))")
    stage = x01.stage_theta(), x01.stage_x(), x01.stage_y()
    plan = fly_angles(*stage, x01.panda(), x01.camera(), turn=2.0, angles=ANGLES, columns=COLUMNS, duration=0.04)
    documents = session.run(plan, "fly_angles", f"of {ANGLES} rows")
    show_rows(session.folder / "fly_angles_panda.h5", ANGLES * COLUMNS)
    flights = documents["stop"][0]["num_events"]["fly_segments"]
    files = {resource["uri"] for resource in documents["stream_resource"]}
    print(f"  {flights} flights, {len(files)} files: one of each detector")
    if (flights, len(files)) != (ANGLES, 2):
        raise StepError(f"there should be {ANGLES} flights and 2 files")


def show_rows(file: Path, rows: int) -> None:
    """Print what a PandA has written.

    :raises StepError: if it is not so many rows.
    """
    with h5py.File(file) as opened:
        datasets: dict[str, Any] = dict(opened)
        for name, dataset in datasets.items():
            print(f"  {shown(file)}, {name}: {dataset.dtype}, {dataset.shape[0]} rows")
            if dataset.shape != (rows,):
                raise StepError(f"{name} has shape {dataset.shape}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
