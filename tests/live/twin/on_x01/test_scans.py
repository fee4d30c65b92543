"""Step scans of a running twin, in a real RunEngine."""

from __future__ import annotations

from collections.abc import Iterator

import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from ophyd_async.core import init_devices
from ophyd_async.epics.motor import Motor

from beamwright_generated.beamlines import x01
from beamwright_twin import Twin
from tests.helpers.own_process import ON_X01_IN_ONE_LOOP

pytestmark = ON_X01_IN_ONE_LOOP

X = "BL01X-MO-STAGE-01:X"


@pytest.fixture(scope="module")
def engine(twin: Twin) -> Iterator[RunEngine]:
    made = RunEngine(call_returns_result=True)
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)


def scanned(engine: RunEngine, motor: Motor) -> list[float]:
    events: list[float] = []
    engine(
        bp.scan([], motor, -0.5, 0.5, 5),
        lambda name, document: events.append(document["data"][motor.name]) if name == "event" else None,
    )
    return events


@pytest.mark.parametrize("protocol", ["ca", "pva"])
def test_motors_of_ophyd_async_scan(engine: RunEngine, protocol: str) -> None:
    with init_devices():
        motor = Motor(f"{protocol}://{X}", name="x")
    assert scanned(engine, motor) == pytest.approx([-0.5, -0.25, 0, 0.25, 0.5])


def test_generated_motors_scan(engine: RunEngine) -> None:
    assert scanned(engine, x01.stage_y(connect=True)) == pytest.approx([-0.5, -0.25, 0, 0.25, 0.5])
