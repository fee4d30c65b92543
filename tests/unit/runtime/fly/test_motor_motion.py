"""Motor records in flights, while somebody else watches them: what was told last is older than what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
from ophyd_async.core import (
    SignalR,
    callback_on_mock_put,
    get_mock_put,
    set_mock_put_proceeds,
    set_mock_value,
)
from ophyd_async.epics.motor import Motor
from scanspec.specs import Fly, Linspace

from beamwright_runtime.fly import MotorMotion, Points, Scan, ScanRefusedError
from beamwright_runtime.fly.motion import motor_motion

END = 1.055
"""Where the row ends, with its run-down."""


@pytest_asyncio.fixture
async def x() -> Motor:
    """A motor that is watched, and at rest."""
    motor = Motor("X", name="x")
    await motor.connect(mock=True)
    for signal, value in (
        (motor.velocity, 1.0),
        (motor.max_velocity, 5.0),
        (motor.acceleration_time, 0.01),
        (motor.motor_done_move, 1),
        (motor.high_limit_travel, 10.0),
        (motor.low_limit_travel, -10.0),
    ):
        set_mock_value(signal, value)
    for watched in (motor.user_readback, motor.motor_done_move):
        watched.subscribe_reading(lambda _: None)
    return motor


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[SignalR[Any], object], None]:
    """Have a record say something that nobody who watches it has been told yet."""

    def say(signal: SignalR[Any], value: object) -> None:
        async def get_value() -> object:
            return value

        monkeypatch.setattr(signal._connector.backend, "get_value", get_value)

    return say


async def row(x: Motor, motion: MotorMotion) -> Points[Motor]:
    spec = Fly(0.1 @ Linspace(x, 0, 1, 11))
    (flight,) = await motion.flights(Scan(spec, flown=[x]).points())
    return flight


async def test_an_axis_has_arrived_where_its_record_says(
    x: Motor, says: Callable[[SignalR[Any], object], None]
) -> None:
    motion = MotorMotion([x])
    flight = await row(x, motion)
    callback_on_mock_put(x.user_setpoint, lambda target, *_, **__: says(x.user_readback, target))
    await motion.approach(flight)
    await motion.start(flight)
    await motion.finish(flight)
    assert await x.user_readback.get_value() == 0.0


async def test_an_axis_that_moves_is_stopped(x: Motor, says: Callable[[SignalR[Any], object], None]) -> None:
    motion = MotorMotion([x])
    says(x.motor_done_move, 0)
    await motion.stop()
    get_mock_put(x.motor_stop).assert_called_once()


async def flying(x: Motor, at: float) -> MotorMotion:
    """Start the row, and be somewhere on the way to its end."""
    motion = MotorMotion([x])
    flight = await row(x, motion)
    callback_on_mock_put(x.user_setpoint, lambda target, *_, **__: set_mock_value(x.user_readback, target))
    await motion.approach(flight)
    set_mock_put_proceeds(x.user_setpoint, False)
    await motion.start(flight)
    set_mock_value(x.user_readback, at)
    return motion


async def test_an_axis_that_arrives_while_it_is_asked_is_on_its_way(x: Motor, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = await flying(x, 0.95)

    async def arrive_first() -> float:
        set_mock_value(x.user_readback, END)
        set_mock_put_proceeds(x.user_setpoint, True)
        await motion._moves[x].done
        return 0.0

    monkeypatch.setattr(x.deadband._connector.backend, "get_value", arrive_first)
    assert await motion.diagnose() == []


async def test_an_axis_that_is_late_but_moves_is_on_its_way(x: Motor, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = await flying(x, 0.1)
    monkeypatch.setattr(motor_motion, "LATE", -60.0)

    async def go_on() -> None:
        for step in range(11, 100):
            set_mock_value(x.user_readback, step / 100)
            await asyncio.sleep(0.02)

    moves = asyncio.create_task(go_on())
    assert await motion.diagnose() == []
    moves.cancel()


async def test_an_axis_that_is_late_and_stands_is_not(x: Motor, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = await flying(x, 0.5)
    monkeypatch.setattr(motor_motion, "LATE", -60.0)
    assert await motion.diagnose() == ["x is at 0.5 on its way to 1.055"]


async def test_an_axis_that_somebody_stopped_is_not(x: Motor) -> None:
    motion = await flying(x, 0.5)
    set_mock_put_proceeds(x.user_setpoint, True)
    await motion._moves[x].done
    assert await motion.diagnose() == ["x is at 0.5 on its way to 1.055"]


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("max_velocity", 0.9, "x cannot fly at 1/s, at most at 0.9/s"),
        ("high_limit_travel", 1.0, r"x.* 1\.055"),
        ("low_limit_travel", 0.0, r"x.*-0\.055"),
    ],
)
async def test_a_row_that_an_axis_cannot_fly_is_refused(x: Motor, limit: str, value: float, reason: str) -> None:
    set_mock_value(x.dial_high_limit_travel, 10.0)  # a record without any has no limits
    set_mock_value(getattr(x, limit), value)
    with pytest.raises(ScanRefusedError, match=reason):
        await row(x, MotorMotion([x]))
