"""The example's fly scans and the guide's first one, in a real RunEngine on a running twin."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from ophyd_async.core import StaticPathProvider

from beamwright_generated.beamlines import x01
from beamwright_twin import Twin, frame_number
from examples.plans.fly_stage import fly_angles, fly_map
from scripts.demo.watch import Watch
from tests.helpers.fly.recorded import Recorded
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP
from tests.helpers.paths import ROOT

pytestmark = ON_X01_IN_ONE_LOOP

COUNTS = 0.0005
"""Millimetres that a frame may be off, of 0.05 from one to the next: a few counts of the encoders."""


class Beamline:
    """A RunEngine and the devices that fly, connected when a plan needs them."""

    def __init__(self, folder: Path) -> None:
        self.engine = RunEngine({})
        x01.devices.fixtures["path_provider"] = StaticPathProvider(lambda datakey_name=None: self.name(), folder)
        self.x, self.y, self.theta = x01.stage_x(), x01.stage_y(), x01.stage_theta()
        self.panda, self.camera = x01.panda(), x01.camera()
        self.watch = Watch({"x": self.x.user_readback, "frames": self.panda.data.num_captured})
        self._files = 0

    async def connect(self) -> None:
        """Connect what is watched."""
        await asyncio.gather(self.x.connect(), self.panda.connect())
        # What a monitor was told last must not be taken for where an axis is.
        await self.watch.start()

    def name(self) -> str:
        """Name each file anew."""
        self._files += 1
        return f"file{self._files}"

    def run(self, plan: MsgGenerator[Any], pause_after: int | None = None) -> Recorded:
        """Run a plan.

        :param pause_after: frames after which it is paused, and resumed at once.
        """
        run = Recorded()
        if pause_after is not None:
            threading.Thread(target=self._pause, args=(pause_after, time.time()), daemon=True).start()
        try:
            self.engine(plan, run)
        except RunEngineInterrupted:
            assert pause_after is not None
            self.engine.resume()
        return run

    def _pause(self, frames: int, since: float) -> None:
        if self.watch.reached("frames", frames, since, timeout=60):
            self.engine.request_pause()


@pytest.fixture(scope="module")
def beamline(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beamline]:
    for axis in "XY":
        twin.put(f"BL01X-MO-STAGE-01:{axis}.ACCL", 0.1)
        twin.put(f"BL01X-EA-CAM-01:CAM:Size{axis}", 32)
    made = Beamline(tmp_path_factory.mktemp("flown"))
    connecting = asyncio.run_coroutine_threadsafe(made.connect(), made.engine.loop)
    connecting.result(20)
    yield made
    made.engine.loop.call_soon_threadsafe(made.engine.loop.stop)


def there_and_back(columns: int, rows: int) -> np.ndarray:
    """Where x is when each frame begins."""
    forward = 0.05 * (np.arange(columns) - 0.5)
    backward = 0.05 * (np.arange(columns)[::-1] + 0.5)
    return np.concatenate([backward if row % 2 else forward for row in range(rows)])


def check_pictures(run: Recorded, key: str = "camera") -> None:
    """See that no trigger was missed: the camera counts its pictures, and shows the number."""
    numbers = [frame_number(picture) for picture in run.datasets()[key]]
    assert numbers == list(range(numbers[0], numbers[0] + run.told()))


@pytest.mark.parametrize(("duration", "pause_after"), [(0.04, None), (0.1, 12)])
def test_a_map_is_flown_while_its_readback_is_watched(
    beamline: Beamline, duration: float, pause_after: int | None
) -> None:
    stage = beamline.x, beamline.y
    plan = fly_map(*stage, beamline.panda, beamline.camera, 0.45, 0.2, columns=10, rows=3, duration=duration)
    run = beamline.run(plan, pause_after)
    assert run.stop["exit_status"] == "success"
    assert run.start["plan_name"] == "fly_map"
    assert run.start["shape"] == [3, 10]
    assert [one["reason"] for one in run.segments()] == (["done"] if pause_after is None else ["pause", "done"])
    assert run.told() == 30
    data = run.datasets()
    assert data["x"] == pytest.approx(there_and_back(10, 3), abs=COUNTS)
    assert data["y"] == pytest.approx(np.repeat([0, 0.1, 0.2], 10), abs=COUNTS)
    check_pictures(run)


def test_angles_step_around_rows_that_fly_into_one_file_of_each_detector(beamline: Beamline) -> None:
    stage = beamline.theta, beamline.x, beamline.y
    run = beamline.run(fly_angles(*stage, beamline.panda, beamline.camera, turn=2, angles=3, columns=10, duration=0.04))
    assert run.stop["exit_status"] == "success"
    assert run.start["fly_scan"]["outer_axes"] == ["stage_theta"]
    assert [(one["start"], one["stop"], one["row"]) for one in run.segments()] == [
        (0, 10, 0),
        (10, 20, 10),
        (20, 30, 20),
    ]
    assert len({document["uri"] for document in run.all("stream_resource")}) == 2
    assert run.datasets()["x"] == pytest.approx(np.tile(0.05 * (np.arange(10) - 0.5), 3), abs=COUNTS)
    check_pictures(run)


def test_the_first_scan_of_the_guide_flies(twin: Twin, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "flying.md").read_text(encoding="utf-8")
    plan, session, *_ = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", plan + session],
        cwd=tmp_path,
        env=os.environ | twin.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("*.h5")
    with h5py.File(written) as file:
        assert len(file["x"]) == len(file["y"]) == 63
    assert "each of the 63 once" in guide
