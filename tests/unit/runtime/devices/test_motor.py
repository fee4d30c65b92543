"""Motors are ophyd-async motors with more fields, in mock mode and on a real motor record."""

from __future__ import annotations

from typing import Annotated

import pytest
from ophyd_async.core import SignalR
from ophyd_async.epics import motor
from ophyd_async.epics.core import EpicsDevice, PvSuffix

from beamwright_runtime import Motor, RecordDevice


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
