"""A motor of ours with a motor record, over CA and PVA."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from ophyd_async.core import SignalR, SignalRW, wait_for_value
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import Motor, MotorDirection, MotorMode, RecordDevice
from beamwright_runtime.channels.ca.monitors import CaMonitors
from beamwright_runtime.devices.motor import wait_for_update
from tests.helpers.softioc import SoftIoc

live_test = pytest.mark.asyncio(loop_scope="session")


class VersionedMotor(Motor):
    version: Annotated[SignalR[float], PvSuffix(".VERS")]


@live_test
@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_every_field_is_read_from_a_motor_record(protocol: str, live: SoftIoc) -> None:
    device = VersionedMotor(f"{protocol}://MOTOR", "motor")
    await device.connect()
    types = {}
    for name, child in device.children():
        if isinstance(child, SignalR):
            value = await child.get_value()
            assert isinstance(value, child.datatype), name
            types[name] = child.datatype
    assert len(types) > 50
    assert bool not in {types[name] for name in ("moving", "missed", "limit_violation", "motor_done_move")}
    assert await device.direction.get_value() is MotorDirection.POSITIVE
    assert await device.mode.get_value() in MotorMode


@live_test
async def test_it_moves_and_its_fields_follow(live: SoftIoc) -> None:
    device = Motor("MOTOR", "motor")
    await device.connect()
    await device.set(2.0)
    # caproto's record says the put is done before the move is, unlike a motor record
    await wait_for_value(device.user_readback, pytest.approx(2.0), timeout=10)
    await wait_for_value(device.moving, 0, timeout=10)
    assert await device.dial_readback.get_value() == pytest.approx(2.0, abs=1.0)


@live_test
async def test_settings_can_be_put(live: SoftIoc) -> None:
    device = Motor("MOTOR", "motor")
    await device.connect()
    settings: dict[SignalRW[float], float] = {device.backlash_distance: 0.1, device.tweak_step: 0.5}
    for signal, value in settings.items():
        await signal.set(value)
        assert await signal.get_value() == value
    await device.mode.set(MotorMode.PAUSE)
    assert await device.mode.get_value() is MotorMode.PAUSE
    await device.mode.set(MotorMode.GO)


class Axis(RecordDevice):
    readback: Annotated[SignalRW[float], PvSuffix("Float")]


@live_test
async def test_a_move_ends_when_what_is_read_has_arrived(monkeypatch: pytest.MonkeyPatch, live: SoftIoc) -> None:
    """The update of a readback may come after the answer to the put: then a scan read where the motor had been."""
    readback = Axis("S:", "axis").readback
    await readback.connect()
    await readback.set(1.0)
    updates: asyncio.Queue[object] = asyncio.Queue()
    readback.subscribe_reading(updates.put_nowait)
    await updates.get()
    take = CaMonitors.dispatch
    held: list[CaMonitors] = []

    def hold(self: CaMonitors) -> None:
        held.append(self)

    monkeypatch.setattr(CaMonitors, "dispatch", hold)
    await readback.set(2.0)
    waiting = asyncio.create_task(wait_for_update(readback))
    # Answers come in order: when the second is here, `told` has had its own.
    await asyncio.sleep(0)
    assert await readback.get_value(cached=False) == 2.0
    assert await readback.get_value(cached=True) == 1.0
    assert not waiting.done()
    monkeypatch.setattr(CaMonitors, "dispatch", take)
    held[0].dispatch()
    await waiting
    assert await readback.get_value(cached=True) == 2.0
    readback.clear_sub(updates.put_nowait)


@live_test
async def test_a_motor_that_nobody_watches_has_arrived_at_once(live: SoftIoc) -> None:
    readback = Axis("S:", "axis").readback
    await readback.connect()
    await wait_for_update(readback)
