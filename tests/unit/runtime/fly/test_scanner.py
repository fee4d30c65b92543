"""Fly scans of a simulated beamline in a real RunEngine: whatever interrupts them, each frame is where it belongs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, Msg
from ophyd_async.core import WatchableAsyncStatus, soft_signal_r_and_setter
from ophyd_async.sim import PatternGenerator, SimMotor, SimPointDetector
from scanspec.specs import Ellipse, Fly, Linspace, Spec, Spiral, Static

from beamwright_runtime.fly import BeamWatch, Emission, FlyState, Points, ScanRefusedError, SoftwareTriggers
from beamwright_runtime.plans import fly_grid, fly_scan, step_scan
from tests.helpers.fly.beamline import Beamline, Disturbed
from tests.helpers.fly.recorded import check, check_consistent, taken

# In real time, on one processor with the servers of other tests: a frame that comes too late is a true failure here.
pytestmark = pytest.mark.soak

SNAKED: Spec[str] = Fly(0.02 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 12)))


def at_rest(beamline: Beamline) -> None:
    """See that nothing moves and nothing is triggered while the RunEngine is paused."""
    assert not beamline.motion.moving(time.monotonic())
    assert beamline.scanner.state is not FlyState.STOPPING
    before = len(beamline.triggers.times)
    time.sleep(0.06)
    assert len(beamline.triggers.times) == before


def test_flies_undisturbed(beamline: Beamline, disturbed: Disturbed) -> None:
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))
    assert [one["reason"] for one in run.segments()] == ["done"]
    assert beamline.scanner.state is FlyState.IDLE


OFFSETS = [round(0.05 * i, 2) for i in range(20)]
"""Seconds after the start of the run; an undisturbed scan takes 0.9."""


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_pause_loses_and_repeats_nothing(beamline: Beamline, disturbed: Disturbed, offset: float) -> None:
    disturbed.at_rest = lambda: at_rest(beamline)
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), offset)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))
    assert run.stop["num_events"]["primary"] == 24


@pytest.mark.parametrize("frame", [1, 6, 12, 23])
def test_a_pause_in_flight_ends_a_segment(beamline: Beamline, disturbed: Disturbed, frame: int) -> None:
    beamline.triggers.hold_after = frame
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.0, how=pause_when_held(beamline))
    assert list(check(run, SNAKED)) == list(range(24))
    assert [(one["start"], one["stop"], one["reason"]) for one in run.segments()] == [
        (0, frame, "pause"),
        (frame, 24, "done"),
    ]


def pause_when_held(beamline: Beamline) -> Callable[[RunEngine], object]:
    """Pause once the frame after which the triggers wait is on disk."""

    def pause(engine: RunEngine) -> None:
        while beamline.scanner.frames_done != beamline.triggers.hold_after:
            time.sleep(0.001)
        engine.request_pause()

    return pause


def suspend(engine: RunEngine) -> None:
    """Suspend for a while, as a suspender does."""
    engine.request_suspend(lambda: asyncio.sleep(0.15))


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_suspension_loses_and_repeats_nothing(beamline: Beamline, disturbed: Disturbed, offset: float) -> None:
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), offset, how=suspend)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_deferred_pause_loses_and_repeats_nothing(beamline: Beamline, disturbed: Disturbed, offset: float) -> None:
    disturbed.at_rest = lambda: at_rest(beamline)
    plan = fly_scan(beamline.scanner, SNAKED, flush_period=0.1)
    run = disturbed.fly(plan, offset, how=lambda engine: engine.request_pause(defer=True))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))


@pytest.mark.parametrize("end", [RunEngine.abort, RunEngine.stop])
@pytest.mark.parametrize("offset", OFFSETS)
def test_what_was_taken_before_an_end_is_told(
    beamline: Beamline, disturbed: Disturbed, offset: float, end: Callable[[RunEngine], object]
) -> None:
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), offset, then=end)
    assert run.stop["exit_status"] in (("abort", "success") if end is RunEngine.abort else ("success",))
    check(run, SNAKED, frames=taken(run))
    at_rest(beamline)
    assert beamline.scanner.state is FlyState.IDLE
    assert not any(camera._left for camera in beamline.cameras)


@pytest.mark.parametrize("offset", OFFSETS[::3])
def test_an_abort_in_flight_stops_everything(beamline: Beamline, disturbed: Disturbed, offset: float) -> None:
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), offset, how=RunEngine.abort)
    check(run, SNAKED, frames=taken(run))
    at_rest(beamline)
    assert beamline.scanner.state is FlyState.IDLE


def test_an_abort_at_the_very_end_leaves_nothing_open(beamline: Beamline, disturbed: Disturbed) -> None:
    ending, ended = threading.Event(), threading.Event()
    release = beamline.motion.release

    async def slowly() -> None:
        ending.set()
        await asyncio.sleep(0.5)
        await release()
        ended.set()

    def abort() -> None:
        assert ending.wait(20)
        disturbed.engine.abort()

    beamline.motion.release = slowly  # type: ignore[method-assign]
    aborting = threading.Thread(target=abort)
    aborting.start()
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1))
    aborting.join()
    assert ended.is_set()
    assert beamline.scanner.state is FlyState.IDLE
    check(run, SNAKED)


@pytest.mark.parametrize("told", [None, TimeoutError()])
def test_a_wait_that_hides_its_cancellation_is_no_failure(
    beamline: Beamline, disturbed: Disturbed, told: Exception | None
) -> None:
    """As `asyncio.wait_for` of Python 3.11 does where what it waits for is over in the same moment."""
    approaching = threading.Event()
    approach = beamline.motion.approach

    async def hiding(flight: Points[str]) -> None:
        await approach(flight)
        if approaching.is_set():
            return
        approaching.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if told is not None:
                raise told from None

    def pause(engine: RunEngine) -> None:
        assert approaching.wait(20)
        engine.request_pause()

    beamline.motion.approach = hiding  # type: ignore[method-assign]
    disturbed.at_rest = lambda: at_rest(beamline)
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.0, how=pause)
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED)


def test_many_pauses_one_after_the_other(beamline: Beamline, disturbed: Disturbed) -> None:
    disturbed.at_rest = lambda: at_rest(beamline)
    offsets = (0.02, 0.13, 0.11, 0.26, 0.03, 0.31, 0.17, 0.2)
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), *offsets)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))
    assert len(run.segments()) > 3


SHAPES: dict[str, Spec[str]] = {
    "ellipse": Fly(0.02 @ Ellipse("x", 0, 4, 1, "y", 0, 4, snake=True)),
    "two axes at once": Fly(0.02 @ Linspace("y", 0, 1, 15).zip(Linspace("x", 3, 0, 15))),
    "variable": Fly(Linspace("y", 0, 1, 2) * ~(0.01 @ Linspace("x", 0, 1, 4)).concat(0.04 @ Linspace("x", 2, 5, 4))),
    "one row back": Fly(0.02 @ Linspace("x", 2, 0, 20)),
    "in time alone": Fly(0.02 @ Static("x", 1.0, 20)),
}


@pytest.mark.parametrize("offset", [0.1, 0.33, 0.47])
@pytest.mark.parametrize("name", SHAPES)
def test_any_shape_goes_on_where_it_was(tmp_path: Path, disturbed: Disturbed, name: str, offset: float) -> None:
    beamline = Beamline(tmp_path, edge=name != "variable")
    run = disturbed.fly(fly_scan(beamline.scanner, SHAPES[name], flush_period=0.1), offset, offset / 2)
    assert run.stop["exit_status"] == "success"
    rows = check(run, SHAPES[name])
    assert list(rows) == list(range(len(rows)))


def test_three_detectors_at_three_rates(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, rates=(1, 2, 5))
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.2, 0.3, 0.4)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))


def test_outer_axes_step_and_files_stay_open(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path)
    z = SimMotor("z", instant=False)
    spec: Spec[Any] = Fly(0.02 @ (Linspace(z, 0, 0.4, 3) * ~Linspace("x", 0, 1, 6)))
    run = disturbed.fly(fly_scan(beamline.scanner, spec, flush_period=0.1), 0.2, 0.2, 0.2, 0.2, 0.2, 0.2)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, spec)) == list(range(18))
    assert [len(camera.files) for camera in beamline.cameras] == [1, 1]
    assert len(run.all("descriptor")) == 2


def test_detectors_that_time_their_own_frames_are_brought_into_step(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, rates=(1, 2), triggers=SoftwareTriggers())
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.23, 0.31, 0.12)
    assert run.stop["exit_status"] == "success"
    # Frames start when the detectors do: some milliseconds late, at 50 units in a second.
    check(run, SNAKED, tolerance=1.0)


def test_frames_without_beam_are_taken_again(tmp_path: Path, disturbed: Disturbed) -> None:
    current, set_current = soft_signal_r_and_setter(float, 300.0)
    beam = BeamWatch(current, lambda value: value > 100, margin=0.03)
    beamline = Beamline(tmp_path, beam=beam)

    def lose(engine: RunEngine) -> None:
        lost = asyncio.Event()
        engine.loop.call_soon_threadsafe(set_current, 0.0)
        engine.loop.call_soon_threadsafe(lambda: engine.loop.call_later(0.3, set_current, 300.0))
        engine.loop.call_soon_threadsafe(lambda: engine.loop.call_later(0.31, lost.set))
        time.sleep(0.1)
        engine.request_suspend(lost.wait)

    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.3, how=lose)
    assert run.stop["exit_status"] == "success"
    rows = check(run, SNAKED)
    first, second = run.segments()
    assert (first["reason"], second["reason"]) == ("beam", "done")
    assert first["rows"] > first["stop"] - first["start"], "no frame was taken without beam"
    assert second["start"] == first["stop"]
    assert run.told() == 24 + first["rows"] - first["stop"]
    assert rows[-1] == run.told() - 1


def test_beam_that_nobody_waits_for_is_waited_for(tmp_path: Path, disturbed: Disturbed) -> None:
    current, set_current = soft_signal_r_and_setter(float, 300.0)
    beamline = Beamline(tmp_path, beam=BeamWatch(current, lambda value: value > 100, margin=0.0))

    def lose(engine: RunEngine) -> None:
        engine.loop.call_soon_threadsafe(set_current, 0.0)
        engine.loop.call_soon_threadsafe(lambda: engine.loop.call_later(0.8, set_current, 300.0))

    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.5, how=lose)
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED)
    assert [one["reason"] for one in run.segments()] == ["beam", "done"]


def test_documents_stay_behind_by_as_much_as_they_are_told(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path, emission=Emission(frames=5))
    beamline.triggers.hold_after = 15
    told = []

    def pause(engine: RunEngine) -> None:
        pause_when_told = pause_when_held(beamline)
        while disturbed.run.told() < 10:
            time.sleep(0.001)
        told.append(disturbed.run.told())
        pause_when_told(engine)

    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.05), 0.0, how=pause)
    assert told == [10]
    assert list(check(run, SNAKED)) == list(range(24))


def broken(disturbed: Disturbed, beamline: Beamline, match: str, *offsets: float) -> None:
    """Fly a scan that must fail, and see that everything that was taken is told, and nothing goes on."""
    with pytest.raises(FailedStatus) as failure:
        disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), *offsets)
    assert match in str(failure.value.__cause__)
    run = disturbed.run
    assert run.stop["exit_status"] == "fail"
    check_consistent(run)
    at_rest(beamline)
    assert beamline.scanner.state is FlyState.IDLE


def test_a_missed_trigger_names_the_detector(impatient: Beamline, disturbed: Disturbed) -> None:
    impatient.cameras[1].faults.missed = 5
    broken(disturbed, impatient, "det2")


def test_a_detector_that_dies_is_named(impatient: Beamline, disturbed: Disturbed) -> None:
    impatient.cameras[0].faults.dead_from = 15
    broken(disturbed, impatient, "det1")


def test_an_axis_that_is_stopped_is_named(beamline: Beamline, disturbed: Disturbed) -> None:
    beamline.motion.stuck_in = 14
    broken(disturbed, beamline, "x stopped at")


def test_a_long_pause_is_no_stall(impatient: Beamline, disturbed: Disturbed) -> None:
    run = disturbed.fly(fly_scan(impatient.scanner, SNAKED, flush_period=0.1), 0.3, paused_for=1.0)
    assert run.stop["exit_status"] == "success"
    check(run, SNAKED)


def test_complete_stays_pending_over_a_pause_and_ends_once(beamline: Beamline, disturbed: Disturbed) -> None:
    asked: list[WatchableAsyncStatus[int]] = []
    ended: list[object] = []
    seen: list[int] = []

    def ask(message: Msg) -> None:
        if message.command == "complete":
            status = message.obj.complete()
            status.add_callback(ended.append)
            status.watch(lambda current=0, **_: seen.append(current))
            asked.append(status)

    disturbed.engine.msg_hook = ask
    disturbed.at_rest = lambda: [pytest.fail("ended too soon") for status in asked if status.done]
    beamline.triggers.hold_after = 10
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), 0.0, how=pause_when_held(beamline))
    assert run.stop["exit_status"] == "success"
    assert len(asked) == 2
    assert all(status.success for status in asked)
    assert len(ended) == 2
    assert seen[-1] == 24


def test_refuses_before_anything_moves(beamline: Beamline, disturbed: Disturbed) -> None:
    spiral: Spec[str] = Fly(0.02 @ Spiral("x", 0, 10, 2.5, "y", 0))
    with pytest.raises(FailedStatus) as failure:
        disturbed.fly(fly_scan(beamline.scanner, spiral))
    assert isinstance(failure.value.__cause__, ScanRefusedError)
    assert beamline.motion.moves["x"].still_at < 0


def test_a_scan_may_follow_another(beamline: Beamline, disturbed: Disturbed, run_engine: RunEngine) -> None:
    check(disturbed.fly(fly_scan(beamline.scanner, SNAKED), 0.2), SNAKED)
    again = Disturbed(run_engine)
    check(again.fly(fly_scan(beamline.scanner, SNAKED), 0.3), SNAKED)
    assert [len(camera.files) for camera in beamline.cameras] == [2, 2]


def test_a_grid_flies_its_last_line(tmp_path: Path, disturbed: Disturbed) -> None:
    beamline = Beamline(tmp_path)
    plan = fly_grid(beamline.scanner, Linspace("y", 0, 1, 2), Linspace("x", 0, 2, 12), duration=0.02)
    run = disturbed.fly(plan, 0.3)
    assert run.start["plan_name"] == "fly_grid"
    check(run, SNAKED)


def test_a_step_scan_reads_each_point_once(disturbed: Disturbed) -> None:
    x, y = SimMotor("x"), SimMotor("y")
    detector = SimPointDetector(PatternGenerator(), name="point")
    run = disturbed.fly(step_scan([detector], Linspace(y, 0, 1, 2) * ~Linspace(x, 0, 2, 3)), 0.05)
    assert run.stop["exit_status"] == "success"
    assert [event["data"]["x"] for event in run.all("event")] == [0, 1, 2, 2, 1, 0]
    assert run.start["shape"] == [2, 3]
