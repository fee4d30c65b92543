"""Scans of any shape, flown with cameras, a PandA and motor records, and paused in the middle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bluesky.utils import FailedStatus
from ophyd_async.epics.motor import Motor
from scanspec.specs import Ellipse, Fly, Linspace, Spec, Spiral

from beamwright_runtime.fly import FlyScanner, ScanRefusedError
from beamwright_runtime.fly.scan_plans import fly_scan
from tests.helpers.fly.cameras_stage import Interrupted, Stage, check
from tests.helpers.own_process import ON_ANOTHER_TWIN

pytestmark = [*ON_ANOTHER_TWIN, pytest.mark.soak]

Make = Callable[[Motor, Motor], Spec[Motor]]


def variable(x: Motor, y: Motor) -> Spec[Motor]:
    return Fly(Linspace(y, 0, 0.2, 2) * ~(0.03 @ Linspace(x, 0, 0.3, 4)).concat(0.06 @ Linspace(x, 0.4, 0.7, 4)))


SHAPES: dict[str, Make] = {
    "line": lambda x, y: Fly(0.05 @ Linspace(x, 1.5, 0.5, 11)),
    "there and there": lambda x, y: Fly(0.05 @ (Linspace(y, 0, 0.2, 2) * Linspace(x, 0, 0.5, 6))),
    "ellipse": lambda x, y: Fly(0.05 @ Ellipse(x, 0, 0.6, 0.1, y, 0, 0.4, 0.2, snake=True)),
    "two axes at once": lambda x, y: Fly(0.05 @ Linspace(y, 0, 0.5, 11).zip(Linspace(x, 1, 0, 11))),
}


def fly(stage: Stage, scanner: FlyScanner[Motor], spec: Spec[Motor], *moments: float) -> Interrupted:
    return stage.in_time(lambda: _fly(stage, scanner, spec, *moments))


def _fly(stage: Stage, scanner: FlyScanner[Motor], spec: Spec[Motor], *moments: float) -> Interrupted:
    interrupted = Interrupted(stage, scanner, moments)
    run = interrupted.fly(fly_scan(scanner, spec, flush_period=0.2))
    assert run.stop["exit_status"] == "success"
    assert interrupted.rests == len(moments)
    check(run, spec)
    return interrupted


@pytest.mark.parametrize(
    "name", [name if name == "two axes at once" else pytest.param(name, marks=pytest.mark.soak) for name in SHAPES]
)
def test_goes_on_where_it_was(stage: Stage, name: str) -> None:
    fly(stage, stage.at_sequencer(stage.x, stage.y), SHAPES[name](stage.x, stage.y), 4)


def test_outer_axes_step_and_files_stay_open(stage: Stage) -> None:
    spec: Spec[Motor] = Fly(0.05 @ (Linspace(stage.y, 0, 0.4, 3) * ~Linspace(stage.x, 0, 0.5, 6)))
    interrupted = fly(stage, stage.at_sequencer(stage.x), spec, 2, 8)
    assert interrupted.run.start["fly_scan"]["outer_axes"] == ["stage_y"]
    assert len(interrupted.run.all("stream_resource")) == 3


def test_frames_of_different_lengths_are_captured(stage: Stage) -> None:
    fly(stage, stage.at_sequencer(stage.x, stage.y, camera=False), variable(stage.x, stage.y), 2, 9)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (variable, "camera times its own exposures, which cannot differ"),
        (lambda x, y: Fly(0.05 @ Spiral(x, 0, 1, 0.25, y, 0, 1)), "follows a curve"),
    ],
)
def test_what_cannot_be_flown_is_refused_before_anything_moves(stage: Stage, make: Make, reason: str) -> None:
    before = stage.twin.positions
    with pytest.raises(FailedStatus) as failed:
        stage.engine(fly_scan(stage.at_sequencer(stage.x, stage.y), make(stage.x, stage.y)))
    assert isinstance(failed.value.__cause__, ScanRefusedError)
    assert reason in str(failed.value.__cause__)
    assert stage.twin.positions == before
