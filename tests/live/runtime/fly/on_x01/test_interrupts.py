"""Interruptions of flights of the simulated x01 that come from PVs: the beam, limits, and a disk that is slow."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from bluesky import RunEngine
from ophyd_async.core import wait_for_value

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.machine import Machine
from beamwright_runtime.fly import BeamWatch, Emission, FlyState, ScanRefusedError
from beamwright_runtime.plans import fly_scan
from beamwright_twin import Twin
from tests.helpers.fly.beamline import Disturbed
from tests.helpers.fly.recorded import Recorded
from tests.helpers.fly.stage import CAMERA, Stage, X
from tests.helpers.fly.waiting import until
from tests.helpers.own_process import ON_X01

pytestmark = ON_X01

CURRENT = "SR01-DI-RING-01:CURRENT"
HIT = 5
"""The frame at which flights are interrupted, of 8 in the first row."""
MARGIN = 0.2
"""Seconds, of four frames, for which frames before a loss are not trusted."""


@pytest.fixture
def ring(twin: Twin, engine: RunEngine) -> Machine:
    twin.put(CURRENT, 300.0)
    return x01.ring(connect=True)


def good(current: float) -> bool:
    return current > 100


def lossy(twin: Twin, engine: RunEngine, ring: Machine, folder: Path, emission: Emission) -> Stage:
    return Stage(twin, engine, folder, {"beam": BeamWatch(ring.current, good, MARGIN), "emission": emission})


@pytest.mark.parametrize("suspended", [pytest.param(False, marks=pytest.mark.soak), True])
def test_frames_without_beam_are_taken_again(
    twin: Twin, engine: RunEngine, ring: Machine, tmp_path: Path, suspended: bool
) -> None:
    """The loss is seen over CA, by the scanner alone or by a suspender too."""
    stage = lossy(twin, engine, ring, tmp_path, Emission(seconds=MARGIN))
    before: list[int] = []

    def lose(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        with twin.beam_loss(CURRENT):
            before.append(stage.scanner.frames_done)
            if suspended:
                until(lambda: stage.scanner.frames_done > before[0], "a frame without beam")
                engine.request_suspend(lambda: wait_for_value(ring.current, good, None))
                until(lambda: stage.scanner.state is FlyState.PAUSED, "the suspension")
                assert stage.at_rest
            else:
                until(lambda: stage.scanner.state is FlyState.RESTARTING, "the end of the flight")

    run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=lose)
    assert run.stop["exit_status"] == "success"
    assert np.all(stage.check(run) >= 0)
    first, second = run.segments()
    assert (first["reason"], second["reason"]) == ("beam", "done")
    assert first["stop"] <= before[0], "a frame without beam counts"
    assert first["stop"] < first["rows"]
    assert (second["start"], second["stop"]) == (first["stop"], 16)


@pytest.mark.soak
def test_beam_that_is_lost_again_while_axes_run_up(
    twin: Twin, engine: RunEngine, ring: Machine, tmp_path: Path
) -> None:
    stage = lossy(twin, engine, ring, tmp_path, Emission())

    def lose(engine: RunEngine) -> None:
        for _ in range(2):
            stage.wait_for_frame(HIT)
            with twin.beam_loss(CURRENT):
                until(lambda: stage.scanner.state is FlyState.RESTARTING, "the end of the flight")
            until(lambda: bool(twin.moving), "the run-up")

    run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=lose)
    assert run.stop["exit_status"] == "success"
    assert np.all(stage.check(run) >= 0)
    assert [one["reason"] for one in run.segments()] == ["beam", "beam", "done"]


@pytest.mark.soak
def test_limits_that_changed_while_paused(twin: Twin, engine: RunEngine, tmp_path: Path) -> None:
    stage = Stage(twin, engine, tmp_path)
    limit = twin.get(f"{X}.HLM")

    def pause(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        engine.request_pause()

    def resume(engine: RunEngine) -> object:
        assert stage.at_rest
        twin.put(f"{X}.HLM", 0.8)
        with pytest.raises(ScanRefusedError, match=r"stage_x.*limits"):
            engine.resume()
        assert engine.state == "paused"
        twin.put(f"{X}.HLM", limit)
        return engine.resume()

    run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=pause, then=resume)
    assert run.stop["exit_status"] == "success"
    assert list(stage.check(run)) == list(range(16))


@pytest.mark.soak
def test_a_pause_while_files_are_flushed_at_the_end(twin: Twin, engine: RunEngine, tmp_path: Path) -> None:
    stage = Stage(twin, engine, tmp_path)

    def pause(engine: RunEngine) -> None:
        until(lambda: stage.scanner.state is FlyState.DRAINING, "the end")
        engine.request_pause()

    with twin.failing(f"{CAMERA}HDF5:Capture", "slow"):
        run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=pause)
    assert run.stop["exit_status"] == "success"
    assert list(stage.check(run)) == list(range(16))


def ended(stage: Stage, run: Recorded, status: str) -> None:
    until(lambda: stage.scanner.state is FlyState.IDLE, "the end")
    assert stage.at_rest
    assert run.stop["exit_status"] == status
    assert np.sum(stage.check(run) >= 0) >= HIT


@pytest.mark.soak
@pytest.mark.parametrize(("end", "status"), [(RunEngine.abort, "abort"), (RunEngine.stop, "success")])
def test_an_end_in_flight(twin: Twin, engine: RunEngine, tmp_path: Path, end: object, status: str) -> None:
    stage = Stage(twin, engine, tmp_path)

    def act(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        end(engine)

    run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=act)
    ended(stage, run, status)


@pytest.mark.soak
def test_a_halt_in_flight(twin: Twin, engine: RunEngine, tmp_path: Path) -> None:
    stage = Stage(twin, engine, tmp_path)

    def act(engine: RunEngine) -> None:
        stage.wait_for_frame(HIT)
        time.sleep(0.2)
        engine.halt()

    run = Disturbed(engine).fly(fly_scan(stage.scanner, stage.spec, flush_period=0.1), 0.0, how=act)
    until(lambda: stage.scanner.state is FlyState.IDLE, "the end")
    assert stage.at_rest
    assert run.stop["exit_status"] == "abort"
    assert all(run.told() <= len(values) for values in run.datasets().values())
