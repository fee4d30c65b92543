"""Record devices with their records, over CA and PVA."""

from __future__ import annotations

from typing import Annotated

import pytest
from ophyd_async.core import (
    Device,
    NotConnectedError,
    SignalR,
    SignalRW,
    TriggerableCommand,
)
from ophyd_async.epics.core import PvSuffix

from beamwright_runtime import RecordDevice
from tests.helpers.softioc import SoftIoc


class Region(RecordDevice):
    net: Annotated[SignalR[float], PvSuffix("Net")]


class Instrument(RecordDevice):
    gain: Annotated[SignalRW[float], PvSuffix.rbv("Gain")]
    reset: Annotated[TriggerableCommand, PvSuffix("Reset")]
    resets: Annotated[SignalR[int], PvSuffix("Resets")]
    roi1: Annotated[Region, PvSuffix("1:")]
    roi2: Annotated[Region, PvSuffix("2:")]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("protocol", ["ca", "pva"])
async def test_records_are_read_put_and_triggered(protocol: str, live: SoftIoc) -> None:
    device = Instrument(f"{protocol}://T:", "instrument")
    await device.connect()
    await device.gain.set(7.25)
    assert await device.gain.get_value() == 7.25
    assert await device.roi1.net.get_value() == 11
    assert await device.roi2.net.get_value() == 22
    before = await device.resets.get_value()
    await device.reset.trigger()
    assert await device.resets.get_value() == before + 1


@pytest.mark.asyncio(loop_scope="session")
async def test_what_does_not_answer_is_named(live: SoftIoc) -> None:
    class Absent(RecordDevice):
        missing: Annotated[SignalR[float], PvSuffix("Missing")]
        roi1: Annotated[Region, PvSuffix("1:")]

    device: Device = Absent("T:", "absent")
    with pytest.raises(NotConnectedError, match=r"missing: never found \(ca://T:Missing\)"):
        await device.connect(timeout=0.5)
