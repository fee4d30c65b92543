"""Step scans of a running twin, in a real RunEngine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from bluesky.protocols import Readable
from bluesky.utils import MsgGenerator
from ophyd_async.core import init_devices, wait_for_value
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


def scanned(engine: RunEngine, motor: Motor, per_step: Callable[..., MsgGenerator[None]] | None = None) -> list[float]:
    events: list[float] = []
    engine(
        bp.scan([], motor, -0.5, 0.5, 5, per_step=per_step),
        lambda name, document: events.append(document["data"][motor.name]) if name == "event" else None,
    )
    return events


def after_the_update(
    detectors: Sequence[Readable[object]], step: dict[Motor, float], pos_cache: dict[Motor, float]
) -> MsgGenerator[None]:
    """Move, and read when the update of the readback has come.

    ophyd-async's motor has ended when its put is answered. A server sends updates and answers by different threads, so
    the last update may come later, and it would read the position before; ours waits for it.
    """
    yield from bps.move_per_step(step, pos_cache)
    for motor, position in step.items():
        there = partial(math.isclose, position, abs_tol=1e-6)
        yield from bps.wait_for([partial(wait_for_value, motor.user_readback, there, 10)])
    yield from bps.trigger_and_read([*detectors, *step])


@pytest.mark.parametrize("protocol", ["ca", "pva"])
def test_motors_of_ophyd_async_scan(engine: RunEngine, protocol: str) -> None:
    with init_devices():
        motor = Motor(f"{protocol}://{X}", name="x")
    assert scanned(engine, motor, after_the_update) == pytest.approx([-0.5, -0.25, 0, 0.25, 0.5])


def test_generated_motors_scan(engine: RunEngine) -> None:
    assert scanned(engine, x01.stage_y(connect=True)) == pytest.approx([-0.5, -0.25, 0, 0.25, 0.5])
