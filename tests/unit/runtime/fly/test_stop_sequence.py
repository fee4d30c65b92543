"""A stop waits for frames that are on their way, however late they are seen."""

from __future__ import annotations

from pathlib import Path

from ophyd_async.core import DetectorTrigger, callback_on_mock_put, soft_signal_rw, wait_for_value
from scanspec.specs import Fly, Linspace

from beamwright_runtime.fly import Scan
from beamwright_runtime.fly.detectors.row_progress import RowProgress
from beamwright_runtime.fly.frame_watch import FrameWatch
from beamwright_runtime.fly.stop_sequence import StopSequence
from tests.helpers.fly.exact_motion import ExactMotion
from tests.helpers.fly.rig import Camera, CompareTriggers, Exposure, paths_in


class Uncounted(CompareTriggers):
    """Triggers that nobody counts."""

    async def sent(self) -> int | None:
        return None


async def test_a_frame_that_one_detector_writes_while_axes_stop_is_waited_for(tmp_path: Path) -> None:
    cameras = first, second = [Camera(paths_in(tmp_path), name) for name in ("first", "second")]
    second.flush = soft_signal_rw(bool)
    await second.flush.connect(mock=True)

    class Slow(ExactMotion):
        async def stop(self) -> None:
            first.write(Exposure(5, {}))

    def write_what_is_late(*_: object, **__: object) -> None:
        if second.row == 5:
            second.write(Exposure(5, {}))

    callback_on_mock_put(second.flush, write_what_is_late)
    motion = Slow("x")
    triggers = Uncounted(motion, *cameras)
    flown = [camera.flown for camera in cameras]
    frames = FrameWatch(flown, motion, triggers, RowProgress(), 30.0)
    points = Scan(Fly(0.02 @ Linspace("x", 0, 1, 10)), flown={"x"}).points()
    for camera in cameras:
        await camera.stage()
        await camera.flown.arm(DetectorTrigger.EXTERNAL_EDGE, points, 0.001)
        for number in range(5):
            camera.expose(Exposure(number, {}))
        await wait_for_value(camera.written, 5, 30)
    await frames.watch()
    stopping = StopSequence(triggers, motion, flown, frames.wait_for_change, triggers.sent, 0.05, 30.0)
    ended = await stopping.run(0, 0.02, failed=False)
    await frames.unwatch()
    assert [one.frame_count.safe for one in flown] == [6, 6]
    assert ended.unclear == ended.faults == []
    for camera in cameras:
        await camera.unstage()
