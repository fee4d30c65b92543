"""Rows are safe once they are flushed, as many as stay in the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ophyd_async.core import DetectorTrigger, get_mock_put, mock_puts_blocked, soft_signal_rw, wait_for_value
from scanspec.specs import Fly, Linspace

from beamwright_runtime.fly import Scan
from tests.helpers.fly.rig import Camera, Exposure, paths_in


async def test_rows_that_go_while_they_are_flushed_are_not_safe(tmp_path: Path) -> None:
    camera = Camera(paths_in(tmp_path), "camera", overwrites=True)
    camera.flush = soft_signal_rw(bool)
    await camera.flush.connect(mock=True)
    await camera.stage()
    frames = Scan(Fly(0.1 @ Linspace("x", 0, 1, 10)), flown={"x"}).points()
    await camera.flown.arm(DetectorTrigger.EXTERNAL_EDGE, frames, 0.001)
    for number in range(5):
        camera.expose(Exposure(number, {}))
    await wait_for_value(camera.written, 5, 30)
    with mock_puts_blocked(camera.flush):
        flushing = asyncio.create_task(camera.flown.frame_count.flush(30))
        while not get_mock_put(camera.flush).called:
            await asyncio.sleep(0.001)
        await camera.flown.set_back(3)
    await flushing
    assert camera.flown.frame_count.safe == 3
    await camera.unstage()
