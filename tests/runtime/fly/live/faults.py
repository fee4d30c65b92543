"""What breaks in the middle of a flight of the simulated x01: it stops, says what broke, and can fly again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus

from beamwright_generator.twin import Twin
from beamwright_runtime.fly import FlyState
from beamwright_runtime.plans import fly_scan
from tests.runtime.fly.beamline import Disturbed
from tests.runtime.fly.recorded import Recorded
from tests.runtime.fly.stage import CAMERA, CAMERA_IOC, MOTION_IOC, PANDA, PANDA_IOC, Stage, X

HIT = 5
"""The frame at which things break, of 8 in the first row."""


@pytest.fixture(scope="module")
def engine(twin: Twin) -> Iterator[RunEngine]:
    made = RunEngine({})
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)


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


def broken(stage: Stage, fault: AbstractContextManager[object] | Callable[[], object], *named: str) -> Recorded:
    """Fly while something breaks: everything is stopped and told, with names, and the scanner flies again."""
    disturbed = Disturbed(stage.engine)

    def act(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        lasting.enter_context(fault) if isinstance(fault, AbstractContextManager) else fault()

    with ExitStack() as lasting:
        began = time.monotonic()
        with pytest.raises(FailedStatus) as failure:
            disturbed.fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=act)
        print("\nTOOK", time.monotonic() - began, disturbed.run.stop["reason"], disturbed.run.segments(), "\n", failure.value.__cause__)
        assert stage.scanner.state is FlyState.IDLE
        assert not stage.twin.moving
    assert stage.at_rest
    run = disturbed.run
    assert run.stop["exit_status"] == "fail"
    for name in named:
        assert name in str(failure.value.__cause__)
        assert name in run.stop["reason"]
    stage.check(run)
    assert run.told() == min(map(len, run.datasets().values())), "frames that are in all files are not told"
    flies(stage)
    return run


def test_flies_undisturbed(stage: Stage) -> None:
    flies(stage)


def test_a_motor_that_is_stopped_by_somebody_else(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.put(f"{X}.STOP", 1), "stage_x", "stopped at")


def test_a_motor_that_meets_a_limit_switch(stage: Stage) -> None:
    broken(stage, stage.twin.failing(X, "limit"), "stage_x", "limit")


def test_a_motor_that_stalls(stage: Stage) -> None:
    broken(stage, stage.twin.stuck(X), "x")


def test_a_full_disk(stage: Stage) -> None:
    broken(stage, stage.twin.failing(f"{CAMERA}HDF5:Capture", "full"), "camera", "No space left")


def test_a_camera_that_misses_a_frame(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.camera(CAMERA).lose(1), "camera")


def test_a_camera_that_is_never_idle(stage: Stage) -> None:
    broken(stage, stage.twin.failing(f"{CAMERA}CAM:Acquire", "stuck"), "camera")


def test_a_flush_without_an_end(stage: Stage) -> None:
    broken(stage, stage.twin.failing(f"{CAMERA}HDF5:Capture", "stuck"), "camera", "flush")


def test_a_panda_whose_capture_disarms(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.put(f"{PANDA}Pcap:Arm", False), "panda", "")


def test_a_panda_whose_sequencer_stops(stage: Stage) -> None:
    broken(stage, lambda: stage.twin.put(f"{PANDA}Seq:1:Enable", "ZERO"), "seq")


@pytest.mark.parametrize("ioc", [CAMERA_IOC, PANDA_IOC, MOTION_IOC])
def test_an_ioc_that_dies(stage: Stage, ioc: str) -> None:
    broken(stage, stage.twin.down(ioc))


@pytest.mark.parametrize("ioc", [CAMERA_IOC, PANDA_IOC, MOTION_IOC])
def test_an_ioc_that_restarts(stage: Stage, ioc: str) -> None:
    broken(stage, lambda: stage.twin.restart(ioc))
