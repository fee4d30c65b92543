"""What breaks in the middle of a flight of the simulated x01: it stops, says what broke, and can fly again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus

from beamwright_runtime.fly import FlyScanError, FlyState
from beamwright_runtime.plans import fly_scan
from beamwright_twin import Twin, TwinError
from tests.helpers.fly.beamline import Disturbed
from tests.helpers.fly.recorded import Recorded
from tests.helpers.fly.stage import CAMERA, CAMERA_IOC, MOTION_IOC, PANDA, PANDA_IOC, Stage, X
from tests.helpers.own_process import ON_X01

pytestmark = ON_X01

HIT = 5
"""The frame at which things break, of 8 in the first row."""


@pytest.fixture
def stage(twin: Twin, engine: RunEngine, tmp_path: Path) -> Stage:
    return Stage(twin, engine, tmp_path)


def fly(stage: Stage, disturb: Callable[[RunEngine], object] | None = None, **options: Any) -> Recorded:
    """Fly, and disturb the flight once a frame is on disk."""

    def act(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        assert disturb is not None
        disturb(engine)

    plan = fly_scan(stage.scanner, stage.spec, flush_period=0.1)
    return Disturbed(stage.engine).fly(plan, *([0.0] if disturb else []), how=act, **options)


def flies(stage: Stage) -> None:
    """Fly the whole scan, undisturbed."""
    run = fly(stage)
    assert run.stop["exit_status"] == "success"
    assert list(stage.check(run)) == list(range(16))


def broken(
    stage: Stage,
    fault: AbstractContextManager[object] | Callable[[], object],
    *named: str,
    dead: str = "",
    flushed: bool = True,
) -> None:
    """Fly while something breaks: what can be is stopped and told, with names, and the scanner flies again.

    :param dead: the IOC that dies of it.
    :param flushed: whether files can still be flushed, so that all that is in them is told.
    """
    disturbed = Disturbed(stage.engine)

    def act(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        lasting.enter_context(fault) if isinstance(fault, AbstractContextManager) else fault()

    with ExitStack() as lasting:
        with pytest.raises((FailedStatus, FlyScanError)) as failure:
            disturbed.fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=act)
        assert stage.scanner.state is FlyState.IDLE
        # An axis whose IOC is dead goes on, and the error says so.
        assert dead == MOTION_IOC or not stage.twin.moving
    run = disturbed.run
    assert run.stop["exit_status"] == "fail"
    for name in named:
        assert name in str(failure.value)
        assert name in run.stop["reason"]
    run.left_open = bool(dead)
    stage.check(run)
    if not dead:
        assert stage.at_rest
    if flushed and not dead:
        assert run.told() == min(map(len, run.datasets().values()), default=0), "frames in all files are not told"
    stage.set_up()
    flies(stage)


def test_a_motor_that_somebody_else_stops(stage: Stage) -> None:
    def stop() -> None:
        # Until it is noticed: between two rows nothing moves that could be stopped.
        while stage.scanner.state is FlyState.RUNNING:
            stage.twin.put(f"{X}.STOP", 1)

    broken(stage, stop, "stage_x stopped at")


@contextmanager
def at_limit(twin: Twin) -> Iterator[None]:
    """Have the axis meet a limit switch as soon as it moves, which it does not between two rows."""
    with ExitStack() as lasting:
        met = False
        while not met:
            with suppress(TwinError):
                lasting.enter_context(twin.failing(X, "limit"))
                met = True
        yield


@pytest.mark.soak
def test_a_motor_that_meets_a_limit_switch(stage: Stage) -> None:
    broken(stage, at_limit(stage.twin), "stage_x stopped at", "limit switch")


@pytest.mark.soak
def test_a_motor_that_stalls(stage: Stage) -> None:
    broken(stage, stage.twin.stuck(X), "stage_x is at", "in alarm")


@pytest.mark.soak
def test_a_full_disk(stage: Stage) -> None:
    broken(stage, stage.twin.failing(f"{CAMERA}HDF5:Capture", "full"), "camera", "No space left", "WriteMessage")


@pytest.mark.soak
def test_a_camera_that_misses_a_frame(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.camera(CAMERA).lose(1), "camera wrote no frame")


@pytest.mark.soak
def test_a_camera_that_is_never_idle(stage: Stage) -> None:
    stuck = stage.twin.failing(f"{CAMERA}CAM:Acquire", "stuck")
    broken(stage, stuck, "camera wrote no frame", "camera did not stop in time")


@pytest.mark.soak
def test_a_flush_without_an_end(stage: Stage) -> None:
    broken(stage, stage.twin.failing(f"{CAMERA}HDF5:Capture", "stuck"), "camera did not flush", flushed=False)


@pytest.mark.soak
def test_a_slow_flush_only_takes_longer(stage: Stage) -> None:
    with stage.twin.failing(f"{CAMERA}HDF5:Capture", "slow"):
        flies(stage)


@pytest.mark.soak
def test_a_panda_whose_capture_disarms(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.put(f"{PANDA}Pcap:Arm", False), "panda", f"not armed (pva://{PANDA}Pcap:Active)")


@pytest.mark.soak
def test_a_panda_whose_sequencer_stops(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.put(f"{PANDA}Seq:1:Enable", "ZERO"), "panda-seq-1 was switched off")


DEVICES = {CAMERA_IOC: "camera", PANDA_IOC: "panda", MOTION_IOC: "stage_x"}


@pytest.mark.soak
@pytest.mark.parametrize("ioc", DEVICES)
def test_an_ioc_that_dies(stage: Stage, ioc: str) -> None:
    broken(stage, stage.twin.down(ioc), DEVICES[ioc], "does not answer", dead=ioc)


@pytest.mark.soak
@pytest.mark.parametrize("ioc", DEVICES)
def test_an_ioc_that_restarts(stage: Stage, ioc: str) -> None:
    broken(stage, lambda: stage.twin.restart(ioc), DEVICES[ioc], dead=ioc)


@pytest.mark.soak
def test_a_missed_frame_is_taken_again_after_a_pause(stage: Stage) -> None:
    """Which one is missing nobody knows, so the row is flown again."""

    def lose_and_pause(engine: RunEngine) -> None:
        stage.twin.camera(CAMERA).lose(1)
        stage.wait_for_frame(HIT + 1)
        engine.request_pause()

    run = fly(stage, lose_and_pause)
    assert run.stop["exit_status"] == "success"
    rows = stage.check(run)
    assert np.all(rows >= 0)
    first, second = run.segments()
    assert (first["start"], first["stop"], first["reason"]) == (0, 0, "pause")
    assert (second["start"], second["stop"], second["row"]) == (0, 16, first["rows"])
