"""What a user of the beamline does: connect every device, scan a motor with the camera, fly the PandA.

    python -m scripts.demo.client FOLDER

The servers are those of this process's environment. Files, the plot and what took how long go into the folder.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

import bluesky.plan_stubs as bps
import h5py
from bluesky import RunEngine
from bluesky.preprocessors import SupplementalData
from bluesky.utils import ProgressBarManager
from ophyd_async.core import StaticPathProvider
from ophyd_async.epics.adcore import PluginSignalDataLogic

from beamwright_generated.beamlines import x01
from beamwright_runtime import ConnectionFailedError, disconnect
from examples.plans.fly_exposures import fly_exposures
from examples.plans.step_scan import step_scan
from scripts.demo.connections import connect, connection_table
from scripts.demo.plot import FRAMES, plot
from scripts.demo.terminal import command, heading

T = TypeVar("T")
Documents = dict[str, list[dict[str, Any]]]
EXPOSURES = (0.005, 0.01, 0.02, 0.01, 0.005)
POINTS = 21


class Client:
    """A RunEngine, and what took how long in it."""

    def __init__(self, folder: Path) -> None:
        # An interrupt ends this process at once: the beamline that it uses goes with it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.engine = RunEngine(context_managers=[])
        if sys.stdout.isatty():
            setattr(self.engine, "waiting_hook", ProgressBarManager())  # noqa: B010 - bluesky declares it as None
        self.folder = folder
        self.seconds: dict[str, float] = {}

    def wait(self, what: Awaitable[T], timeout: float = 60.0) -> T:
        """Await something in the engine's loop."""

        async def awaited() -> T:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self.engine.loop).result(timeout)

    def run(self, plan: Generator[Any, Any, Any], what: str) -> Documents:
        """Run a plan, and give its documents by kind."""
        documents: Documents = {}
        began = time.perf_counter()
        self.engine(plan, lambda name, document: documents.setdefault(name, []).append({**document}))
        self.seconds[what] = time.perf_counter() - began
        for stop in documents.get("stop", ()):
            took = self.seconds[what]
            print(f"{what}: {stop['exit_status']}, {stop['num_events']['primary']} events in {took:.1f} s")
        return documents


def main(folder: Path) -> int:
    """Connect, scan and fly; give the exit code."""
    client = Client(folder.resolve())
    # Every file is named after the device that writes it.
    paths = StaticPathProvider(lambda datakey_name=None: str(datakey_name), client.folder)
    x01.devices.fixtures["path_provider"] = paths
    steps: list[Callable[[Client], None]] = [connect_all, scan, fly]
    try:
        for step in steps:
            step(client)
    except ConnectionFailedError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    client.wait(disconnect(*(factory() for factory in x01.devices)))
    (folder / "seconds.json").write_text(json.dumps(client.seconds), encoding="utf-8")
    return 0


def connect_all(client: Client) -> None:
    """Connect every device at the same time, and print what came of each."""
    heading("7. Every device connects")
    began = time.perf_counter()
    connected = client.wait(connect(x01.devices))
    took = time.perf_counter() - began
    print("\n".join(connection_table(connected)))
    print(x01.devices.summary())
    signals = sum(one.signals for one in connected)
    client.seconds[f"{len(connected)} devices with {signals} signals connected"] = took
    for one in connected:
        if one.error is not None:
            raise one.error


def scan(client: Client) -> None:
    """Scan a motor with the camera, compare events with the file, and plot both."""
    heading("8. A step scan, as on the beamline")
    camera, axis = x01.camera(), x01.stage_x()
    camera.add_detector_logics(PluginSignalDataLogic(camera.driver, camera.stat.total))
    # The simulated picture repeats every 100 pixels: what a smaller region adds up to changes from frame to frame.
    client.engine(bps.mv(camera.driver.size_x, 72, camera.driver.size_y, 56))
    command(f"RE(step_scan(stage_x, camera, -1, 1, {POINTS}))")
    way = SupplementalData(monitors=[axis.user_readback])
    client.engine.preprocessors.append(way)
    documents = client.run(step_scan(axis, camera, -1.0, 1.0, POINTS), f"step_scan of {POINTS} points, written")
    file = client.folder / "camera.h5"
    with h5py.File(file) as opened:
        frames: Any = opened[FRAMES]
        print(f"  {shown(file)}: {frames.shape[0]} frames of {frames.shape[2]} x {frames.shape[1]} pixels")
        written = [int(frame.sum()) for frame in frames]
    totals = [event["data"].get(camera.stat.total.name) for event in documents["event"]]
    if [total for total in totals if total is not None] != written:
        raise AssertionError(f"the events say {totals}, the file says {written}")
    print("  the total in each event is the sum of its frame's pixels")
    began = time.perf_counter()
    plot(documents, file, client.folder / "scan.png")
    client.seconds["its plot"] = time.perf_counter() - began
    print(f"  {shown(client.folder / 'scan.png')}: its plot")


def fly(client: Client) -> None:
    """Let the PandA capture encoders at the beginning of each exposure that its sequencer plays."""
    heading("9. A box that was recorded once is flown")
    command("RE(fly_exposures(panda, [5 ms, 10 ms, 20 ms, 10 ms, 5 ms]))")
    client.run(fly_exposures(x01.panda(), EXPOSURES), "fly_exposures of the PandA")
    file = client.folder / "panda.h5"
    with h5py.File(file) as opened:
        datasets: dict[str, Any] = dict(opened)
        for name, dataset in datasets.items():
            print(f"  {shown(file)}, {name}: {dataset.dtype}, {dataset.shape[0]} rows")
            if dataset.shape != (len(EXPOSURES),):
                raise AssertionError(f"{name} has shape {dataset.shape}")


def shown(path: Path) -> str:
    """Name a file as a user in this folder would."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
