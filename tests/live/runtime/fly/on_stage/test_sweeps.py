"""Scans of cameras, PandA and motor records that are interrupted at any moment come out as if they were not."""

from __future__ import annotations

import random

import numpy as np
import pytest
from ophyd_async.epics.motor import Motor
from scanspec.specs import Fly, Linspace, Spec

from beamwright_runtime.fly import FlyState
from beamwright_runtime.fly.scan_plans import fly_scan
from tests.helpers.fly.cameras_stage import Interrupted, Stage, check
from tests.helpers.fly.recorded import taken
from tests.helpers.own_process import ON_ANOTHER_TWIN

pytestmark = ON_ANOTHER_TWIN

KINDS = ("pause", "suspend", "defer", "abort")
LASTS = 2.6
"""Seconds that an undisturbed scan takes from its start document on, at most."""
STEP = 0.05
MOMENTS = [("pause", 0.0), ("pause", 7), ("pause", 14), ("suspend", 5), ("defer", 5), ("abort", 5)]
"""Before the first frame, behind a row, on the last frame, and in a row."""


def disturb(stage: Stage, kind: str, *moments: float, aborts: bool = False) -> None:
    """Fly a snaked grid, disturb it, and see that each frame is where it should be."""
    stage.in_time(lambda: _disturb(stage, kind, *moments, aborts=aborts))


def _disturb(stage: Stage, kind: str, *moments: float, aborts: bool) -> None:
    scanner = stage.at_sequencer(stage.x, stage.y)
    spec: Spec[Motor] = Fly(0.05 @ (Linspace(stage.y, 0, 0.2, 2) * ~Linspace(stage.x, 0, 0.7, 8)))
    missed = stage.missed()
    interrupted = Interrupted(stage, scanner, moments, kind, aborts)
    run = interrupted.fly(fly_scan(scanner, spec, flush_period=0.2))
    ended = aborts or kind == "abort"
    assert run.stop["exit_status"] in (("success", "abort") if ended else ("success",)), run.stop["reason"]
    check(run, spec, taken(run) if run.stop["exit_status"] == "abort" else None)
    assert stage.missed() == missed
    assert stage.going_on == []
    assert scanner.state is FlyState.IDLE


@pytest.mark.parametrize(("kind", "moment"), MOMENTS)
def test_interrupted_where_it_matters(stage: Stage, kind: str, moment: float) -> None:
    disturb(stage, kind, moment)


@pytest.mark.soak
@pytest.mark.parametrize("offset", [round(float(one), 2) for one in np.arange(0.0, LASTS, STEP)])
@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_at_any_moment(stage: Stage, kind: str, offset: float) -> None:
    disturb(stage, kind, offset)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100))
def test_interrupted_at_random(stage: Stage, seed: int) -> None:
    draw = random.Random(seed)
    kind = draw.choice(KINDS)
    offsets = [draw.uniform(0.0, LASTS) for _ in range(1 if kind == "abort" else draw.randint(1, 4))]
    disturb(stage, kind, *offsets, aborts=kind == "pause" and draw.random() < 0.2)
