"""Fly scans of a simulated beamline in a real RunEngine: whatever interrupts them, each frame is where it belongs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bluesky import RunEngine
from scanspec.specs import Ellipse, Fly, Linspace, Spec

from beamwright_runtime.fly import FlyScanner, FlyState
from beamwright_runtime.fly.plans import fly_scan
from tests.runtime.fly.conftest import Beamline, Disturbed
from tests.runtime.fly.recorded import check

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


@pytest.mark.parametrize("offset", [0.05 * i for i in range(26)])
def test_a_pause_loses_and_repeats_nothing(beamline: Beamline, disturbed: Disturbed, offset: float) -> None:
    disturbed.at_rest = lambda: at_rest(beamline)
    run = disturbed.fly(fly_scan(beamline.scanner, SNAKED, flush_period=0.1), offset)
    assert run.stop["exit_status"] == "success"
    assert list(check(run, SNAKED)) == list(range(24))
    assert run.stop["num_events"]["primary"] == 24
