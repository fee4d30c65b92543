"""Whatever interrupts a flight, in a real RunEngine: it stops as a whole, is told, and the scanner flies again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bluesky import RunEngine
from bluesky import preprocessors as bpp
from bluesky.utils import FailedStatus, Msg, MsgGenerator
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import Flight, FlyScanError, FlyState, Scan, ScanRefusedError, Timing
from beamwright_runtime.plans import fly_scan
from tests.helpers.fly.beamline import Beamline, Disturbed
from tests.helpers.fly.recorded import Recorded, check, check_consistent, taken
from tests.helpers.fly.waiting import until

SPEC: Spec[str] = Fly(0.02 @ (Linspace("y", 0, 1, 2) * ~Linspace("x", 0, 2, 8)))
FRAMES = 16
HELD = 5
"""The frame after which triggers wait for the interruption."""


def at_rest(beamline: Beamline) -> bool:
    """Whether nothing moves, nothing is triggered, no detector is armed and no file is open."""
    return (
        not beamline.motion.moving(time.monotonic())
        and beamline.triggers.closed
        and not any(camera.armed or camera.writing for camera in beamline.cameras)
    )


def ended(beamline: Beamline, run: Recorded) -> None:
    """See that a scan that has ended early left nothing running, and told of all that it took."""
    assert beamline.scanner.state is FlyState.IDLE
    assert at_rest(beamline)
    check_consistent(run)
    check(run, SPEC, frames=taken(run))


def flies(beamline: Beamline, engine: RunEngine) -> None:
    """Fly the whole scan, undisturbed."""
    beamline.triggers.hold_after = None
    run = Disturbed(engine).fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def when_held(beamline: Beamline, act: Callable[[RunEngine], object]) -> Callable[[RunEngine], object]:
    """Do something once the frame after which the triggers wait is on disk."""
    beamline.triggers.hold_after = HELD

    def wait(engine: RunEngine) -> None:
        until(lambda: beamline.scanner.frames_done == HELD, "the frame")
        act(engine)

    return wait


def soak(*values: object) -> object:
    """A case that `make test` leaves out."""
    return pytest.param(*values, marks=pytest.mark.soak)


ENDS = {"abort": RunEngine.abort, "stop": RunEngine.stop}


@pytest.mark.parametrize(
    ("end", "paused"), [("abort", False), ("stop", True), soak("abort", True), soak("stop", False)]
)
def test_an_end_as_asked(beamline: Beamline, disturbed: Disturbed, end: str, paused: bool) -> None:
    how = when_held(beamline, RunEngine.request_pause if paused else ENDS[end])
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=how, then=ENDS[end])
    assert run.stop["exit_status"] == ("abort" if end == "abort" else "success")
    ended(beamline, run)
    assert taken(run) == HELD
    flies(beamline, disturbed.engine)


@pytest.mark.parametrize("paused", [False, soak(True)])
def test_a_halt_skips_the_plan_but_stops_everything(beamline: Beamline, disturbed: Disturbed, paused: bool) -> None:
    how = when_held(beamline, RunEngine.request_pause if paused else RunEngine.halt)
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.05), 0.0, how=how, then=RunEngine.halt)
    assert run.stop["exit_status"] == "abort"
    until(lambda: beamline.scanner.state is FlyState.IDLE, "the end of the scanner")
    assert at_rest(beamline)
    assert run.told() <= min(map(len, run.datasets().values()), default=0)
    flies(beamline, disturbed.engine)


@pytest.mark.parametrize("presses", [1, 2])
def test_control_c(beamline: Beamline, disturbed: Disturbed, presses: int) -> None:
    """Once pauses at the next checkpoint, twice at once."""

    def press(engine: RunEngine) -> None:
        for number in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
            # The RunEngine takes two that are closer than 0.1 s for one.
            time.sleep(0.15 * (number + 1 < presses))

    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.05), 0.0, how=when_held(beamline, press))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))
    assert [one["reason"] for one in run.segments()] == ["pause", "done"]


@pytest.mark.parametrize("command", ["complete", soak("kickoff"), soak("collect")])
def test_a_plan_that_fails_elsewhere(beamline: Beamline, disturbed: Disturbed, command: str) -> None:
    def instead(message: Msg) -> tuple[MsgGenerator[None] | None, None]:
        def fail() -> MsgGenerator[None]:
            raise LookupError("another branch")
            yield

        nonlocal command
        if message.command == command:
            # Once: what cleans up collects too.
            command = ""
            return fail(), None
        return None, None

    with pytest.raises(LookupError, match="another branch"):
        disturbed.fly(bpp.plan_mutator(fly_scan(beamline.scanner, SPEC), instead))
    run = disturbed.run
    assert run.stop["exit_status"] == "fail"
    assert run.stop["reason"] == "another branch"
    ended(beamline, run)
    flies(beamline, disturbed.engine)


def paused_before(plan: MsgGenerator[str], command: str) -> MsgGenerator[str]:
    """Pause before the first message of a kind."""
    seen = []

    def instead(message: Msg) -> tuple[MsgGenerator[None] | None, None]:
        def pause() -> MsgGenerator[object]:
            yield Msg("pause", None, defer=False)
            return (yield message)

        if message.command == command and not seen:
            seen.append(message)
            return pause(), None
        return None, None

    return bpp.plan_mutator(plan, instead)


@pytest.mark.parametrize(
    "command", ["kickoff", "unstage", *map(soak, ("prepare", "declare_stream", "complete", "collect"))]
)
def test_a_pause_before_each_message(beamline: Beamline, disturbed: Disturbed, command: str) -> None:
    run = disturbed.fly(paused_before(fly_scan(beamline.scanner, SPEC, flush_period=0.1), command))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


@pytest.mark.parametrize("latency", [0.4, soak(0.01)])
def test_a_pause_in_the_last_frame_and_while_it_is_written(
    tmp_path: Path, run_engine: RunEngine, latency: float
) -> None:
    beamline, disturbed = Beamline(tmp_path), Disturbed(run_engine)
    beamline.cameras[0].latency = latency

    def pause(engine: RunEngine) -> None:
        until(lambda: len(beamline.triggers.times) == FRAMES, "the last frame")
        engine.request_pause()

    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=pause)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))
    assert len(beamline.triggers.times) == FRAMES


def suspend(engine: RunEngine, *releases: asyncio.Event) -> None:
    """Suspend for all at the same moment: bluesky forgets a suspension when another comes while devices stop for it."""

    def request() -> None:
        for release in releases:
            engine.request_suspend(release.wait)

    engine.loop.call_soon_threadsafe(request)


def let_go(engine: RunEngine, *releases: asyncio.Event) -> None:
    for release in releases:
        engine.loop.call_soon_threadsafe(release.set)


def paused(beamline: Beamline) -> None:
    until(lambda: beamline.scanner.state is FlyState.PAUSED, "the pause")


def test_a_pause_during_a_suspension(beamline: Beamline, disturbed: Disturbed) -> None:
    release = asyncio.Event()

    def both(engine: RunEngine) -> None:
        suspend(engine, release)
        paused(beamline)
        engine.request_pause()

    disturbed.at_rest = lambda: let_go(disturbed.engine, release)
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=when_held(beamline, both))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def test_a_suspension_during_a_pause(beamline: Beamline, disturbed: Disturbed) -> None:
    release = asyncio.Event()
    pausing: list[str] = []

    def suspend_once() -> None:
        if not pausing:
            pausing.append("")
            suspend(disturbed.engine, release)
            disturbed.engine.loop.call_soon_threadsafe(disturbed.engine.loop.call_later, 0.3, release.set)

    disturbed.at_rest = suspend_once
    how = when_held(beamline, RunEngine.request_pause)
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=how)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


@pytest.mark.parametrize("first", [1, soak(0)])
def test_two_suspenders(beamline: Beamline, disturbed: Disturbed, first: int) -> None:
    """It goes on when both let it, whichever is first."""
    releases = [asyncio.Event(), asyncio.Event()]

    def both(engine: RunEngine) -> None:
        suspend(engine, *releases)
        paused(beamline)
        let_go(engine, releases[first])
        triggered = len(beamline.triggers.times)
        time.sleep(0.2)
        assert len(beamline.triggers.times) == triggered
        let_go(engine, releases[1 - first])

    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=when_held(beamline, both))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def test_a_suspender_that_trips_while_axes_run_up(beamline: Beamline, disturbed: Disturbed) -> None:
    first, second = asyncio.Event(), asyncio.Event()

    def twice(engine: RunEngine) -> None:
        suspend(engine, first)
        paused(beamline)
        let_go(engine, first)
        until(lambda: beamline.motion.moving(time.monotonic()), "the run-up")
        suspend(engine, second)
        paused(beamline)
        let_go(engine, second)

    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=when_held(beamline, twice))
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def test_pauses_and_resumes_in_quick_succession(beamline: Beamline, disturbed: Disturbed) -> None:
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.3, 0.0, 0.0, 0.001, 0.0, 0.01, 0.0)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def test_what_cannot_go_on_says_so_stays_paused_and_goes_on_later(beamline: Beamline, disturbed: Disturbed) -> None:
    tried: list[str] = []

    def resume(engine: RunEngine) -> object:
        beamline.motion.refused = "x may go to 1 now"
        with pytest.raises(ScanRefusedError, match="x may go to 1 now"):
            engine.resume()
        tried.append(engine.state)
        assert beamline.scanner.state is FlyState.PAUSED
        beamline.motion.refused = ""
        return engine.resume()

    how = when_held(beamline, RunEngine.request_pause)
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=how, then=resume)
    assert tried == ["paused"]
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SPEC)) == list(range(FRAMES))


def test_what_cannot_go_on_can_be_aborted(beamline: Beamline, disturbed: Disturbed) -> None:
    def resume(engine: RunEngine) -> object:
        beamline.motion.refused = "x may go to 1 now"
        with pytest.raises(ScanRefusedError):
            engine.resume()
        return engine.abort()

    how = when_held(beamline, RunEngine.request_pause)
    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=how, then=resume)
    beamline.motion.refused = ""
    assert run.stop["exit_status"] == "abort"
    ended(beamline, run)
    flies(beamline, disturbed.engine)


def test_a_suspension_after_which_it_cannot_go_on_fails_with_the_reason(
    beamline: Beamline, disturbed: Disturbed
) -> None:
    release = asyncio.Event()

    def refuse(engine: RunEngine) -> None:
        suspend(engine, release)
        paused(beamline)
        beamline.motion.refused = "x may go to 1 now"
        let_go(engine, release)

    with pytest.raises((FailedStatus, ScanRefusedError), match="x may go to 1 now"):
        disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=when_held(beamline, refuse))
    beamline.motion.refused = ""
    assert disturbed.run.stop["exit_status"] == "fail"
    assert disturbed.run.stop["reason"] == "x may go to 1 now"
    ended(beamline, disturbed.run)
    flies(beamline, disturbed.engine)


@pytest.mark.parametrize("camera", [1, soak(0)])
def test_a_missed_trigger_is_made_up_for_after_a_pause(tmp_path: Path, run_engine: RunEngine, camera: int) -> None:
    """Nobody knows which frame is missing: its row of the scan is flown again, and all files have the same rows."""
    beamline, disturbed = Beamline(tmp_path, timing=Timing(stall=30.0, settle=0.1, step=3.0)), Disturbed(run_engine)
    beamline.cameras[camera].faults.missed = 10
    beamline.triggers.hold_after = 12

    def pause(engine: RunEngine) -> None:
        until(lambda: len(beamline.triggers.times) == 12 and beamline.scanner.frames_done == 11, "the frame")
        engine.request_pause()

    run = disturbed.fly(fly_scan(beamline.scanner, SPEC, flush_period=0.1), 0.0, how=pause)
    assert run.stop["exit_status"] == "success"
    check(run, SPEC)
    assert [(one["start"], one["stop"], one["rows"]) for one in run.segments()] == [(0, 8, 12), (8, 16, 8)]


async def test_what_was_refused_is_not_prepared(beamline: Beamline) -> None:
    scan = Scan(SPEC, flown={"x"})
    scanner, motion = beamline.scanner, beamline.motion
    await scanner.stage()
    await scanner.prepare(Flight(scan, 0))
    motion.refused = "x may go to 1 now"
    for _ in range(2):
        with pytest.raises(ScanRefusedError):
            await scanner.prepare(Flight(scan, 1))
        with pytest.raises(FlyScanError, match="nothing is prepared"):
            await scanner.kickoff()
    motion.refused = ""
    await scanner.prepare(Flight(scan, 1))
    assert scanner.state is FlyState.ARMED
    await scanner.unstage()
