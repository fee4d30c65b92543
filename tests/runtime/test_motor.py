"""Motors are ophyd-async motors with more fields, in mock mode and on a real motor record."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from ophyd_async.core import SignalR, SignalRW, wait_for_value
from ophyd_async.epics import motor
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import Motor, MotorDirection, MotorMode, RecordDevice
from beamwright_runtime.channels.ca.monitors import CaMonitors
from beamwright_runtime.devices.motor import wait_for_update
from tests.softioc import SoftIoc

live_test = pytest.mark.asyncio(loop_scope="session")


class Slits(RecordDevice):
    gap: Annotated[Motor, PvSuffix("GAP")]
    centre: Annotated[Motor, PvSuffix("CENTRE")]


class VersionedMotor(Motor):
    version: Annotated[SignalR[float], PvSuffix(".VERS")]


def test_it_is_a_motor_with_more_fields() -> None:
    shipped = {name for name, _ in motor.Motor("X").children()}
    mine = {name for name, _ in Motor("X").children()}
    assert isinstance(Motor("X"), motor.Motor)
    assert shipped < mine
    assert len(mine - shipped) >= 40


def test_fields_are_named_and_addressed() -> None:
    device = Motor("BL01X-MO-STAGE-01:X", "stage_x")
    assert device.dial_readback.source == "ca://BL01X-MO-STAGE-01:X.DRBV"
    assert device.dial_readback.name == "stage_x-dial_readback"
    assert device.home_forward.source == "ca://BL01X-MO-STAGE-01:X.HOMF"
    assert device.hints == {"fields": ["stage_x"]}


def test_the_prefix_chooses_the_protocol() -> None:
    device = Motor("pva://X")
    assert {child.source.partition(":")[0] for _, child in device.children() if isinstance(child, SignalR)} == {"pva"}
    assert device.home_reverse.source == "pva://X.HOMR"


def test_it_can_be_declared_as_a_child() -> None:
    slits = Slits("pva://SLITS:", "slits")
    assert slits.gap.user_readback.source == "pva://SLITS:GAP.RBV"
    assert slits.gap.direction.source == "pva://SLITS:GAP.DIR"
    assert slits.centre.name == "slits-centre"
    assert slits.centre.moving.name == "slits-centre-moving"


def test_a_subclass_declares_more_fields() -> None:
    assert VersionedMotor("X").version.source == "ca://X.VERS"


def test_a_prefix_and_a_connector_are_refused_together() -> None:
    connector = EpicsDevice("Y:")._connector
    with pytest.raises(ValueError, match="takes a prefix, or the connector"):
        Motor("X", connector=connector)


async def test_it_moves_at_once_in_mock_mode() -> None:
    device = Motor("X", "x")
    await device.connect(mock=True)
    await device.set(3.5)
    assert (await device.read())["x"]["value"] == 3.5


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
