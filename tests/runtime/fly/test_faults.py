"""Flights of the simulated x01 that are broken and interrupted over Channel Access and PV Access."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.fly.own_process import run

pytestmark = pytest.mark.long

LIVE = [Path(__file__).with_name("live") / name for name in ("faults.py", "interrupts.py")]
X01 = ("-o", "twin_beamline=examples/x01/beamline.yaml")


def test_flights_of_the_stage_are_disturbed(repository: Path) -> None:
    run(repository, "not soak", 280, *LIVE, settings=X01)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", LIVE, ids=lambda file: file.stem)
def test_flights_of_the_stage_are_disturbed_in_every_way(file: Path, repository: Path) -> None:
    run(repository, "soak", 3500, file, settings=X01)
